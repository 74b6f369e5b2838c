# SPDX-License-Identifier: GPL-2.0-only
"""Blocks under several commands at once, and under an abort (SBC-3 section 4)."""

from contextlib import suppress

import pytest

from initiator.expect import (
    OTHER_DATA,
    ConformanceFailure,
    check,
    expect_data,
    expect_good,
)
from initiator.session import Session
from initiator.task import Result, Task, data_outs
from iscsi.pdu import DataOut
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import SenseKey
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without
from suites.support.data import pattern
from suites.support.functions import abort_of_waiting
from suites.support.media import Medium, name
from suites.support.numbering import room_for, skip_if_closed

SOLICITED = {"ImmediateData": "No", "InitialR2T": "Yes", "MaxOutstandingR2T": "1"}
MANY = 24
WIDE = 8
PATIENCE = 1.0


@pytest.fixture
def writer(open_session: OpenSession, scratch_disk: Disk) -> Medium:
    """A disk and a session whose writes wait until the target requests their data."""
    return Medium(open_session(SOLICITED), scratch_disk)


def start_write(medium: Medium, lba: int, data: bytes, layout: Layout) -> Task:
    """Start a write and wait for its R2T, if one comes.

    A target may serve one command at a time and ask for this one's data later.
    """
    blocks = len(data) // medium.disk.block_size
    if layout is cdb.compare_and_write:
        blocks //= 2
    skip_if_closed(medium.session)
    task = medium.session.start(layout(lba=lba, blocks=blocks), write=data)
    with suppress(ConformanceFailure):
        while not task.r2ts and not task.is_done:
            medium.session.route(waiting_for=task, timeout=PATIENCE)
    return task


def finish_together(session: Session, tasks: list[Task]) -> list[Result]:
    """Give tasks their data in this order; then wait for all of them, in any order.

    A target may keep the status of one back until the other one is over.
    """
    while not all(task.is_done for task in tasks):
        for task in tasks:
            for r2t in task.unanswered():
                session.answer_r2t(task, r2t)
        session.route(waiting_for=next(task for task in tasks if not task.is_done))
    return [session.finish(task) for task in tasks]


def begin_data(session: Session, task: Task, count: int) -> list[DataOut]:
    """Send a write its first bytes, in as many sequences as the target requests.

    Returns:
        What is left of the sequence that is asked for then.
    """
    r2t = next(task.unanswered())
    while r2t.buffer_offset + r2t.desired_data_transfer_length <= count:
        session.answer_r2t(task, r2t)
        while len(task.r2ts) == task.answered_r2ts and not task.is_done:
            session.route(waiting_for=task)
        if task.is_done:
            pytest.skip("not applicable: the write is over before it can be aborted")
        r2t = next(task.unanswered())
    begin = int(r2t.buffer_offset)
    end = begin + int(r2t.desired_data_transfer_length)

    def cut(start: int, stop: int) -> list[DataOut]:
        return data_outs(
            task.data_out[start:stop],
            offset=start,
            size=session.parameters.target_max_recv_data_segment_length,
            initiator_task_tag=task.initiator_task_tag,
            target_transfer_tag=int(r2t.target_transfer_tag),
            lun=int(r2t.lun),
        )

    begun = cut(begin, count) if begin < count else []
    segments = cut(count, end)
    for number, part in enumerate([*begun, *segments]):
        part.data_sn = number
    for part in begun:
        part.final = 0
        session.send(part)
    return segments


@pytest.mark.requirement("SBC3-5.34-01")
def test_many_writes_at_once(medium: Medium) -> None:
    """Concurrent writes each store their blocks."""
    size = medium.disk.block_size
    skip_without(medium.session, cdb.write_10)
    count = room_for(medium.session, MANY)
    data = pattern(medium.disk, count * size, seed=0x100)
    with medium.session.connection.together():
        tasks = [
            medium.session.start(
                cdb.write_10(lba=lba, blocks=1), write=data[lba * size :][:size]
            )
            for lba in range(count)
        ]

    for task in tasks:
        expect_good(medium.session.finish(task))

    expect_data(medium.read(0, count), data, what="every block as written")


@pytest.mark.requirement("SBC3-5.11-01")
def test_many_reads_at_once(medium: Medium) -> None:
    """Concurrent reads each return their blocks."""
    size = medium.disk.block_size
    count = room_for(medium.session, MANY)
    data = pattern(medium.disk, count * size, seed=0x200)
    medium.write(0, data)
    with medium.session.connection.together():
        tasks = [
            medium.session.start(cdb.read_10(lba=lba, blocks=1), read=size)
            for lba in range(count)
        ]

    read_back = b"".join(medium.session.finish(task).data for task in tasks)

    expect_data(read_back, data, what="every block as written")


