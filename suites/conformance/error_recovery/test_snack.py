# SPDX-License-Identifier: GPL-2.0-only
"""SNACK of each type, from ErrorRecoveryLevel 1 on (RFC 7143 section 11.16)."""

import pytest

from initiator.expect import check, expect_data, expect_good, expect_reject_or_drop
from initiator.session import Session
from iscsi import serial
from iscsi.constants import RESERVED_TAG, RejectReason, SNACKType
from iscsi.pdu import R2T, SNACK, SCSIResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern, start_write
from suites.support.numbering import skip_without_room
from suites.support.recovery import (
    CURRENT,
    SEGMENT,
    acknowledgeable,
    expect_copies,
    expect_reject,
    read_unacknowledged,
    repeated,
    resegmented,
    snack,
    stat_sn_of,
    unacknowledged,
)

pytestmark = pytest.mark.needs("erl1")

LENGTH = 6 * SEGMENT
RECOVERING = {
    "ErrorRecoveryLevel": "1",
    "MaxRecvDataSegmentLength": str(SEGMENT),
    "ImmediateData": "No",
    "InitialR2T": "Yes",
}


@pytest.fixture
def recovering(open_session: OpenSession) -> Session:
    """A session at ErrorRecoveryLevel 1 with short data segments."""
    return open_session(RECOVERING)


@pytest.mark.requirement(
    "RFC7143-11.16-05", "RFC7143-7.8-08", "RFC7143-11.16-01", "RFC7143-7.1.5-02"
)
@pytest.mark.parametrize(("begin", "count"), [(0, 1), (1, 1), (1, 3), (0, 5)])
def test_data_is_sent_again(
    recovering: Session, disk: Disk, begin: int, count: int
) -> None:
    """The target answers a Data SNACK with the Data-In PDUs of its run, no others."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    originals = list(task.data_ins)[begin : begin + count]

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=begin,
        run_length=count,
        exp_stat_sn=stat_sn_of(task),
    )

    expect_copies(recovering, repeated(recovering, count, of=request), originals)


@pytest.mark.requirement("RFC7143-11.16-i01", "RFC7143-11.16-05")
@pytest.mark.parametrize("begin", [0, 2])
def test_run_without_length_goes_to_the_end(
    recovering: Session, disk: Disk, begin: int
) -> None:
    """The target answers RunLength 0 with every Data-In from BegRun on."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    originals = list(task.data_ins)[begin:]

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=begin,
        run_length=0,
        exp_stat_sn=stat_sn_of(task),
    )

    copies = repeated(recovering, len(originals), of=request)
    expect_copies(recovering, copies, originals)


