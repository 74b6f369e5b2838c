# SPDX-License-Identifier: GPL-2.0-only
"""The Linux SCSI target framework: tgtd in user space, set up by tgtadm."""

from collections.abc import Iterator, Sequence

from vmlab.guests.model import DIED, Export, Guest, Login, Portal, Unit, quoted

FIRST_LUN = 1
"""LUN 0 is tgtd's controller, not a disk."""

PACKAGES = (
    *("tgt", "libaio1", "libibverbs1", "librdmacm1"),
    *("libnl-3-200", "libnl-route-3-200"),
)

_STORE = "/var/store"
_MEMORY = "/tmp"  # noqa: S108  # the guest's, and a file system in memory
_SOCKET = "/run/tgtd"
_TRIES = 200


def guest(exports: Sequence[Export], ports: Sequence[int] = (3260, 3261)) -> Guest:
    """Return a guest that serves target names through tgtd."""
    return Guest(
        "tgt",
        ("loop",) if any(one.backing == "block" for one in _units(exports)) else (),
        "\n".join(_setup(exports, ports)),
        tuple(map(Portal, ports)),
        programs=("tgtd", "tgtadm"),
        packages=PACKAGES,
    )


def _units(exports: Sequence[Export]) -> Iterator[Unit]:
    return (unit for export in exports for unit in export.units)


def _setup(exports: Sequence[Export], ports: Sequence[int]) -> Iterator[str]:
    portals = [f"portal={Portal(port)}" for port in ports]
    yield f"mkdir -p {_STORE}"
    # Not below /var, where a loss of power would leave it.
    yield f"export TGT_IPC_SOCKET={_SOCKET}"
    yield _run(f"tgtd -f --iscsi {','.join(portals)}")
    shown = _order("show", "portal")
    yield (
        f"tries={_TRIES}; until {shown} > /tmp/portals 2>&1; do"
        " tries=$((tries - 1)); [ $tries -gt 0 ]; sleep 0.1; done"
    )
    # Where it cannot bind it listens at 0.0.0.0:3260 instead, and says nothing.
    for port in ports:
        yield f"grep -q {Portal(port)} /tmp/portals"
    logins = dict.fromkeys(one.login for one in exports if one.login is not None)
    for login in logins:
        yield from _accounts(login)
    disks = iter(range(1 << 16))
    for number, export in enumerate(exports, 1):
        yield from _export(number, export, disks)


def _run(command: str) -> str:
    """Return the commands that run tgtd and say on the console how it has ended."""
    return f"""(
    code=0
    {command} || code=$?
    how="ended with code $code"
    [ $code -le 128 ] || how="was killed by SIG$(kill -l $((code - 128)))"
    # A prompt may stand on the console's last line.
    printf '\\n{DIED} tgtd %s\\n' "$how" > /dev/console
) > /dev/null 2>&1 &"""


def _accounts(login: Login) -> Iterator[str]:
    pairs = [(login.user, login.secret), (login.mutual_user, login.mutual_secret)]
    for user, secret in pairs:
        if user:
            words = f"--user {quoted(user)} --password {quoted(secret)}"
            yield f"{_order('new', 'account')} {words}"


def _export(number: int, export: Export, disks: Iterator[int]) -> Iterator[str]:
    target = f"--tid {number}"
    yield f"{_order('new', 'target')} {target} --targetname {quoted(export.name)}"
    for key in ("HeaderDigest", "DataDigest"):
        value = f"--name {key} --value CRC32C,None"
        yield f"{_order('update', 'target')} {target} {value}"
    for unit in export.units:
        yield from _unit(target, unit, f"disk{next(disks)}")
    if export.login is not None:
        bind = f"{_order('bind', 'account')} {target}"
        yield f"{bind} --user {quoted(export.login.user)}"
        if export.login.mutual_user:
            yield f"{bind} --user {quoted(export.login.mutual_user)} --outgoing"
    yield f"{_order('bind', 'target')} {target} --initiator-address ALL"


def _unit(target: str, unit: Unit, name: str) -> Iterator[str]:
    path = f"{_MEMORY if unit.backing == 'memory' else _STORE}/{name}"
    yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
    if unit.backing == "block":
        yield "loop=$(losetup -f)"
        yield f"losetup $loop {path}"
        path = "$loop"
    words = f"{target} --lun {unit.lun} --backing-store {path}"
    if unit.block_size != 512:
        words += f" --blocksize {unit.block_size}"
    yield f"{_order('new', 'logicalunit')} {words}"


def _order(operation: str, mode: str) -> str:
    return f"tgtadm --lld iscsi --op {operation} --mode {mode}"