@pytest.mark.requirement("SBC3-5.11-01")
def test_two_sessions_see_the_same_blocks(
    medium: Medium, open_session: OpenSession
) -> None:
    """Each of two sessions reads what the other one has written."""
    other = Medium(
        open_session(initiator_name=f"{medium.session.options.initiator_name}.other"),
        medium.disk,
    )
    for number, (one, two) in enumerate([(medium, other), (other, medium)]):
        data = medium.blocks(4, seed=30 + number)

        one.write(0, data)

        expect_data(two.read(0, 4), data, what="the data just written")


@pytest.mark.requirement("SBC3-5.34-04")
@pytest.mark.parametrize("order", [1, -1], ids=["in-turn", "in-reverse"])
def test_overlapping_writes_tear_no_block(writer: Medium, order: int) -> None:
    """After two concurrent writes each block holds the data of one, whole."""
    size = writer.disk.block_size
    one, two = writer.blocks(WIDE, seed=40), writer.blocks(WIDE, seed=41)
    first = start_write(writer, 0, one, cdb.write_10)
    second = start_write(writer, WIDE // 2, two, cdb.write_10)

    if not second.r2ts:
        order = 1  # the first write blocks the second one
    for result in finish_together(writer.session, [first, second][::order]):
        expect_good(result)

    read_back = writer.read(0, WIDE + WIDE // 2)
    torn = []
    for number in range(WIDE + WIDE // 2):
        block = read_back[number * size :][:size]
        expected = [
            data[start * size :][:size]
            for data, start in ((one, number), (two, number - WIDE // 2))
            if 0 <= start < WIDE
        ]
        if block not in expected:
            torn.append(number)
    check(not torn, "each block of one write alone", f"blocks {torn} of neither")


@pytest.mark.requirement("SBC3-5.34-05")
def test_an_aborted_write_tears_no_block(writer: Medium) -> None:
    """After an aborted write each block is whole: old or new."""
    session, size = writer.session, writer.disk.block_size
    old, new = writer.blocks(WIDE, seed=50), writer.blocks(WIDE, seed=51)
    writer.write(0, old)
    task = start_write(writer, 0, new, cdb.write_10)
    if not task.r2ts:
        pytest.skip("not applicable: the write is over before it can be aborted")
    segments = begin_data(session, task, 2 * size + size // 2)

    def give_the_rest() -> None:
        for part in segments:
            session.send(part)

    abort_of_waiting(session, task, give_the_rest)

    read_back = writer.read(0, WIDE)
    torn = [
        number
        for number in range(WIDE)
        if read_back[number * size :][:size]
        not in (old[number * size :][:size], new[number * size :][:size])
    ]
    check(
        not torn,
        "each block old or new",
        f"blocks {torn} are neither",
        answer=OTHER_DATA,
    )


@pytest.mark.requirement("SBC3-5.2-04")
def test_only_one_compare_and_write_wins(
    writer: Medium, open_session: OpenSession
) -> None:
    """Of two concurrent COMPARE AND WRITE with one expectation only one writes."""
    layout = cdb.compare_and_write
    skip_without(writer.session, layout)
    keys = {key: value for key, value in SOLICITED.items() if key in SOLICITED}
    options = writer.session.options
    other_session: Session = open_session(
        keys, initiator_name=f"{options.initiator_name}.other"
    )
    other = Medium(other_session, writer.disk)
    old = writer.blocks(1, seed=60)
    news = [writer.blocks(1, seed=61), writer.blocks(1, seed=62)]
    writer.write(0, old)
    tasks = [
        start_write(one, 0, old + new, layout)
        for one, new in zip((writer, other), news, strict=True)
    ]

    results = [
        one.session.finish(task)
        for one, task in zip((writer, other), tasks, strict=True)
    ]

    winners = [number for number, result in enumerate(results) if result.is_good]
    losers = [result for result in results if not result.is_good]
    is_one = len(winners) == 1 and all(
        result.sense is not None and result.sense.key == SenseKey.MISCOMPARE
        for result in losers
    )
    check(is_one, "one GOOD and one MISCOMPARE", list(map(str, results)))
    expect_data(writer.read(0, 1), news[winners[0]], what="the winner's data")


@pytest.mark.requirement("SBC3-5.34-01")
@pytest.mark.parametrize("layout", [cdb.write_10, cdb.write_16], ids=name)
def test_the_last_of_several_writes_is_stored(medium: Medium, layout: Layout) -> None:
    """After several writes in turn the blocks hold the data of the last."""
    for seed in range(8):
        expect_good(medium.send(layout, 0, medium.blocks(2, seed=seed)))

    expected = medium.blocks(2, seed=7)
    expect_data(medium.read(0, 2), expected, what="the data written last")
