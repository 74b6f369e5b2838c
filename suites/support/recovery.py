# SPDX-License-Identifier: GPL-2.0-only
"""Recovery within a session: SNACK, resent data, tasks that change connections."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from initiator.core import Link
from initiator.describe import describe
from initiator.expect import (
    ConformanceFailure,
    check,
    chose,
    clause,
    expect_data,
    expect_header_of,
)
from initiator.impair import corrupt_data_digest, deliver, withhold
from initiator.session import Session
from initiator.task import Result, Task, data_outs
from iscsi.constants import (
    RESERVED_TAG,
    RejectReason,
    SNACKType,
    TMFunction,
    TMResponse,
)
from iscsi.errors import ConnectionLost, PeerTimeout
from iscsi.pdu import (
    PDU,
    R2T,
    SNACK,
    DataIn,
    DataOut,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementResponse,
)
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import blocks_for, read, start_write

PROTOCOL_SERVICE_CRC_ERROR = (0x47, 0x05)
_PARTS = 8
SEGMENT = 1024
"""The maximum data of a PDU in the sessions that recover data, in bytes."""
CURRENT = frozenset({"exp_cmd_sn", "max_cmd_sn"})
"""The fields of a repeated PDU that carry current values (RFC 7143 section 11.16)."""


def snack(
    session: Session, kind: SNACKType, *, link: Link | None = None, **fields: Any
) -> SNACK:
    """Send a SNACK and return it."""
    values: dict[str, Any] = {"type": int(kind), "target_transfer_tag": RESERVED_TAG}
    if kind in (SNACKType.STATUS, SNACKType.DATA_ACK):
        values["initiator_task_tag"] = RESERVED_TAG
    # A repeated status has a StatSN that has occurred before.
    session.judges_stat_sn = False
    return session.send(SNACK(**{**values, **fields}), link)


def read_unacknowledged(
    session: Session, disk: Disk, length: int, *, link: Link | None = None
) -> Task:
    """Read at least `length` bytes; return the task, with its status unacknowledged.

    Later PDUs must carry the StatSN of the status as ExpStatSN.
    """
    way = link or session.leading
    way.kept_stat_sn = way.status.exp_stat_sn
    blocks = blocks_for(disk, length)
    task = session.start(
        cdb.read_10(lba=0, blocks=blocks), read=blocks * disk.block_size, link=link
    )
    result = session.finish(task, link)
    if not result.is_good:
        raise ConformanceFailure("READ (10) ends GOOD", result, session.transcript)
    return task


def unacknowledged(session: Session, count: int) -> list[SCSIResponse]:
    """Return the responses to this many commands, all unacknowledged.

    Later PDUs must carry the first one's StatSN as ExpStatSN.
    """
    exp_stat_sn = session.leading.kept_stat_sn = session.leading.status.exp_stat_sn
    tasks = [
        session.start(cdb.test_unit_ready(), exp_stat_sn=exp_stat_sn)
        for _ in range(count)
    ]
    finals = [session.finish(task).final for task in tasks]
    return [pdu for pdu in finals if isinstance(pdu, SCSIResponse)]


def acknowledgeable(open_session: OpenSession) -> Session:
    """Return a session at level 1 whose reads are longer than its bursts."""
    return open_session(
        {
            "ErrorRecoveryLevel": "1",
            "MaxRecvDataSegmentLength": str(SEGMENT),
            "MaxBurstLength": str(8 * SEGMENT),
            "FirstBurstLength": str(SEGMENT),
        }
    )


def resegmented(
    session: Session,
    task: Task,
    *,
    tag: int,
    link: Link | None = None,
    acknowledges: bool = True,
) -> tuple[list[DataIn], SCSIResponse]:
    """Send an R-Data SNACK for a task; return the data and the response that it causes.

    Args:
        session: the session.
        task: a finished read whose status is not acknowledged.
        tag: the SNACK Tag.
        link: the task's connection; None for the leading one.
        acknowledges: False leaves the status unacknowledged afterwards.

    Raises:
        ConformanceFailure: another PDU comes, or one after the response.
    """
    __tracebackhide__ = True
    request = snack(
        session,
        SNACKType.R_DATA,
        link=link,
        initiator_task_tag=task.initiator_task_tag,
        target_transfer_tag=tag,
        exp_stat_sn=stat_sn_of(task),
    )
    data: list[DataIn] = []
    expected = "Data-In PDUs and a SCSI Response"
    while isinstance(pdu := _next(session, expected, link), DataIn):
        data.append(pdu)
    check(isinstance(pdu, SCSIResponse), expected, pdu, session.transcript)
    assert isinstance(pdu, SCSIResponse)
    if acknowledges:
        session.expect_silence(after=request, link=link)
    return data, pdu


def stat_sn_of(task: Task) -> int:
    """Return the StatSN of a task's status."""
    assert task.final is not None
    return int(task.final.stat_sn)


