# SPDX-License-Identifier: GPL-2.0-only
"""The Linux SCSI target framework (tgtd), as packaged by Debian.

tgtd is configured through a socket in the instance's directory, so instances do not
disturb each other. It obeys only root, by SO_PEERCRED (1.0.85), so for other users it
runs in a user namespace in which its user is root.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from targets import layout
from targets.errors import LabError, NotOfferedError, PortTakenError
from targets.kind import DISCOVERY_CHAP, Options
from targets.local import FEATURES, Plan, Recipe, polls
from targets.model import Chap, LogicalUnit, Portal, Special, Target
from targets.process import Process, spawn
from vmlab.tool import attempt, find

PACKAGE = "tgt"
PROGRAMS = ("tgtd", "tgtadm")
# Any number works: each instance has its own directory for the socket.
_CONTROL_PORT = "1"
# sizeof(sockaddr_un.sun_path) is 108; tgtd silently cuts a longer path.
_SOCKET_PATH_LIMIT = 100

# LUN 0 is tgtd's controller, not a disk.
_UNITS = (
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(3, layout.LUN_SIZE, writable=False, scratch=True, persistent=True),
    LogicalUnit(4, layout.LUN_SIZE, scratch=True, persistent=True, removable=True),
)
_TARGETS = layout.targets("tgt", _UNITS)
_OPERATED = frozenset({"add-unit", "remove-unit", "write-protect"})
"""The orders that tgtd can carry out while it serves; the features have the same
names."""
_FEATURES = (
    FEATURES
    | _OPERATED
    | {
        "read-only-lun",
        "header-digest",
        "data-digest",
        "acl",
        "redirect",
        "pings",
    }
)
_NOBODY = layout.target_name("tgt", "nobody")
"""The only initiator that may use the forbidden name; no initiator has that name."""
_SPECIAL = {
    Special.FORBIDDEN: layout.target_name("tgt", "forbidden"),
    Special.MOVED: layout.target_name("tgt", "moved"),
    Special.MOVED_FOR_GOOD: layout.target_name("tgt", "moved-for-good"),
    Special.PINGING: layout.target_name("tgt", "pinging"),
}
_PINGS = {"nop_interval": "2", "nop_count": "3"}
"""The seconds without a PDU after which it pings, and the number of pings after which
it gives up."""
_ELSEWHERE = "127.0.0.2"
"""The address to which names have moved: tgtd does not redirect to the address of its
own portal."""
_REASONS = {Special.MOVED: "Temporary", Special.MOVED_FOR_GOOD: "Permanent"}


def recipe(options: Options) -> Recipe:
    """Return the recipe of tgtd."""
    chap = layout.CHAP if DISCOVERY_CHAP.of(options) else None
    return Recipe(
        kind="tgt",
        description="Linux SCSI target framework, tgtd in user space",
        targets=_TARGETS,
        features=_FEATURES,
        version=_version,
        prepare=_prepare,
        launch=_launch,
        await_ready=partial(_await_ready, discovery_chap=chap),
        discovery_chap=chap,
        special=_SPECIAL,
        operate=_operate,
    )


def _operate(plan: Plan, order: str) -> None:
    """Add, remove or protect a unit, such as by "remove-unit lun=5 target=IQN".

    Raises:
        NotOfferedError: tgtd cannot do anything else while it runs.
        LabError: it does not.
    """
    verb, *words = order.split()
    oserror_as_lab_error = dict(word.split("=", 1) for word in words)
    if verb not in _OPERATED:
        raise NotOfferedError(f"tgtd has no command to {verb}")
    names = [target.name for target in _TARGETS]
    of_unit = (
        "--tid",
        str(names.index(oserror_as_lab_error["target"]) + 1),
        "--lun",
        oserror_as_lab_error["lun"],
    )
    path = plan.directory / f"added-{oserror_as_lab_error['lun']}.img"
    if verb == "add-unit":
        with path.open("wb") as file:
            file.truncate(int(oserror_as_lab_error["size"]))
        arguments = (*_order("new", "logicalunit"), *of_unit)
        arguments = (*arguments, "--backing-store", str(path))
    elif verb == "remove-unit":
        arguments = (*_order("delete", "logicalunit"), *of_unit)
    else:
        protection = ("--params", f"readonly={oserror_as_lab_error['on']}")
        arguments = (*_order("update", "logicalunit"), *of_unit, *protection)
    if _tgtadm(plan, *arguments) is None:
        raise LabError(f"tgtd does not {verb}", command=("tgtadm", *arguments))
    if verb == "remove-unit":
        path.unlink(missing_ok=True)


def _version() -> str:
    for program in PROGRAMS:
        find(program, PACKAGE)
    return attempt([find("tgtd", PACKAGE), "--version"]).stdout.strip()


def _prepare(plan: Plan) -> None:
    if len(os.fsencode(_socket_path(plan))) > _SOCKET_PATH_LIMIT:
        raise LabError(
            f"{plan.directory} is too long for a socket's path",
            hint="set TMPDIR to a shorter path",
        )
    layout.make_backing_files(plan.directory, _TARGETS)


def _launch(plan: Plan) -> Process:
    return spawn(
        [
            find("tgtd", PACKAGE),
            "--foreground",
            *("--control-port", _CONTROL_PORT),
            *("--iscsi", ",".join(f"portal={portal}" for portal in plan.portals)),
        ],
        log=plan.log,
        directory=plan.directory,
        environment=_environment(plan),
        wrapper=_become_root(),
    )


def _become_root() -> tuple[str, ...]:
    """Return the command with which tgtd runs as root of a user namespace."""
    if os.geteuid() == 0:
        return ()
    wrapper = (find("unshare", "util-linux"), "--map-root-user", "--")
    if attempt([*wrapper, "true"]).returncode:
        raise LabError(
            "tgtd needs root, and this machine does not allow user namespaces",
            hint="run as root, or choose another --target",
        )
    return wrapper


def _await_ready(plan: Plan, process: Process, discovery_chap: Chap | None) -> None:
    """Check where tgtd listens, then configure it."""
    for _ in polls(process, "tgtd"):
        portals = _tgtadm(plan, "--op", "show", "--mode", "portal")
        if portals is not None:
            break
    # If tgtd cannot bind its portal it silently listens on 0.0.0.0:3260, so end it
    # before it serves an initiator.
    expected = {f"{portal},1" for portal in plan.portals}
    listening = {line.removeprefix("Portal: ") for line in (portals or "").splitlines()}
    if listening != expected:
        raise PortTakenError(
            f"tgtd listens on {_listed(listening)} where {_listed(expected)} was asked",
            command=process.command,
            log=process.log.tail(),
        )
    for arguments in _orders(plan, discovery_chap):
        if _tgtadm(plan, *arguments) is None:
            raise LabError(
                "tgtd refused its configuration",
                command=("tgtadm", *arguments),
                log=process.log.tail(),
            )


def _orders(plan: Plan, discovery_chap: Chap | None) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each tgtadm call that configures the targets."""
    for one in (layout.INITIATOR, layout.TARGET):
        names = ("--user", one.name, "--password", one.password)
        yield (*_order("new", "account"), *names)
    if discovery_chap is not None:
        # An account without a target is for discovery.
        bind = _order("bind", "account")
        yield (*bind, "--user", layout.INITIATOR.name)
        yield (*bind, "--user", layout.TARGET.name, "--outgoing")
    for number, target in enumerate(_TARGETS, 1):
        yield from _target_orders(plan.directory, str(number), target)
    for number, special in enumerate(_SPECIAL, len(_TARGETS) + 1):
        yield from _special_orders(plan.portals[0], str(number), special)


