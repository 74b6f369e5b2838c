# SPDX-License-Identifier: GPL-2.0-only
"""SCST, set up through sysfs; its modules and its daemon were built for it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vmlab.guests.model import ADDRESS, Export, Guest, quoted
from vmlab.scst import config
from vmlab.scst.config import Config, Device, Handler, Target, User

MODULES = ("scst", "scst_vdisk", "iscsi_scst")
"""In the order in which they are loaded: each needs those before it."""

FOLDERS = (
    "/var/lib/scst/pr",
    "/var/lib/scst/vdev_mode_pages",
    "/var/lib/scst/alua",
)
"""Where SCST keeps what outlives a loss of power; it makes none of them."""

PORT = 3260
_STORE = "/var/store"
_ATTRIBUTES = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "InitialR2T": "No",
}
_DAEMON_TENTHS = 200


def guest(
    exports: Sequence[Export], daemon: Path, handler: Handler = Handler.FILEIO
) -> Guest:
    """Return a guest that serves target names through SCST.

    Args:
        exports: the names and their logical units.
        daemon: the program iscsi-scstd, as it was built.
        handler: what is behind each unit.
    """
    settings = configuration(exports, handler)
    lines = [
        # SCST looks for them when it is loaded, before there is a disk at /var.
        "mkdir -p " + " ".join((*FOLDERS, _STORE)),
        *_backing(exports, handler),
        *_writes(config.devices(settings)),
        # It tells of targets to the daemon, which must be there before the first.
        f"{quoted(str(daemon))} -p {PORT}",
        _await_daemon(),
        *_writes(config.targets(settings)),
        # What scstadmin would be given for the same.
        f"printf %s {quoted(config.conf(settings))} > /etc/scst.conf",
    ]
    modules = (*MODULES, "loop") if handler is Handler.BLOCKIO else MODULES
    return Guest(
        "scst",
        modules,
        "\n".join(lines),
        (PORT,),
        programs=(str(daemon),),
        folders=FOLDERS,
    )


def _await_daemon() -> str:
    """Return the commands that wait until the daemon and the kernel have met."""
    return f"""i=0
until grep -q '^open' {config.ROOT}/targets/iscsi/open_state; do
    i=$((i + 1))
    [ $i -lt {_DAEMON_TENTHS} ] || {{ echo "iscsi-scstd is not there"; exit 1; }}
    sleep 0.1
done"""


def configuration(
    exports: Sequence[Export], handler: Handler = Handler.FILEIO
) -> Config:
    """Return SCST's configuration for target names."""
    devices: list[Device] = []
    targets: list[Target] = []
    for export in exports:
        units: dict[int, str] = {}
        for unit in export.units:
            number = len(devices)
            name = f"disk{number}"
            units[unit.lun] = name
            devices.append(
                Device(name, handler, _filename(handler, number), unit.block_size)
            )
        targets.append(_target(export, units))
    return Config(tuple(devices), tuple(targets))


def _target(export: Export, units: dict[int, str]) -> Target:
    login = export.login
    incoming: tuple[User, ...] = ()
    outgoing = None
    if login is not None:
        incoming = (User(login.user, login.secret),)
        if login.mutual_user:
            outgoing = User(login.mutual_user, login.mutual_secret)
    return Target(
        export.name,
        units,
        incoming,
        outgoing,
        portals=(ADDRESS,),
        attributes=_ATTRIBUTES,
    )


def _filename(handler: Handler, number: int) -> str:
    return {
        Handler.FILEIO: f"{_STORE}/disk{number}",
        Handler.BLOCKIO: f"/dev/loop{number}",
        Handler.NULLIO: "",
    }[handler]


def _backing(exports: Sequence[Export], handler: Handler) -> Iterator[str]:
    if handler is Handler.NULLIO:
        return
    units = (unit for export in exports for unit in export.units)
    for number, unit in enumerate(units):
        path = f"{_STORE}/disk{number}"
        yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
        if handler is Handler.BLOCKIO:
            yield f"[ -b /dev/loop{number} ] || mknod /dev/loop{number} b 7 {number}"
            yield f"losetup /dev/loop{number} {path}"


def _writes(writes: Iterator[config.Write]) -> Iterator[str]:
    for one in writes:
        yield f"echo {quoted(one.text)} > {quoted(one.path)}"
