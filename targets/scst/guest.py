# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a guest, configured through sysfs or by scstadmin."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from iscsi.chap import Credentials
from targets.model import NO_MORE, Backing, Chap, LogicalUnit, More, Special, Target
from targets.scst import config
from targets.scst.admin import Admin
from targets.scst.config import Config, Device, Group, Handler
from vmlab.errors import LabError
from vmlab.guest import (
    ADDRESS,
    DIED,
    SECOND_ADDRESS,
    Endpoint,
    Guest,
    call,
    inside,
    script,
)

MODULES = ("scst", "scst_vdisk", "iscsi_scst")
"""The modules in loading order: each needs those before it."""

DIGESTS = ("algif_hash", "sha3_generic")
"""Modules with which newer daemons offer CHAP with SHA-256 and SHA3-256, if the kernel
has them."""

FOLDERS = (
    "/var/lib/scst/pr",
    "/var/lib/scst/vdev_mode_pages",
    "/var/lib/scst/alua",
)
"""The folders in which SCST stores data that survives a loss of power; it creates none
of them."""

PORT = 3260
ADDRESSES = (ADDRESS, SECOND_ADDRESS)
"""The daemon listens at one port of all addresses; a target allows addresses one by
one."""

VOID = "iqn.2026-11.org.iscsi-assay:void"
"""The initiator that sees only a nullio device, at LUN 0 of the first name."""

PERL = ("perl-base", "libperl5.36", "perl-modules-5.36")
PERL_FILES = (
    *(f"usr/lib/*/perl-base/{depth}*.pm" for depth in ("", "*/", "*/*/")),
    *(f"usr/lib/*/perl-base/auto/{depth}*.so" for depth in ("*/", "*/*/")),
    # Other programs that scstadmin runs.
    "usr/lib/*/perl/5*/IO/Dir.pm",
    "usr/lib/*/perl/5*/Data/Dumper.pm",
    "usr/lib/*/perl/5*/auto/Data/Dumper/Dumper.so",
    "usr/share/perl/5*/Class/Struct.pm",
    "usr/share/perl/5*/File/stat.pm",
)

_HERE = Path(__file__).parent
_STORE = "/var/store"
_ATTRIBUTES = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "InitialR2T": "No",
}
_ELSEWHERE = "127.0.0.2"
"""The address to which names have moved."""
_OF_SPECIAL: Mapping[Special, Mapping[str, str | int]] = MappingProxyType(
    {
        Special.MOVED: {"redirect": f"{_ELSEWHERE}:{PORT} temp"},
        Special.MOVED_FOR_GOOD: {"redirect": f"{_ELSEWHERE}:{PORT} perm"},
        # Seconds.
        Special.PINGING: {"NopInInterval": 2},
    }
)
_HANDLERS: Mapping[Backing, Handler] = MappingProxyType(
    {"file": Handler.FILEIO, "block": Handler.BLOCKIO, "null": Handler.NULLIO}
)


def guest(
    targets: Sequence[Target],
    daemon: Path,
    admin: Admin | None = None,
    more: More = NO_MORE,
) -> Guest:
    """Return a guest that serves target names through SCST.

    Args:
        targets: the names and their logical units.
        daemon: the built program iscsi-scstd.
        admin: scstadmin, which configures it; None for only sysfs.
        more: its additional services.
    """
    settings = configuration(targets, more)
    blocks = any(one.handler is Handler.BLOCKIO for one in settings.devices)
    setup = script(
        _HERE / "setup.sh",
        _calls(targets, settings, daemon, admin),
        ROOT=config.ROOT,
        DIED=DIED,
        FOLDERS=" ".join(FOLDERS),
    )
    return Guest(
        "scst",
        (*MODULES, "loop") if blocks else MODULES,
        setup,
        tuple(Endpoint(PORT, address) for address in ADDRESSES),
        optional_modules=DIGESTS,
        programs=(str(daemon), *(("perl",) if admin else ())),
        packages=PERL if admin else (),
        files=PERL_FILES if admin else (),
        own_files=tuple(map(str, admin.files)) if admin else (),
        folders=FOLDERS,
        texts={"/etc/scst.conf": config.conf(settings)} if admin else {},
    )


