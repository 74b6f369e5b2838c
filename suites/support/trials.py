# SPDX-License-Identifier: GPL-2.0-only
"""The tests that run with each combination of negotiated values (`combinations`)."""

from itertools import pairwise

from initiator.expect import check, expect_data
from initiator.segments import Cut
from initiator.session import Session
from initiator.task import Result, Task
from iscsi.pdu import R2T
from iscsi.scsi import cdb
from reports.combinations import CUT
from suites.plugins.sessions import Disk, OpenSession
from suites.support.combinations import Combination
from suites.support.data import KIB, blocks_for, pattern, read, sequences
from suites.support.expect import expect_residual
from suites.support.numbering import skip_without_room
from suites.support.pages import longest_transfer

_LENGTHS = (1, 4 * KIB, 65 * KIB, 300 * KIB)
"""The least lengths in bytes: below, about and beyond the offered bursts."""

_MOST_PDUS = 64
"""The maximum number of PDUs of one transfer; with small segments it carries less. Each
PDU may need a round trip, for which a busy target needs a fifth of a second."""


def write_and_read(
    open_session: OpenSession, disk: Disk, combination: Combination
) -> None:
    """Write patterns of several lengths and read each back.

    Raises:
        ConformanceFailure: data is wrong, or a limit is exceeded.
    """
    __tracebackhide__ = True
    session = _open(open_session, combination)
    for number, length in enumerate(_lengths(session, disk)):
        data = pattern(disk, length, seed=number << 32)
        task = _start(
            session, cdb.write_10(lba=0, blocks=blocks_for(disk, length)), data
        )
        result = session.finish(task)
        check(result.is_good, f"GOOD for a write of {len(data)} bytes", result)
        _judge_r2ts(session, task)
        stored = read(session, disk, len(data))
        expect_data(stored.data, data, what="what was written")
    session.end()


def several_at_once(
    open_session: OpenSession, disk: Disk, combination: Combination
) -> None:
    """Run two writes and a read together; each must transfer its own data.

    Raises:
        ConformanceFailure: data is wrong, or a limit is exceeded.
    """
    __tracebackhide__ = True
    session = _open(open_session, combination)
    skip_without_room(session, 3)
    # Complete blocks, so that one command reads all three areas.
    blocks = _lengths(session, disk)[-1] // 3 // disk.block_size or 1
    length = blocks * disk.block_size
    payloads = [pattern(disk, length, seed=(9 + n) << 32) for n in range(3)]
    with session.connection.together():
        tasks = [
            session.start(
                cdb.write_10(lba=n * blocks, blocks=blocks), write=payloads[n]
            )
            for n in range(2)
        ]
        reader = session.start(
            cdb.read_10(lba=2 * blocks, blocks=blocks), read=len(payloads[2])
        )
    finish_together(session, [*tasks, reader])
    before = session.finish(reader)
    for task in tasks:
        check(session.finish(task).is_good, "GOOD for a write", task.final)
        _judge_r2ts(session, task)
    stored = read(session, disk, 3 * len(payloads[0]))
    expected = payloads[0] + payloads[1] + before.data
    expect_data(stored.data, expected, what="what was written")
    session.end()


