# SPDX-License-Identifier: GPL-2.0-only
"""What one hostile initiator can do to the reference target, and to others on it."""

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.reference import NAME, Attacker, Target, read_10, running, write_10

pytestmark = pytest.mark.integration

TARGET_WARM_RESET, TARGET_COLD_RESET = 6, 7
ACA_ACTIVE = 0x30


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with running("--lun", "64M") as running_target:
        yield running_target


@pytest.mark.parametrize("function", [TARGET_WARM_RESET, TARGET_COLD_RESET])
@pytest.mark.parametrize("distance", [1000, (1 << 31) - 2])
def test_a_reset_far_ahead_is_answered(
    target: Target, function: int, distance: int
) -> None:
    with target.attack() as attacker:
        attacker.function(function, cmd_sn=attacker.cmd_sn + distance)
        header, _ = attacker.receive_until(0x22)

    assert header[2] == 0
    target.assert_serves()


def test_data_in_many_pieces_blocks_no_other_initiator(target: Target) -> None:
    size, piece = 1 << 18, 4
    with target.attack(ImmediateData="No", InitialR2T="Yes") as attacker:
        attacker.command(write_10(size // 512), 0xA0, size)
        r2t, _ = attacker.receive_until(0x31)
        # Every second piece, so that missing ranges never join.
        attacker.socket.sendall(
            b"".join(
                attacker.data_out(r2t, offset, bytes(piece), number=number)
                for number, offset in enumerate(range(0, size, 2 * piece))
            )
        )
        target.assert_serves()


def test_functions_that_wait_are_bounded(target: Target) -> None:
    clear_task_set, rejected, count = 4, 255, 500
    size = 4096
    with target.attack(ImmediateData="No", InitialR2T="Yes") as attacker:
        attacker.command(write_10(size // 512), 0xA0, size)
        r2t, _ = attacker.receive_until(0x31)
        for _ in range(count):
            attacker.function(clear_task_set)
        first, _ = attacker.receive_until(0x22)
        attacker.socket.sendall(
            b"".join(
                attacker.data_out(r2t, 0, b"", number=number) for number in range(20000)
            )
        )
        target.assert_serves()

    assert first[2] == rejected


def test_a_number_of_many_digits_is_refused(target: Target) -> None:
    with Attacker(target.port) as attacker:
        attacker.login_request(
            b"InitiatorName=iqn.2001-04.com.example:a\0TargetName="
            + NAME
            + b"\0MaxBurstLength="
            + b"9" * 5000
            + b"\0"
        )
        header, data = attacker.receive()

    assert header[36:38] == b"\0\0"
    assert b"MaxBurstLength=Reject\0" in data


def test_a_connection_keeps_its_cid_through_a_login(target: Target) -> None:
    with target.attack() as attacker, Attacker(target.port, cid=1) as second:
        second.tsih = attacker.tsih
        text = b"InitiatorName=iqn.2001-04.com.example:attacker\0TargetName="
        second.login_request(
            text + b"iqn.2001-04.com.example:assay.target\0", flags=0x04, cid=1
        )
        second.receive()
        second.login_request(b"", cid=2)
        header, _ = second.receive()

    assert header[36:38] == b"\2\0"


def test_few_descriptors_bound_connections_not_the_log() -> None:
    with running("--lun", "64M", descriptors=64) as poor, ExitStack() as crowd:
        first = crowd.enter_context(poor.attack())
        for _ in range(80):
            crowd.enter_context(Attacker(poor.port))
        for _ in range(500):
            first.ping()  # the target has accepted connections this often
        crowd.close()
        poor.assert_serves()

    assert len(poor.log) < 250


def test_a_connection_lost_at_a_fence_leaves_the_others_answered() -> None:
    # A target of its own: the ACA lasts as long as the session can be reinstated.
    with (
        running("--lun", "64M") as target,
        target.attack(isid=7) as first,
        Attacker(target.port, 7, cid=1) as second,
    ):
        second.join(first)
        # The first connection lacks an acknowledgement, so the second's response waits.
        first.ping()
        beyond_the_end_with_naca = struct.pack(">BBIBHB", 0x28, 0, 1 << 31, 0, 1, 4)
        second.command(beyond_the_end_with_naca, 0xC0, 512)
        first.receive_until(0x20)  # a ping that requests the acknowledgement
        second.socket.close()
        first.receive_until(0x32)  # the message that announces the loss
        first.cmd_sn = second.cmd_sn
        first.ping()
        first.command(bytes(6), 0x80, 0)
        response, _sense = first.receive_until(0x21)

    assert response[2:4] == bytes([0, ACA_ACTIVE])


def test_what_was_read_of_a_header_is_no_number(target: Target) -> None:
    """A status SNACK for more numbers than were ever sent costs nothing."""
    with target.attack() as attacker:
        for _ in range(100):
            attacker.send(
                struct.pack(
                    ">BB6x8xIII4x8xII",
                    0x10,
                    0x81,
                    0xFFFFFFFF,
                    0xFFFFFFFF,
                    0,
                    0,
                    0x7FFFFFFF,
                )
            )
        attacker.ping()
    target.assert_serves()


def test_a_peer_that_never_reads_is_dropped(tmp_path: Path) -> None:
    config = tmp_path / "target.toml"
    config.write_text("[limits]\nconnection_bytes = 1000000\n")
    with running("--config", str(config), "--lun", "64M") as bounded:
        with bounded.attack() as attacker:
            for _ in range(20):
                attacker.command(read_10(32768), 0xC0, 32768 * 512)
            bounded.assert_serves()
            assert attacker.is_closed()
        bounded.assert_serves()


def test_a_peer_that_stands_still_is_dropped(tmp_path: Path) -> None:
    config = tmp_path / "target.toml"
    config.write_text("[limits]\nstall_time = 0.5\n")
    with running("--config", str(config), "--lun", "64M") as bounded:
        with bounded.attack() as attacker:
            attacker.command(read_10(65535), 0xC0, 65535 * 512)
            bounded.wait_for("does not read")
        bounded.assert_serves()


def test_no_name_forges_a_line_of_the_log() -> None:
    forged = b"2026-01-01 00:00:00,000 INFO forged"
    with running("--lun", "64M") as victim:
        for name in (b"a\n" + forged, b"a\r" + forged, "a\u2028\x1b[2J".encode()):
            with Attacker(victim.port) as attacker:
                attacker.login_request(
                    b"InitiatorName=" + name + b"\0TargetName=" + name + b"\0"
                )
                attacker.receive()
            with Attacker(victim.port) as attacker:
                attacker.login_request(
                    b"InitiatorName=" + name + b"\0TargetName=" + NAME + b"\0"
                )
                attacker.receive()

    assert "forged" in "".join(victim.log)
    assert not any(line.startswith("2026-01-01") for line in victim.log)
    assert all(line.rstrip("\n").isprintable() for line in victim.log)