def _special_orders(
    portal: Portal, tid: str, special: Special
) -> Iterator[tuple[str, ...]]:
    """Yield the orders for a target name that serves a check, without disks."""
    of_target = ("--tid", tid)
    yield (*_order("new", "target"), *of_target, "--targetname", _SPECIAL[special])
    if special is Special.FORBIDDEN:
        yield (*_order("bind", "target"), *of_target, "--initiator-name", _NOBODY)
        return
    bind = (*_order("bind", "target"), *of_target, "--initiator-address", "ALL")
    update = (*_order("update", "target"), *of_target)
    if special is Special.PINGING:
        for key, value in _PINGS.items():
            yield (*update, "--name", key, "--value", value)
        yield bind
        return
    redirection = {
        "RedirectAddress": _ELSEWHERE,
        "RedirectPort": str(portal.port),
        "RedirectReason": _REASONS[special],
    }
    for key, value in redirection.items():
        yield (*update, "--name", key, "--value", value)
    yield bind


def _target_orders(
    directory: Path, tid: str, target: Target
) -> Iterator[tuple[str, ...]]:
    of_target = ("--tid", tid)
    yield (*_order("new", "target"), *of_target, "--targetname", target.name)
    for key in ("HeaderDigest", "DataDigest"):
        value = ("--name", key, "--value", "CRC32C,None")
        yield (*_order("update", "target"), *of_target, *value)
    for unit in target.logical_units:
        of_unit = (*of_target, "--lun", str(unit.lun))
        path = str(layout.backing_path(directory, target, unit))
        yield (*_order("new", "logicalunit"), *of_unit, "--backing-store", path)
        if not unit.writable:
            read_only = ("--params", "readonly=1")
            yield (*_order("update", "logicalunit"), *of_unit, *read_only)
        if unit.removable:
            removable = ("--params", "removable=1")
            yield (*_order("update", "logicalunit"), *of_unit, *removable)
    if target.chap is not None:
        bind = (*_order("bind", "account"), *of_target)
        yield (*bind, "--user", target.chap.credentials.name)
        if target.chap.mutual is not None:
            yield (*bind, "--user", target.chap.mutual.name, "--outgoing")
    yield (*_order("bind", "target"), *of_target, "--initiator-address", "ALL")


def _order(operation: str, mode: str) -> tuple[str, ...]:
    return ("--op", operation, "--mode", mode)


def _tgtadm(plan: Plan, *arguments: str) -> str | None:
    """Give one order to tgtd; return its answer, None if it was not carried out."""
    command = [
        find("tgtadm", PACKAGE),
        *("--control-port", _CONTROL_PORT),
        *("--lld", "iscsi"),
        *arguments,
    ]
    process = attempt(command, environment=_environment(plan))
    return process.stdout if process.returncode == 0 else None


def _environment(plan: Plan) -> dict[str, str]:
    return {"TGT_IPC_SOCKET": str(_socket_path(plan))}


def _socket_path(plan: Plan) -> Path:
    return plan.directory / "control"


def _listed(portals: set[str]) -> str:
    return ", ".join(sorted(portals)) or "nothing"