def residuals(open_session: OpenSession, disk: Disk, combination: Combination) -> None:
    """Read with one block too many expected, and with one block too few.

    Raises:
        ConformanceFailure: a flag or the count is wrong.
    """
    __tracebackhide__ = True
    session = _open(open_session, combination)
    size = disk.block_size
    blocks = min(4 * KIB // size + 1, disk.blocks)
    command = cdb.read_10(lba=0, blocks=blocks)
    next_read = session.execute(command, read=(blocks + 1) * size)
    expect_residual(next_read, under=size)
    check(
        len(next_read.data) == blocks * size,
        f"{blocks * size} bytes",
        f"{len(next_read.data)} bytes",
    )
    less = session.execute(command, read=(blocks - 1) * size)
    expect_residual(less, over=size)
    session.end()


def limits(open_session: OpenSession, disk: Disk, combination: Combination) -> None:
    """Read several lengths and check how the target splits the data.

    Raises:
        ConformanceFailure: a limit is exceeded.
    """
    __tracebackhide__ = True
    session = _open(open_session, combination)
    for length in _lengths(session, disk):
        _judge_data_in(session, read(session, disk, length))
    session.end()


def _open(open_session: OpenSession, combination: Combination) -> Session:
    keys = {name: value for name, value in combination.items() if name != CUT}
    for name in ("HeaderDigest", "DataDigest"):
        if keys.get(name) == "CRC32C":
            keys[name] = "CRC32C,None"  # a target without digests may answer None
    session = open_session(keys)
    session.connection.cut = Cut(combination[CUT])
    return session


def _start(session: Session, command: bytes, data: bytes) -> Task:
    with session.connection.together():
        return session.start(command, write=data)


def finish_together(session: Session, tasks: list[Task]) -> None:
    """Answer the R2Ts of tasks as they come, the last task's first.

    No task is awaited alone, since a target may execute one command at a time. The last
    PDU may be a ping of the target, which sends nothing more until the R2Ts before it
    are answered.
    """
    while pending := [task for task in tasks if not task.is_done]:
        if not session.connection.has_frame():
            for task in reversed(pending):
                for r2t in task.unanswered():
                    session.answer_r2t(task, r2t)
        session.route(waiting_for=pending[0], with_unsolicited=True)


def _lengths(session: Session, disk: Disk) -> list[int]:
    """Return lengths that fit the disk and do not need too many PDUs."""
    agreed = session.parameters
    smallest = min(
        agreed.max_burst_length,
        agreed.initiator_max_recv_data_segment_length,
        agreed.target_max_recv_data_segment_length,
    )
    longest = min(
        disk.blocks * disk.block_size // 2,
        longest_transfer(session, disk),
        _MOST_PDUS * smallest,
    )
    return sorted({min(length, longest) for length in _LENGTHS})


def _judge_r2ts(session: Session, task: Task) -> None:
    """Check that the R2Ts of a write request the remaining data, each within a burst.

    Raises:
        ConformanceFailure: they do not.
    """
    __tracebackhide__ = True
    agreed = session.parameters
    spans = [_span(r2t) for r2t in task.r2ts]
    longest = max((end - start for start, end in spans), default=0)
    check(
        longest <= agreed.max_burst_length,
        f"R2Ts for at most MaxBurstLength, {agreed.max_burst_length} bytes",
        f"one for {longest}",
        requirement="RFC7143-11.8.4-02",
    )
    if agreed.data_sequence_in_order:
        in_order = all(a[0] <= b[0] for a, b in pairwise(spans))
        check(
            in_order,
            "R2Ts in the order of their offsets",
            spans,
            requirement="RFC7143-13.19-01",
        )
    ordered = sorted(spans)
    covered = task.sent_unsolicited
    for start, end in ordered:
        check(
            start == covered,
            f"R2Ts that continue at {covered}",
            ordered,
            requirement="RFC7143-11.8-09",
        )
        covered = end
    expected = int(task.command.expected_data_transfer_length)
    check(
        covered == expected,
        f"R2Ts up to {expected}",
        f"up to {covered}",
        requirement="RFC7143-13.10-i02",
    )


def _span(r2t: R2T) -> tuple[int, int]:
    start = int(r2t.buffer_offset)
    return start, start + int(r2t.desired_data_transfer_length)


def _judge_data_in(session: Session, result: Result) -> None:
    """Check segments, sequences and the order of Data-In.

    Raises:
        ConformanceFailure: a limit is exceeded.
    """
    __tracebackhide__ = True
    agreed = session.parameters
    limit = agreed.initiator_max_recv_data_segment_length
    longest = max((len(pdu.data) for pdu in result.data_ins), default=0)
    check(
        longest <= limit,
        f"Data-In of at most {limit} bytes",
        f"{longest} bytes",
        requirement="RFC7143-13.12-i01",
    )
    burst = max(
        (sum(len(p.data) for p in group) for group in sequences(result.data_ins)),
        default=0,
    )
    check(
        burst <= agreed.max_burst_length,
        f"sequences of at most {agreed.max_burst_length} bytes",
        f"one of {burst} bytes",
        requirement="RFC7143-11.7.1-03",
    )
    if agreed.data_pdu_in_order and agreed.data_sequence_in_order:
        offsets = [int(pdu.buffer_offset) for pdu in result.data_ins]
        check(
            offsets == sorted(offsets),
            "rising offsets",
            offsets,
            requirement="RFC7143-11.7.6-i02",
        )
