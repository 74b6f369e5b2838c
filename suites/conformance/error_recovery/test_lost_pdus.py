# SPDX-License-Identifier: GPL-2.0-only
"""PDUs that are lost or damaged on their way (RFC 7143 sections 7.2.1, 7.8 and 7.9)."""

from contextlib import suppress

import pytest

from initiator.expect import check, clause, next_or_drop
from initiator.impair import corrupt_data_digest, corrupt_header_digest
from initiator.session import Session
from initiator.task import data_outs
from iscsi.constants import SNACKType
from iscsi.errors import ConnectionLost
from iscsi.pdu import R2T, SCSIResponse
from iscsi.scsi import cdb
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import blocks_for, pattern, read, start_write
from suites.support.recovery import (
    SEGMENT,
    answer_r2ts_until_end,
    expect_copies,
    expect_recovered,
    expect_refused_data,
    expect_retried,
    in_parts,
    lose_data,
    repeated,
    snack,
    unacknowledged,
    until_pong,
)

DIGEST = pytest.mark.needs("data-digest")
LENGTH = 8 * SEGMENT

ORDERS = ["twice", "later", "below-zero", "swapped"]
LEVELS = [
    pytest.param("0", id="level0"),
    pytest.param("1", id="level1", marks=pytest.mark.needs("erl1")),
]


@pytest.fixture(params=LEVELS)
def writer(request: pytest.FixtureRequest, open_session: OpenSession) -> Session:
    """Sessions whose writes wait for R2Ts, with data digests if the target has them."""
    return open_session(
        {
            "ErrorRecoveryLevel": request.param,
            "DataDigest": "CRC32C,None",
            "ImmediateData": "No",
            "InitialR2T": "Yes",
            "MaxOutstandingR2T": "1",
        }
    )


@DIGEST
@pytest.mark.requirement(
    "RFC7143-7.3-i01",
    "RFC7143-11.17.1-03",
    "RFC7143-7.8-02",
    "RFC7143-7.8-03",
    "RFC7143-7.8-04",
    "RFC7143-11.4.7.2-i03",
)
@pytest.mark.parametrize("lost", [0, 3, 7], ids=["first", "middle", "last"])
def test_corrupted_data_is_refused_and_recovered(
    writer: Session, scratch_disk: Disk, lost: int
) -> None:
    """A Data-Out with a wrong digest gets Reject 02; then an R2T, or 0Bh/47h/05h."""
    data = pattern(scratch_disk, LENGTH, seed=0x600 + lost)
    task = start_write(writer, scratch_disk, data)
    r2t = writer.expect(R2T, of=task.command)

    damaged = lose_data(writer, task, r2t, lost, is_corrupted=True)

    expect_recovered(writer, scratch_disk, task, refused=damaged)


@DIGEST
@pytest.mark.requirement("RFC7143-11.8-i02")
def test_recovery_r2ts_are_numbered_on(writer: Session, scratch_disk: Disk) -> None:
    """An R2T that requests lost data has the next R2TSN."""
    task = start_write(writer, scratch_disk, pattern(scratch_disk, LENGTH, seed=0x650))
    r2t = writer.expect(R2T, of=task.command)

    lose_data(writer, task, r2t, 0, is_corrupted=True)

    r2ts = [r2t, *answer_r2ts_until_end(writer, task)]
    if len(r2ts) == 1:
        # Other checks judge how the connection then ends (section 7.8 b).
        pytest.skip("not applicable: the target ends the task, it asks for no data")
    numbers = [int(pdu.r2t_sn) for pdu in r2ts]
    check(numbers == list(range(len(r2ts))), "R2TSN 0, 1, ...", numbers)


@pytest.mark.requirement("RFC7143-7.9-02", "RFC7143-4.2.5.2-09")
@pytest.mark.parametrize("lost", [0, 3], ids=["first", "middle"])
def test_missing_data_is_recovered(
    writer: Session, scratch_disk: Disk, lost: int
) -> None:
    """The target treats a missing DataSN as a digest error: R2T or 0Bh/47h/05h."""
    data = pattern(scratch_disk, LENGTH, seed=0x700 + lost)
    task = start_write(writer, scratch_disk, data)
    r2t = writer.expect(R2T, of=task.command)

    lose_data(writer, task, r2t, lost, is_corrupted=False)

    expect_recovered(writer, scratch_disk, task)


@pytest.mark.requirement("RFC7143-7.9-02")
@pytest.mark.parametrize(
    "numbers", [(0, 0), (27, 28), (2**32 - 1, 0), (1, 0)], ids=ORDERS
)
def test_wrong_data_sn_is_an_error(
    writer: Session, scratch_disk: Disk, numbers: tuple[int, int]
) -> None:
    """The target does not complete a write whose DataSN are out of order."""
    data = pattern(scratch_disk, LENGTH, seed=0x780)
    task = start_write(writer, scratch_disk, data)
    r2t = writer.expect(R2T, of=task.command)

    with suppress(ConnectionLost):
        parts = in_parts(writer, task, r2t, len(numbers))
        for number, part in zip(numbers, parts, strict=False):
            part.data_sn = number
        for part in parts:
            writer.send(part)

    answer = next_or_drop(writer.connection)
    is_taken = isinstance(answer, SCSIResponse) and answer.status == SCSIStatus.GOOD
    expected = ["another R2T", "CHECK CONDITION", "Reject", "the connection is dropped"]
    check(not is_taken, expected, answer, writer.transcript)


