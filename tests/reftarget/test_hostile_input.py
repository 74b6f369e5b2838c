# SPDX-License-Identifier: GPL-2.0-only
"""Random and mutated input: nothing escapes, nothing leaks, others are served."""

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscsi import headers, pdu
from iscsi.constants import Opcode
from iscsi.scsi import cdb
from reftarget.config import Limits
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import Peer, make_target, read, write

KEYS = {"ErrorRecoveryLevel": "2", "MaxConnections": "4", "iSCSIProtocolLevel": "2"}
OPCODES = sorted(
    {int(opcode) for opcode in Opcode if opcode < Opcode.NOP_IN}
    - {Opcode.LOGIN_REQUEST}
)


@pytest.fixture(autouse=True)
def _nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a login would answer with Target Error (0300) fail the test."""

    def again(*_args: object) -> None:
        raise  # noqa: PLE0704 - called where an exception is being handled

    monkeypatch.setattr("reftarget.login.log.exception", again)


def isid(seed: int) -> bytes:
    return bytes([0x80, 0, 0, 9]) + seed.to_bytes(2, "big")


def logged_in(target: ReferenceTarget, seed: int = 0) -> Peer:
    peer = Peer(target)
    peer.isid = isid(seed)
    return peer.logged_in(**KEYS)


class Notetaker(Peer):
    """Notes what it sends, and the status of what comes back."""

    def __init__(self, target: ReferenceTarget) -> None:
        super().__init__(target)
        self.sent: list[bytes] = []
        self.statuses: list[int] = []

    def send_bytes(self, wire: bytes, *, now: float = 0.0) -> None:
        self.sent.append(bytes(wire))
        super().send_bytes(wire, now=now)

    def receive(self) -> list[pdu.PDU]:
        answers = super().receive()
        self.statuses.append(answers[-1].status)
        return answers


class Logins:
    """Logins of many initiators to one target: they differ in the ISID alone.

    The bytes of the first one are sent again. Scapy would need longer to build them
    each time than the target needs for the whole test.
    """

    def __init__(self, target: ReferenceTarget) -> None:
        self.first = Notetaker(target)
        self.first.isid = isid(0xFFFE)
        self.first.logged_in(**KEYS)
        self.exchanges = list(zip(self.first.sent, self.first.statuses, strict=True))
        settle(target)

    def peer(self, seed: int) -> Peer:
        """Return what `logged_in` returns."""
        first = self.first
        peer = Peer(first.target)
        peer.isid = isid(seed)
        for wire, status in self.exchanges:
            peer.send_bytes(wire.replace(first.isid, peer.isid))
            answer = b"".join(map(bytes, peer.connection.take_output()))
            assert answer[3] == status
        assert peer.connection.session is not None
        peer.tsih = peer.connection.session.tsih
        for name in ("itt", "cmd_sn", "exp_stat_sn", "exp_cmd_sn", "max_cmd_sn"):
            setattr(peer, name, getattr(first, name))
        return peer


def settle(target: ReferenceTarget) -> None:
    """Let everything that waits run out of time."""
    for connection in list(target.connections):
        connection.take_output()
        connection.lost()
    target.tick(target.now + 8000.0)
    target.ready.clear()


def assert_nothing_left(target: ReferenceTarget) -> None:
    settle(target)
    assert not target.sessions
    assert not target.connections
    assert target.budget.used == 0
    for node in target.nodes.values():
        for lun in node.device.luns:
            assert all(one.is_empty for one in node.task_sets(lun))


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_as_the_first_thing(noise: bytes) -> None:
    target = make_target()

    Peer(target).send_bytes(noise)

    assert_nothing_left(target)


@given(st.binary(max_size=600))
@settings(max_examples=300)
def test_any_text_in_a_login(noise: bytes) -> None:
    target = make_target()
    peer = Peer(target)

    peer.send(peer.login_request([], data=noise))

    assert_nothing_left(target)


HEADER = st.tuples(
    st.sampled_from(OPCODES),
    st.booleans(),
    st.binary(min_size=47, max_size=47),
    st.integers(-3, 3),
    st.integers(0, 5),
    st.binary(max_size=64),
)


@given(st.lists(HEADER, max_size=20))
@settings(max_examples=400)
def test_any_requests_in_full_feature_phase(
    requests: list[tuple[int, bool, bytes, int, int, bytes]],
) -> None:
    target = make_target()
    peer, witness = logged_in(target), logged_in(target, 1)

    for opcode, is_immediate, remainder, distance, tag, data in requests:
        if peer.connection.is_closing:
            break
        header = headers.BY_OPCODE[opcode].parse(bytes([opcode]) + remainder)
        header.total_ahs_length, header.data_segment_length = 0, len(data)
        for name, value in (
            ("immediate", is_immediate),
            ("initiator_task_tag", tag),
            ("cmd_sn", peer.cmd_sn + distance & 0xFFFFFFFF),
            ("lun", 0),
        ):
            if hasattr(header, name):
                setattr(header, name, value)
        peer.send_bytes(header.pack() + data + bytes(-len(data) % 4))
        peer.cmd_sn = target_cmd_sn(peer)

    if witness.connection.session in target.sessions.values():
        witness.receive()
        assert witness.execute(cdb.test_unit_ready())
    assert_nothing_left(target)


def target_cmd_sn(peer: Peer) -> int:
    session = peer.connection.session
    assert session is not None
    return session.window.exp_cmd_sn


def good_stream(peer: Peer) -> list[bytes]:
    """Return requests that a peer may send, with its tags and numbers."""
    requests = (
        read(0, 4),
        write(0, 4, data=bytes(2048)),
        write(8, 4, data=b"", final=0),
        pdu.NOPOut(data=b"ping"),
        pdu.TextRequest(data=b"SendTargets=\0"),
        pdu.TaskManagementRequest(function=5),
        pdu.SNACK(type=1, initiator_task_tag=2**32 - 1),
        pdu.DataOut(initiator_task_tag=peer.itt, data=bytes(512)),
    )
    return [bytes(peer.fill(one)) for one in requests]


def assert_mutated_streams_leave_nothing(seed: int, rounds: int) -> None:
    """Feed mutated streams, each to a session of its own.

    Nothing is raised, a session after them is served, and none of them leaves anything.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    target = make_target(limits=Limits(sessions=rounds + 8))
    logins = Logins(target)
    valid = good_stream(logins.peer(0xFFFD))
    for round_ in range(rounds):
        peer = logins.peer(round_)
        stream = valid.copy()
        chance.shuffle(stream)
        wire = bytearray(b"".join(stream))
        for _ in range(chance.randrange(1, 12)):
            wire[chance.randrange(len(wire))] = chance.randrange(256)
        while wire:
            cut = chance.randrange(1, len(wire) + 1)
            peer.send_bytes(bytes(wire[:cut]))
            del wire[:cut]
        # If a flipped bit makes a task ORDERED, that task correctly blocks the whole
        # task set until its session ends.
        settle(target)
    witness = logged_in(target, 0xFFFF)
    assert witness.execute(cdb.test_unit_ready())
    assert_nothing_left(target)