@pytest.mark.requirement("RFC7143-11.16-06", "RFC7143-11.16-03")
def test_data_sent_again_bears_the_current_window(
    recovering: Session, disk: Disk
) -> None:
    """A repeated Data-In has the current ExpCmdSN and MaxCmdSN."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    stat_sn = stat_sn_of(task)
    recovering.execute(cdb.test_unit_ready(), exp_stat_sn=stat_sn)

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=1,
        run_length=1,
        exp_stat_sn=stat_sn,
    )

    (copy,) = repeated(recovering, 1, of=request)
    cmd_sn = recovering.cmd_sn
    check(copy.exp_cmd_sn == cmd_sn, f"ExpCmdSN {cmd_sn}", copy, field="ExpCmdSN")


@pytest.mark.requirement("RFC7143-11.16-02", "RFC7143-11.16-04", "RFC7143-11.16-01")
def test_r2t_is_sent_again(recovering: Session, scratch_disk: Disk) -> None:
    """The target answers an R2T SNACK with the R2T and the current StatSN."""
    skip_without_room(recovering, 2)
    data = pattern(scratch_disk, LENGTH, seed=0x500)
    task = start_write(recovering, scratch_disk, data)
    original = recovering.expect(R2T, of=task.command)
    check(original.r2t_sn == 0, "R2TSN 0", original, requirement="RFC7143-11.8.2-i01")
    recovering.execute(cdb.test_unit_ready())

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=int(original.r2t_sn),
        run_length=1,
    )

    stat_sn = recovering.leading.status.exp_stat_sn
    copies = repeated(recovering, 1, of=request)
    expect_copies(recovering, copies, [original], but=CURRENT | {"stat_sn"})
    check(
        copies[0].stat_sn == stat_sn,
        f"StatSN {stat_sn}",
        copies[0],
        requirement="RFC7143-11.16-04",
        field="StatSN",
    )
    recovering.answer_r2t(task, original)
    expect_good(recovering.finish(task))


@pytest.mark.requirement(
    "RFC7143-11.4.9-01", "RFC7143-11.16-02", "RFC7143-11.16-01", "RFC7143-7.1.5-02"
)
@pytest.mark.parametrize(("begin", "count"), [(0, 1), (1, 2), (0, 4)])
def test_status_is_sent_again(recovering: Session, begin: int, count: int) -> None:
    """The target answers a Status SNACK with the responses of its run, no others."""
    originals = unacknowledged(recovering, 4)
    first = int(originals[0].stat_sn)

    request = snack(
        recovering,
        SNACKType.STATUS,
        beg_run=serial.add(first, begin),
        run_length=count,
        exp_stat_sn=first,
    )

    copies = repeated(recovering, count, of=request)
    expect_copies(recovering, copies, originals[begin : begin + count])


@pytest.mark.requirement("RFC7143-11.16-i01", "RFC7143-11.16-02")
@pytest.mark.parametrize("begin", [None, 0, 2], ids=["all", "first", "third"])
def test_status_run_without_length(recovering: Session, begin: int | None) -> None:
    """The target answers a Status SNACK of RunLength 0 with all from BegRun on."""
    originals = unacknowledged(recovering, 4)
    first = int(originals[0].stat_sn)
    from_number = 0 if begin is None else serial.add(first, begin)

    request = snack(
        recovering,
        SNACKType.STATUS,
        beg_run=from_number,
        run_length=0,
        exp_stat_sn=first,
    )

    expected = originals[begin or 0 :]
    expect_copies(recovering, repeated(recovering, len(expected), of=request), expected)


@pytest.mark.requirement("RFC7143-11.16-03")
def test_status_sent_again_bears_the_current_window(recovering: Session) -> None:
    """A repeated response has the current ExpCmdSN."""
    originals = unacknowledged(recovering, 3)
    first = int(originals[0].stat_sn)

    request = snack(
        recovering, SNACKType.STATUS, beg_run=first, run_length=1, exp_stat_sn=first
    )

    (copy,) = repeated(recovering, 1, of=request)
    cmd_sn = recovering.cmd_sn
    check(copy.exp_cmd_sn == cmd_sn, f"ExpCmdSN {cmd_sn}", copy, field="ExpCmdSN")


@pytest.mark.requirement("RFC7143-11.16-07")
@pytest.mark.parametrize(("begin", "count"), [(0, 1), (100, 0), (-2, 3), (-6, 100)])
def test_data_that_was_never_sent_is_refused(
    recovering: Session, disk: Disk, begin: int, count: int
) -> None:
    """The target rejects a Data SNACK for data that it has not sent."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    sent = len(task.data_ins)

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=sent + begin,
        run_length=count,
        exp_stat_sn=stat_sn_of(task),
    )

    expect_reject(recovering, of=request, reason=RejectReason.PROTOCOL_ERROR)


