# SPDX-License-Identifier: GPL-2.0-only
"""The set-up scripts of guests."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import require
from vmlab.errors import LabError
from vmlab.guests import builder, client, lio, scst, tgt
from vmlab.guests.model import Backing, Export, Guest, Login, Portal, Unit, quoted
from vmlab.scst.admin import Admin

EXPORTS = [
    Export("iqn.2001-04.com.example:a", (Unit(0, 1 << 20), Unit(1, 1 << 20, 4096))),
    Export(
        "iqn.2001-04.com.example:b",
        (Unit(0, 1 << 20),),
        Login("user", "it's-a-secret", "other", "the-way-back"),
    ),
]


DAEMON = Path("/built/iscsi-scstd")
ADMIN = Admin(Path("/built/usr/sbin/scstadmin"), Path("/built/usr/share/perl"))
GUESTS = [
    lio.guest(EXPORTS),
    client.guest(),
    builder.guest(Path("/r.img"), Path("/it's/here"), memory=512, processors=2),
    tgt.guest(EXPORTS),
    scst.guest(EXPORTS, DAEMON),
    scst.guest(EXPORTS, DAEMON, ADMIN),
]


@pytest.mark.lab
@pytest.mark.parametrize("guest", GUESTS)
def test_the_shell_can_read_it(guest: Guest) -> None:
    require("busybox")

    subprocess.run(
        ["busybox", "sh", "-n"],
        input=guest.setup,
        text=True,
        check=True,
        timeout=20,
    )


def test_every_unit_has_a_file_of_its_own() -> None:
    script = lio.guest(EXPORTS).setup

    names = [line.split("/")[-1] for line in script.splitlines() if "truncate" in line]
    assert names == ["disk0", "disk1", "disk2"]
    assert "echo 4096 >" in script


def test_only_who_has_credentials_asks_for_them() -> None:
    lines = lio.guest(EXPORTS).setup.splitlines()

    asked = [line.split()[1] for line in lines if "attrib/authentication" in line]
    assert asked == ["0", "0", "1"], "the first name has two portal groups"
    secrets = [line for line in lines if "/auth/password" in line]
    assert len(secrets) == 2
    assert quoted("it's-a-secret") in secrets[0]


def test_every_portal_is_opened_for_every_name() -> None:
    lines = lio.guest(EXPORTS, (3260, 3999), other_ports=()).setup.splitlines()

    assert sum("/np/" in line for line in lines) == 4


def test_the_second_group_has_a_portal_and_the_same_units() -> None:
    guest = lio.guest(EXPORTS, (3260,), other_ports=(3999,))
    lines = [line for line in guest.setup.splitlines() if "tpgt_2" in line]

    assert guest.other_portals == (Portal(3999),)
    assert next(line for line in lines if "/np/" in line).endswith(":3999")
    assert sum(line.startswith("ln -s") for line in lines) == 2
    assert not any("example:b" in line for line in lines)


def test_each_kind_of_backing_has_its_driver() -> None:
    units = (
        Unit(0, 1 << 20),
        Unit(1, 1 << 20, backing="memory"),
        Unit(2, 1 << 20, backing="block"),
    )
    script = lio.guest([Export("iqn.2001-04.com.example:c", units)]).setup

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
    script = lio.guest(EXPORTS).setup
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
@pytest.mark.parametrize("word", ["plain", "a b", "it's", "$(reboot)", "`x`", ""])
def test_quoted_words_come_out_as_they_went_in(word: str) -> None:
    require("busybox")
    done = subprocess.run(
        ["busybox", "sh", "-c", f"printf %s {quoted(word)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert done.stdout == word


def test_the_client_writes_into_folders_that_it_has() -> None:
    guest = client.guest()

    files = re.findall(r"> /(\S+)/[^/\s]+$", guest.setup, re.MULTILINE)
    assert "etc/iscsi" in files
    assert set(files) <= {"etc", *guest.folders}


def test_the_client_listens_nowhere() -> None:
    assert client.guest().all_portals == ()


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(EXPORTS[1].login)


def test_scst_is_set_up_in_its_order() -> None:
    lines = scst.guest(EXPORTS, DAEMON).setup.splitlines()

    def first(part: str) -> int:
        return next(number for number, line in enumerate(lines) if part in line)

    marks = [
        "mkdir -p /var/lib/scst/pr /var/lib/scst/vdev_mode_pages /var/lib/scst/alua",
        "truncate -s",
        "add_device disk0",
        "'/host/built/iscsi-scstd' -p 3260",
        "until grep -q '^open'",
        "add_target iqn",
        "add disk0 0",
        "create void",
        "add void 0",
        f"add {scst.VOID}",
        f"/{EXPORTS[-1].name}/enabled",
        "'/sys/kernel/scst_tgt/targets/iscsi/enabled'",
        "pid=$(cat /var/run/iscsi-scstd.pid)",
    ]
    places = [first(mark) for mark in marks]
    assert places == sorted(places)


def test_scst_takes_along_what_it_needs() -> None:
    guest = scst.guest(EXPORTS, DAEMON)

    assert guest.modules == ("scst", "scst_vdisk", "iscsi_scst")
    assert guest.programs == ("/built/iscsi-scstd",)
    assert "/var/lib/scst/pr" in guest.folders


def test_each_unit_has_the_handler_of_its_backing() -> None:
    units = (
        Unit(0, 1 << 20),
        Unit(1, 1 << 20, backing="block"),
        Unit(2, 1 << 20, backing="null"),
    )
    guest = scst.guest([Export("iqn.2001-04.com.example:c", units)], DAEMON)

    handlers = "/sys/kernel/scst_tgt/handlers"
    for name, handler in (
        ("disk0 filename=/var/store/disk0", "vdisk_fileio"),
        ("disk1 filename=/dev/loop1", "vdisk_blockio"),
        ("disk2", "vdisk_nullio"),
    ):
        assert f"put 'add_device {name}' '{handlers}/{handler}/mgmt'" in guest.setup
    assert "losetup /dev/loop1 /var/store/disk1" in guest.setup
    assert "/var/store/disk2" not in guest.setup
    assert "loop" in guest.modules


@pytest.mark.parametrize(
    ("make", "backing"),
    [(lambda exports: scst.guest(exports, DAEMON), "memory"), (lio.guest, "null")],
)
def test_a_backing_that_a_kind_has_not_is_refused(
    make: Callable[[list[Export]], Guest], backing: Backing
) -> None:
    exports = [
        Export("iqn.2001-04.com.example:c", (Unit(0, 1 << 20, backing=backing),))
    ]

    with pytest.raises(LabError, match=backing):
        make(exports)


def test_scst_listens_at_two_addresses_that_each_target_allows() -> None:
    guest = scst.guest(EXPORTS, DAEMON)

    assert guest.portals == (Portal(3260), Portal(3260, "10.0.2.16"))
    for export in EXPORTS:
        for portal in guest.portals:
            allowed = f"{export.name} allowed_portal {portal.address}'"
            assert f"put 'add_target_attribute {allowed}" in guest.setup


def test_scstadmin_is_started_when_the_daemon_is_there() -> None:
    guest = scst.guest(EXPORTS, DAEMON, ADMIN)
    lines = guest.setup.splitlines()

    marks = ["> /etc/scst.conf", "iscsi-scstd' -p", "open_state", "-config /etc/scst"]
    places = [
        next(number for number, line in enumerate(lines) if mark in line)
        for mark in marks
    ]
    assert places == sorted(places)
    assert "export PERL5LIB='/host/built/usr/share/perl'" in lines
    assert not any(line.startswith("put ") for line in lines)
    assert "perl" in guest.programs
    assert guest.own_files == (
        "/built/usr/sbin/scstadmin",
        "/built/usr/share/perl/SCST/SCST.pm",
    )


@pytest.mark.lab
@pytest.mark.parametrize(
    ("path", "said"),
    [("taken", ""), ("gone/mgmt", "gone/mgmt does not take 'add_device': nonexistent")],
)
def test_a_write_that_scst_does_not_take_is_named(
    tmp_path: Path, path: str, said: str
) -> None:
    require("busybox")
    script = scst.guest(EXPORTS, DAEMON).setup
    start = script.index("put() {")
    function = script[start : script.index("\n}", start) + 2]

    done = subprocess.run(
        ["busybox", "sh", "-e"],
        input=f"{function}\nput 'add_device disk0 filename=/x' {tmp_path / path}\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=20,
    )

    assert said in done.stdout
    assert done.returncode == bool(said)


def test_mutual_chap_has_both_ways_in_scst() -> None:
    target = scst.configuration(EXPORTS[1:]).targets[0]

    assert [user.name for user in target.incoming] == ["user"]
    assert target.outgoing is not None
    assert target.outgoing.name == "other"


def test_tgtd_must_listen_where_asked() -> None:
    lines = tgt.guest(EXPORTS, ports=(3260, 3999)).setup.splitlines()

    told = "tgtd -f --iscsi portal=10.0.2.15:3260,portal=10.0.2.15:3999"
    assert any(line.strip().startswith(told) for line in lines)
    assert "grep -q 10.0.2.15:3999 /tmp/portals" in lines


def test_tgtd_has_an_account_for_each_way_of_chap() -> None:
    lines = tgt.guest(EXPORTS).setup.splitlines()

    accounts = [line for line in lines if "--op new --mode account" in line]
    assert [line.split("--user ")[1].split()[0] for line in accounts] == [
        "'user'",
        "'other'",
    ]
    bound = [line for line in lines if "--op bind --mode account" in line]
    assert all("--tid 2" in line for line in bound)
    assert [line.endswith("--outgoing") for line in bound] == [False, True]


def test_units_of_tgtd_are_in_memory_or_behind_a_block_device_where_told() -> None:
    units = (Unit(1, 1 << 20, backing="memory"), Unit(2, 1 << 20, backing="block"))
    guest = tgt.guest([Export("iqn.2001-04.com.example:a", units)])
    lines = guest.setup.splitlines()

    assert guest.modules == ("loop",)
    assert any("--lun 1 --backing-store /tmp/disk0" in line for line in lines)
    assert any("--lun 2 --backing-store $loop" in line for line in lines)
    assert "losetup $loop /var/store/disk1" in lines
    assert tgt.guest(EXPORTS).modules == ()


def test_every_unit_of_tgtd_has_a_file_of_its_own() -> None:
    lines = tgt.guest(EXPORTS).setup.splitlines()

    files = [line.split()[-1] for line in lines if "truncate" in line]
    assert files == ["/var/store/disk0", "/var/store/disk1", "/var/store/disk2"]
    assert any("--lun 1" in line and "--blocksize 4096" in line for line in lines)
