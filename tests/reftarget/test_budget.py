# SPDX-License-Identifier: GPL-2.0-only
"""What one peer can have the target keep, and that it is given back."""

from typing import Any

import pytest

from iscsi import framing, pdu, text
from iscsi.constants import RESERVED_TAG, RejectReason
from iscsi.scsi import cdb
from reftarget.budget import Budget
from reftarget.config import Limits
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import BLOCK, Peer, data_out, make_target, read, write

LEVEL_1 = {"ErrorRecoveryLevel": "1"}
TASK_SET_FULL = 0x28


def small(**limits: Any) -> ReferenceTarget:
    return make_target(limits=Limits(**limits))


def other(target: ReferenceTarget, **keys: str) -> Peer:
    second = Peer(target)
    second.isid = b"\x80\x00\x01\x02\x03\x05"
    return second.logged_in(**keys)


def test_a_part_takes_from_its_parent() -> None:
    parent = Budget(100)
    part = Budget(60, parent)

    assert part.take(60)
    assert not part.take(1)
    assert not parent.take(41)
    part.give_all()
    assert (part.used, parent.used) == (0, 0)


def test_what_does_not_fit_takes_nothing() -> None:
    parent = Budget(50)
    part = Budget(60, parent)

    assert not part.take(55)
    assert (part.used, parent.used) == (0, 0)


def test_one_session_leaves_room_for_others() -> None:
    target = small(buffered_bytes=8 * BLOCK, session_bytes=4 * BLOCK)
    greedy = Peer(target).logged_in(ImmediateData="No")
    somebody = other(target, ImmediateData="No")

    first = greedy.send(write(0, 4))[0]
    second = greedy.send(write(4, 4))[0]

    assert isinstance(first, pdu.R2T)
    assert second.status == TASK_SET_FULL
    assert isinstance(somebody.send(write(8, 3))[0], pdu.R2T)


def test_immediate_data_that_waits_for_its_number_counts() -> None:
    target = small(buffered_bytes=64 * BLOCK)
    peer = Peer(target).logged_in(InitialR2T="Yes")
    missing = peer.cmd_sn
    peer.cmd_sn += 1

    peer.send(write(0, 4, data=bytes(4 * BLOCK)))

    assert target.budget.used == 4 * BLOCK
    peer.execute(cdb.test_unit_ready(), cmd_sn=missing)
    assert target.budget.used == 0


def test_immediate_data_without_room_is_answered_in_turn() -> None:
    target = small(session_bytes=2 * BLOCK)
    peer = Peer(target).logged_in(InitialR2T="Yes")
    missing = peer.cmd_sn
    peer.cmd_sn += 1
    assert peer.send(write(0, 4, data=bytes(4 * BLOCK))) == []

    answers = peer.execute(cdb.test_unit_ready(), cmd_sn=missing)

    assert [answer.status for answer in answers] == [0, TASK_SET_FULL]
    assert target.budget.used == 0


def test_pings_that_wait_for_their_number_count() -> None:
    target = small(session_bytes=1000)
    peer = Peer(target).logged_in()
    peer.cmd_sn += 1
    ping = {"target_transfer_tag": RESERVED_TAG, "lun": 0, "data": bytes(600)}
    assert peer.send(pdu.NOPOut(**ping)) == []

    answers = peer.send(pdu.NOPOut(**ping))

    assert answers[0].reason == RejectReason.LONG_OPERATION_REJECT
    assert target.budget.used == 600


def test_what_waits_is_given_back_when_the_session_ends() -> None:
    target = small(session_bytes=1000)
    peer = Peer(target).logged_in()
    peer.cmd_sn += 1
    peer.send(pdu.NOPOut(target_transfer_tag=RESERVED_TAG, data=bytes(600)))

    peer.connection.lost()
    target.tick(8000.0)

    assert target.budget.used == 0


def test_kept_responses_are_bounded_with_all_that_they_hold() -> None:
    target = small(session_bytes=64 << 10)
    peer = Peer(target).logged_in(**LEVEL_1)
    number = peer.exp_stat_sn

    for _ in range(50):
        peer.send(read(0, 16, exp_stat_sn=number))

    assert target.budget.used <= 64 << 10
    assert peer.send(read(0, 16, exp_stat_sn=number))[-1].status == 0


