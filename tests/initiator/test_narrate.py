# SPDX-License-Identifier: GPL-2.0-only
"""Exchanges in words."""

from initiator.captures.narrate import narrate
from initiator.transcript import Direction, Entry, Transcript
from iscsi.constants import RESERVED_TAG, RejectReason
from iscsi.framing import Frame
from iscsi.pdu import (
    PDU,
    DataIn,
    LoginRequest,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
)
from iscsi.scsi import cdb


def steps_of(*entries: tuple[Direction, PDU | str]) -> list[str]:
    transcript = Transcript()
    number = transcript.add_connection(("a", 1), ("b", 2))
    for direction, what in entries:
        if isinstance(what, str):
            transcript.add(Entry(0.0, number, direction, note=what))
            continue
        header, data = what.segments()
        frame = Frame(header, data)
        transcript.add(Entry(0.0, number, direction, frame=frame))
    return narrate(transcript)


def test_each_side_has_its_sentence() -> None:
    assert steps_of(
        (Direction.EVENT, "connected to b"),
        (Direction.SENT, LoginRequest(transit=1, csg=1, nsg=3, data=b"A=1\0B=2\0")),
        (Direction.SENT, SCSICommand(cdb=cdb.read_10(blocks=1).ljust(16, b"\0"))),
        (Direction.RECEIVED, SCSIResponse(status=8)),
        (Direction.RECEIVED, Reject(reason=RejectReason.PROTOCOL_ERROR)),
        (Direction.SENT, NOPOut(initiator_task_tag=RESERVED_TAG)),
    ) == [
        "connected to b",
        "Initiator: Login Request: OPERATIONAL to FULL FEATURE; A=1, B=2",
        "Initiator: SCSI Command: READ (10)",
        "Target: SCSI Response: BUSY",
        "Target: Reject: PROTOCOL ERROR",
        "Initiator: NOP-Out: wants no answer",
    ]


def test_data_of_one_task_is_one_step() -> None:
    first = DataIn(initiator_task_tag=1, data=bytes(8))
    last = DataIn(initiator_task_tag=1, data=bytes(4), status_present=1)
    other = DataIn(initiator_task_tag=2, data=bytes(4))

    steps = steps_of(*[(Direction.RECEIVED, pdu) for pdu in (first, last, other)])

    assert steps == [
        "Target: SCSI Data-In, 12 bytes in 2 PDUs, with status GOOD",
        "Target: SCSI Data-In, 4 bytes",
    ]


def test_unreadable_data_is_reported_as_such() -> None:
    (step,) = steps_of((Direction.SENT, LoginRequest(csg=0, data=b"\xff\xff")))

    assert step == "Initiator: Login Request: SECURITY; 2 bytes that are no text"
