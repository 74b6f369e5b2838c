# SPDX-License-Identifier: GPL-2.0-only
"""Requests of every kind that carries a CmdSN, and full command windows."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.task import Task
from initiator.transcript import Direction, Transcript
from iscsi import serial
from iscsi.constants import LogoutReason, TMFunction
from iscsi.errors import PeerTimeout
from iscsi.pdu import (
    PDU,
    R2T,
    LogoutRequest,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TextRequest,
)
from iscsi.scsi import cdb
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern, start_write
from suites.support.functions import ask_function

WIDEST_WINDOW = 1024
"""The maximum number of commands that a check sends to fill a window."""

NUMBERED: Mapping[str, Callable[..., PDU]] = {
    "ping": lambda **fields: NOPOut(data=b"ping", **fields),
    "scsi-command": lambda **fields: SCSICommand(cdb=cdb.test_unit_ready(), **fields),
    "task-management": lambda **fields: TaskManagementRequest(
        function=TMFunction.ABORT_TASK, referenced_task_tag=0x7FFFFFFC, **fields
    ),
    "text": lambda **fields: TextRequest(
        data=b"X-org.iscsi-assay.unknown=1\0", **fields
    ),
    "logout": lambda **fields: LogoutRequest(
        reason=LogoutReason.CLOSE_SESSION, **fields
    ),
}
"""Builders of requests that carry a CmdSN (section 4.2.2.1)."""


def skip_where_rejected(request: PDU, answers: Sequence[PDU]) -> None:
    """Skip if a request was rejected, which then uses no number (section 7.3).

    Whether a rejected request leaves ExpCmdSN alone is judged by checks of that clause.
    """
    header = request.segments()[0][:48]
    tag = header[16:20]
    for answer in answers:
        if isinstance(answer, Reject) and answer.rejected_header[16:20] == tag:
            pytest.skip("not applicable: the target rejects the request")


def room_for(session: Session, most: int) -> int:
    """Return how many of a number of commands the window accepts at once."""
    return min(most, serial.distance(session.cmd_sn, session.max_cmd_sn) + 1)


def skip_if_closed(session: Session) -> None:
    """Skip if the window has no room for one more command beside those in progress."""
    if serial.less_than(session.max_cmd_sn, session.cmd_sn):
        pytest.skip("not applicable: the target takes no further command meanwhile")


def skip_without_room(session: Session, count: int) -> None:
    """Skip if the window accepts fewer than a number of commands at once.

    What lies outside it has to be ignored (section 4.2.2.1).
    """
    if room_for(session, count) < count:
        pytest.skip(f"not applicable: a window of fewer than {count} commands")


def window_size(session: Session) -> int:
    """Return how many commands the window accepts; skip if a check cannot use it."""
    size = serial.distance(session.cmd_sn, session.max_cmd_sn) + 1
    if not 1 < size <= WIDEST_WINDOW:
        pytest.skip(f"not applicable: a window of {size} commands")
    return size


def fill_all_but_first(session: Session) -> tuple[int, list[NOPOut]]:
    """Send pings that fill the window, all but the first in order.

    Returns:
        The CmdSN that is missing, and the pings that wait for it.
    """
    missing = session.numbers.take()
    size = serial.distance(missing, session.max_cmd_sn) + 1
    return missing, [session.send(NOPOut()) for _ in range(size - 1)]


def fill_with_writes(session: Session, disk: Disk) -> list[Task]:
    """Start writes that wait for their data until the window is closed.

    The check is skipped if the window stays open however many commands are in progress,
    and if the target handles only one write at a time.
    """
    size = window_size(session)
    data = pattern(disk, 1)
    tasks = [start_write(session, disk, data)]
    tasks[0].take(session.expect(R2T, of=tasks[0].command))
    while len(tasks) < size:
        tasks.append(start_write(session, disk, data))
        try:
            answer = session.receive()
        except PeerTimeout:
            pytest.skip("not applicable: the target carries out one write at a time")
        if isinstance(answer, SCSIResponse) and answer.status in (
            SCSIStatus.BUSY,
            SCSIStatus.TASK_SET_FULL,
        ):
            pytest.skip("not applicable: the unit has room for fewer commands")
        check(isinstance(answer, R2T), "R2T", answer, session.transcript)
        tasks[-1].take(answer)
    if serial.less_or_equal(session.cmd_sn, session.max_cmd_sn):
        pytest.skip("not applicable: the window stays open")
    return tasks


def reset_with_full_window(open_session: OpenSession, disk: Disk) -> Session:
    """Return a session whose window its writes fill while another resets the unit.

    The window may then open without a request of this session. Skips where it cannot be
    filled, and where a reset waits for the data of other sessions (section 4.2.3.3).
    """
    session = open_session({"ImmediateData": "No", "InitialR2T": "Yes"})
    fill_with_writes(session, disk)
    issuing = open_session(initiator_name=f"{session.options.initiator_name}.other")
    try:
        ask_function(issuing, TMFunction.LOGICAL_UNIT_RESET)
    except (ConformanceFailure, PeerTimeout):
        # If the target has died instead, the run notices that after the check.
        pytest.skip("not applicable: a reset waits for the data of other sessions")
    return session


def acknowledgements(transcript: Transcript) -> Iterator[tuple[PDU, int, int]]:
    """Yield each PDU of a target, with the least and greatest ExpCmdSN allowed in it.

    The least is that of the previous PDU on its connection; the greatest follows from
    the requests that were sent before. Both hold for sessions of one connection.
    """
    earliest: dict[int, int] = {}
    latest: dict[int, int] = {}
    for entry in transcript.entries:
        packet, way = entry.pdu, entry.connection
        if packet is None:
            continue
        if entry.direction is Direction.SENT:
            if "cmd_sn" in packet.fields:
                next_cmd_sn = serial.add(packet.cmd_sn, 0 if packet.immediate else 1)
                if way not in latest or serial.less_than(latest[way], next_cmd_sn):
                    latest[way] = next_cmd_sn
            continue
        if way in latest:
            number = int(packet.exp_cmd_sn)
            least = earliest.get(way, number)
            yield packet, least, latest[way]
            if serial.less_than(least, number) or way not in earliest:
                earliest[way] = number
