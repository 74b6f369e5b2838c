# SPDX-License-Identifier: GPL-2.0-only
"""Commands that read and write, and CDBs beyond 16 bytes (RFC 7143 section 11.2.2).

XDWRITEREAD (SBC-3) is both: it returns the stored data combined by XOR with the sent
data.
"""

from collections.abc import Callable

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.pdu import SCSIResponse
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without
from suites.support.data import KIB, pattern
from suites.support.data import write as write_data

Exchange = Callable[..., Result]

COMMANDS = [cdb.xdwriteread_10, cdb.xdwriteread_32]
SHORT_BURSTS = {
    "ImmediateData": "No",
    "InitialR2T": "Yes",
    "MaxOutstandingR2T": "1",
    "MaxRecvDataSegmentLength": "2048",
    "MaxBurstLength": "4096",
    "FirstBurstLength": "4096",
}
LENGTH = 16 * KIB


def name(layout: Layout) -> str:
    """Return the test ID of a command."""
    return layout.name.lower().replace(" ", "-")


@pytest.fixture
def session(open_session: OpenSession) -> Session:
    """A session with short bursts, so that a transfer needs several PDUs and R2Ts."""
    return open_session(SHORT_BURSTS)


def exchange(
    session: Session, disk: Disk, data: bytes, layout: Layout, expected: int = 0
) -> Result:
    """Send XDWRITEREAD with data; return its result.

    Args:
        session: the session.
        disk: the disk, which is addressed at LBA 0.
        data: the data to write.
        layout: the layout of the command.
        expected: bytes that are expected back; 0 for as many as are sent.
    """
    skip_without(session, layout)
    command = layout(lba=0, blocks=len(data) // disk.block_size)
    return session.execute(command, write=data, read=expected or len(data))


def combined(first: bytes, second: bytes) -> bytes:
    """Return the XOR of two runs of bytes."""
    value = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    return value.to_bytes(len(first), "big")


@pytest.mark.requirement(
    "RFC7143-11.2.2.3-i01", "RFC7143-11.2.2.4-i01", "RFC7143-11.7.3-02"
)
@pytest.mark.parametrize("layout", COMMANDS, ids=name)
def test_data_goes_both_ways(
    session: Session, scratch_disk: Disk, layout: Layout
) -> None:
    """A bidirectional command moves data both ways; its status has a PDU of its own."""
    stored = pattern(scratch_disk, LENGTH, seed=1)
    sent = pattern(scratch_disk, LENGTH, seed=2)
    write_data(session, scratch_disk, stored)

    result = exchange(session, scratch_disk, sent, layout)

    is_long = layout.length > 16
    header = "RFC7143-11.2.2.3-i01" if is_long else "RFC7143-11.2.2.4-i01"
    expect_good(result, requirement=header)
    check(
        isinstance(result.final, SCSIResponse),
        "a SCSI Response",
        result.final,
        requirement="RFC7143-11.7.3-02",
    )
    expected = combined(stored, sent)
    expect_data(result.data, expected, what="the XOR of both", requirement=header)


@pytest.mark.requirement("RFC7143-4.2.2.4-i01")
def test_data_and_r2ts_are_numbered_together(
    session: Session, scratch_disk: Disk
) -> None:
    """R2TSN and DataSN of a bidirectional command are one sequence from 0."""
    data = pattern(scratch_disk, LENGTH)

    result = exchange(session, scratch_disk, data, cdb.xdwriteread_10)

    check(result.is_good, "GOOD", result)
    numbers = [int(pdu.r2t_sn) for pdu in result.r2ts]
    numbers += [int(pdu.data_sn) for pdu in result.data_ins]
    check(sorted(numbers) == list(range(len(numbers))), "each number once", numbers)


@pytest.mark.requirement("RFC7143-11.4.6-01", "RFC7143-11.2.2.4-i01")
@pytest.mark.parametrize("difference", [-512, 512], ids=["overflow", "underflow"])
def test_the_residual_of_the_read_is_reported(
    session: Session, scratch_disk: Disk, difference: int
) -> None:
    """The o or u bit and its count report the residual of the read half."""
    data = pattern(scratch_disk, LENGTH)

    result = exchange(
        session, scratch_disk, data, cdb.xdwriteread_10, len(data) + difference
    )

    final = result.final
    residual = (
        bool(final.bidirectional_overflow),
        bool(final.bidirectional_underflow),
        int(final.bidirectional_read_residual_count),
    )
    expected = (difference < 0, difference > 0, abs(difference))
    check(residual == expected, f"o, u and the count {expected}", final)