@DIGEST
@pytest.mark.requirement("RFC7143-11.17.1-04", "RFC7143-7.8-05")
def test_the_response_waits_for_the_final_data(
    writer: Session, scratch_disk: Disk
) -> None:
    """After a damaged Data-Out the response waits for the F bit of its sequence."""
    data = pattern(scratch_disk, LENGTH, seed=0x800)
    task = start_write(writer, scratch_disk, data)
    r2t = writer.expect(R2T, of=task.command)

    corrupt_data_digest(writer, in_parts(writer, task, r2t, 2)[0])

    early = [pdu for pdu in until_pong(writer) if isinstance(pdu, SCSIResponse)]
    check(not early, "no SCSI Response yet", early and early[0])


@pytest.mark.needs("initial-r2t-no", "data-digest")
@pytest.mark.requirement("RFC7143-7.8-02", "RFC7143-7.8-04", "RFC7143-11.4.7.2-i03")
@pytest.mark.parametrize("level", LEVELS)
def test_corrupted_unsolicited_data_is_recovered(
    open_session: OpenSession, scratch_disk: Disk, level: str
) -> None:
    """Unsolicited Data-Out with a wrong digest gets Reject 02; then R2T, or 47h/05h."""
    keys = {"ErrorRecoveryLevel": level, "InitialR2T": "No", "ImmediateData": "No"}
    session = open_session({**keys, "DataDigest": "CRC32C,None"})
    data = pattern(scratch_disk, SEGMENT, seed=0x900)
    # F=0: its data follows unsolicited.
    task = start_write(session, scratch_disk, data, unsolicited=0, final=0)
    (part,) = data_outs(
        data,
        offset=0,
        size=len(data),
        initiator_task_tag=task.initiator_task_tag,
        lun=int(task.command.lun),
    )

    corrupt_data_digest(session, part)

    expect_recovered(session, scratch_disk, task, refused=part)


@pytest.mark.needs("immediate-data", "data-digest")
@pytest.mark.requirement("RFC7143-7.8-02", "RFC7143-7.8-03", "RFC7143-7.3-02")
@pytest.mark.parametrize("level", LEVELS)
def test_command_with_corrupted_data_is_retried(
    open_session: OpenSession, scratch_disk: Disk, level: str
) -> None:
    """The target rejects a write with damaged immediate data, and serves its retry.

    Its CmdSN counts as not received, so the target serves only the retry.
    """
    keys = {"ErrorRecoveryLevel": level, "ImmediateData": "Yes"}
    keys |= {"FirstBurstLength": "65536", "DataDigest": "CRC32C,None"}
    session = open_session(keys)
    # All of the data fits the command, also if the target accepts less than is offered.
    room = session.parameters.unsolicited_limit // scratch_disk.block_size
    length = scratch_disk.block_size * min(blocks_for(scratch_disk, SEGMENT), room)
    if not length:
        pytest.skip("not applicable: no whole block can be sent with the command")
    data = pattern(scratch_disk, length, seed=0xA00)
    command, _plan = session.command(
        cdb.write_10(lba=0, blocks=len(data) // scratch_disk.block_size),
        write=data,
        immediate_data=len(data),
        unsolicited=0,
    )

    corrupt_data_digest(session, command)

    expect_refused_data(session, command)
    with clause("RFC7143-7.3-02"):
        expect_retried(session, command, data)


@pytest.mark.needs("header-digest", "erl1")
@pytest.mark.requirement("RFC7143-7.8-01", "RFC7143-7.1.5-02")
def test_command_with_a_corrupted_header_is_retried(open_session: OpenSession) -> None:
    """A command with a damaged header is served on retry, or ends the connection."""
    session = open_session({"ErrorRecoveryLevel": "1", "HeaderDigest": "CRC32C,None"})
    command, _plan = session.command(cdb.test_unit_ready())

    corrupt_header_digest(session, command)

    expect_retried(session, command)


@pytest.mark.requirement("RFC7143-7.1.5-04", "RFC7143-7.1.5-05")
def test_level_0_is_served(open_session: OpenSession, disk: Disk) -> None:
    """The target serves a session at ErrorRecoveryLevel 0."""
    session = open_session({"ErrorRecoveryLevel": "0"})

    result = read(session, disk, SEGMENT)

    # If the target answers another level, the login continues at level 0.
    slip = session.transcript.slips.first.get("RFC7143-13.20-i01")
    check(
        slip is None,
        "ErrorRecoveryLevel=0",
        slip and str(slip.error),
        field="ErrorRecoveryLevel",
    )
    check(result.is_good, "GOOD", result)


@pytest.mark.requirement("RFC7143-11.7.2-03")
def test_level_0_asks_for_no_acknowledgement(
    open_session: OpenSession, disk: Disk
) -> None:
    """The target sets no A bit at ErrorRecoveryLevel 0, however long the read is."""
    lengths = {"MaxRecvDataSegmentLength": "1024", "MaxBurstLength": "4096"}
    session = open_session(
        {"ErrorRecoveryLevel": "0", "FirstBurstLength": "1024", **lengths}
    )

    result = read(session, disk, 2 * LENGTH)

    requests = [pdu for pdu in result.data_ins if pdu.acknowledge]
    check(not requests, "A=0", requests and requests[0])


@pytest.mark.needs("erl1")
@pytest.mark.requirement("RFC7143-7.1.5-01", "RFC7143-7.1.5-02")
@pytest.mark.parametrize("level", ["1", "2"])
def test_a_level_includes_those_below(open_session: OpenSession, level: str) -> None:
    """Above ErrorRecoveryLevel 0 the target repeats a lost status on request."""
    session = open_session({"ErrorRecoveryLevel": level})
    (original,) = unacknowledged(session, 1)
    stat_sn = int(original.stat_sn)

    request = snack(
        session, SNACKType.STATUS, beg_run=stat_sn, run_length=1, exp_stat_sn=stat_sn
    )

    expect_copies(session, repeated(session, 1, of=request), [original])
