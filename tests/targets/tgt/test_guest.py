# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of tgtd's guest."""

import subprocess
from pathlib import Path

import pytest

from targets.model import LogicalUnit, Target
from targets.tgt import guest
from tests.lab import TARGETS, assert_shell_can_read, calls_in
from tests.tools import require
from vmlab.guest import call, script


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    assert_shell_can_read(guest.guest(TARGETS).setup)


def test_tgtd_gets_its_portals() -> None:
    built = guest.guest(TARGETS)

    assert calls_in(built, "start") == [("10.0.2.15:3260", "10.0.2.15:3261")]
    assert built.endpoints == guest.PORTALS


def test_tgtd_has_an_account_for_each_way_of_chap() -> None:
    built = guest.guest(TARGETS)

    assert calls_in(built, "account") == [
        ("user", "it's-a-secret"),
        ("other", "the-way-back"),
    ]
    assert calls_in(built, "ask") == [("2", "user"), ("2", "other", "--outgoing")]


def test_units_of_tgtd_have_their_backing() -> None:
    units = (
        LogicalUnit(1, 1 << 20, backing="memory"),
        LogicalUnit(2, 1 << 20, backing="block"),
    )
    built = guest.guest([Target("iqn.2001-04.com.example:a", units)])

    assert built.modules == ("loop",)
    assert calls_in(built, "unit") == [
        ("1", "1", "disk0", "memory", "1048576", "512"),
        ("1", "2", "disk1", "block", "1048576", "512"),
    ]
    assert guest.guest(TARGETS).modules == ()


def test_every_unit_of_tgtd_has_a_name_of_its_own() -> None:
    units = calls_in(guest.guest(TARGETS), "unit")

    assert [words[2] for words in units] == ["disk0", "disk1", "disk2"]
    assert [words[5] for words in units] == ["512", "4096", "512"]


STANDIN = """
tgtadm() {
    case "$*" in
        *show*) [ -n "$LISTENS" ] && echo "Portal: $LISTENS,1" ;;
        *) echo "tgtadm $*" ;;
    esac
}
tgtd() { :; }
mkdir() { :; }
sleep() { :; }
"""


@pytest.mark.lab
@pytest.mark.parametrize(
    ("listens", "code", "expected_message"),
    [
        ("10.0.2.15:3260", 0, "tgtadm --lld iscsi --op new --mode account --user me"),
        ("0.0.0.0:3260", 1, "tgtd is not at 10.0.2.15:3260"),
        ("", 1, "tgtd does not answer"),
    ],
)
def test_tgtd_must_listen_where_asked(
    tmp_path: Path, listens: str, code: int, expected_message: str
) -> None:
    require("busybox")
    text = script(
        Path(guest.__file__).parent / "setup.sh",
        [call("start", "10.0.2.15:3260"), call("account", "me", "secret")],
        DIED="died",
        LISTENS=listens,
    )
    text = text.replace("/dev/console", "/dev/null")
    text = text.replace("/tmp/portals", str(tmp_path / "portals"))  # noqa: S108

    process = subprocess.run(
        ["busybox", "sh", "-e"],
        input=STANDIN + text,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=20,
    )

    assert (process.returncode, expected_message in process.stdout) == (code, True), (
        process.stdout
    )
