# SPDX-License-Identifier: GPL-2.0-only
"""Connection recovery and TASK REASSIGN (RFC 7143 sections 7.2.2, 11.5.6 and 11.14)."""

import pytest

from initiator.core import Link
from initiator.expect import check, clause, expect_data, expect_drop, expect_good
from initiator.impair import deliver, withhold
from initiator.session import Session
from iscsi.constants import LogoutReason, LogoutResponseCode, TMResponse
from iscsi.pdu import SCSIResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.connections import (
    cut,
    expect_discarded,
    received_on,
    resume,
    tagged,
    wait_cleared,
    wait_receiving,
)
from suites.support.data import blocks_for, pattern, read
from suites.support.recovery import (
    SEGMENT,
    expect_reassigned,
    finish_reassigned,
    read_unacknowledged,
    reassign,
    resegmented,
    start_write_over,
)

pytestmark = pytest.mark.needs("erl2")

PAIR = pytest.mark.needs("multi-connection")
LENGTH = 6 * SEGMENT
KEYS = {
    "ErrorRecoveryLevel": "2",
    "MaxRecvDataSegmentLength": str(SEGMENT),
    "ImmediateData": "No",
    "InitialR2T": "Yes",
    "DefaultTime2Wait": "0",
    "DefaultTime2Retain": "20",
}


@pytest.fixture
def pair(open_session: OpenSession) -> Session:
    """A session at ErrorRecoveryLevel 2 with two connections, CID 1 and 2."""
    session = open_session({**KEYS, "MaxConnections": "2"})
    session.add_connection(cid=2)
    session.judges_stat_sn = False
    return session


@pytest.fixture
def old(pair: Session) -> Link:
    """The connection that the check will lose."""
    return pair.links[2]


def remove(session: Session, link: Link) -> None:
    """Close a connection, and log it out for recovery on the remaining one."""
    cut(session, link, with_reset=True)
    session.ping()
    answer = session.logout(LogoutReason.REMOVE_FOR_RECOVERY, cid=link.cid)
    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)


