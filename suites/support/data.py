# SPDX-License-Identifier: GPL-2.0-only
"""Reads and writes of a given length, and the permitted refusals of a wrong one."""

from typing import Any

from initiator.expect import ConformanceFailure, check, chose, next_or_drop
from initiator.session import Session
from initiator.task import Result, Task
from iscsi.pdu import DataIn, Reject, SCSIResponse
from iscsi.scsi import cdb, sense
from iscsi.scsi.layout import Layout
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk

UNEXPECTED_UNSOLICITED_DATA = (0x0C, 0x0C)
INCORRECT_AMOUNT_OF_DATA = (0x0C, 0x0D)
"""ADDITIONAL SENSE CODE and QUALIFIER by section 11.4.7.2."""

KIB = 1024


def blocks_for(disk: Disk, length: int) -> int:
    """Return how many blocks hold `length` bytes."""
    return -(-length // disk.block_size)


def read(session: Session, disk: Disk, length: int, *, lba: int = 0) -> Result:
    """Read at least `length` bytes.

    Raises:
        ConformanceFailure: the status is not GOOD.
    """
    blocks = blocks_for(disk, length)
    result = session.execute(
        cdb.read_10(lba=lba, blocks=blocks), read=blocks * disk.block_size
    )
    if not result.is_good:
        raise ConformanceFailure("READ (10) ends GOOD", result, session.transcript)
    return result


def pattern(disk: Disk, length: int, seed: int = 0) -> bytes:
    """Return whole blocks of at least `length` bytes that differ from one another."""
    blocks = blocks_for(disk, length)
    return b"".join(
        (seed + number).to_bytes(8, "big") * (disk.block_size // 8)
        for number in range(blocks)
    )


def reaching(disk: Disk, short: Layout, long: Layout) -> Layout:
    """Return a command, or its long form if its LBA field is too short for the LBA."""
    return short if disk.blocks < 1 << short.structure.fields["lba"].width else long


def start_write(session: Session, disk: Disk, data: bytes, **how: Any) -> Task:
    """Send a WRITE (10) of whole blocks at LBA 0, without waiting for it."""
    blocks = len(data) // disk.block_size
    return session.start(cdb.write_10(lba=0, blocks=blocks), write=data, **how)


def write(session: Session, disk: Disk, data: bytes, **how: Any) -> Result:
    """Write whole blocks at LBA 0.

    Raises:
        ConformanceFailure: the status is not GOOD.
    """
    result = session.finish(start_write(session, disk, data, **how))
    if not result.is_good:
        raise ConformanceFailure("WRITE (10) ends GOOD", result, session.transcript)
    return result


def sequences(data_ins: list[DataIn]) -> list[list[DataIn]]:
    """Return the sequences of a read: each ends with F=1 (section 11.7.1)."""
    split: list[list[DataIn]] = [[]]
    for pdu in data_ins:
        split[-1].append(pdu)
        if pdu.final:
            split.append([])
    return [sequence for sequence in split if sequence]


def expect_refused(session: Session, task: Task, *code: int) -> str:
    """Expect that a malformed write is refused; return how.

    CHECK CONDITION, Reject and a dropped connection are all allowed (sections 7.7,
    11.4.7.2 and 11.17).

    Args:
        session: the session.
        task: the write.
        *code: the ADDITIONAL SENSE CODE and its QUALIFIER that a CHECK CONDITION must
            have, if section 11.4.7.2 names one for what is wrong.

    Raises:
        ConformanceFailure: the command ended in another way.
    """
    while True:
        answer = next_or_drop(session.connection)
        if answer is None:
            chose(answer)
            return "dropped"
        if isinstance(answer, Reject):
            chose(answer)
            return "rejected"
        if (
            isinstance(answer, SCSIResponse)
            and answer.initiator_task_tag == task.initiator_task_tag
        ):
            break
    if answer.status == SCSIStatus.GOOD and answer.response == 0:
        raise ConformanceFailure(
            ["CHECK CONDITION", "Reject", "the connection is dropped"],
            answer,
            session.transcript,
        )
    if code:
        parsed = sense.read(answer.sense)[0] if answer.sense else None
        additional = (parsed.asc, parsed.ascq) if parsed else None
        expected = "CHECK CONDITION with {:02x}h/{:02x}h".format(*code)
        check(additional == code, expected, parsed, session.transcript)
    chose(answer)
    return "check condition"
