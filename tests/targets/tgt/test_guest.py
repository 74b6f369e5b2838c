# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of tgtd's guest."""

import pytest

from targets.model import LogicalUnit, Target
from targets.tgt import guest
from tests.lab import TARGETS, assert_shell_can_read


def test_tgtd_must_listen_where_asked() -> None:
    lines = guest.guest(TARGETS).setup.splitlines()

    told = "tgtd -f --iscsi portal=10.0.2.15:3260,portal=10.0.2.15:3261"
    assert any(line.strip().startswith(told) for line in lines)
    assert "grep -q 10.0.2.15:3261 /tmp/portals" in lines


def test_tgtd_has_an_account_for_each_way_of_chap() -> None:
    lines = guest.guest(TARGETS).setup.splitlines()

    accounts = [line for line in lines if "--op new --mode account" in line]
    assert [line.split("--user ")[1].split()[0] for line in accounts] == [
        "'user'",
        "'other'",
    ]
    bound = [line for line in lines if "--op bind --mode account" in line]
    assert all("--tid 2" in line for line in bound)
    assert [line.endswith("--outgoing") for line in bound] == [False, True]


def test_units_of_tgtd_are_in_memory_or_behind_a_block_device_where_told() -> None:
    units = (
        LogicalUnit(1, 1 << 20, backing="memory"),
        LogicalUnit(2, 1 << 20, backing="block"),
    )
    made = guest.guest([Target("iqn.2001-04.com.example:a", units)])
    lines = made.setup.splitlines()

    assert made.modules == ("loop",)
    assert any("--lun 1 --backing-store /tmp/disk0" in line for line in lines)
    assert any("--lun 2 --backing-store $loop" in line for line in lines)
    assert "losetup $loop /var/store/disk1" in lines
    assert guest.guest(TARGETS).modules == ()


def test_every_unit_of_tgtd_has_a_file_of_its_own() -> None:
    lines = guest.guest(TARGETS).setup.splitlines()

    files = [line.split()[-1] for line in lines if "truncate" in line]
    assert files == ["/var/store/disk0", "/var/store/disk1", "/var/store/disk2"]
    assert any("--lun 1" in line and "--blocksize 4096" in line for line in lines)


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    assert_shell_can_read(guest.guest(TARGETS).setup)
