# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the target in the Linux kernel, set up through configfs alone."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from targets.model import Backing, Chap, LogicalUnit, Target
from vmlab.errors import LabError
from vmlab.guest import Endpoint, Guest, quoted

MODULES = (
    "target_core_mod",
    "target_core_file",
    "target_core_iblock",
    "iscsi_target_mod",
    "loop",
)

_CORE = "/sys/kernel/config/target/core"
_FABRIC = "/sys/kernel/config/target/iscsi"
_STORE = "/var/store"

_UNIT_ATTRIBUTES = {"emulate_3pc": 1}
_THIN_ATTRIBUTES = {"emulate_tpu": 1, "emulate_tpws": 1}
"""For what can be deallocated: memory cannot."""

_DRIVERS: Mapping[Backing, str] = MappingProxyType(
    {"file": "fileio", "memory": "rd_mcp", "block": "iblock"}
)
_PAGE = 4096
_GROUP_ATTRIBUTES = {
    "generate_node_acls": 1,
    "cache_dynamic_acls": 1,
    "demo_mode_write_protect": 0,
    "default_erl": 2,
    # Seconds, the least it takes: an unfinished login holds up all others.
    "login_timeout": 5,
}
_PARAMETERS = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "ErrorRecoveryLevel": 2,
    "MaxConnections": 8,
    "InitialR2T": "No",
}

# The kernel only writes these files. What it takes back is one line a registration,
# with decimal numbers, before anything exports the unit.
_RESTORE = """restore_reservations() {
    [ -e /var/target/pr/aptpl_$1 ] || return 0
    while read pair; do
        case "$pair" in
            PR_REG_START*) line= ;;
            PR_REG_END*) echo "$line" > $2/pr/res_aptpl_metadata ;;
            res_type=0*) line="$line,res_type=${pair#res_type=0}" ;;
            *=*) line="$line,$pair" ;;
        esac
    done < /var/target/pr/aptpl_$1
}"""


PORTALS = (Endpoint(3260), Endpoint(3261))
"""The first portal group's."""
OTHER_PORTALS = (Endpoint(3262),)
"""Those of the second group, which the first target name alone has."""


def guest(targets: Sequence[Target]) -> Guest:
    """Return a guest that serves target names through LIO.

    The first name has a second portal group, with the same logical units.
    """
    lines = [
        "mount -t configfs none /sys/kernel/config",
        f"mkdir -p {_FABRIC} {_STORE} /var/target/pr /var/target/alua",
    ]
    lines.append(_RESTORE)
    numbers = iter(range(1 << 16))
    for target in targets:
        units = {f"disk{next(numbers)}": unit for unit in target.logical_units}
        for name, unit in units.items():
            lines += _unit(unit, name)
        lines += _group(target, 1, PORTALS, units)
        if target is targets[0]:
            lines += _group(target, 2, OTHER_PORTALS, units)
    return Guest("lio", MODULES, "\n".join(lines), (*PORTALS, *OTHER_PORTALS))


def _group(
    target: Target,
    tag: int,
    portals: Sequence[Endpoint],
    units: Mapping[str, LogicalUnit],
) -> Iterator[str]:
    group = quoted(f"{_FABRIC}/{target.name}/tpgt_{tag}")
    yield f"mkdir -p {group}"
    for portal in portals:
        yield f"mkdir {group}/np/{portal}"
    for name, value in {**_GROUP_ATTRIBUTES, "authentication": _asks(target)}.items():
        yield f"echo {value} > {group}/attrib/{name}"
    for name, text in _PARAMETERS.items():
        yield f"echo {quoted(str(text))} > {group}/param/{name}"
    if target.chap is not None:
        yield from _login(group, target.chap)
    for name, unit in units.items():
        slot = f"{group}/lun/lun_{unit.lun}"
        yield f"mkdir {slot}"
        yield f"ln -s {_device(unit, name)} {slot}/{name}"
    yield f"echo 1 > {group}/enable"


def _asks(target: Target) -> int:
    return int(target.chap is not None)


def _login(group: str, chap: Chap) -> Iterator[str]:
    values = {
        "userid": chap.user,
        "password": chap.secret,
        "userid_mutual": chap.mutual_user,
        "password_mutual": chap.mutual_secret,
    }
    for name, value in values.items():
        if value:
            yield f"echo -n {quoted(value)} > {group}/auth/{name}"


def _device(unit: LogicalUnit, name: str) -> str:
    return f"{_CORE}/{_DRIVERS[unit.backing]}_{unit.lun}/{name}"


def _unit(unit: LogicalUnit, name: str) -> Iterator[str]:
    if unit.backing not in _DRIVERS:
        raise LabError(f"LIO is not set up here for a unit of {unit.backing}")
    assert unit.size is not None
    device, path = _device(unit, name), f"{_STORE}/{name}"
    yield f"mkdir -p {device}"
    if unit.backing != "memory":
        yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
    control = f"fd_dev_name={path},fd_dev_size={unit.size},fd_buffered_io=1"
    if unit.backing == "memory":
        control = f"rd_pages={unit.size // _PAGE}"
    elif unit.backing == "block":
        yield "loop=$(losetup -f)"
        yield f"losetup $loop {path}"
        control = "udev_path=$loop"
    yield f"echo {control} > {device}/control"
    yield f"echo 1 > {device}/enable"
    # Its number in EVPD pages stays over restarts: APTPL files are named by it.
    yield f"echo assay-{name} > {device}/wwn/vpd_unit_serial"
    yield f"restore_reservations assay-{name} {device}"
    thin = {} if unit.backing == "memory" else _THIN_ATTRIBUTES
    for attribute, value in {**_UNIT_ATTRIBUTES, **thin}.items():
        yield f"echo {value} > {device}/attrib/{attribute}"
    if unit.block_size != 512:
        yield f"echo {unit.block_size} > {device}/attrib/block_size"