def repeated(session: Session, count: int, *, of: SNACK) -> list[PDU]:
    """Return the PDUs that answer a Data/R2T SNACK.

    A target may refuse it with SNACK Reject (section 7.8); the check is then not
    applicable.

    Raises:
        ConformanceFailure: another PDU came, or too few of them.
    """
    __tracebackhide__ = True
    copies: list[PDU] = []
    for _number in range(count):
        pdu = _next(session, f"{count} PDUs sent again")
        if isinstance(pdu, Reject) and pdu.reason == RejectReason.SNACK_REJECT:
            pytest.skip("not applicable: the target refuses to send data again")
        check(
            not isinstance(pdu, Reject),
            [f"{count} PDUs sent again", "Reject with reason 0x03"],
            pdu,
            session.transcript,
        )
        copies.append(pdu)
    session.expect_silence(after=of)
    return copies


def _next(session: Session, expected: str, link: Link | None = None) -> PDU:
    __tracebackhide__ = True
    try:
        return session.receive(link)
    except (ConnectionLost, PeerTimeout) as error:
        raise ConformanceFailure(expected, error, session.transcript) from error


def content(pdu: PDU, *, but: frozenset[str] = CURRENT) -> dict[str, Any]:
    """Return the fields of a PDU by name, without some of them."""
    names = [field.name for field in pdu.fields_desc if field.name not in but]
    return {
        name: bytes(value) if name in ("data", "padding") else value
        for name in names
        if (value := getattr(pdu, name)) is not None
    }


def expect_copies(
    session: Session,
    copies: Sequence[PDU],
    originals: Sequence[PDU],
    *,
    but: frozenset[str] = CURRENT,
) -> None:
    """Expect that PDUs are exact copies of others.

    Raises:
        ConformanceFailure: one differs, or their number does.
    """
    __tracebackhide__ = True
    for copy, original in zip(copies, originals, strict=True):
        expected, received = content(original, but=but), content(copy, but=but)
        different = sorted(
            name
            for name in expected | received
            if expected.get(name) != received.get(name)
        )
        check(
            not different,
            f"a copy of {describe(original)}",
            f"{describe(copy)}, other: {', '.join(different)}",
            session.transcript,
            field=different[0] if len(different) == 1 else "",
        )


def expect_reject(
    session: Session,
    *,
    of: PDU,
    reason: RejectReason | None = None,
    link: Link | None = None,
) -> Reject:
    """Expect the Reject of a PDU, with one reason or any.

    Raises:
        ConformanceFailure: another PDU came, or none.
    """
    __tracebackhide__ = True
    expected = f"Reject of {type(of).__name__}"
    if reason is not None:
        expected += f" with reason {int(reason):#04x}"
    pdu = _next(session, expected, link)
    is_right = isinstance(pdu, Reject) and reason in (None, pdu.reason)
    check(is_right, expected, pdu, session.transcript)
    assert isinstance(pdu, Reject)
    expect_header_of(pdu, of, session.transcript)
    return pdu


