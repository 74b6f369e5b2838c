# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Command and SCSI Response (RFC 7143 sections 11.3 and 11.4)."""

import pytest

from initiator.expect import check, chose
from initiator.session import Session
from initiator.task import Result
from iscsi.pdu import DataIn, SCSIResponse
from iscsi.scsi import cdb
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk
from suites.support.data import pattern
from suites.support.expect import expect_residual

ALLOCATION = 255
UNKNOWN_CDB = b"\xff" + bytes(5)


def inquire(session: Session, expected: int, allocation: int = ALLOCATION) -> Result:
    """Return the result of INQUIRY when `expected` bytes are expected."""
    return session.execute(cdb.inquiry(allocation_length=allocation), read=expected)


@pytest.mark.requirement("RFC7143-11.4-i01")
def test_response_bears_the_tag_and_f(session: Session) -> None:
    """A SCSI Response has F=1 and its command's ITT."""
    task = session.start(cdb.test_unit_ready())

    answer = session.expect(SCSIResponse, of=task.command)

    check(answer.final, "F=1", answer)


@pytest.mark.requirement("RFC7143-11.4.3-i01")
@pytest.mark.parametrize(
    "command", [cdb.test_unit_ready(), UNKNOWN_CDB], ids=["good", "bad"]
)
def test_response_code_is_assigned(session: Session, command: bytes) -> None:
    """The Response field holds 00, 01 or a vendor's code."""
    task = session.start(command)

    answer = session.expect(SCSIResponse, of=task.command)

    is_assigned = answer.response in (0, 1) or answer.response >= 0x80
    check(is_assigned, "00, 01 or 80 to ff", answer)


@pytest.mark.requirement("RFC7143-11.4.4-i01")
@pytest.mark.parametrize(
    "command", [cdb.test_unit_ready(), UNKNOWN_CDB], ids=["good", "bad"]
)
def test_snack_tag_is_reserved(session: Session, command: bytes) -> None:
    """SNACK Tag is 0 if no R-Data SNACK was accepted."""
    task = session.start(command)

    answer = session.expect(SCSIResponse, of=task.command)

    check(answer.snack_tag == 0, "SNACK Tag 0", answer)


@pytest.mark.requirement("RFC7143-11.4.7-01", "RFC7143-11.4.7-02")
def test_check_condition_brings_sense(session: Session) -> None:
    """A SCSI Response with CHECK CONDITION contains sense data."""
    result = session.execute(UNKNOWN_CDB)

    check(result.status == SCSIStatus.CHECK_CONDITION, "CHECK CONDITION", result)
    sense = result.sense
    is_there = sense is not None and sense.key is SenseKey.ILLEGAL_REQUEST
    check(
        is_there,
        "sense data with ILLEGAL REQUEST",
        result,
        requirement="RFC7143-11.4.7-02",
    )


@pytest.mark.requirement("RFC7143-11.4.7-i01")
def test_sense_data_is_preceded_by_its_length(session: Session) -> None:
    """The data segment of a CHECK CONDITION begins with SenseLength."""
    result = session.execute(UNKNOWN_CDB)

    data = bytes(result.final.data)
    length = int.from_bytes(data[:2], "big")
    is_right = 8 <= length <= len(data) - 2 and data[2] & 0x7E in (0x70, 0x72)
    check(is_right, "SenseLength and that many bytes of sense data", result.final)


@pytest.mark.requirement("RFC7143-11.7.3-01")
def test_error_status_comes_in_a_response(session: Session) -> None:
    """The target reports a failed read in a SCSI Response, not in Data-In."""
    result = session.execute(
        cdb.inquiry(evpd=1, page_code=0xFE, allocation_length=64), read=64
    )

    is_right = result.is_good or not isinstance(result.final, DataIn)
    check(is_right, "a SCSI Response", result.final)


@pytest.mark.requirement("RFC7143-11.4.8-01")
def test_no_data_in_means_exp_data_sn_zero(session: Session) -> None:
    """A response to a command that sent no data has ExpDataSN 0."""
    result = session.execute(cdb.test_unit_ready())

    assert isinstance(result.final, SCSIResponse)
    check(result.final.exp_data_sn == 0, "ExpDataSN 0", result.final)


@pytest.mark.requirement(
    "RFC7143-11.4.5.2-03",
    "RFC7143-11.4.5.2-04",
    "RFC7143-11.4.1-i01",
    "RFC7143-11-i01",
    "RFC7143-11.4.5.1-01",
)
@pytest.mark.parametrize("surplus", [1, 64, 4096])
def test_underflow_is_counted(session: Session, surplus: int) -> None:
    """The target reports less data than expected as an underflow, to the byte."""
    complete_data = inquire(session, ALLOCATION).data
    expected = len(complete_data) + surplus

    result = inquire(session, expected, expected)

    expect_residual(result, under=surplus)


