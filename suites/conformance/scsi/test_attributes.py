# SPDX-License-Identifier: GPL-2.0-only
"""Task attributes: which tasks wait for which others (SAM-5 chapter 8)."""

import time

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Task
from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without_attributes
from suites.support.data import pattern
from suites.support.modes import skip_unless_shared
from suites.support.numbering import skip_if_closed

SOLICITED = {"ImmediateData": "No", "InitialR2T": "Yes"}
TAKEN = [
    TaskAttribute.UNTAGGED,
    TaskAttribute.SIMPLE,
    TaskAttribute.ORDERED,
    TaskAttribute.HEAD_OF_QUEUE,
]


PINGS, PAUSE = 4, 0.05
"""How often a check looks for a task that ends too early, and the seconds between."""


@pytest.fixture
def writer(open_session: OpenSession) -> Session:
    """A session whose writes wait until the target requests their data."""
    return open_session(SOLICITED)


def waiting_write(
    session: Session, disk: Disk, data: bytes, attribute: TaskAttribute
) -> Task:
    """Start a write of the first block and leave its R2T unanswered."""
    command = cdb.write_10(lba=0, blocks=len(data) // disk.block_size)
    task = session.start(command, write=data, attribute=int(attribute))
    session.route(waiting_for=task)
    check(bool(task.r2ts), "an R2T for the write", task.final or "none")
    return task


def start_read(session: Session, disk: Disk, attribute: TaskAttribute) -> Task:
    """Start a read of the first block; skip where no command may be sent meanwhile."""
    skip_if_closed(session)
    command = cdb.read_10(lba=0, blocks=1)
    return session.start(command, read=disk.block_size, attribute=int(attribute))


def expect_no_status(session: Session, read: Task) -> None:
    """Expect that a read is not done yet, nor after a while.

    A ping may overtake a read that is under way: the unit gets time to end it.
    """
    __tracebackhide__ = True
    for _ping in range(PINGS):
        session.expect_silence(after=read.command)
        time.sleep(PAUSE)


def expect_in_order(
    session: Session,
    disk: Disk,
    data: bytes,
    first: TaskAttribute,
    second: TaskAttribute,
) -> None:
    """Expect that a read waits for the write before it, and sees its data."""
    __tracebackhide__ = True
    write = waiting_write(session, disk, data, first)
    read = start_read(session, disk, second)
    expect_no_status(session, read)
    expect_good(session.finish(write))
    result = session.finish(read)
    expect_good(result)
    expect_data(result.data, data, what="what was just written")


@pytest.mark.requirement("SAM5-8.5-02")
@pytest.mark.parametrize("attribute", TAKEN, ids=lambda one: one.name.lower())
def test_attributes_are_taken(session: Session, attribute: TaskAttribute) -> None:
    """The unit accepts each attribute but ACA while nothing else is in progress."""
    skip_without_attributes(session, attribute)
    command = cdb.test_unit_ready()

    expect_good(session.execute(command, attribute=int(attribute)))


@pytest.mark.requirement("SAM5-8.7-01")
def test_ordered_tasks_wait_for_older_ones(writer: Session, scratch_disk: Disk) -> None:
    """An ORDERED read waits for the write before it, and returns its data."""
    skip_without_attributes(writer, TaskAttribute.ORDERED)
    data = pattern(scratch_disk, 1, seed=0xA0)

    expect_in_order(
        writer, scratch_disk, data, TaskAttribute.SIMPLE, TaskAttribute.ORDERED
    )


@pytest.mark.requirement("SAM5-8.7-02")
def test_simple_tasks_wait_for_ordered_ones(
    writer: Session, scratch_disk: Disk
) -> None:
    """A SIMPLE read waits for an ORDERED write before it, and returns its data."""
    skip_without_attributes(writer, TaskAttribute.ORDERED)
    data = pattern(scratch_disk, 1, seed=0xA1)

    expect_in_order(
        writer, scratch_disk, data, TaskAttribute.ORDERED, TaskAttribute.SIMPLE
    )


@pytest.mark.requirement("SAM5-8.7-03")
def test_the_head_of_the_queue_waits_for_nothing(
    writer: Session, scratch_disk: Disk
) -> None:
    """The unit executes a HEAD OF QUEUE read while older tasks wait for data."""
    skip_without_attributes(writer, TaskAttribute.HEAD_OF_QUEUE)
    data = pattern(scratch_disk, 1, seed=0xA2)
    write = waiting_write(writer, scratch_disk, data, TaskAttribute.SIMPLE)

    read = start_read(writer, scratch_disk, TaskAttribute.HEAD_OF_QUEUE)

    expect_good(writer.finish(read))
    expect_good(writer.finish(write))


@pytest.mark.requirement("SAM5-8.7-01")
def test_ordered_tasks_of_others_wait_too(
    writer: Session, open_session: OpenSession, scratch_disk: Disk
) -> None:
    """An ORDERED read of another session also waits for the write."""
    skip_unless_shared(writer)
    skip_without_attributes(writer, TaskAttribute.ORDERED)
    other = open_session(initiator_name=f"{writer.options.initiator_name}.other")
    data = pattern(scratch_disk, 1, seed=0xA3)
    write = waiting_write(writer, scratch_disk, data, TaskAttribute.SIMPLE)

    read = start_read(other, scratch_disk, TaskAttribute.ORDERED)

    expect_no_status(other, read)
    expect_good(writer.finish(write))
    result = other.finish(read)
    expect_good(result)
    expect_data(result.data, data, what="what was just written")