def in_parts(session: Session, task: Task, r2t: R2T, count: int) -> list[DataOut]:
    """Return the Data-Out PDUs that answer an R2T: this many, or more if necessary.

    A target chooses how much data an R2T requests, and how much of it one PDU may
    carry.
    """
    start = int(r2t.buffer_offset)
    length = int(r2t.desired_data_transfer_length)
    longest = session.parameters.target_max_recv_data_segment_length
    return data_outs(
        task.data_out[start : start + length],
        offset=start,
        size=min(-(-length // count), longest),
        initiator_task_tag=task.initiator_task_tag,
        target_transfer_tag=int(r2t.target_transfer_tag),
        lun=int(r2t.lun),
    )


def reassign(
    session: Session, task: Task, *, link: Link | None = None, exp_data_sn: int = 0
) -> TaskManagementResponse:
    """Send TASK REASSIGN for a task; return the response."""
    __tracebackhide__ = True
    session.restart_task(task)
    return session.task_management(
        TMFunction.TASK_REASSIGN,
        lun=0,
        link=link,
        referenced_task_tag=task.initiator_task_tag,
        exp_data_sn=exp_data_sn,
    )


def expect_reassigned(
    session: Session, task: Task, *, link: Link | None = None, exp_data_sn: int = 0
) -> TaskManagementResponse:
    """Send TASK REASSIGN for a task and expect that it succeeds; return the response.

    Raises:
        ConformanceFailure: the response is not Function complete.
    """
    __tracebackhide__ = True
    answer = reassign(session, task, link=link, exp_data_sn=exp_data_sn)
    complete = TMResponse.FUNCTION_COMPLETE
    check(answer.response == complete, "response 0", answer, session.transcript)
    return answer


def finish_reassigned(session: Session, task: Task) -> Result:
    """Send a reassigned task its data until its status arrives (section 7.2.2).

    Raises:
        ConformanceFailure: the task does not continue.
    """
    __tracebackhide__ = True
    with clause("RFC7143-7.2.2-05"):
        return session.finish(task)


def start_write_over(
    session: Session, disk: Disk, data: bytes, link: Link, **fields: Any
) -> Task:
    """Start a WRITE on a connection and leave its R2T unanswered."""
    task = start_write(session, disk, data, link=link, **fields)
    session.expect(R2T, of=task.command, link=link)
    return task


def lose_data(
    session: Session, task: Task, r2t: R2T, lost_part: int, *, is_corrupted: bool
) -> DataOut:
    """Answer an R2T in eight PDUs, one of them corrupted or left out; return that one.

    If the target limits PDUs to less data there are more of them, and the eighth is
    corrupted or left out.
    """
    parts = in_parts(session, task, r2t, _PARTS)
    if lost_part == _PARTS - 1:
        lost_part = len(parts) - 1
    impairment = corrupt_data_digest if is_corrupted else withhold
    with suppress(ConnectionLost):
        for number, part in enumerate(parts):
            if number == lost_part:
                impairment(session, part)
            else:
                session.send(part)
    return parts[lost_part]


def answer_r2ts_until_end(session: Session, task: Task) -> list[R2T]:
    """Answer the R2Ts of a write until it ends; return them, however it ends.

    A response, a dropped connection and a timeout all end it; none of them is judged.
    """
    r2ts: list[R2T] = []
    with suppress(ConnectionLost, PeerTimeout):
        while not isinstance(pdu := session.receive(), SCSIResponse):
            if isinstance(pdu, R2T):
                r2ts.append(pdu)
                session.answer_r2t(task, pdu)
    return r2ts


def expect_recovered(
    session: Session, disk: Disk, task: Task, *, refused: DataOut | None = None
) -> None:
    """Expect that a write whose data was lost is recovered, or ends as permitted.

    Either the target requests the data again and ends with GOOD, and the data is right;
    or it ends with CHECK CONDITION, Protocol Service CRC error; or it drops the
    connection (section 7.8).

    Args:
        session: the session.
        disk: the disk, which is written at LBA 0.
        task: the write.
        refused: the PDU that first gets Reject, Data-Digest-Error.

    Raises:
        ConformanceFailure: none of these happened.
    """
    __tracebackhide__ = True
    try:
        if refused is not None:
            with clause("RFC7143-7.8-02"):
                reason = RejectReason.DATA_DIGEST_ERROR
                expect_reject(session, of=refused, reason=reason)
        result = session.finish(task)
    except ConformanceFailure:
        if session.connection.is_open:
            raise
        chose(None)
        return
    codes = (result.sense.asc, result.sense.ascq) if result.sense else None
    check(
        result.is_good or codes == PROTOCOL_SERVICE_CRC_ERROR,
        ["a recovery R2T and GOOD", "CHECK CONDITION with 47h/05h"],
        result,
        session.transcript,
        requirement="RFC7143-11.4.7.2-i03" if codes else None,
    )
    if result.is_good:
        stored = read(session, disk, len(task.data_out)).data
        expect_data(
            stored,
            task.data_out,
            what="what was written",
            requirement="RFC7143-7.8-03" if refused is not None else None,
        )


def until_pong(session: Session) -> list[PDU]:
    """Send a ping; return the PDUs that come before its answer, or before a drop."""
    ping = session.send(NOPOut(immediate=1, data=b"until here"))
    received: list[PDU] = []
    with suppress(ConnectionLost):
        while True:
            pdu = session.receive()
            is_pong = isinstance(pdu, NOPIn)
            if is_pong and pdu.initiator_task_tag == ping.initiator_task_tag:
                break
            received.append(pdu)
    return received


def expect_retried(session: Session, command: SCSICommand, data: bytes = b"") -> None:
    """Send a lost command again; expect GOOD, or a dropped connection.

    Raises:
        ConformanceFailure: another answer came, or none.
    """
    __tracebackhide__ = True
    task = Task(command, data, len(bytes(command.data)))
    session.restart_task(task)
    try:
        deliver(session, command)
        result = session.finish(task)
    except (ConformanceFailure, ConnectionLost):
        if session.connection.is_open:
            raise
        chose(None)
        return
    check(result.is_good, "GOOD", result, session.transcript)
    chose("GOOD")


def expect_refused_data(session: Session, pdu: PDU) -> None:
    """Expect Reject, Data-Digest-Error, or a dropped connection (section 7.8).

    Raises:
        ConformanceFailure: another PDU came.
    """
    __tracebackhide__ = True
    try:
        with clause("RFC7143-7.8-02"):
            chose(expect_reject(session, of=pdu, reason=RejectReason.DATA_DIGEST_ERROR))
    except ConformanceFailure:
        if session.connection.is_open:
            raise
        chose(None)
