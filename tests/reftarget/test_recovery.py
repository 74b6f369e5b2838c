# SPDX-License-Identifier: GPL-2.0-only
"""Error recovery: digests, SNACK, connections that fail, reassignment."""

import itertools
import random
from typing import Any

import pytest

from iscsi import framing, pdu
from iscsi.constants import (
    RESERVED_TAG,
    LogoutReason,
    LogoutResponseCode,
    RejectReason,
    SNACKType,
    TMFunction,
    TMResponse,
)
from iscsi.scsi import cdb
from iscsi.states import ConnectionState
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import (
    Peer,
    data_out,
    make_target,
    read,
    sense_of,
    write,
)

PATTERN = bytes(range(256)) * 32
LEVEL_1 = {"ErrorRecoveryLevel": "1", "ImmediateData": "No", "DataDigest": "CRC32C"}
LEVEL_2 = {"ErrorRecoveryLevel": "2", "ImmediateData": "No", "MaxConnections": "4"}


@pytest.fixture
def target() -> ReferenceTarget:
    return make_target()


@pytest.fixture
def peer(target: ReferenceTarget) -> Peer:
    return Peer(target)


def corrupted(request: pdu.PDU) -> bytes:
    """Return the wire of a PDU with a wrong data digest."""
    header, data = request.segments()
    return framing.encode(header, data, data_digest=b"\0\0\0\0")


def snack(kind: SNACKType, begin: int = 0, count: int = 0, **fields: Any) -> pdu.SNACK:
    fields.setdefault("initiator_task_tag", RESERVED_TAG)
    return pdu.SNACK(type=int(kind), beg_run=begin, run_length=count, **fields)


def same_but_numbers(first: pdu.PDU, second: pdu.PDU) -> bool:
    hidden = ("exp_cmd_sn", "max_cmd_sn")
    one, other = ({**pdu.fields} for pdu in (first, second))
    return {k: v for k, v in one.items() if k not in hidden} == {
        k: v for k, v in other.items() if k not in hidden
    }


def test_corrupted_data_out_gets_a_recovery_r2t(peer: Peer) -> None:
    peer.logged_in(**LEVEL_1)
    r2t = peer.send(write(0, 4))[0]

    peer.send_bytes(corrupted(data_out(r2t, bytes(1024), final=0)))
    answers = peer.receive() + peer.send(
        data_out(r2t, PATTERN[1024:2048], start=1024, data_sn=1)
    )
    reject, recovery = answers
    last_answers = peer.send(data_out(recovery, PATTERN[:1024]))

    assert reject.reason == RejectReason.DATA_DIGEST_ERROR
    assert (recovery.r2t_sn, recovery.buffer_offset) == (1, 0)
    assert recovery.desired_data_transfer_length == 1024
    assert last_answers[0].status == 0
    assert b"".join(bytes(one.data) for one in peer.send(read(0, 4))) == PATTERN[:2048]


def test_corrupted_data_out_at_level_0_ends_the_task_after_the_last(peer: Peer) -> None:
    peer.logged_in(**{**LEVEL_1, "ErrorRecoveryLevel": "0"})
    r2t = peer.send(write(0, 4))[0]

    peer.send_bytes(corrupted(data_out(r2t, bytes(1024), final=0)))
    reject = peer.receive()
    answers = peer.send(data_out(r2t, bytes(1024), start=1024, data_sn=1))

    assert [one.reason for one in reject] == [RejectReason.DATA_DIGEST_ERROR]
    assert sense_of(answers[0]) == (0x0B, 0x47, 0x05)


def test_missing_data_out_gets_a_recovery_r2t(peer: Peer) -> None:
    peer.logged_in(**LEVEL_1)
    r2t = peer.send(write(0, 4))[0]

    recovery = peer.send(data_out(r2t, bytes(1024), start=1024, data_sn=1))

    assert recovery[0].buffer_offset == 0
    assert recovery[0].desired_data_transfer_length == 1024


def test_status_snack_repeats_responses(peer: Peer) -> None:
    peer.logged_in(ErrorRecoveryLevel="1")
    first = peer.exp_stat_sn
    values = [peer.execute(cdb.test_unit_ready(), exp_stat_sn=first)[0] for _ in "123"]

    one = peer.send(snack(SNACKType.STATUS, first + 1, 1, exp_stat_sn=first))
    every = peer.send(snack(SNACKType.STATUS, exp_stat_sn=first))
    answers = peer.send(snack(SNACKType.STATUS, first + 1, exp_stat_sn=first))

    assert [answer.stat_sn for answer in one] == [first + 1]
    assert same_but_numbers(one[0], values[1])
    assert one[0].exp_cmd_sn == peer.cmd_sn
    assert [answer.stat_sn for answer in every] == [first, first + 1, first + 2]
    assert [answer.stat_sn for answer in answers] == [first + 1, first + 2]


