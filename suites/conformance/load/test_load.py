# SPDX-License-Identifier: GPL-2.0-only
"""Full command windows, and many sessions with many connections, all in the rules.

RFC 7143 does not forbid a MaxCmdSN that is lower than an earlier one: an initiator
ignores it (section 4.2.2.1). So the window of these checks ends at the greatest
MaxCmdSN received, and a target that does not serve a command up to there has taken back
what it announced.
"""

import itertools
from collections.abc import Sequence

import pytest

from initiator.expect import expect_data, expect_good
from initiator.session import Session
from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without_attributes
from suites.support.data import pattern
from suites.support.load import (
    DEEPEST,
    REFUSALS,
    SESSIONS,
    Load,
    open_sessions,
    repeat_until_taken,
)

_FEW = 2
"""Sessions of the checks that fill every window."""

_READ_BLOCKS = 64


def _block(disk: Disk, number: int) -> bytes:
    """Return a block that names the write that it belongs to."""
    return pattern(disk, disk.block_size, seed=0x10AD_0000 + number)


def _fill(load: Load, disk: Disk, most: int) -> int:
    """Start writes of a block each, in every session until its window is closed.

    Args:
        load: the sessions.
        disk: the unit; write number n is of LBA n.
        most: the maximum number of writes of one session.

    Returns:
        The number of writes.
    """
    numbers = itertools.count()
    most = min(most, disk.blocks // len(load.sessions))
    for session in load.sessions:
        ways = itertools.cycle(list(session.links.values()))
        for _ in range(most):
            if not session.numbers.is_open:
                break
            number, link = next(numbers), next(ways)
            command = cdb.write_10(lba=number, blocks=1)
            task = session.start(command, write=_block(disk, number), link=link)
            load.add(session, link, task)
    return next(numbers)


def _write_at_once(sessions: Sequence[Session], disk: Disk, most: int) -> None:
    """Expect that each write has stored its block, or was refused for lack of room.

    Args:
        sessions: the sessions, which write at the same time; the first reads back.
        disk: the unit.
        most: the maximum number of writes of one session.
    """
    __tracebackhide__ = True
    load = Load(sessions)
    count = _fill(load, disk, most)
    load.finish()
    results = load.results()
    taken = set()
    for number, (_session, _task, result) in enumerate(results):
        if result.status not in REFUSALS:
            expect_good(result)
            taken.add(number)
    for start in range(0, count, _READ_BLOCKS):
        blocks = min(_READ_BLOCKS, count - start)
        command = cdb.read_10(lba=start, blocks=blocks)
        read = repeat_until_taken(sessions[0], command, read=blocks * disk.block_size)
        expect_good(read)
        for number in range(start, start + blocks):
            if number in taken:
                at = (number - start) * disk.block_size
                expect_data(
                    read.data[at : at + disk.block_size],
                    _block(disk, number),
                    what=f"the block of write {number}",
                )


@pytest.mark.requirement("RFC7143-4.2.2.1-i02")
def test_every_command_in_the_window_is_served(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target answers every command up to the greatest MaxCmdSN that it has sent."""
    load = Load(open_sessions(open_session, _FEW))
    _fill(load, scratch_disk, DEEPEST)

    load.finish()

    load.results()


@pytest.mark.requirement("SAM5-5.3.1-01")
def test_what_was_refused_is_taken_later(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """BUSY and TASK SET FULL end when the commands in progress have ended."""
    load = Load(open_sessions(open_session, _FEW))
    _fill(load, scratch_disk, DEEPEST)
    load.finish()
    load.results()

    for session in load.sessions:
        command = cdb.read_10(lba=0, blocks=1)
        expect_good(repeat_until_taken(session, command, read=scratch_disk.block_size))


@pytest.mark.requirement("SBC3-5.34-01")
def test_many_sessions_write_at_once(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """Each connection of many sessions writes a block, all at the same time."""
    sessions = open_sessions(open_session, SESSIONS)

    _write_at_once(sessions, scratch_disk, max(len(one.links) for one in sessions))


@pytest.mark.requirement("SBC3-5.34-01")
def test_full_queues_write_what_they_should(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """Writes that fill the windows of several sessions store their own data."""
    _write_at_once(open_sessions(open_session, _FEW), scratch_disk, DEEPEST)


@pytest.mark.requirement("SAM5-8.7-01")
def test_ordered_writes_keep_their_order(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """ORDERED reads see the ORDERED write before them, over all connections."""
    session = open_sessions(open_session, 1)[0]
    skip_without_attributes(session, TaskAttribute.ORDERED)
    load = Load([session])
    ordered = int(TaskAttribute.ORDERED)
    ways = itertools.cycle(list(session.links.values()))
    data: list[bytes] = []
    while session.numbers.is_open and len(data) < DEEPEST // 2:
        data.append(_block(scratch_disk, len(data)))
        link = next(ways)
        command = cdb.write_10(lba=0, blocks=1)
        load.add(
            session,
            link,
            session.start(command, write=data[-1], link=link, attribute=ordered),
        )
        if session.numbers.is_open:
            link = next(ways)
            command = cdb.read_10(lba=0, blocks=1)
            task = session.start(
                command, read=scratch_disk.block_size, link=link, attribute=ordered
            )
            load.add(session, link, task)

    load.finish()

    last: bytes | None = None
    written = iter(data)
    for _session, task, result in load.results():
        block = next(written) if task.command.write else None
        if result.status in REFUSALS:
            continue
        expect_good(result)
        if block is not None:
            last = block
        elif last is not None:
            expect_data(result.data, last, what="what the write before it wrote")
