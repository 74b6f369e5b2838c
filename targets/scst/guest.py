# SPDX-License-Identifier: GPL-2.0-only
"""SCST, set up through sysfs or by scstadmin; all of it was built for the machine."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from targets.model import Backing, LogicalUnit, Target
from targets.scst import config
from targets.scst.admin import Admin
from targets.scst.config import Config, Device, Group, Handler, User
from vmlab.errors import LabError
from vmlab.guest import (
    ADDRESS,
    DIED,
    SECOND_ADDRESS,
    Endpoint,
    Guest,
    inside,
    quoted,
)

MODULES = ("scst", "scst_vdisk", "iscsi_scst")
"""In the order in which they are loaded: each needs those before it."""

DIGESTS = ("algif_hash", "sha3_generic")
"""By which newer daemons offer CHAP with SHA-256 and SHA3-256, if the kernel can."""

FOLDERS = (
    "/var/lib/scst/pr",
    "/var/lib/scst/vdev_mode_pages",
    "/var/lib/scst/alua",
)
"""Where SCST keeps what outlives a loss of power; it makes none of them."""

PORT = 3260
ADDRESSES = (ADDRESS, SECOND_ADDRESS)
"""The daemon listens at one port of them all; a target allows them one by one."""

VOID = "iqn.2026-11.org.iscsi-assay:void"
"""The initiator that finds nothing behind LUN 0 of the first name, where writes go."""

PERL = ("perl-base", "libperl5.36", "perl-modules-5.36")
PERL_FILES = (
    *(f"usr/lib/*/perl-base/{depth}*.pm" for depth in ("", "*/", "*/*/")),
    *(f"usr/lib/*/perl-base/auto/{depth}*.so" for depth in ("*/", "*/*/")),
    # What scstadmin uses besides.
    "usr/lib/*/perl/5*/IO/Dir.pm",
    "usr/lib/*/perl/5*/Data/Dumper.pm",
    "usr/lib/*/perl/5*/auto/Data/Dumper/Dumper.so",
    "usr/share/perl/5*/Class/Struct.pm",
    "usr/share/perl/5*/File/stat.pm",
)

_STORE = "/var/store"
_CONF = "/etc/scst.conf"
_PID_FILE = "/var/run/iscsi-scstd.pid"
_ATTRIBUTES = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "InitialR2T": "No",
}
_TENTHS = 200
_HANDLERS: Mapping[Backing, Handler] = MappingProxyType(
    {"file": Handler.FILEIO, "block": Handler.BLOCKIO, "null": Handler.NULLIO}
)

# SCST ends a write that takes it long with EAGAIN, goes on, and tells the result here.
_PUT = f"""put() {{
    said=$( (echo "$1" > "$2") 2>&1 ) && return
    case "$said" in
        *"temporarily unavailable"*) ;;
        *) echo "$2 does not take '${{1%% *}}': ${{said##*: }}"; return 1 ;;
    esac
    i=0
    until said=$(cat {config.ROOT}/last_sysfs_mgmt_res 2> /dev/null); do
        i=$((i + 1))
        [ $i -lt {_TENTHS} ] || {{ echo "$2 does not come to an end"; return 1; }}
        sleep 0.1
    done
    [ "$said" = 0 ] || {{ echo "$2 does not take '${{1%% *}}': $said"; return 1; }}
}}"""


def guest(targets: Sequence[Target], daemon: Path, admin: Admin | None = None) -> Guest:
    """Return a guest that serves target names through SCST.

    Args:
        targets: the names and their logical units.
        daemon: the program iscsi-scstd, as it was built.
        admin: scstadmin, to set it up by; None for sysfs alone.
    """
    settings = configuration(targets)
    blocks = any(one.handler is Handler.BLOCKIO for one in settings.devices)
    lines = [
        # The daemon says what it has to say to the log, and its number there.
        "syslogd -O /dev/console",
        "[ -e /var/run ] || ln -s /run /var/run",
        # SCST looks for them when it is loaded, before there is a disk at /var.
        "mkdir -p " + " ".join((*FOLDERS, _STORE)),
        *_backing(targets),
        *(
            _by_sysfs(settings, daemon)
            if admin is None
            else _by_admin(settings, daemon, admin)
        ),
        *_watch(),
    ]
    return Guest(
        "scst",
        (*MODULES, "loop") if blocks else MODULES,
        "\n".join(lines),
        tuple(Endpoint(PORT, address) for address in ADDRESSES),
        optional_modules=DIGESTS,
        programs=(str(daemon), *(("perl",) if admin else ())),
        packages=PERL if admin else (),
        files=PERL_FILES if admin else (),
        own_files=tuple(map(str, admin.files)) if admin else (),
        folders=FOLDERS,
    )


def _by_sysfs(settings: Config, daemon: Path) -> Iterator[str]:
    yield _PUT
    yield from _puts(config.devices(settings))
    # It tells of targets to the daemon, which must be there before the first.
    yield from _start(daemon)
    yield from _puts(config.targets(settings))


def _by_admin(settings: Config, daemon: Path, admin: Admin) -> Iterator[str]:
    yield f"printf %s {quoted(config.conf(settings))} > {_CONF}"
    yield from _start(daemon)
    yield f"export PERL5LIB={quoted(inside(admin.library))}"
    yield (
        f"perl {quoted(inside(admin.program))} -noprompt -config {_CONF}"
        " > /tmp/scstadmin.log 2>&1"
        ' || { grep . /tmp/scstadmin.log; echo "scstadmin failed:'
        ' $(grep . /tmp/scstadmin.log | tail -n 1)"; exit 1; }'
    )


def _start(daemon: Path) -> Iterator[str]:
    """Tell the commands that start the daemon and wait until the kernel knows it."""
    yield f"{quoted(inside(daemon))} -p {PORT}"
    yield f"""i=0