@PAIR
@pytest.mark.requirement(
    "RFC7143-E.1-i02",
    "RFC7143-7.2.2-02",
    "RFC7143-7.2.2-05",
    "RFC7143-7.1.5-02",
    "RFC7143-7.5-i01",
)
def test_a_write_continues_on_another_connection(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """The target finishes a write of a lost connection on another connection."""
    data = pattern(scratch_disk, LENGTH, seed=0xB00)
    task = start_write_over(pair, scratch_disk, data, old)
    remove(pair, old)

    expect_reassigned(pair, task)

    expect_good(pair.finish(task))
    read_back = read(pair, scratch_disk, len(data)).data
    expect_data(read_back, data, what="what was written")


@PAIR
@pytest.mark.requirement(
    "RFC7143-7.2.2-09", "RFC7143-11.5.1-19", "RFC7143-11.6-01", "RFC7143-7.2.2-05"
)
def test_the_response_comes_before_the_task_continues(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """The target answers TASK REASSIGN before it sends any PDU of the task."""
    task = start_write_over(pair, scratch_disk, pattern(scratch_disk, LENGTH), old)
    remove(pair, old)

    response = expect_reassigned(pair, task)
    finish_reassigned(pair, task)

    received = received_on(pair, pair.leading)
    first = received.index(tagged(received, task.initiator_task_tag)[0])
    check(
        received.index(response) < first,
        "the response of the function before it",
        received[first],
    )


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-05", "RFC7143-11.5.6-02")
def test_a_read_is_sent_again_over_another_connection(
    pair: Session, old: Link, disk: Disk
) -> None:
    """A reassigned read with ExpDataSN 0 gets all of its data and its status."""
    task = read_unacknowledged(pair, disk, LENGTH, link=old)
    before = task.result().data
    remove(pair, old)

    expect_reassigned(pair, task)
    result = pair.finish(task)

    check(result.is_good, "GOOD", result)
    expect_data(
        result.data, before, what="the same data", requirement="RFC7143-11.5.6-02"
    )


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-03", "RFC7143-11.5.6-02", "RFC7143-7.2.2-05")
def test_a_read_continues_at_its_offset(pair: Session, old: Link, disk: Disk) -> None:
    """The target skips the Data-In PDUs before ExpDataSN of TASK REASSIGN."""
    task = read_unacknowledged(pair, disk, LENGTH, link=old)
    before = task.result().data
    last_received = task.data_ins[2]
    offset = int(last_received.buffer_offset) + len(last_received.data)
    remove(pair, old)

    expect_reassigned(pair, task, exp_data_sn=3)
    result = finish_reassigned(pair, task)

    check(result.is_good, "GOOD", result)
    numbers = [int(pdu.data_sn) for pdu in result.data_ins]
    check(numbers[:1] == [3], "DataSN from 3 on", numbers, field="DataSN")
    resent = b"".join(bytes(pdu.data) for pdu in result.data_ins)
    expect_data(
        resent,
        before[offset:],
        what="the data from there on",
        requirement="RFC7143-11.5.6-02",
    )


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-05", "RFC7143-11.5.6-03")
def test_the_status_comes_again(pair: Session, old: Link, disk: Disk) -> None:
    """A reassigned read whose data is all acknowledged still gets its status."""
    task = read_unacknowledged(pair, disk, LENGTH, link=old)
    sent = len(task.data_ins)
    remove(pair, old)

    expect_reassigned(pair, task, exp_data_sn=sent)
    result = pair.finish(task)

    check(result.is_good, "GOOD", result)


@PAIR
@pytest.mark.requirement("RFC7143-11.5.6-05", "RFC7143-7.2.2-05")
@pytest.mark.parametrize("beyond", [1, 1000])
def test_a_wild_exp_data_sn_is_ignored(
    pair: Session, old: Link, disk: Disk, beyond: int
) -> None:
    """The target ignores an ExpDataSN beyond what was sent, and sends all data."""
    task = read_unacknowledged(pair, disk, LENGTH, link=old)
    before = task.result().data
    sent = len(task.data_ins)
    remove(pair, old)

    expect_reassigned(pair, task, exp_data_sn=sent + beyond)
    result = finish_reassigned(pair, task)

    check(result.data == before, "all of the data", f"{len(result.data)} bytes")


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-10", "RFC7143-7.2.2-05")
def test_the_snack_tag_is_dropped(pair: Session, old: Link, disk: Disk) -> None:
    """The response of a reassigned read has SNACK Tag 0, whatever it had before."""
    task = read_unacknowledged(pair, disk, LENGTH, link=old)
    resegmented(pair, task, tag=0x5EA6, link=old, acknowledges=False)
    remove(pair, old)

    expect_reassigned(pair, task)
    final = finish_reassigned(pair, task).final

    is_right = not isinstance(final, SCSIResponse) or final.snack_tag == 0
    check(is_right, "SNACK Tag 0", final)


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-08", "RFC7143-11.5.1-18")
def test_a_task_with_a_live_connection_is_still_allegiant(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """TASK REASSIGN of a task whose connection is still up gets response 3."""
    data = pattern(scratch_disk, LENGTH, seed=0xC00)
    task = start_write_over(pair, scratch_disk, data, old)

    answer = reassign(pair, task)

    expected = TMResponse.TASK_STILL_ALLEGIANT
    check(answer.response == expected, "response 3", answer)


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-08", "RFC7143-11.5.1-18")
def test_a_task_is_allegiant_until_its_connection_is_logged_out(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """TASK REASSIGN between a loss and the recovery logout gets response 3."""
    data = pattern(scratch_disk, LENGTH, seed=0xD00)
    task = start_write_over(pair, scratch_disk, data, old)
    cut(pair, old, with_reset=True)
    pair.ping()

    answer = reassign(pair, task)

    expected = TMResponse.TASK_STILL_ALLEGIANT
    check(answer.response == expected, "response 3", answer)


@PAIR
@pytest.mark.requirement("RFC7143-11.14-i02", "RFC7143-11.14.5-01", "RFC7143-11.14-04")
def test_a_task_ended_by_a_logout_is_not_reassigned(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """TASK REASSIGN after a close-connection logout gets response 1."""
    data = pattern(scratch_disk, LENGTH, seed=0xE00)
    task = start_write_over(pair, scratch_disk, data, old)
    cut(pair, old, with_reset=True)
    pair.logout(LogoutReason.CLOSE_CONNECTION, cid=old.cid)

    answer = reassign(pair, task)

    expected = TMResponse.TASK_DOES_NOT_EXIST
    check(
        answer.response == expected,
        "response 1",
        answer,
        requirement="RFC7143-11.14-04",
    )


@PAIR
@pytest.mark.requirement("RFC7143-E.1-i02", "RFC7143-7.14-05")
def test_an_immediate_command_ends_with_its_connection(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """The target keeps no immediate command for recovery after its connection fails."""
    data = pattern(scratch_disk, LENGTH, seed=0xE80)
    task = start_write_over(pair, scratch_disk, data, old, immediate=1)
    assert task.command.immediate
    remove(pair, old)

    answer = reassign(pair, task)

    expected = TMResponse.TASK_DOES_NOT_EXIST
    check(answer.response == expected, "response 1", answer)


@PAIR
@pytest.mark.requirement("RFC7143-11.14-07", "RFC7143-11.15-01")
def test_a_recovery_logout_stops_the_connection(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A recovery logout of a working connection stops its transfers and closes it."""
    # No second R2T may be in flight.
    session = open_session({**KEYS, "MaxConnections": "2", "MaxOutstandingR2T": "1"})
    session.judges_stat_sn = False
    old = session.add_connection(cid=2)
    data = pattern(scratch_disk, LENGTH, seed=0xF00)
    task = start_write_over(session, scratch_disk, data, old)
    before = len(tagged(received_on(session, old), task.initiator_task_tag))

    answer = session.logout(LogoutReason.REMOVE_FOR_RECOVERY, cid=old.cid)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    with clause("RFC7143-11.15-01"):
        expect_drop(old.connection)
    after = len(tagged(received_on(session, old), task.initiator_task_tag))
    check(after == before, "no PDU of the task", f"{after - before}")


@PAIR
@pytest.mark.requirement("RFC7143-11.14-06")
def test_a_recovery_logout_discards_what_was_not_acknowledged(
    pair: Session, old: Link
) -> None:
    """A recovery logout discards its connection's commands that wait for a gap."""
    early = withhold(pair, pair.command(cdb.test_unit_ready())[0])
    late = pair.start(cdb.test_unit_ready(), link=old)
    pair.expect_silence(after=late.command, link=old)
    remove(pair, old)

    deliver(pair, early)

    expect_discarded(pair, early, late)
    deliver(pair, late.command)
    expect_good(pair.finish(late))


@PAIR
@pytest.mark.requirement(
    "RFC7143-7.5.2-i01", "RFC7143-7.6-i01", "RFC7143-11.14.5-01", "RFC7143-7.1.4-i01"
)
def test_a_task_without_reassignment_ends(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A task that is not reassigned ends after the times of the Logout Response."""
    keys = {**KEYS, "MaxConnections": "2", "DefaultTime2Retain": "0"}
    session = open_session(keys)
    link = session.add_connection(cid=2)
    data = pattern(scratch_disk, LENGTH, seed=0x1000)
    start_write_over(session, scratch_disk, data, link)

    answer = session.logout(LogoutReason.REMOVE_FOR_RECOVERY, cid=link.cid)

    check(answer.response == LogoutResponseCode.CLOSED, "response 0", answer)
    wait_cleared(session)


@pytest.mark.requirement("RFC7143-11.14-i03", "RFC7143-7.2.2-05", "RFC7143-8.2-i02")
def test_reinstatement_is_a_recovery_logout(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """After a lost connection is reinstated its tasks can be reassigned to it."""
    session = open_session({**KEYS, "MaxConnections": "1"})
    data = pattern(scratch_disk, LENGTH, seed=0x1100)
    task = start_write_over(session, scratch_disk, data, session.leading)
    cut(session, session.leading, with_reset=True)
    resume(session)

    expect_reassigned(session, task)

    expect_good(session.finish(task))
    read_back = read(session, scratch_disk, len(data)).data
    expect_data(read_back, data, what="what was written")


@PAIR
@pytest.mark.requirement("RFC7143-7.2.2-02", "RFC7143-4.2.5.1-01")
def test_a_reassigned_task_belongs_to_its_new_connection(
    pair: Session, old: Link, scratch_disk: Disk
) -> None:
    """The target sends every later PDU of a reassigned task on its new connection."""
    data = pattern(scratch_disk, LENGTH, seed=0x1200)
    task = start_write_over(pair, scratch_disk, data, old)
    remove(pair, old)
    third = pair.add_connection(cid=3)

    expect_reassigned(pair, task, link=third)
    result = pair.finish(task, third)

    check(result.is_good, "GOOD", result)
    strays = tagged(received_on(pair, pair.links[1]), task.initiator_task_tag)
    check(
        not strays,
        "nothing on the other connection",
        strays and strays[0],
        requirement="RFC7143-4.2.5.1-01",
    )


@pytest.mark.requirement("RFC7143-8.3.2-i02", "RFC7143-8.3.2-i03", "RFC7143-7.1.5-02")
def test_a_failed_session_is_continued(open_session: OpenSession, disk: Disk) -> None:
    """At level 2 the target keeps a session that has lost its only connection."""
    session = open_session(KEYS)
    bystander = open_session()
    cmd_sn = session.cmd_sn
    cut(session, session.leading, with_reset=True)
    wait_receiving(bystander)

    response = resume(session)

    check(response.exp_cmd_sn == cmd_sn, f"ExpCmdSN {cmd_sn}", response)
    blocks = blocks_for(disk, SEGMENT)
    length = blocks * disk.block_size
    result = session.execute(cdb.read_10(lba=0, blocks=blocks), read=length)
    check(result.is_good, "GOOD", result)