@pytest.mark.requirement("RFC7143-11.17.2-i01")
def test_a_refused_snack_returns_the_next_r2t_sn(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The Reject of a SNACK for an R2T that was not sent has the next R2TSN."""
    keys = {"MaxBurstLength": str(2 * SEGMENT), "MaxOutstandingR2T": "1"}
    session = open_session({**RECOVERING, **keys, "FirstBurstLength": str(SEGMENT)})
    task = start_write(session, scratch_disk, pattern(scratch_disk, LENGTH))
    session.expect(R2T, of=task.command)

    request = snack(
        session,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=5,
        run_length=1,
    )

    reject = expect_reject(session, of=request, reason=RejectReason.PROTOCOL_ERROR)
    check(reject.data_sn == 1, "DataSN/R2TSN 1", reject)


@pytest.mark.requirement("RFC7143-11.16-07")
def test_data_of_an_acknowledged_command_is_refused(
    recovering: Session, disk: Disk
) -> None:
    """The target rejects a Data SNACK after the command's status was acknowledged."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    recovering.ping()

    request = snack(
        recovering,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=0,
        run_length=1,
    )

    expect_reject(recovering, of=request, reason=RejectReason.PROTOCOL_ERROR)


@pytest.mark.requirement("RFC7143-11.16-07")
@pytest.mark.parametrize(("begin", "count"), [(2, 1), (1, 2), (1000, 1)])
def test_status_that_was_never_sent_is_refused(
    recovering: Session, begin: int, count: int
) -> None:
    """The target rejects a Status SNACK for a response that it has not sent."""
    first = int(unacknowledged(recovering, 2)[0].stat_sn)

    request = snack(
        recovering,
        SNACKType.STATUS,
        beg_run=serial.add(first, begin),
        run_length=count,
        exp_stat_sn=first,
    )

    expect_reject(recovering, of=request, reason=RejectReason.PROTOCOL_ERROR)


@pytest.mark.requirement("RFC7143-11.16-07")
def test_acknowledged_status_is_refused(recovering: Session) -> None:
    """The target rejects a Status SNACK for an acknowledged response."""
    first = int(unacknowledged(recovering, 2)[0].stat_sn)
    recovering.ping()

    request = snack(recovering, SNACKType.STATUS, beg_run=first, run_length=1)

    expect_reject(recovering, of=request, reason=RejectReason.PROTOCOL_ERROR)


@pytest.mark.requirement("RFC7143-11.7.2-02", "RFC7143-11.7.2-01")
def test_acknowledgement_is_asked_once_a_burst(
    open_session: OpenSession, disk: Disk
) -> None:
    """The target sets A at most once per MaxBurstLength bytes, except at the end."""
    session = acknowledgeable(open_session)
    task = read_unacknowledged(session, disk, 8 * LENGTH)

    limit = session.parameters.max_burst_length
    ends = [
        int(pdu.buffer_offset) + len(pdu.data)
        for pdu in task.data_ins[:-1]
        if pdu.acknowledge
    ]
    gaps = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    check(all(gap >= limit for gap in gaps), f"{limit} bytes between A bits", gaps)


@pytest.mark.requirement("RFC7143-11.7.4-01")
def test_an_acknowledgement_request_has_a_tag_and_lun(
    open_session: OpenSession, disk: Disk
) -> None:
    """A Data-In with A=1 has a Target Transfer Tag and the command's LUN."""
    session = acknowledgeable(open_session)
    task = read_unacknowledged(session, disk, 8 * LENGTH)

    acknowledging = [pdu for pdu in task.data_ins if pdu.acknowledge]
    wrong = [
        pdu
        for pdu in acknowledging
        if pdu.target_transfer_tag == RESERVED_TAG or pdu.lun != task.command.lun
    ]
    check(not wrong, "a tag and the command's LUN", wrong)


@pytest.mark.requirement("RFC7143-11.16-01", "RFC7143-11.16-i01")
def test_acknowledged_data_is_not_sent_again(
    open_session: OpenSession, disk: Disk
) -> None:
    """After a DataACK a Data SNACK for all data returns only what follows the ACK."""
    session = acknowledgeable(open_session)
    task = read_unacknowledged(session, disk, 8 * LENGTH)
    acknowledging = next((pdu for pdu in task.data_ins[:-1] if pdu.acknowledge), None)
    if acknowledging is None:
        pytest.skip("not applicable: the target asks for no acknowledgement")
    after = int(acknowledging.data_sn) + 1
    acknowledgement = snack(
        session,
        SNACKType.DATA_ACK,
        lun=acknowledging.lun,
        target_transfer_tag=acknowledging.target_transfer_tag,
        beg_run=after,
        exp_stat_sn=stat_sn_of(task),
    )

    request = snack(
        session,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        exp_stat_sn=stat_sn_of(task),
    )

    assert acknowledgement.run_length == 0
    expected = list(task.data_ins)[after:]
    expect_copies(session, repeated(session, len(expected), of=request), expected)


@pytest.mark.requirement("RFC7143-11.16-07")
def test_data_below_an_acknowledgement_is_refused(
    open_session: OpenSession, disk: Disk
) -> None:
    """The target rejects a Data SNACK for data that a DataACK has acknowledged."""
    session = acknowledgeable(open_session)
    task = read_unacknowledged(session, disk, 8 * LENGTH)
    acknowledging = next((pdu for pdu in task.data_ins[:-1] if pdu.acknowledge), None)
    if acknowledging is None:
        pytest.skip("not applicable: the target asks for no acknowledgement")
    stat_sn = stat_sn_of(task)
    snack(
        session,
        SNACKType.DATA_ACK,
        lun=acknowledging.lun,
        target_transfer_tag=acknowledging.target_transfer_tag,
        beg_run=int(acknowledging.data_sn) + 1,
        exp_stat_sn=stat_sn,
    )

    request = snack(
        session,
        SNACKType.DATA_R2T,
        initiator_task_tag=task.initiator_task_tag,
        beg_run=0,
        run_length=1,
        exp_stat_sn=stat_sn,
    )

    expect_reject(session, of=request, reason=RejectReason.PROTOCOL_ERROR)


@pytest.mark.requirement(
    "RFC7143-11.16.3-03", "RFC7143-11.16.3-i01", "RFC7143-11.16.5-02"
)
def test_resegmentation_ends_with_the_snack_tag(
    recovering: Session, disk: Disk
) -> None:
    """The SCSI Response after an R-Data SNACK has its SNACK Tag and the same StatSN."""
    task = read_unacknowledged(recovering, disk, LENGTH)

    data, response = resegmented(recovering, task, tag=0x5EA6)

    assert isinstance(response, SCSIResponse)
    stat_sn = stat_sn_of(task)
    check(response.snack_tag == 0x5EA6, "SNACK Tag 0x5ea6", response)
    check(
        response.stat_sn == stat_sn,
        f"StatSN {stat_sn}",
        response,
        requirement="RFC7143-11.16.3-i01",
        field="StatSN",
    )
    check(not any(pdu.status_present for pdu in data), "S=0 on Data-In", response)


@pytest.mark.requirement("RFC7143-11.16-01", "RFC7143-11.16.3-02")
@pytest.mark.parametrize("segment", [SEGMENT // 2, SEGMENT * 4])
def test_data_is_resegmented(recovering: Session, disk: Disk, segment: int) -> None:
    """After an R-Data SNACK data comes in segments of the newly declared length."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    before = task.result().data
    declared = [("MaxRecvDataSegmentLength", str(segment))]
    recovering.text(declared, exp_stat_sn=stat_sn_of(task))

    data, _response = resegmented(recovering, task, tag=1)

    numbers = [int(pdu.data_sn) for pdu in data]
    check(
        numbers == list(range(len(data))),
        "DataSN from 0",
        numbers,
        requirement="RFC7143-11.7.5-i01",
        field="DataSN",
    )
    longest = max(len(pdu.data) for pdu in data)
    check(
        longest <= segment,
        f"at most {segment} bytes",
        f"{longest} bytes",
        requirement="RFC7143-13.12-i02",
    )
    resent = b"".join(bytes(pdu.data) for pdu in data)
    expect_data(resent, before, what="the same data")


@pytest.mark.requirement("RFC7143-11.16.3-i01", "RFC7143-11.16-02")
def test_status_snack_brings_the_latest_response(
    recovering: Session, disk: Disk
) -> None:
    """A Status SNACK after an R-Data SNACK returns the response with the SNACK Tag."""
    task = read_unacknowledged(recovering, disk, LENGTH)
    stat_sn = stat_sn_of(task)
    _data, latest = resegmented(recovering, task, tag=0x77, acknowledges=False)

    request = snack(
        recovering, SNACKType.STATUS, beg_run=stat_sn, run_length=1, exp_stat_sn=stat_sn
    )

    expect_copies(recovering, repeated(recovering, 1, of=request), [latest])


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-4.2.5.1-05")
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (SNACKType.DATA_R2T, {"run_length": 1}),
        (SNACKType.R_DATA, {"target_transfer_tag": 1}),
    ],
    ids=["data", "r-data"],
)
def test_snack_of_another_connection_is_refused(
    open_session: OpenSession, disk: Disk, kind: SNACKType, fields: dict[str, int]
) -> None:
    """A Data SNACK returns no data on a connection other than the command's."""
    session = open_session(
        {
            "ErrorRecoveryLevel": "1",
            "MaxConnections": "2",
            "MaxRecvDataSegmentLength": str(SEGMENT),
        }
    )
    second = session.add_connection(cid=2)
    itt = read_unacknowledged(session, disk, LENGTH).initiator_task_tag

    request = snack(session, kind, link=second, initiator_task_tag=itt, **fields)

    expect_reject(session, of=request, link=second)


@pytest.mark.requirement("RFC7143-7.1.5-02", "RFC7143-11.16-01")
@pytest.mark.parametrize("kind", [4, 15])
def test_reserved_type_is_refused(recovering: Session, kind: int) -> None:
    """The target refuses a SNACK of an undefined type."""
    recovering.judges_stat_sn = False
    request = recovering.send(SNACK(type=kind, initiator_task_tag=RESERVED_TAG))

    assert recovering.transcript.sent()[-1].type == kind
    # A format error (section 7.7) ends the session.
    expect_reject_or_drop(recovering.connection, of=request)