@pytest.mark.parametrize(("begin", "count"), [(0, 1), (1000, 1), (1000, 0), (3, 100)])
def test_status_snack_for_what_is_not_to_be_had(
    peer: Peer, begin: int, count: int
) -> None:
    peer.logged_in(ErrorRecoveryLevel="1")

    answer = peer.send(snack(SNACKType.STATUS, begin, count))[0]

    assert answer.reason == RejectReason.PROTOCOL_ERROR


def test_data_snack_repeats_data_in(peer: Peer) -> None:
    peer.logged_in(ErrorRecoveryLevel="1", MaxRecvDataSegmentLength="512")
    acknowledged = peer.exp_stat_sn
    values = peer.send(read(0, 4, exp_stat_sn=acknowledged))
    fields = {
        "initiator_task_tag": values[0].initiator_task_tag,
        "exp_stat_sn": acknowledged,
    }

    two = peer.send(snack(SNACKType.DATA_R2T, 1, 2, **fields))
    every = peer.send(snack(SNACKType.DATA_R2T, **fields))
    beyond = peer.send(snack(SNACKType.DATA_R2T, 2, 3, **fields))

    assert [one.data_sn for one in two] == [1, 2]
    assert all(map(same_but_numbers, two, values[1:3]))
    assert all(map(same_but_numbers, every, values))
    assert beyond[0].reason == RejectReason.PROTOCOL_ERROR
    assert beyond[0].data_sn == 4


def test_r2t_snack_repeats_r2ts_with_the_next_stat_sn(peer: Peer) -> None:
    peer.logged_in(**LEVEL_1)
    r2t = peer.send(write(0, 4))[0]
    ping = peer.send(pdu.NOPOut(immediate=1))[0]

    repeated = peer.send(
        snack(SNACKType.DATA_R2T, initiator_task_tag=r2t.initiator_task_tag)
    )[0]

    assert (repeated.r2t_sn, repeated.target_transfer_tag) == (
        0,
        r2t.target_transfer_tag,
    )
    assert repeated.stat_sn == ping.stat_sn + 1


def test_data_ack_forbids_asking_again(peer: Peer) -> None:
    peer.logged_in(
        ErrorRecoveryLevel="1", MaxRecvDataSegmentLength="512", MaxBurstLength="1024"
    )
    acknowledged = peer.exp_stat_sn
    values = peer.send(read(0, 4, exp_stat_sn=acknowledged))
    asking = [one for one in values if one.acknowledge]
    acknowledge = snack(
        SNACKType.DATA_ACK,
        2,
        target_transfer_tag=asking[0].target_transfer_tag,
        lun=asking[0].lun,
        exp_stat_sn=acknowledged,
    )
    fields = {
        "initiator_task_tag": values[0].initiator_task_tag,
        "exp_stat_sn": acknowledged,
    }

    silence = peer.send(acknowledge)
    refused = peer.send(snack(SNACKType.DATA_R2T, 1, 1, **fields))
    answers = peer.send(snack(SNACKType.DATA_R2T, **fields))

    assert [one.data_sn for one in asking] == [1]
    assert silence == []
    assert refused[0].reason == RejectReason.PROTOCOL_ERROR
    assert [one.data_sn for one in answers] == [2, 3]


def test_data_ack_of_nothing_is_invalid(peer: Peer) -> None:
    peer.logged_in(ErrorRecoveryLevel="1")

    answer = peer.send(snack(SNACKType.DATA_ACK, 1, target_transfer_tag=99))[0]

    assert answer.reason == RejectReason.INVALID_DATA_ACK


def test_r_data_snack_cuts_anew_and_ends_with_a_tagged_response(peer: Peer) -> None:
    peer.logged_in(ErrorRecoveryLevel="1")
    acknowledged = peer.exp_stat_sn
    values = peer.send(read(0, 4, exp_stat_sn=acknowledged))
    peer.send(
        pdu.TextRequest(
            data=b"MaxRecvDataSegmentLength=512\0", exp_stat_sn=acknowledged
        )
    )

    repeated = peer.send(
        snack(
            SNACKType.R_DATA,
            initiator_task_tag=values[0].initiator_task_tag,
            target_transfer_tag=0x55,
            exp_stat_sn=acknowledged,
        )
    )

    assert len(values) == 1
    assert [one.data_sn for one in repeated[:-1]] == [0, 1, 2, 3]
    assert (repeated[-1].snack_tag, repeated[-1].stat_sn) == (0x55, values[0].stat_sn)
    assert repeated[-1].exp_data_sn == 4


