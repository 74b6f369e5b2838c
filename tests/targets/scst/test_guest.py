# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of SCST's guest."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from iscsi.chap import Credentials
from targets.model import Chap, Identity, LogicalUnit, More, Special, Target
from targets.scst import guest
from targets.scst.admin import Admin
from tests.lab import TARGETS, assert_shell_can_read, calls_in
from tests.tools import require
from vmlab.errors import LabError
from vmlab.guest import Endpoint

DAEMON = Path("/built/iscsi-scstd")
ADMIN = Admin(Path("/built/usr/sbin/scstadmin"), Path("/built/usr/share/perl"))


def test_scst_is_set_up_in_its_order() -> None:
    lines = guest.guest(TARGETS, DAEMON).setup.splitlines()

    def first(part: str) -> int:
        return next(number for number, line in enumerate(lines) if part in line)

    marks = [
        "FOLDERS='/var/lib/scst/pr /var/lib/scst/vdev_mode_pages /var/lib/scst/alua'",
        "mkdir -p $FOLDERS",
        "backing '0'",
        "add_device disk0",
        "start '/host/built/iscsi-scstd' '3260'",
        "add_target iqn",
        "add disk0 0",
        "create void",
        "add void 0",
        f"add {guest.VOID}",
        f"/{TARGETS[-1].name}/enabled",
        "'/sys/kernel/scst_tgt/targets/iscsi/enabled'",
    ]
    places = [first(mark) for mark in marks]
    assert places == sorted(places)
    assert lines[-1] == "watch"


def test_scst_takes_along_what_it_needs() -> None:
    built = guest.guest(TARGETS, DAEMON)

    assert built.modules == ("scst", "scst_vdisk", "iscsi_scst")
    assert built.programs == ("/built/iscsi-scstd",)
    assert "/var/lib/scst/pr" in built.folders


def test_each_unit_has_the_handler_of_its_backing() -> None:
    units = (
        LogicalUnit(0, 1 << 20),
        LogicalUnit(1, 1 << 20, backing="block"),
        LogicalUnit(2, 1 << 20, backing="null"),
    )
    built = guest.guest([Target("iqn.2001-04.com.example:c", units)], DAEMON)

    handlers = "/sys/kernel/scst_tgt/handlers"
    for name, handler in (
        ("disk0 filename=/var/store/disk0", "vdisk_fileio"),
        ("disk1 filename=/dev/loop1", "vdisk_blockio"),
        ("disk2", "vdisk_nullio"),
    ):
        assert f"put 'add_device {name}' '{handlers}/{handler}/mgmt'" in built.setup
    assert calls_in(built, "backing") == [
        ("0", "1048576", "file"),
        ("1", "1048576", "block"),
    ]
    assert "loop" in built.modules


def test_a_unit_in_memory_is_refused() -> None:
    units = (LogicalUnit(0, 1 << 20, backing="memory"),)

    with pytest.raises(LabError, match="memory"):
        guest.guest([Target("iqn.2001-04.com.example:c", units)], DAEMON)


def test_scst_listens_at_two_addresses_that_each_target_allows() -> None:
    built = guest.guest(TARGETS, DAEMON)

    assert built.endpoints == (Endpoint(3260), Endpoint(3260, "10.0.2.16"))
    for target in TARGETS:
        for endpoint in built.endpoints:
            allowed = f"{target.name} allowed_portal {endpoint.address}'"
            assert f"put 'add_target_attribute {allowed}" in built.setup


def test_scstadmin_is_started_when_the_daemon_is_there() -> None:
    built = guest.guest(TARGETS, DAEMON, ADMIN)

    assert built.setup.splitlines()[-3:] == [
        "start '/host/built/iscsi-scstd' '3260'",
        "configure '/host/built/usr/sbin/scstadmin' '/host/built/usr/share/perl'",
        "watch",
    ]
    assert calls_in(built, "put") == []
    assert "TARGET iqn.2001-04.com.example:a" in built.texts["/etc/scst.conf"]
    assert "perl" in built.programs
    assert built.own_files == (
        "/built/usr/sbin/scstadmin",
        "/built/usr/share/perl/SCST/SCST.pm",
    )


@pytest.mark.lab
@pytest.mark.parametrize(
    ("path", "expected_message"),
    [("taken", ""), ("gone/mgmt", "gone/mgmt does not take 'add_device': nonexistent")],
)
def test_a_write_that_scst_does_not_take_is_named(
    tmp_path: Path, path: str, expected_message: str
) -> None:
    require("busybox")
    script = guest.guest(TARGETS, DAEMON).setup
    start = script.index("put() {")
    function = script[start : script.index("\n}", start) + 2]

    process = subprocess.run(
        ["busybox", "sh", "-e"],
        input=f"{function}\nput 'add_device disk0 filename=/x' {tmp_path / path}\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=20,
    )

    assert expected_message in process.stdout
    assert process.returncode == bool(expected_message)


def test_mutual_chap_has_both_ways_in_scst() -> None:
    target = guest.configuration(TARGETS[1:]).targets[0]

    assert [user.name for user in target.incoming] == ["user"]
    assert target.outgoing is not None
    assert target.outgoing.name == "other"


MORE = More(
    {
        Special.ALIAS: "an alias",
        Special.MOVED: "iqn.2001-04.com.example:moved",
        Special.PINGING: "iqn.2001-04.com.example:pinging",
    },
    Chap(Credentials("user", b"12-bytes-long")),
)


def test_names_for_single_checks_share_a_unit_that_keeps_nothing() -> None:
    built = guest.guest(TARGETS, DAEMON, more=MORE)

    root = "/sys/kernel/scst_tgt/targets/iscsi"
    puts = calls_in(built, "put")
    assert ("an alias", f"{root}/{TARGETS[0].name}/alias") in puts
    moved = f"{root}/iqn.2001-04.com.example:moved"
    assert ("127.0.0.2:3260 temp", f"{moved}/redirect") in puts
    pinging = f"{root}/iqn.2001-04.com.example:pinging"
    assert ("2", f"{pinging}/NopInInterval") in puts
    for folder in (moved, pinging):
        assert ("add void 0", f"{folder}/luns/mgmt") in puts
    request = ("add_attribute IncomingUser user 12-bytes-long", f"{root}/mgmt")
    assert puts.index(request) < puts.index(("1", f"{root}/enabled"))


def test_scstadmin_gets_the_same_names() -> None:
    conf = guest.guest(TARGETS, DAEMON, ADMIN, MORE).texts["/etc/scst.conf"]

    before, _, after = conf.partition("TARGET iqn")
    assert '\tIncomingUser "user 12-bytes-long"' in before
    assert 'alias "an alias"' in after
    assert 'redirect "127.0.0.2:3260 temp"' in after
    assert "NopInInterval 2" in after


def test_a_thin_unit_is_one_of_scsts() -> None:
    units = (LogicalUnit(0, 5 << 30, thin=True),)
    built = guest.guest([Target("iqn.2001-04.com.example:c", units)], DAEMON)

    assert "filename=/var/store/disk0; thin_provisioned=1" in built.setup


def test_a_further_chap_name_is_any_initiators() -> None:
    one = replace(
        TARGETS[-1], identities=(Identity(Credentials("second", b"12-bytes-more")),)
    )
    target = guest.configuration([one]).targets[0]

    assert [user.name for user in target.incoming][1:] == ["second"]


@pytest.mark.lab
@pytest.mark.parametrize("admin", [None, ADMIN])
def test_the_shell_can_read_it(admin: Admin | None) -> None:
    assert_shell_can_read(guest.guest(TARGETS, DAEMON, admin).setup)
