# SPDX-License-Identifier: GPL-2.0-only
"""The reference target, in a process of its own."""

import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path

import tomli_w

from reftarget.habits import Habit, named
from reftarget.variants import VariantError
from targets import layout
from targets.errors import LabError, TargetSpecError
from targets.local import FEATURES, Plan, Recipe, polls
from targets.model import Chap, LogicalUnit, Portal, Special, Target
from targets.process import Process, spawn

_CHECKOUT = Path(__file__).resolve().parents[2]
_DISTRIBUTION = "iscsi-assay"

# Time to finish its log or its pcap file.
_STOP_GRACE = 2.0

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, writable=False, scratch=True),
    LogicalUnit(3, layout.LUN_SIZE, scratch=True, removable=True),
    LogicalUnit(4, 3 << 40, scratch=True, persistent=True, thin=True),
)
_BARE = Target(
    layout.target_name("reference", "high"),
    (LogicalUnit(5, layout.LUN_SIZE, scratch=True),),
    lacks_lun_0=True,
)
"""Whether it has no LUN 0."""
_DISK1, _DISK2, _GUARDED = layout.targets("reference", _UNITS)
_TARGETS = (_DISK1, _DISK2, _BARE, replace(_GUARDED, identities=layout.IDENTITIES))
NO_ARCHITECTURE = "X#NodeArchitecture="
"""The key without a value, so that the target does not send it."""
_OTHER_HOSTS = ("127.0.0.1",)
"""The address of the second portal group of the first target name."""
_ORDER_SECONDS = 5.0
_MOST_NAMED = 12
"""The maximum number of changes in its description."""

_OF_UNITS = frozenset({"size", "block_size"})
"""The changes of units by a habit that a check must know, too."""

_SPECIAL = {
    Special.ALIAS: "the first disk",
    Special.FORBIDDEN: layout.target_name("reference", "forbidden"),
    Special.MOVED: layout.target_name("reference", "moved"),
    Special.MOVED_FOR_GOOD: layout.target_name("reference", "moved-for-good"),
    Special.GUARDED: layout.target_name("reference", "guarded"),
}
_FEATURES = FEATURES | {
    "read-only-lun",
    "alias",
    "acl",
    "redirect",
    "operator",
    "access-states",
    "add-unit",
    "remove-unit",
    "resize-unit",
    "write-protect",
    "several-groups",
    "pings",
    "identities",
    "further-identity",
    "no-lun-0",
    "large-lun",
    "reset-authorization",
    "architecture",
}


def recipe(
    faults: Sequence[str] = (),
    *,
    habits: Sequence[str] = (),
    keys: Sequence[str] = (),
    discovery_chap: Chap | None = None,
    trace: bool = False,
    features: frozenset[str] = _FEATURES,
) -> Recipe:
    """Return the recipe of the reference target.

    Args:
        faults: the wrong behaviours to switch on.
        habits: the legal behaviours to switch on.
        keys: its values in negotiations, each as KEY=VALUE; NO_ARCHITECTURE omits the
            one key that it sends unasked.
        discovery_chap: the CHAP credentials that Discovery sessions need.
        trace: whether it logs every PDU in decoded form.
        features: the features for the checks; a part of them simulates a poorer target.

    Raises:
        TargetSpecError: there are no such habits, or they are incompatible.
    """
    try:
        rows = named(habits)
    except VariantError as error:
        raise TargetSpecError(str(error)) from error
    for row in rows:
        features -= row.lacks
    targets = tuple(_with_habits(target, rows) for target in _TARGETS)
    if targets[0].find_large() is None:
        features -= {"large-lun"}
    if NO_ARCHITECTURE in keys:
        features -= {"architecture"}
    changes = [*faults, *habits, *keys]
    if len(changes) > _MOST_NAMED:
        changes[_MOST_NAMED:] = [f"{len(changes) - _MOST_NAMED} more"]
    broken = f", with {', '.join(changes)}" if changes else ""
    return Recipe(
        kind="reference",
        description=f"the reference target{broken}",
        targets=targets,
        features=features,
        version=_version,
        prepare=partial(_prepare, targets=targets, discovery_chap=discovery_chap),
        launch=partial(
            _launch, options=build_options(faults, habits, keys, trace=trace)
        ),
        await_ready=_await_ready,
        other_hosts=_OTHER_HOSTS,
        operate=_operate,
        special=_SPECIAL,
        discovery_chap=discovery_chap,
        stop_grace=_STOP_GRACE,
    )


def _version() -> str:
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "not installed, run from a checkout"


def _with_habits(target: Target, rows: Sequence[Habit]) -> Target:
    """Return a target name as its habits change it."""
    units = target.logical_units
    for row in rows:
        changes = {name: row.unit[name] for name in row.unit if name in _OF_UNITS}
        units = tuple(
            replace(unit, **{**changes, "lun": row.luns.get(unit.lun, unit.lun)})
            for unit in units
        )
    return replace(target, logical_units=units)


def _prepare(
    plan: Plan, targets: Sequence[Target], discovery_chap: Chap | None
) -> None:
    layout.make_backing_files(plan.directory, targets)
    _configuration_path(plan).write_text(
        build_configuration(plan.directory, plan.portals, targets, discovery_chap)
    )


