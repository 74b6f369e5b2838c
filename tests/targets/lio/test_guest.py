# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of LIO's guest."""

import subprocess
from pathlib import Path

import pytest

from targets.lio import guest
from targets.model import LogicalUnit, Target
from tests.lab import TARGETS, assert_shell_can_read
from tests.tools import require
from vmlab.errors import LabError
from vmlab.guest import Endpoint, quoted


def test_every_unit_has_a_file_of_its_own() -> None:
    script = guest.guest(TARGETS).setup

    names = [line.split("/")[-1] for line in script.splitlines() if "truncate" in line]
    assert names == ["disk0", "disk1", "disk2"]
    assert "echo 4096 >" in script


def test_only_who_has_credentials_asks_for_them() -> None:
    lines = guest.guest(TARGETS).setup.splitlines()

    asked = [line.split()[1] for line in lines if "attrib/authentication" in line]
    assert asked == ["0", "0", "1"], "the first name has two portal groups"
    secrets = [line for line in lines if "/auth/password" in line]
    assert len(secrets) == 2
    assert quoted("it's-a-secret") in secrets[0]


def test_every_portal_is_opened_for_every_name() -> None:
    lines = guest.guest(TARGETS).setup.splitlines()

    opened = [line for line in lines if "/np/" in line and "tpgt_1" in line]
    assert len(opened) == 4


def test_the_second_group_has_a_portal_and_the_same_units() -> None:
    made = guest.guest(TARGETS)
    lines = [line for line in made.setup.splitlines() if "tpgt_2" in line]

    assert guest.OTHER_PORTALS == made.endpoints[2:] == (Endpoint(3262),)
    assert next(line for line in lines if "/np/" in line).endswith(":3262")
    assert sum(line.startswith("ln -s") for line in lines) == 2
    assert not any("example:b" in line for line in lines)


def test_each_kind_of_backing_has_its_driver() -> None:
    units = (
        LogicalUnit(0, 1 << 20),
        LogicalUnit(1, 1 << 20, backing="memory"),
        LogicalUnit(2, 1 << 20, backing="block"),
    )
    script = guest.guest([Target("iqn.2001-04.com.example:c", units)]).setup

    for driver in ("fileio_0/disk0", "rd_mcp_1/disk1", "iblock_2/disk2"):
        assert f"mkdir -p /sys/kernel/config/target/core/{driver}\n" in script
    assert "rd_pages=256 >" in script
    files = [line.split("/")[-1] for line in script.splitlines() if "truncate" in line]
    assert files == ["disk0", "disk2"]


APTPL = """PR_REG_START: 0
initiator_fabric=iSCSI
initiator_node=iqn.2026-11.org.iscsi-assay:a
initiator_sid=80a55a500001
sa_res_key=77
res_holder=1
res_type=08
res_scope=00
res_all_tg_pt=0
mapped_lun=0
target_fabric=iSCSI
target_node=iqn.2001-04.com.example:a
tpgt=1
port_rtpi=1
target_lun=0
PR_REG_END: 0
PR_REG_START: 1
sa_res_key=78
PR_REG_END: 1
"""


@pytest.mark.lab
def test_registrations_are_given_back_to_the_kernel(tmp_path: Path) -> None:
    require("busybox")
    script = guest.guest(TARGETS).setup
    start = script.index("restore_reservations() {")
    function = script[start : script.index("\n}", start) + 2]
    (tmp_path / "aptpl_assay-disk0").write_text(APTPL)
    (tmp_path / "pr").mkdir()
    calls = (
        f"{function}\nrestore_reservations assay-disk0 {tmp_path}\n"
        f"restore_reservations assay-disk1 {tmp_path}"
    ).replace("/var/target/pr", str(tmp_path))

    # The kernel takes a line at each write; a file would keep the last alone.
    calls = calls.replace("> $2/pr", ">> $2/pr")
    subprocess.run(["busybox", "sh", "-e"], input=calls, text=True, check=True)

    given = (tmp_path / "pr" / "res_aptpl_metadata").read_text().splitlines()
    assert given[0].startswith(",initiator_fabric=iSCSI,initiator_node=iqn.2026-11")
    assert ",res_type=8,res_scope=00," in given[0]
    assert given[1:] == [",sa_res_key=78"]


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    assert_shell_can_read(guest.guest(TARGETS).setup)


def test_a_unit_that_keeps_nothing_is_refused() -> None:
    units = (LogicalUnit(0, 1 << 20, backing="null"),)

    with pytest.raises(LabError, match="null"):
        guest.guest([Target("iqn.2001-04.com.example:c", units)])
