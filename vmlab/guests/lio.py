# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the target in the Linux kernel, set up through configfs alone."""

from collections.abc import Iterator, Sequence

from vmlab.guests.model import ADDRESS, Export, Guest, Login, Unit, quoted

MODULES = ("target_core_mod", "target_core_file", "iscsi_target_mod")

_CORE = "/sys/kernel/config/target/core"
_FABRIC = "/sys/kernel/config/target/iscsi"
_STORE = "/var/store"

_UNIT_ATTRIBUTES = {"emulate_tpu": 1, "emulate_tpws": 1, "emulate_3pc": 1}
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


def guest(exports: Sequence[Export], ports: Sequence[int] = (3260, 3261)) -> Guest:
    """Return a guest that serves target names through LIO."""
    lines = [
        "mount -t configfs none /sys/kernel/config",
        f"mkdir -p {_FABRIC} {_STORE} /var/target/pr /var/target/alua",
    ]
    numbers = iter(range(1 << 16))
    for export in exports:
        lines += _export(export, ports, numbers)
    return Guest("lio", MODULES, "\n".join(lines), tuple(ports))


def _export(
    export: Export, ports: Sequence[int], numbers: Iterator[int]
) -> Iterator[str]:
    group = quoted(f"{_FABRIC}/{export.name}/tpgt_1")
    yield f"mkdir -p {group}"
    for port in ports:
        yield f"mkdir {group}/np/{ADDRESS}:{port}"
    for name, value in {**_GROUP_ATTRIBUTES, "authentication": _asks(export)}.items():
        yield f"echo {value} > {group}/attrib/{name}"
    for name, text in _PARAMETERS.items():
        yield f"echo {quoted(str(text))} > {group}/param/{name}"
    if export.login is not None:
        yield from _login(group, export.login)
    for unit in export.units:
        yield from _unit(group, unit, f"disk{next(numbers)}")
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


def _unit(group: str, unit: Unit, name: str) -> Iterator[str]:
    backing = f"{_CORE}/fileio_{unit.lun}/{name}"
    path = f"{_STORE}/{name}"
    yield f"mkdir -p {backing}"
    yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
    control = f"fd_dev_name={path},fd_dev_size={unit.size},fd_buffered_io=1"
    yield f"echo {control} > {backing}/control"
    yield f"echo 1 > {backing}/enable"
    # Its number in EVPD pages stays over restarts: APTPL files are named by it.
    yield f"echo assay-{name} > {backing}/wwn/vpd_unit_serial"
    for attribute, value in _UNIT_ATTRIBUTES.items():
        yield f"echo {value} > {backing}/attrib/{attribute}"
    if unit.block_size != 512:
        yield f"echo {unit.block_size} > {backing}/attrib/block_size"
    slot = f"{group}/lun/lun_{unit.lun}"
    yield f"mkdir {slot}"
    yield f"ln -s {backing} {slot}/{name}"
