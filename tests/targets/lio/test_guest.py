# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of LIO's guest."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from suites.support.operator import PINGED
from targets.lio import guest
from targets.model import (
    Chap,
    Credentials,
    Identity,
    LogicalUnit,
    More,
    Special,
    Target,
)
from tests.lab import TARGETS, assert_shell_can_read, calls_in
from tests.tools import require
from vmlab.errors import LabError
from vmlab.guest import Endpoint

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

    # The kernel takes a line in each write; a file would keep only the last one.
    calls = calls.replace('> "$2/pr', '>> "$2/pr')
    subprocess.run(["busybox", "sh", "-e"], input=calls, text=True, check=True)

    values = (tmp_path / "pr" / "res_aptpl_metadata").read_text().splitlines()
    assert values[0].startswith(",initiator_fabric=iSCSI,initiator_node=iqn.2026-11")
    assert ",res_type=8,res_scope=00," in values[0]
    assert values[1:] == [",sa_res_key=78"]


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    assert_shell_can_read(guest.guest(TARGETS).setup)


def test_a_unit_that_keeps_nothing_is_refused() -> None:
    units = (LogicalUnit(0, 1 << 20, backing="null"),)

    with pytest.raises(LabError, match="null"):
        guest.guest([Target("iqn.2001-04.com.example:c", units)])


def test_every_unit_has_a_name_of_its_own() -> None:
    units = calls_in(guest.guest(TARGETS), "unit")

    assert [words[0] for words in units] == ["disk0", "disk1", "disk2"]
    assert [words[4] for words in units] == ["512", "4096", "512"]


def test_only_a_target_with_credentials_asks_for_them() -> None:
    built = guest.guest(TARGETS)

    request = [words[2] for words in calls_in(built, "group")]
    assert request == ["0", "0", "1"], "the first name has two portal groups"
    assert calls_in(built, "credential") == [
        ("userid", "user"),
        ("password", "it's-a-secret"),
        ("userid_mutual", "other"),
        ("password_mutual", "the-way-back"),
    ]


def test_the_portals_of_each_group() -> None:
    built = guest.guest(TARGETS)

    assert guest.OTHER_PORTALS == built.endpoints[2:] == (Endpoint(3262),)
    first = ("10.0.2.15:3260", "10.0.2.15:3261")
    assert calls_in(built, "group") == [
        ("iqn.2001-04.com.example:a", "1", "0", *first),
        ("iqn.2001-04.com.example:a", "2", "0", "10.0.2.15:3262"),
        ("iqn.2001-04.com.example:b", "1", "1", *first),
    ]


def test_the_second_group_has_the_same_units() -> None:
    luns = calls_in(guest.guest(TARGETS), "lun")

    assert [words[0] for words in luns] == ["disk0", "disk1"] * 2 + ["disk2"]


def test_each_kind_of_backing_has_its_driver() -> None:
    units = (
        LogicalUnit(0, 1 << 20),
        LogicalUnit(1, 1 << 20, backing="memory"),
        LogicalUnit(2, 1 << 20, backing="block"),
    )
    built = guest.guest([Target("iqn.2001-04.com.example:c", units)])

    assert [words[:3] for words in calls_in(built, "unit")] == [
        ("disk0", "0", "fileio"),
        ("disk1", "1", "rd_mcp"),
        ("disk2", "2", "iblock"),
    ]


def test_what_serves_no_disk() -> None:
    further = More(
        {Special.FORBIDDEN: "iqn.x:shut", Special.PINGING: "iqn.x:pinging"},
        Chap(Credentials("finder", b"not-for-others")),
    )
    built = guest.guest(TARGETS, further)

    names = [words[0] for words in calls_in(built, "group")]
    assert names[3:] == ["iqn.x:shut", "iqn.x:pinging"]
    lines = built.setup.splitlines()
    shut = next(i for i, one in enumerate(lines) if "iqn.x:shut" in one)
    assert lines[shut + 1] == "close_to_others"
    assert calls_in(built, "initiator") == [(guest.PINGED,)]
    assert calls_in(built, "its_pings") == [("3",)]
    assert calls_in(built, "mapped") == [("0",)]
    assert calls_in(built, "discovery") == [
        ("userid", "finder"),
        ("password", "not-for-others"),
    ]


def test_a_chap_name_is_one_initiators() -> None:
    owned = Identity(Credentials("own", b"a-secret-of-its-own"), "iqn.x:owner")
    built = guest.guest([TARGETS[0], replace(TARGETS[1], identities=(owned,))])

    assert calls_in(built, "initiator") == [("iqn.x:owner",)]
    assert calls_in(built, "its_credential") == [
        ("userid", "own"),
        ("password", "a-secret-of-its-own"),
    ]


def test_the_suite_logs_in_as_who_is_pinged() -> None:
    assert guest.PINGED == PINGED