def test_the_newest_kept_response_can_be_had_again() -> None:
    target = small(session_bytes=64 << 10)
    peer = Peer(target).logged_in(**LEVEL_1)
    number = peer.exp_stat_sn
    for _ in range(50):
        last = peer.send(read(0, 16, exp_stat_sn=number))[-1]

    repeated = peer.send(
        pdu.SNACK(
            type=1,
            initiator_task_tag=RESERVED_TAG,
            beg_run=last.stat_sn,
            run_length=1,
            exp_stat_sn=number,
        )
    )

    assert bytes(repeated[0].data) == bytes(last.data)


def test_r2ts_of_finished_writes_count() -> None:
    target = small()
    keys = {**LEVEL_1, "ImmediateData": "No", "MaxBurstLength": "512"}
    peer = Peer(target).logged_in(**keys, FirstBurstLength="512")
    number = peer.exp_stat_sn
    before = target.budget.used

    answers = peer.send(write(0, 64, exp_stat_sn=number))
    while isinstance(answers[0], pdu.R2T):
        answers = peer.send(
            *(
                data_out(r2t, bytes(BLOCK), final=1, exp_stat_sn=number)
                for r2t in answers
            )
        )

    assert target.budget.used - before > 64 * 256


def test_acknowledged_responses_are_given_back() -> None:
    target = small()
    peer = Peer(target).logged_in(**LEVEL_1)
    peer.send(read(0, 16))

    peer.send(pdu.NOPOut(initiator_task_tag=RESERVED_TAG, immediate=1))

    assert target.budget.used == 0


def test_a_text_exchange_comes_to_its_end() -> None:
    target = small()
    peer = Peer(target).logged_in()
    itt = peer.next_itt()
    tag = RESERVED_TAG
    for count in range(200):
        pairs = [(f"X-com.example.{count}.{i}", "a" * 200) for i in range(35)]
        answer = peer.send(
            pdu.TextRequest(
                initiator_task_tag=itt,
                target_transfer_tag=tag,
                immediate=1,
                final=0,
                data=text.encode(pairs),
            )
        )[-1]
        if isinstance(answer, pdu.Reject):
            break
        tag = answer.target_transfer_tag

    assert answer.reason == RejectReason.PROTOCOL_ERROR
    assert count * 35 * 200 < 1 << 16
    assert peer.connection.exchange is None


def test_connections_that_withhold_data_are_dropped_when_memory_is_short() -> None:
    target = small(buffered_bytes=8 * BLOCK, session_bytes=8 * BLOCK, data_time=10.0)
    debtor = Peer(target).logged_in(ImmediateData="No")
    somebody = other(target, ImmediateData="No")
    debtor.send(write(0, 8))
    assert somebody.send(write(0, 4))[0].status == TASK_SET_FULL

    target.tick(9.0)
    assert not debtor.connection.is_closing
    target.tick(11.0)

    assert debtor.connection.is_closing
    assert not somebody.connection.is_closing


@pytest.mark.parametrize("connections", [0, 1])
def test_a_deserted_session_makes_room_for_a_new_one(connections: int) -> None:
    target = small(sessions=1)
    old = Peer(target).logged_in()
    if not connections:
        old.connection.lost()
    fresh = Peer(target)
    fresh.isid = b"\x80\x00\x01\x02\x03\x05"

    response = fresh.login()

    assert (response.status == 0) is not bool(connections)


def test_a_batch_leaves_off_when_its_time_is_over() -> None:
    peer = Peer(small()).logged_in()
    header, data = peer.fill(pdu.NOPOut(immediate=1, data=b"ping")).segments()
    peer.connection.stream.feed(framing.encode(header, data) * 3)
    turns = 0

    while not turns or peer.connection.has_more:
        peer.connection.process(0.0, lambda: False)
        turns += 1
        assert len(peer.receive()) == 1

    assert turns == 3