def test_mutated_streams() -> None:
    assert_mutated_streams_leave_nothing(7143, 300)


@pytest.mark.lab
@pytest.mark.parametrize("seed", range(200))
def test_a_hundred_thousand_mutated_streams(seed: int) -> None:
    assert_mutated_streams_leave_nothing(seed, 500)


def assert_random_streams_leave_nothing(seed: int, rounds: int) -> None:
    """Feed streams of random bytes, as a first PDU and behind a login.

    Nothing is raised, and none of them leaves anything.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    target = make_target(limits=Limits(sessions=rounds + 8))
    logins = Logins(target)
    for round_ in range(rounds):
        peer = Peer(target) if round_ % 2 else logins.peer(round_)
        noise = bytearray(chance.randbytes(chance.randrange(48, 400)))
        if round_ % 3 == 0:
            # Opcodes that exist, and lengths that can occur.
            noise[0] = chance.choice(OPCODES) | chance.choice((0, 0x40))
            noise[4:7] = bytes(3)
        peer.send_bytes(bytes(noise))
        peer.connection.take_output()
    assert_nothing_left(target)


def test_random_streams() -> None:
    assert_random_streams_leave_nothing(7144, 300)


@pytest.mark.lab
@pytest.mark.parametrize("seed", range(100))
def test_fifty_thousand_random_streams(seed: int) -> None:
    assert_random_streams_leave_nothing(seed, 500)


def test_announced_lengths_are_not_allocated() -> None:
    target = make_target(keys={"MaxRecvDataSegmentLength": "16777215"})
    peers = [logged_in(target, seed) for seed in range(20)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for peer in peers:
            request = peer.fill(pdu.NOPOut(data_segment_length=16777215))
            peer.send_bytes(request.segments()[0])
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 1 << 20
    assert not any(peer.connection.is_closing for peer in peers)


@pytest.mark.parametrize("immediate", [0, 1])
def test_endless_commands_that_wait_for_data_are_bounded(immediate: int) -> None:
    target = make_target()
    peer = Peer(target).logged_in(ImmediateData="No", InitialR2T="Yes")

    for _ in range(600):
        peer.send(write(0, 8, immediate=immediate))

    assert len(peer.session.commands) <= 256
    assert len(peer.session.held) <= 128