def _calls(
    targets: Sequence[Target], settings: Config, daemon: Path, admin: Admin | None
) -> Iterator[str]:
    """Yield the calls of the set-up script's functions."""
    yield from _backing(targets)
    start = call("start", inside(daemon), PORT)
    if admin is None:
        yield from _puts(config.devices(settings))
        # SCST notifies the daemon of its targets, so the daemon must run first.
        yield start
        yield from _puts(config.targets(settings))
    else:
        yield start
        yield call("configure", inside(admin.program), inside(admin.library))
    yield "watch"


def configuration(targets: Sequence[Target], more: More = NO_MORE) -> Config:
    """Return SCST's configuration for target names and additional services.

    The first name also has a group whose initiators see only a nullio device.
    """
    devices: list[Device] = []
    configured: list[config.Target] = []
    for target in targets:
        units: dict[int, str] = {}
        for unit in target.logical_units:
            number = len(devices)
            units[unit.lun] = f"disk{number}"
            devices.append(_device(unit, number))
        is_first = target is targets[0]
        alias = more.special.get(Special.ALIAS) if is_first else None
        own = {} if alias is None else {"alias": alias}
        configured.append(_target(target, units, own, is_first=is_first))
    if targets:
        devices.append(Device("void", Handler.NULLIO))
    configured += _special(more.special)
    incoming, outgoing = _users(more.discovery_chap)
    return Config(tuple(devices), tuple(configured), incoming, outgoing)


def _special(special: Mapping[Special, str]) -> Iterator[config.Target]:
    """Yield the target names that each serve one check."""
    for what, attributes in _OF_SPECIAL.items():
        if what in special:
            yield config.Target(
                special[what],
                # A unit without stored data can be shared by several targets.
                {0: "void"},
                portals=ADDRESSES,
                attributes=attributes,
            )


def _device(unit: LogicalUnit, number: int) -> Device:
    if unit.backing not in _HANDLERS:
        raise LabError(f"SCST has no handler for a unit of {unit.backing}")
    handler = _HANDLERS[unit.backing]
    filename = {
        Handler.FILEIO: f"{_STORE}/disk{number}",
        Handler.BLOCKIO: f"/dev/loop{number}",
        Handler.NULLIO: "",
    }[handler]
    attributes = {"thin_provisioned": 1} if unit.thin else {}
    return Device(f"disk{number}", handler, filename, unit.block_size, attributes)


def _target(
    target: Target,
    units: dict[int, str],
    attributes: Mapping[str, str],
    *,
    is_first: bool,
) -> config.Target:
    incoming, outgoing = _users(target.chap)
    for one in target.identities:
        if one.initiator_name is not None:
            raise LabError("SCST cannot bind a CHAP name to an initiator")
        incoming += (one.credentials,)
    return config.Target(
        target.name,
        units,
        incoming,
        outgoing,
        portals=ADDRESSES,
        groups=(Group("void", (VOID,), {0: "void"}),) if is_first else (),
        attributes={**_ATTRIBUTES, **attributes},
    )


def _users(
    chap: Chap | None,
) -> tuple[tuple[Credentials, ...], Credentials | None]:
    """Return the CHAP users of a target name, and its own credentials."""
    return ((), None) if chap is None else ((chap.credentials,), chap.mutual)


def _backing(targets: Sequence[Target]) -> Iterator[str]:
    """Yield the calls that create the storage of the units."""
    units = (unit for target in targets for unit in target.logical_units)
    for number, unit in enumerate(units):
        if unit.backing != "null":
            yield call("backing", number, unit.size, unit.backing)


def _puts(writes: Iterator[config.Write]) -> Iterator[str]:
    for one in writes:
        yield call("put", one.text, one.path)
