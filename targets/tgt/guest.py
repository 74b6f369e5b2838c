# SPDX-License-Identifier: GPL-2.0-only
"""The Linux SCSI target framework: tgtd in user space, set up by tgtadm."""

from collections.abc import Iterator, Sequence

from targets.model import Chap, LogicalUnit, Target
from vmlab.guest import DIED, Endpoint, Guest, quoted

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


PORTALS = (Endpoint(3260), Endpoint(3261))


def guest(targets: Sequence[Target]) -> Guest:
    """Return a guest that serves target names through tgtd."""
    return Guest(
        "tgt",
        ("loop",) if any(one.backing == "block" for one in _units(targets)) else (),
        "\n".join(_setup(targets)),
        PORTALS,
        programs=("tgtd", "tgtadm"),
        packages=PACKAGES,
    )


def _units(targets: Sequence[Target]) -> Iterator[LogicalUnit]:
    return (unit for target in targets for unit in target.logical_units)


def _setup(targets: Sequence[Target]) -> Iterator[str]:
    portals = [f"portal={portal}" for portal in PORTALS]
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
    for portal in PORTALS:
        yield f"grep -q {portal} /tmp/portals"
    for chap in dict.fromkeys(one.chap for one in targets if one.chap is not None):
        yield from _accounts(chap)
    disks = iter(range(1 << 16))
    for number, target in enumerate(targets, 1):
        yield from _target(number, target, disks)


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


def _accounts(chap: Chap) -> Iterator[str]:
    pairs = [(chap.user, chap.secret), (chap.mutual_user, chap.mutual_secret)]
    for user, secret in pairs:
        if user and secret:
            words = f"--user {quoted(user)} --password {quoted(secret)}"
            yield f"{_order('new', 'account')} {words}"


def _target(number: int, target: Target, disks: Iterator[int]) -> Iterator[str]:
    tid = f"--tid {number}"
    yield f"{_order('new', 'target')} {tid} --targetname {quoted(target.name)}"
    for key in ("HeaderDigest", "DataDigest"):
        value = f"--name {key} --value CRC32C,None"
        yield f"{_order('update', 'target')} {tid} {value}"
    for unit in target.logical_units:
        yield from _unit(tid, unit, f"disk{next(disks)}")
    if target.chap is not None:
        bind = f"{_order('bind', 'account')} {tid}"
        yield f"{bind} --user {quoted(target.chap.user)}"
        if target.chap.mutual_user:
            yield f"{bind} --user {quoted(target.chap.mutual_user)} --outgoing"
    yield f"{_order('bind', 'target')} {tid} --initiator-address ALL"


def _unit(tid: str, unit: LogicalUnit, name: str) -> Iterator[str]:
    path = f"{_MEMORY if unit.backing == 'memory' else _STORE}/{name}"
    yield f"[ -e {path} ] || truncate -s {unit.size} {path}"
    if unit.backing == "block":
        yield "loop=$(losetup -f)"
        yield f"losetup $loop {path}"
        path = "$loop"
    words = f"{tid} --lun {unit.lun} --backing-store {path}"
    if unit.block_size != 512:
        words += f" --blocksize {unit.block_size}"
    yield f"{_order('new', 'logicalunit')} {words}"


def _order(operation: str, mode: str) -> str:
    return f"tgtadm --lld iscsi --op {operation} --mode {mode}"
