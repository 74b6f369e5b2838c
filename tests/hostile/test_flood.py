# SPDX-License-Identifier: GPL-2.0-only
"""Floods of random PDUs in every state of a connection, which the target survives."""

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import crc32c
import pytest

from tests.hostile.reference import NAME, Attacker, Target, running

pytestmark = pytest.mark.integration

BATCH = 50
"""PDUs sent at once on one connection."""
RUINOUS = 0.0005
"""How many of the PDUs end a connection by their form: what comes then is not taken."""
ENOUGH = 1_800_000
"""So many are sent that a million are taken (six of ten, counted in the target)."""
ALLOWED_GROWTH = 64 << 20
OPCODES = (0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10)
CDB_OPCODES = bytes.fromhex(
    "0003041215161a1b1c1d25282a2b2e2f343541424d4c4e535556575a5e5f7f83848588898a8b8c8e8f"
    "91939a9b9ea0a2a3a4a5a8aaaeaf"
)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with running("--lun", "64M", "--lun", "1M") as running_target:
        yield running_target


class Noise:
    """A source of PDUs that are wrong in some ways and right in others."""

    def __init__(self, seed: int, attacker: Attacker, *, digests: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311 - to be repeated
        self.attacker = attacker
        self.digests = digests
        """Whether the connection has them; a few are wrong."""

    def word(self) -> int:
        """Return a number of 32 bits that may mean something."""
        near = self.attacker.cmd_sn + self.random.randrange(-2, 130)
        return self.random.choice(
            (
                0,
                1,
                0xFFFFFFFF,
                0x7FFFFFFF,
                near & 0xFFFFFFFF,
                self.random.randrange(64),
                self.random.randrange(64) * 512,
                self.random.getrandbits(32),
            )
        )

    def cdb(self) -> bytes:
        """Return a CDB of a known opcode, its other fields random or zero."""
        opcode = bytes([self.random.choice(CDB_OPCODES)])
        fill = self.random.choice((bytes(15), self.random.randbytes(15)))
        return opcode + fill

    def text(self) -> bytes:
        """Return keys and values, some of them known."""
        keys = (b"SendTargets", b"MaxBurstLength", b"X-a", b"HeaderDigest", b"", b"=")
        values = (b"All", b"", b"9" * 5000, b"Reject", b"\xff", b"0x", b"1~2")
        return b"".join(
            self.random.choice(keys) + b"=" + self.random.choice(values) + b"\0"
            for _ in range(self.random.randrange(6))
        )

    def pdu(self) -> bytes:
        """Return the bytes of one PDU."""
        chance = self.random.random()
        if chance < RUINOUS:
            return self.random.randbytes(self.random.randrange(1, 200))
        opcode = self.random.choice(OPCODES) | self.random.choice((0, 0x40, 0x80))
        data = self.random.choice(
            (b"", b"", self.text(), self.random.randbytes(self.random.randrange(600)))
        )
        ahs = bytes(4 * self.random.choice((0, 0, 0, 0, 1, 3)))
        is_wrong = self.random.random() < RUINOUS
        length = len(data) + (self.random.choice((1, 1 << 20)) if is_wrong else 0)
        words = [self.word() for _ in range(4)]
        remainder = self.cdb() if opcode & 0x3F == 1 else self.random.randbytes(16)
        header = struct.pack(
            ">BBHB3sQIIII16s",
            opcode,
            self.random.getrandbits(8),
            self.random.choice((0, 0, self.random.getrandbits(16))),
            len(ahs) // 4,
            length.to_bytes(3, "big"),
            self.random.choice((0, 1 << 48, self.random.getrandbits(64))),
            *words,
            remainder,
        )
        padded = data + bytes(-len(data) % 4)
        head = header + ahs
        return head + self.digest(head) + padded + (padded and self.digest(padded))

    def digest(self, covered: bytes) -> bytes:
        """Return what follows a header or data."""
        if not self.digests:
            return b""
        is_wrong = self.random.random() < RUINOUS
        return (crc32c.crc32c(covered) ^ is_wrong).to_bytes(4, "little")


def raw(_attacker: Attacker) -> None:
    """Say nothing: the first PDU is noise."""


def begun(attacker: Attacker) -> None:
    text = b"InitiatorName=iqn.2001-04.com.example:noise\0TargetName=" + NAME + b"\0"
    attacker.login_request(text, flags=0x04)
    attacker.receive()


def logged_in(level: int) -> Callable[[Attacker], None]:
    def reach(attacker: Attacker) -> None:
        attacker.log_in(ErrorRecoveryLevel=level)

    return reach


def with_digests(attacker: Attacker) -> None:
    attacker.log_in(HeaderDigest="CRC32C", DataDigest="CRC32C")


def discovering(attacker: Attacker) -> None:
    attacker.login_request(
        b"InitiatorName=iqn.2001-04.com.example:noise\0SessionType=Discovery\0"
    )
    attacker.receive()


STATES: tuple[Callable[[Attacker], None], ...] = (
    raw,
    begun,
    logged_in(0),
    logged_in(1),
    logged_in(2),
    with_digests,
    discovering,
)
MOST_CONNECTIONS = 4


def flood(target: Target, seed: int) -> int:
    """Send a few batches of noise in one state; return how many PDUs that was."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    sent = 0
    with ExitStack() as stack:
        attacker = stack.enter_context(Attacker(target.port, chance.randrange(1, 9)))
        reach = chance.choice(STATES)
        reach(attacker)
        connections = [attacker]
        if attacker.tsih and reach is not discovering:
            for cid in range(1, chance.randrange(MOST_CONNECTIONS) + 1):
                one = Attacker(target.port, int.from_bytes(attacker.isid[3:]), cid)
                connections.append(stack.enter_context(one))
                one.join(attacker)
        for one in connections:
            one.socket.setblocking(False)
        # Of several connections the first alone has digests.
        sources = [
            Noise(seed + one.cid, one, digests=reach is with_digests and not one.cid)
            for one in connections
        ]
        try:
            for _ in range(8):
                noise = chance.choice(sources)
                batch = b"".join(noise.pdu() for _ in range(BATCH))
                noise.attacker.socket.send(batch)
                sent += BATCH
                if not drain(noise.attacker.socket):
                    sources.remove(noise)
                if not sources:
                    break
        except (BlockingIOError, ConnectionError):
            pass  # the target has closed the connection, or has stopped reading
    return sent


def drain(sock: socket.socket) -> bool:
    """Read what has come; return False if the target has closed the connection.

    The peer of a target that only talks is another test.
    """
    try:
        while sock.recv(1 << 16):
            pass
    except BlockingIOError:
        return True
    return False


def test_noise_in_every_state(target: Target) -> None:
    for seed in range(60):
        flood(target, seed)
        if seed % 10 == 0:
            target.assert_serves()

    target.assert_serves()
    target.wait_until_idle()


@pytest.mark.lab
def test_a_million_hostile_pdus(target: Target) -> None:
    descriptors = target.descriptors
    for seed in range(200):
        flood(target, -seed)
    memory = target.memory
    sent, seed = 0, 1000

    while sent < ENOUGH:
        sent += flood(target, seed)
        seed += 1
        if seed % 100 == 0:
            target.assert_serves()

    target.assert_serves()
    # The additional one is the connection by which the test waits.
    target.wait_until(lambda: target.descriptors <= descriptors + 1)
    target.wait_until_idle()
    assert target.memory < memory + ALLOWED_GROWTH


def test_a_copy_of_half_a_gib_lets_others_through() -> None:
    """What is sent after the copy is answered before it."""
    itself, blocks = 0xF800, 0xFFFF
    segment = struct.pack(
        ">BBHHH2xHQQ", 0x02, 0, 24, itself, itself, blocks, 0, blocks + 1
    )
    identifier = 7
    parameters = struct.pack(">BBH4xII", identifier, 0, 0, 16 * len(segment), 0)
    parameters += 16 * segment
    copy = struct.pack(">BB8xI2x", 0x83, 0, len(parameters))
    status = struct.pack(">BBB7xI2x", 0x84, 0, identifier, 12)
    with running("--lun", "128M") as target, target.attack(isid=9) as attacker:
        # In one piece, so that the target has both before the copy ends.
        with attacker.gathering():
            tag = attacker.command(copy, 0xA0, len(parameters), parameters)
            attacker.command(status, 0xC0, 12)
        target.assert_serves()
        header, data = attacker.receive_until(0x25)
        assert header[3] == 0
        assert data[4] == 0, "the copy is not in progress any more"
        header, _ = attacker.receive_until(0x21)

    assert header[16:20] == tag.to_bytes(4, "big")
    assert header[3] == 0


def test_many_long_commands() -> None:
    """One connection asks for two GiB of WRITE SAME at once; another is served."""
    write_same_10 = struct.pack(">BBIBHB", 0x41, 0, 0, 0, 0xFFFF, 0)
    # A target of its own: noise may have reserved the other one's unit.
    with running("--lun", "64M") as target, target.attack(isid=9) as attacker:
        for _ in range(64):
            attacker.command(write_same_10, 0xA0, 512, bytes(512))
        target.assert_serves()
        for _ in range(64):
            header, _ = attacker.receive_until(0x21)
            assert header[3] == 0