@pytest.mark.requirement("RFC7143-11.4.5.3-02")
def test_expecting_more_than_was_allocated_is_an_underflow(session: Session) -> None:
    """The target reports an underflow if the CDB allocates less than is expected."""
    allocation = 36

    result = inquire(session, allocation + 100, allocation)

    residual = allocation + 100 - len(result.data)
    reported = (result.underflow, result.residual_count)
    check(reported == (True, residual), f"U=1, residual {residual}", result.final)


@pytest.mark.requirement("RFC7143-11.4.5.3-03", "RFC7143-11.4.5.2-04")
def test_less_data_than_allocated_is_an_underflow(session: Session) -> None:
    """The target reports an underflow if it has less data than the CDB allocates."""
    result = inquire(session, ALLOCATION)

    residual = ALLOCATION - len(result.data)
    check(result.underflow == (residual > 0), f"U={int(residual > 0)}", result.final)
    check(
        result.residual_count == residual,
        f"Residual Count {residual}",
        result.final,
        requirement="RFC7143-11.4.5.2-04",
        field="Residual Count",
    )


@pytest.mark.requirement("RFC7143-11.4.5.3-01")
@pytest.mark.parametrize("allocation", [5, 8, 36])
def test_truncation_by_the_cdb_is_no_overflow(
    session: Session, allocation: int
) -> None:
    """The target reports no overflow for data that the allocation length cuts."""
    result = inquire(session, allocation, allocation)

    check(not result.overflow, "O=0", result.final)
    check(len(result.data) <= allocation, f"{allocation} bytes", len(result.data))


@pytest.mark.requirement("RFC7143-11.4.5.2-01", "RFC7143-11.4.5.2-02")
def test_overflow_is_counted(session: Session, disk: Disk) -> None:
    """The target reports more data than expected as an overflow, to the byte."""
    size = disk.block_size

    result = session.execute(cdb.read_10(lba=0, blocks=2), read=size)

    # The target may also refuse such a command.
    is_refused = result.status == SCSIStatus.CHECK_CONDITION
    if not is_refused:
        expect_residual(result, over=size)
    chose(result.final)
    check(
        len(result.data) <= size,
        f"at most {size} bytes",
        f"{len(result.data)} bytes",
        requirement="RFC7143-11.7.6-i01",
    )


@pytest.mark.requirement("RFC7143-11.4.5.2-03")
def test_a_command_without_data_has_the_full_residual(session: Session) -> None:
    """The target reports all expected data as underflow if a command returns none."""
    result = session.execute(cdb.test_unit_ready(), read=512)

    residual = (result.underflow, result.residual_count)
    check(residual == (True, 512), "U=1, residual 512", result.final)


@pytest.mark.requirement("RFC7143-11.4.5.1-03", "RFC7143-11.4.1-i01")
def test_exact_data_leaves_no_residual(session: Session, disk: Disk) -> None:
    """A read of exactly the expected data has neither O nor U, and residual 0."""
    result = session.execute(cdb.read_10(lba=0, blocks=1), read=disk.block_size)

    has_both = result.overflow and result.underflow
    residual = (result.overflow, result.underflow, result.residual_count)
    check(
        residual == (False, False, 0),
        "O=0, U=0, residual 0",
        result.final,
        requirement="RFC7143-11.4.1-i01" if has_both else None,
    )


@pytest.mark.requirement("RFC7143-11.4.5.2-03", "RFC7143-11.4.5.2-04")
def test_a_write_of_less_than_was_offered_is_an_underflow(
    session: Session, scratch_disk: Disk
) -> None:
    """The target reports an underflow if a write takes less data than expected."""
    size = scratch_disk.block_size
    data = pattern(scratch_disk, 2 * size)

    result = session.execute(cdb.write_10(lba=0, blocks=1), write=data)

    is_refused = result.status == SCSIStatus.CHECK_CONDITION
    if not is_refused:
        expect_residual(result, under=size)
    chose(result.final)


@pytest.mark.requirement("RFC7143-11.4.1-01")
def test_service_failures_have_no_residuals(session: Session) -> None:
    """The residual bits are 0 unless the Response field is command completed."""
    result = session.execute(UNKNOWN_CDB, read=0)

    bits = result.overflow or result.underflow
    is_right = result.response == 0 or not bits
    check(is_right, "O=0 and U=0", result.final)


@pytest.mark.requirement("RFC7143-4.2.2.1-16")
def test_a_tag_in_use_does_not_confuse_tasks(session: Session) -> None:
    """The target answers each of many commands under its own tag."""
    tags = [0x1000 + number for number in range(16)]
    tasks = [session.start(cdb.test_unit_ready(), initiator_task_tag=t) for t in tags]

    results = [session.finish(task) for task in tasks]

    answered = [int(result.final.initiator_task_tag) for result in results]
    check(answered == tags, "16 answers, in order", answered)
