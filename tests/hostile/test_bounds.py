# SPDX-License-Identifier: GPL-2.0-only
"""What many commands, connections and files cost the reference target at the most."""

import re
import resource
import socket
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.reference import Attacker, Target, read_10, running, write_10

pytestmark = pytest.mark.integration

ORDERED = 2
MOST = 65535
"""Blocks of a READ of 32 MiB."""
ALLOWED_PEAK = 128 << 20


def peak(target: Target) -> int:
    """Return the most bytes that have been resident so far."""
    status = Path(f"/proc/{target.process.pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) << 10


def read_statuses(attacker: Attacker, count: int) -> None:
    """Read until so many commands have been answered; each is GOOD."""
    while count:
        header, _ = attacker.receive()
        is_riding = header[0] == 0x25 and header[1] & 1
        if header[0] == 0x21 or is_riding:
            assert header[3] == 0
            count -= 1


@pytest.mark.parametrize("level", [0, 1])
def test_reads_that_waited_for_a_write_do_not_come_at_once(level: int) -> None:
    count = 12
    keys: dict[str, Any] = {
        "ImmediateData": "No",
        "InitialR2T": "Yes",
        "ErrorRecoveryLevel": level,
        "MaxRecvDataSegmentLength": 1 << 18,
    }
    with (
        running("--lun", "64M") as target,
        target.attack(**keys) as attacker,
    ):
        attacker.command(write_10(8), 0xA0, 4096)
        r2t, _ = attacker.receive_until(0x31)
        for _ in range(count):
            attacker.command(read_10(MOST), 0xC0 | ORDERED, MOST * 512)
        attacker.ping()
        before = peak(target)
        last = bytearray(attacker.data_out(r2t, 0, bytes(4096), number=0))
        last[1] = 0x80
        attacker.socket.sendall(last)
        target.assert_serves()
        read_statuses(attacker, count + 1)
        assert peak(target) < before + ALLOWED_PEAK


def test_a_peer_that_does_not_read_has_nothing_more_done_for_it() -> None:
    count = 100
    with (
        running("--lun", "64M") as target,
        target.attack(ErrorRecoveryLevel=0) as attacker,
    ):
        before = peak(target)
        attacker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        attacker.command(read_10(5000), 0xC0, 5000 * 512)
        target.assert_serves()
        with attacker.gathering():
            attacker.command(read_10(8000), 0xC0, 8000 * 512)
            for _ in range(count):
                # 32 MiB are read, of which the initiator expects 512 bytes.
                attacker.command(read_10(MOST), 0xC0, 512)
        for _ in range(20):
            target.assert_serves()
        read_statuses(attacker, count + 2)
        assert peak(target) < before + ALLOWED_PEAK


def test_without_descriptors_the_target_waits_and_does_not_log_without_end() -> None:
    """The operator lowers the limit while the target runs: accept fails."""
    limit = resource.RLIMIT_NOFILE
    with running("--lun", "64M") as target, ExitStack() as crowd:
        first = crowd.enter_context(target.attack())
        before = resource.prlimit(target.process.pid, limit)
        resource.prlimit(target.process.pid, limit, (target.descriptors, before[1]))
        for _ in range(5):
            crowd.enter_context(Attacker(target.port))
        target.wait_for("accept")
        for _ in range(500):
            first.ping()  # the target has accepted connections this often
        assert sum("accept" in line for line in target.log) < 100
        resource.prlimit(target.process.pid, limit, before)
        target.assert_serves()


def test_text_of_many_keys_ends_within_bounds() -> None:
    text = b"".join(b"X-com.example.%d=1\0" % number for number in range(2500))
    with running("--lun", "64M") as target, target.attack() as attacker:
        attacker.send(attacker.request(0x44, 0x80, tag=5, word=0xFFFFFFFF), text * 2)
        header, _ = attacker.receive()
        assert header[0] == 0x3F
        target.assert_serves()


def test_a_status_that_is_too_large_to_be_kept_is_refused() -> None:
    with (
        running("--lun", "64M") as target,
        target.attack(MaxRecvDataSegmentLength=1 << 16) as attacker,
    ):
        number = attacker.exp_stat_sn
        attacker.ping(bytes(8193))
        attacker.exp_stat_sn = number
        status_snack = struct.pack(
            ">BB14xIIII4x4xII", 0x10, 0x81, 0xFFFFFFFF, 0xFFFFFFFF, 0, number, number, 1
        )
        attacker.send(status_snack)
        header, _ = attacker.receive()

    assert header[0] == 0x3F
    assert header[2] == 3  # SNACK Reject