def _configuration_path(plan: Plan) -> Path:
    return plan.directory / "reftarget.toml"


def _control_path(plan: Plan) -> Path:
    return plan.directory / "control"


def _operate(plan: Plan, order: str) -> None:
    """Carry out an order of the operator (see `reftarget.control`)."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_ORDER_SECONDS)
            client.connect(str(_control_path(plan)))
            client.sendall(f"{order}\n".encode())
            answer = client.makefile().readline().strip()
    except OSError as error:
        raise LabError(f"the reference target accepts no commands: {error}") from error
    if not answer.startswith("ok"):
        raise LabError(f"the reference target does not {order}: {answer}")


def build_options(
    faults: Sequence[str],
    habits: Sequence[str] = (),
    keys: Sequence[str] = (),
    *,
    trace: bool,
) -> tuple[str, ...]:
    """Return the command line options that are not in the configuration."""
    options = [option for fault in faults for option in ("--fault", fault)]
    options += [option for habit in habits for option in ("--habit", habit)]
    options += [option for key in keys for option in ("--key", key)]
    return (*options, *(("--trace",) if trace else ()))


def build_configuration(
    directory: Path,
    portals: Sequence[Portal],
    targets: Sequence[Target],
    discovery_chap: Chap | None = None,
) -> str:
    """Return the TOML file that `iscsi-assay reftarget --config` reads."""
    tables = [_target_table(directory, target) for target in targets]
    tables[0]["alias"] = _SPECIAL[Special.ALIAS]
    groups = sorted({portal.group_tag for portal in portals})
    tables[0] |= {"portal_groups": groups}
    del tables[0]["portal_group"]
    discovery = {} if discovery_chap is None else {"auth": _auth(discovery_chap)}
    return tomli_w.dumps(
        {
            # Persistent reservations must outlive a power cycle.
            "state_directory": str(directory),
            "portal": [
                {"address": str(portal), "group": portal.group_tag}
                for portal in portals
            ],
            "discovery": discovery,
            "target": [*tables, *_special_tables(portals[0])],
            "keys": {"X#NodeArchitecture": "iSCSI Assay, reference"},
        }
    )


def _target_table(directory: Path, target: Target) -> dict[str, object]:
    """Return the table of a target name that serves disks."""
    values: dict[str, object] = {"name": target.name, "portal_group": 1}
    if target.chap is not None:
        values["auth"] = [
            _auth(target.chap),
            *(
                _present(
                    user=one.credentials.name,
                    secret=one.credentials.password,
                    initiator=one.initiator_name,
                )
                for one in target.identities
            ),
        ]
    values["lun"] = [
        _present(
            lun=unit.lun,
            size=unit.size,
            file=(
                str(layout.backing_path(directory, target, unit))
                if unit.persistent
                else None
            ),
            read_only=not unit.writable,
            removable=unit.removable,
            long_cdbs=True,
        )
        for unit in target.logical_units
    ]
    return values


def _auth(chap: Chap) -> dict[str, object]:
    own, mutual = chap.credentials, chap.mutual
    return _present(
        user=own.name,
        secret=own.password,
        mutual_user=None if mutual is None else mutual.name,
        mutual_secret=None if mutual is None else mutual.password,
    )


def _special_tables(portal: Portal) -> list[dict[str, object]]:
    """Return the tables of target names that serve a check, without disks."""
    moved = {"address": str(portal)}
    changes: dict[Special, dict[str, object]] = {
        Special.FORBIDDEN: {"initiators": [layout.target_name("reference", "nobody")]},
        Special.MOVED: {"redirect": moved},
        Special.MOVED_FOR_GOOD: {"redirect": {**moved, "permanent": True}},
        Special.GUARDED: {"may_be_reset": False},
    }
    return [
        {"name": _SPECIAL[special], "portal_group": 1, **values}
        for special, values in changes.items()
    ]


def _present(**values: object) -> dict[str, object]:
    """Return the entries other than None, which TOML cannot express."""
    return {key: value for key, value in values.items() if value is not None}


def _launch(plan: Plan, options: tuple[str, ...]) -> Process:
    return spawn(
        [
            *(sys.executable, "-m", "reftarget"),
            *("--config", str(_configuration_path(plan))),
            *("--control-socket", str(_control_path(plan))),
            *options,
        ],
        log=plan.log,
        directory=plan.directory,
        environment={"PYTHONPATH": str(_CHECKOUT), "PYTHONUNBUFFERED": "1"},
    )


def _await_ready(plan: Plan, process: Process) -> None:
    """Wait for the line that reports the portals."""
    expected = ["ready", *(str(portal) for portal in plan.portals)]
    for _ in polls(process, "the reference target"):
        words = _ready_words(process)
        if not words:
            continue
        if sorted(words) != sorted(expected):
            raise LabError(
                f"the reference target says {' '.join(words)!r}"
                f" where {' '.join(expected)!r} was asked",
                command=process.command,
            )
        return


def _ready_words(process: Process) -> list[str]:
    for line in process.log.since(process.log_start).splitlines(keepends=True):
        if line.startswith("ready ") and line.endswith("\n"):
            return line.split()
    return []
