# SPDX-License-Identifier: GPL-2.0-only
"""READs of many PDUs, and many READs at once: in parts, and as there is room."""

import pytest

from iscsi import framing, pdu
from iscsi.constants import BHS_LENGTH, RESERVED_TAG, RejectReason, TaskAttribute
from iscsi.scsi import cdb
from reftarget.config import Limits
from reftarget.connection import HIGH_WATER
from reftarget.scsi.config import LogicalUnitConfig
from tests.reftarget.peer import BLOCK, SIZE, Peer, data_out, make_target, scsi, write
from tests.reftarget.peer import read as read_10

BLOCKS = SIZE // BLOCK
SMALL = {"MaxRecvDataSegmentLength": "512", "MaxBurstLength": "512"}
SMALL |= {"FirstBurstLength": "512"}
MOST_PDUS = 512
"""PDUs that one turn may be long."""


def long_read() -> pdu.SCSICommand:
    """Return a READ of all blocks, a few times over: more than one turn can send."""
    return scsi(
        cdb.read_10(lba=0, blocks=2 * BLOCKS),
        read=1,
        expected_data_transfer_length=2 * SIZE,
    )


def large_target() -> Peer:
    """Return a peer, not logged in, of a target with a disk of twice the size."""
    units = (LogicalUnitConfig(0, size=2 * SIZE), LogicalUnitConfig(1, size=SIZE))
    return Peer(make_target(units=units))


def turns(peer: Peer, *, most: int) -> list[pdu.PDU]:
    """Take turns that are over at once; return all that comes of them.

    None of them may say more than so many PDUs.
    """
    connection = peer.connection
    received: list[pdu.PDU] = []
    while True:
        connection.process(0.0, lambda: False)
        part = peer.receive()
        assert len(part) <= most
        received += part
        if not connection.has_more and not connection.is_stopped:
            return received


@pytest.mark.parametrize("level", ["0", "1"])
def test_a_read_of_many_pdus_is_answered_in_parts(level: str) -> None:
    peer = large_target().logged_in(ErrorRecoveryLevel=level, **SMALL)
    node = next(iter(peer.target.nodes.values()))
    pattern = b"".join(n.to_bytes(4, "big") * 128 for n in range(2 * BLOCKS))
    node.device.units[0].write(0, pattern)
    header, data = peer.fill(long_read()).segments()
    peer.connection.stream.feed(framing.encode(header, data))

    answers = turns(peer, most=MOST_PDUS)

    assert all(isinstance(one, pdu.DataIn) for one in answers)
    assert [one.data_sn for one in answers] == list(range(2 * BLOCKS))
    assert b"".join(bytes(one.data) for one in answers) == pattern
    assert answers[-1].status_present
    assert answers[-1].status == 0
    assert peer.execute(cdb.test_unit_ready())[-1].status == 0


def test_a_long_read_is_not_kept_for_snack() -> None:
    peer = large_target().logged_in(ErrorRecoveryLevel="1", **SMALL)
    number = peer.exp_stat_sn
    before = peer.target.budget.used

    last = peer.send(long_read())[-1]
    (repeated,) = peer.send(
        pdu.SNACK(
            type=1,
            initiator_task_tag=RESERVED_TAG,
            beg_run=last.stat_sn,
            run_length=1,
            exp_stat_sn=number,
        )
    )

    assert bytes(repeated.data) == bytes(last.data)
    assert peer.target.budget.used - before < 1 << 12


def test_reads_that_waited_for_others_go_out_as_there_is_room() -> None:
    peer = Peer(make_target()).logged_in(ImmediateData="No")
    (r2t,) = peer.send(write(0, 1))
    for _ in range(20):
        peer.send(read_10(0, BLOCKS, attribute=TaskAttribute.ORDERED))
    header, data = peer.fill(data_out(r2t, bytes(BLOCK), final=1)).segments()

    peer.send_bytes(framing.encode(header, data))
    statuses = 0
    while peer.connection.output:
        assert peer.connection.output_size <= HIGH_WATER + 2 * SIZE
        statuses += sum(
            isinstance(one, pdu.SCSIResponse) or bool(one.status_present)
            for one in peer.receive()
        )
        peer.connection.process(0.0)

    assert statuses == 21


def test_reads_that_waited_for_others_take_turns() -> None:
    peer = Peer(make_target()).logged_in(ImmediateData="No")
    (r2t,) = peer.send(write(0, 1))
    for _ in range(20):
        assert peer.send(read_10(0, 1, attribute=TaskAttribute.ORDERED)) == []
    peer.target.turns.has_time = lambda: False

    answers = peer.send(data_out(r2t, bytes(BLOCK), final=1))
    assert len(answers) == 1
    while peer.target.turns:
        peer.target.turns.go_on()
        answers += peer.receive()

    assert [one.status for one in answers] == 21 * [0]


def test_of_a_read_that_is_cut_only_what_is_sent_is_kept() -> None:
    peer = Peer(make_target()).logged_in()
    request = read_10(0, BLOCKS, expected_data_transfer_length=BLOCK)
    header, data = peer.fill(request).segments()
    peer.send_bytes(framing.encode(header, data))

    stored = [
        one.obj if isinstance(one, memoryview) else one
        for one in peer.connection.output
    ]
    assert [memoryview(one).nbytes for one in stored] == [BHS_LENGTH, BLOCK]


def test_a_read_that_is_too_large_to_be_kept_leaves_nothing() -> None:
    keys = {"MaxBurstLength": "512", "FirstBurstLength": "512"}
    peer = Peer(make_target(limits=Limits(session_bytes=1 << 14)))
    peer.logged_in(ErrorRecoveryLevel="1", **keys)
    number = peer.exp_stat_sn

    answers = peer.send(read_10(0, 64, exp_stat_sn=number))
    tag = next(one.target_transfer_tag for one in answers if one.acknowledge)
    (refusal,) = peer.send(
        pdu.SNACK(type=2, target_transfer_tag=tag, beg_run=1, exp_stat_sn=number)
    )

    assert peer.session.recovery.answers == {}
    assert refusal.reason == RejectReason.INVALID_DATA_ACK