def test_reserved_snack_type_and_snack_at_level_0(target: ReferenceTarget) -> None:
    level_1, level_0 = Peer(target), Peer(target)
    level_0.isid = b"\x80\x00\x01\x02\x03\x05"
    level_1.logged_in(ErrorRecoveryLevel="1")
    level_0.logged_in()

    answers = [
        level_1.send(pdu.SNACK(type=7))[0],
        level_0.send(pdu.SNACK(type=int(SNACKType.STATUS)))[0],
    ]

    assert [one.reason for one in answers] == [RejectReason.PROTOCOL_ERROR] * 2


@pytest.mark.parametrize("seed", range(40))
def test_writes_survive_data_that_is_corrupted_or_lost(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    peer = Peer(make_target())
    peer.logged_in(
        ErrorRecoveryLevel="1",
        DataDigest="CRC32C",
        InitialR2T=chance.choice(("Yes", "No")),
        ImmediateData=chance.choice(("Yes", "No")),
        MaxBurstLength="2048",
        FirstBurstLength="1536",
        MaxOutstandingR2T="1",
    )
    parameters = peer.connection.parameters
    blocks = chance.randrange(1, 16)
    pattern = chance.randbytes(blocks * 512)
    immediate = min(len(pattern), chance.choice((0, 300, 1024)))
    immediate *= parameters.immediate_data
    first_burst = min(1536, len(pattern))
    has_unsolicited = not parameters.initial_r2t and immediate < first_burst
    command = peer.fill(
        write(
            0,
            blocks,
            data=pattern[:immediate],
            final=int(not has_unsolicited),
        )
    )
    answers = peer.send(command)
    if has_unsolicited:
        r2t = pdu.R2T(
            lun=command.lun,
            initiator_task_tag=command.initiator_task_tag,
            target_transfer_tag=RESERVED_TAG,
            buffer_offset=immediate,
            desired_data_transfer_length=first_burst - immediate,
        )
        answers += send_badly(peer, r2t, pattern, chance)
    for _ in range(200):
        r2ts = [one for one in answers if isinstance(one, pdu.R2T)]
        if not r2ts:
            break
        answers = []
        for r2t in r2ts:
            answers += send_badly(peer, r2t, pattern, chance)

    assert isinstance(answers[-1], pdu.SCSIResponse)
    assert answers[-1].status == 0
    assert answers[-1].residual_count == 0
    assert b"".join(bytes(one.data) for one in peer.send(read(0, blocks))) == pattern


def send_badly(
    peer: Peer, r2t: pdu.PDU, pattern: bytes, chance: random.Random
) -> list[pdu.PDU]:
    """Answer an R2T; corrupt or drop some PDUs, but not the last one's F bit."""
    length = r2t.desired_data_transfer_length
    cuts = sorted({0, length, *(chance.randrange(length) for _ in range(3))})
    answers: list[pdu.PDU] = []
    for data_sn, (start, end) in enumerate(itertools.pairwise(cuts)):
        offset = r2t.buffer_offset
        part = pattern[offset + start : offset + end]
        is_last = end == length
        one = data_out(r2t, part, start=start, data_sn=data_sn, final=is_last)
        fate = chance.random()
        if fate < 0.15:
            peer.send_bytes(corrupted(peer.fill(one)))
            answers += peer.receive()
        elif fate > 0.25 or is_last:
            answers += peer.send(one)
    return answers


def two_connections(target: ReferenceTarget, **keys: str) -> tuple[Peer, Peer]:
    first, second = Peer(target), Peer(target, cid=1)
    first.logged_in(**{**LEVEL_2, **keys})
    second.tsih = first.tsih
    assert second.login().status == 0
    second.cmd_sn = first.cmd_sn
    return first, second


def reassign(tag: int, **fields: int) -> pdu.TaskManagementRequest:
    return pdu.TaskManagementRequest(
        function=int(TMFunction.TASK_REASSIGN), referenced_task_tag=tag, **fields
    )


def test_write_goes_on_after_its_connection_was_logged_out(
    target: ReferenceTarget,
) -> None:
    first, second = two_connections(target)
    r2t = first.send(write(0, 2))[0]
    second.cmd_sn = first.cmd_sn
    first.connection.lost()
    allegiant = second.send(reassign(r2t.initiator_task_tag))

    out = second.send(
        pdu.LogoutRequest(reason=int(LogoutReason.REMOVE_FOR_RECOVERY), cid=0)
    )
    answers = second.send(reassign(r2t.initiator_task_tag))
    last_answers = second.send(data_out(answers[1], PATTERN[:1024]))

    assert [one.async_event for one in allegiant[:1]] == [2]
    assert allegiant[1].response == TMResponse.TASK_STILL_ALLEGIANT
    assert out[0].response == LogoutResponseCode.CLOSED
    assert answers[0].response == TMResponse.FUNCTION_COMPLETE
    assert answers[1].r2t_sn == 1
    assert last_answers[0].status == 0


def test_read_goes_on_from_what_was_acknowledged(target: ReferenceTarget) -> None:
    first, second = two_connections(target, MaxRecvDataSegmentLength="512")
    values = first.send(read(0, 4))
    second.cmd_sn = first.cmd_sn
    first.connection.lost()
    second.receive()
    second.send(pdu.LogoutRequest(reason=int(LogoutReason.REMOVE_FOR_RECOVERY), cid=0))

    tag = values[0].initiator_task_tag
    answers = second.send(reassign(tag, exp_data_sn=3))

    assert answers[0].response == TMResponse.FUNCTION_COMPLETE
    assert [one.data_sn for one in answers[1:-1]] == [3]
    assert (answers[-1].initiator_task_tag, answers[-1].status) == (tag, 0)


def test_reinstated_connection_may_reassign(target: ReferenceTarget) -> None:
    first = Peer(target).logged_in(**LEVEL_2)
    r2t = first.send(write(0, 2))[0]
    second = Peer(target)
    second.tsih = first.tsih
    second.cmd_sn = first.cmd_sn
    second.itt = 0x500

    assert second.login().status == 0
    answers = second.send(reassign(r2t.initiator_task_tag))

    assert first.connection.is_closing
    assert answers[0].response == TMResponse.FUNCTION_COMPLETE
    assert isinstance(answers[1], pdu.R2T)


def test_reinstatement_below_level_2_ends_the_tasks(target: ReferenceTarget) -> None:
    first = Peer(target).logged_in(ImmediateData="No")
    first.send(write(0, 2))
    second = Peer(target)
    second.tsih, second.cmd_sn, second.itt = first.tsih, first.cmd_sn, 0x500
    second.login()

    session = target.sessions[first.tsih]
    attention = second.execute(cdb.test_unit_ready())[0]

    assert not session.commands
    assert sense_of(attention) == (6, 0x47, 0x7F)
    assert second.execute(cdb.test_unit_ready())[0].status == 0


def test_orphans_end_with_time2retain(target: ReferenceTarget) -> None:
    first, second = two_connections(target)
    first.send(write(0, 2))
    second.cmd_sn = first.cmd_sn
    first.connection.lost()

    target.tick(21.0)
    stored = len(target.sessions[first.tsih].commands)
    target.tick(22.0)
    second.receive()

    assert stored == 1
    assert sense_of(second.execute(cdb.test_unit_ready())[0]) == (6, 0x47, 0x7F)


def test_failed_session_lives_until_its_time_is_over(target: ReferenceTarget) -> None:
    peer = Peer(target).logged_in()
    peer.connection.lost()

    target.tick(21.9)
    alive = list(target.sessions)
    target.tick(22.0)

    assert alive == [peer.tsih]
    assert not target.sessions


def test_with_time2retain_0_nothing_outlives_its_connection(
    target: ReferenceTarget,
) -> None:
    peer = Peer(target).logged_in(DefaultTime2Retain="0")

    peer.connection.lost()

    assert not target.sessions


def test_session_continues_after_its_last_connection_failed(
    target: ReferenceTarget,
) -> None:
    peer = Peer(target).logged_in()
    peer.connection.lost()
    second = Peer(target)
    second.tsih, second.cmd_sn, second.itt = peer.tsih, peer.cmd_sn, 0x500

    assert second.login().status == 0
    assert second.execute(cdb.test_unit_ready())[0].status == 0


def test_recovery_logout_below_level_2_is_not_supported(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(
        pdu.LogoutRequest(reason=int(LogoutReason.REMOVE_FOR_RECOVERY), cid=0)
    )[0]

    assert answer.response == LogoutResponseCode.RECOVERY_NOT_SUPPORTED
    # A failed logout also ends full-feature phase (section 8.1.2, T17).
    assert peer.connection.state is ConnectionState.CLEANUP_WAIT
    assert peer.connection.is_closing


def test_reassignment_below_level_2_is_not_supported(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(reassign(1))[0]

    assert answer.response == TMResponse.REASSIGNMENT_NOT_SUPPORTED


def test_eight_connections_share_one_session(target: ReferenceTarget) -> None:
    peers = [Peer(target).logged_in(**{**LEVEL_2, "MaxConnections": "8"})]
    for cid in range(1, 8):
        peers.append(Peer(target, cid=cid))
        peers[-1].tsih = peers[0].tsih
        assert peers[-1].login().status == 0
    number = peers[0].cmd_sn

    answers = [
        peer.execute(cdb.test_unit_ready(), cmd_sn=number + i)
        for i, peer in enumerate(reversed(peers))
    ]

    assert [one[0].status for one in answers] == [0] * 8
    assert answers[-1][0].exp_cmd_sn == number + 8
    assert len(target.sessions) == 1
