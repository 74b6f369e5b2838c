# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the target in the Linux kernel, set up through configfs alone."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from vmlab.errors import LabError
from vmlab.guests.model import Backing, Export, Guest, Login, Portal, Unit, quoted

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


def guest(
    exports: Sequence[Export],
    ports: Sequence[int] = (3260, 3261),
    other_ports: Sequence[int] = (3262,),
) -> Guest:
    """Return a guest that serves target names through LIO.

    The first name has a second portal group, with the same logical units.
    """
    lines = [
        "mount -t configfs none /sys/kernel/config",
        f"mkdir -p {_FABRIC} {_STORE} /var/target/pr /var/target/alua",
    ]
    lines.append(_RESTORE)
    numbers = iter(range(1 << 16))
    for export in exports:
        units = {f"disk{next(numbers)}": unit for unit in export.units}
        for name, unit in units.items():
            lines += _unit(unit, name)
        lines += _group(export, 1, ports, units)
        if export is exports[0] and other_ports:
            lines += _group(export, 2, other_ports, units)
    return Guest(
        "lio",
        MODULES,
        "\n".join(lines),
        tuple(map(Portal, ports)),
        other_portals=tuple(map(Portal, other_ports)) if exports else (),
    )


def _group(
    export: Export, tag: int, ports: Sequence[int], units: Mapping[str, Unit]
) -> Iterator[str]:
    group = quoted(f"{_FABRIC}/{export.name}/tpgt_{tag}")
    yield f"mkdir -p {group}"
    for port in ports:
        yield f"mkdir {group}/np/{Portal(port)}"
    for name, value in {**_GROUP_ATTRIBUTES, "authentication": _asks(export)}.items():
        yield f"echo {value} > {group}/attrib/{name}"
    for name, text in _PARAMETERS.items():
        yield f"echo {quoted(str(text))} > {group}/param/{name}"
    if export.login is not None:
        yield from _login(group, export.login)
    for name, unit in units.items():
        slot = f"{group}/lun/lun_{unit.lun}"
        yield f"mkdir {slot}"
        yield f"ln -s {_device(unit, name)} {slot}/{name}"
    yield f"echo 1 > {group}/enable"


def _asks(export: Export) -> int:
    return int(export.login is not None)


def _login(group: str, login: Login) -> Iterator[str]:
    values = {
        "userid": login.user,
        "password": login.secret,
        "userid_mutual": login.mutual_user,
        "password_mutual": login.mutual_secret,
    }
    for name, value in values.items():
        if value:
            yield f"echo -n {quoted(value)} > {group}/auth/{name}"


def _device(unit: Unit, name: str) -> str:
    return f"{_CORE}/{_DRIVERS[unit.backing]}_{unit.lun}/{name}"


def _unit(unit: Unit, name: str) -> Iterator[str]:
    if unit.backing not in _DRIVERS:
        raise LabError(f"LIO is not set up here for a unit of {unit.backing}")
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
