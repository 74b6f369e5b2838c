# SPDX-License-Identifier: GPL-2.0-only
"""Several connections in one session (RFC 7143 sections 4.2.2 and 4.2.5.1)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from iscsi import serial
from iscsi.constants import TMFunction
from iscsi.pdu import R2T, NOPIn, SCSIResponse, TaskManagementResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.connections import expect_over, received_on
from suites.support.data import KIB, blocks_for, pattern, read
from suites.support.functions import ask_function
from suites.support.numbering import skip_without_room
from suites.support.traffic import stat_sns

pytestmark = pytest.mark.needs("multi-connection")

_KEYS = {
    "MaxConnections": "2",
    "ImmediateData": "No",
    "InitialR2T": "Yes",
    "MaxRecvDataSegmentLength": "4096",
}


@pytest.fixture
def pair(open_session: OpenSession) -> Session:
    """A session with two connections, CID 1 and 2."""
    session = open_session(_KEYS)
    session.add_connection(cid=2)
    return session


@pytest.mark.requirement("RFC7143-4.2.5.1-01", "RFC7143-4.2.5.1-02")
@pytest.mark.parametrize("cid", [1, 2])
def test_read_data_stays_on_its_connection(pair: Session, disk: Disk, cid: int) -> None:
    """Read data and status come over the connection that carried the command."""
    link = pair.links[cid]
    blocks = blocks_for(disk, 16 * KIB)
    length = blocks * disk.block_size

    result = pair.execute(cdb.read_10(lba=0, blocks=blocks), read=length, link=link)

    check(result.is_good, "GOOD", result)
    expect_over(pair, link, result.final.initiator_task_tag)


@pytest.mark.requirement("RFC7143-4.2.5.1-01", "RFC7143-4.2.5.1-04")
@pytest.mark.parametrize("cid", [1, 2])
def test_r2ts_and_write_status_stay_on_their_connection(
    pair: Session, scratch_disk: Disk, cid: int
) -> None:
    """R2Ts and status of a write come over the connection that carried the command."""
    link = pair.links[cid]
    data = pattern(scratch_disk, 16 * KIB, seed=cid)
    blocks = len(data) // scratch_disk.block_size

    result = pair.execute(cdb.write_10(lba=0, blocks=blocks), write=data, link=link)

    check(result.is_good, "GOOD", result)
    response = expect_over(pair, link, result.final.initiator_task_tag)
    kinds = {type(pdu) for pdu in response}
    check(kinds == {R2T, SCSIResponse}, "R2Ts and a SCSI Response", kinds)


@pytest.mark.requirement("RFC7143-4.2.5.1-01")
@pytest.mark.parametrize("cid", [1, 2])
def test_other_answers_stay_on_their_connection(pair: Session, cid: int) -> None:
    """Answers to pings and task management come over the request's connection."""
    link = pair.links[cid]

    pong = pair.ping(b"here", link=link)
    response = ask_function(
        pair, TMFunction.ABORT_TASK, link=link, referenced_task_tag=0x7FFFFFFF
    )

    assert isinstance(pong, NOPIn)
    assert isinstance(response, TaskManagementResponse)
    expect_over(pair, link, pong.initiator_task_tag)
    expect_over(pair, link, response.initiator_task_tag)


@pytest.mark.requirement("RFC7143-4.2.5.1-01", "RFC7143-4.2.5.1-07")
def test_tasks_on_both_connections_are_kept_apart(
    pair: Session, scratch_disk: Disk
) -> None:
    """Writes in progress on two connections at once each get their own R2Ts."""
    skip_without_room(pair, 2)
    data = [pattern(scratch_disk, 8 * KIB, seed=seed) for seed in (3, 4)]
    blocks = len(data[0]) // scratch_disk.block_size
    first, second = pair.links.values()

    tasks = [
        pair.start(cdb.write_10(lba=lba, blocks=blocks), write=part, link=link)
        for lba, part, link in ((0, data[0], first), (blocks, data[1], second))
    ]
    results = [pair.finish(tasks[0], first), pair.finish(tasks[1], second)]

    for result in results:
        expect_good(result)
    read_back = read(pair, scratch_disk, 2 * len(data[0])).data
    expect_data(read_back, b"".join(data), what="what was written")


@pytest.mark.requirement("RFC7143-4.2.2.1-08", "RFC7143-4.2.2.1-15")
def test_command_numbers_belong_to_the_session(pair: Session) -> None:
    """A command waits for one with a lower CmdSN on another connection."""
    skip_without_room(pair, 2)
    first, second = pair.links.values()
    early, _plan = pair.command(cdb.test_unit_ready())
    pair.number(early)

    late = pair.start(cdb.test_unit_ready(), link=second)
    pair.expect_silence(after=late.command, link=second)
    first.connection.send(early)

    pair.expect(SCSIResponse, of=early, link=first)
    expect_good(pair.finish(late, second))


@pytest.mark.requirement("RFC7143-4.2.2.1-10")
def test_exp_cmd_sn_stops_at_a_gap_on_another_connection(pair: Session) -> None:
    """ExpCmdSN does not pass a number that is missing on another connection."""
    skip_without_room(pair, 2)
    second = pair.links[2]
    early, _plan = pair.command(cdb.test_unit_ready())
    pair.number(early)

    late = pair.start(cdb.test_unit_ready(), link=second)
    pong = pair.ping(link=second)
    pair.connection.send(early)

    check(pong.exp_cmd_sn == early.cmd_sn, f"ExpCmdSN {early.cmd_sn}", pong)
    pair.expect(SCSIResponse, of=early)
    expect_good(pair.finish(late, second))


@pytest.mark.requirement("RFC7143-4.2.2.2-i01", "RFC7143-4.2.2.2-04")
def test_status_numbers_belong_to_the_connection(pair: Session) -> None:
    """Each connection counts StatSN by itself, from its first Login Response."""
    first, second = pair.links.values()

    results = [
        pair.execute(cdb.test_unit_ready(), link=link)
        for link in (first, second, second, first, second)
    ]

    for result in results:
        expect_good(result)
    for link in (first, second):
        numbers = stat_sns(received_on(pair, link))
        expected = [serial.add(numbers[0], step) for step in range(len(numbers))]
        check(numbers == expected, f"StatSN {expected}", f"StatSN {numbers}")


@pytest.mark.requirement("RFC7143-4.2.2.1-15")
def test_exp_cmd_sn_counts_over_all_connections(pair: Session) -> None:
    """ExpCmdSN on one connection counts the commands of the others."""
    first, second = pair.links.values()
    pair.execute(cdb.test_unit_ready(), link=second)

    pong = pair.ping(link=first)

    check(pong.exp_cmd_sn == pair.cmd_sn, f"ExpCmdSN {pair.cmd_sn}", pong)