until grep -q '^open' {config.ROOT}/targets/iscsi/open_state; do
    i=$((i + 1))
    [ $i -lt {_TENTHS} ] || {{ echo "iscsi-scstd is not there"; exit 1; }}
    sleep 0.1
done"""


def _watch() -> Iterator[str]:
    """Tell the commands that say so when the daemon ends."""
    yield f"pid=$(cat {_PID_FILE})"
    yield (
        "(while kill -0 $pid; do sleep 0.5; done;"
        # A prompt may stand on the console's last line.
        f" printf '\\n{DIED} iscsi-scstd\\n' > /dev/console) > /dev/null 2>&1 &"
    )


def configuration(targets: Sequence[Target]) -> Config:
    """Return SCST's configuration for target names.

    The first name has a group besides: who is in it sees a device of nullio alone.
    """
    devices: list[Device] = []
    configured: list[config.Target] = []
    for target in targets:
        units: dict[int, str] = {}
        for unit in target.logical_units:
            number = len(devices)
            units[unit.lun] = f"disk{number}"
            devices.append(_device(unit, number))
        configured.append(_target(target, units, is_first=target is targets[0]))
    if targets:
        devices.append(Device("void", Handler.NULLIO))
    return Config(tuple(devices), tuple(configured))


def _device(unit: LogicalUnit, number: int) -> Device:
    if unit.backing not in _HANDLERS:
        raise LabError(f"SCST has no handler that keeps a unit in {unit.backing}")
    handler = _HANDLERS[unit.backing]
    filename = {
        Handler.FILEIO: f"{_STORE}/disk{number}",
        Handler.BLOCKIO: f"/dev/loop{number}",
        Handler.NULLIO: "",
    }[handler]
    return Device(f"disk{number}", handler, filename, unit.block_size)


def _target(target: Target, units: dict[int, str], *, is_first: bool) -> config.Target:
    chap = target.chap
    incoming: tuple[User, ...] = ()
    outgoing = None
    if chap is not None:
        incoming = (User(chap.user, chap.secret),)
        if chap.mutual_user and chap.mutual_secret:
            outgoing = User(chap.mutual_user, chap.mutual_secret)
    return config.Target(
        target.name,
        units,
        incoming,
        outgoing,
        portals=ADDRESSES,
        groups=(Group("void", (VOID,), {0: "void"}),) if is_first else (),
        attributes=_ATTRIBUTES,
    )


def _backing(targets: Sequence[Target]) -> Iterator[str]:
    units = (unit for target in targets for unit in target.logical_units)
    for number, unit in enumerate(units):
        if unit.backing == "null":
            continue
        path = f"{_STORE}/disk{number}"
        yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
        if unit.backing == "block":
            yield f"[ -b /dev/loop{number} ] || mknod /dev/loop{number} b 7 {number}"
            yield f"losetup /dev/loop{number} {path}"


def _puts(writes: Iterator[config.Write]) -> Iterator[str]:
    for one in writes:
        yield f"put {quoted(one.text)} {quoted(one.path)}"
