# SPDX-License-Identifier: GPL-2.0-only
"""The table of habits, and the configuration of a target with some of them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from reftarget.habits.absences import ABSENCES
from reftarget.habits.access import ACCESS
from reftarget.habits.block_limits import BLOCK_LIMITS
from reftarget.habits.devices import DEVICES
from reftarget.habits.logins import LOGINS
from reftarget.habits.numbers import NUMBERS
from reftarget.habits.parameters import PARAMETERS
from reftarget.habits.reservations import RESERVATIONS
from reftarget.habits.responses import RESPONSES
from reftarget.habits.tasks import TASKS
from reftarget.variants import VariantError, by_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reftarget.config import Config, TargetConfig
    from reftarget.habits.row import Habit
    from reftarget.rules import Rules
    from reftarget.scsi.config import LogicalUnitConfig


_UNITED: Final = ("absent", "absent_pages", "absent_mode_pages")
"""What the units lack of several habits together."""


class UnknownHabitError(VariantError):
    """A habit that there is none of."""


_ROWS: Final = (
    *PARAMETERS,
    *LOGINS,
    *NUMBERS,
    *RESPONSES,
    *TASKS,
    *ABSENCES,
    *ACCESS,
    *DEVICES,
    *BLOCK_LIMITS,
    *RESERVATIONS,
)

HABITS: Final = by_name(_ROWS)
"""Every habit by its name. A further table of an area is named in `_ROWS`."""


def named(names: Iterable[str]) -> list[Habit]:
    """Return the habits of these names.

    Raises:
        UnknownHabitError: there is no habit of one of the names.
        VariantError: two of them cannot be on at once.
    """
    rows: list[Habit] = []
    owners: dict[tuple[str, str], str] = {}
    for name in dict.fromkeys(names):
        if name not in HABITS:
            raise UnknownHabitError(f"--habit: there is no {name!r}")
        row = HABITS[name]
        for claim in row.claims:
            owner = owners.setdefault(claim, name)
            if owner != name:
                text = " ".join(claim)
                raise VariantError(
                    f"{owner} and {name} change the same thing ({text}): switch on"
                    " only one of them"
                )
        rows.append(row)
    _refuse_strangers(rows)
    return rows


def _refuse_strangers(rows: list[Habit]) -> None:
    on = {row.name for row in rows}
    for row in rows:
        for other in row.apart_from:
            if other in on:
                raise VariantError(
                    f"{row.name} and {other} do not go together: switch on only one"
                    " of them"
                )


def configured(config: Config) -> Config:
    """Return a configuration with its habits applied to it.

    Raises:
        VariantError: it names habits that there are none of, or that do not go
            together.
    """
    rows = named(config.habits)
    keys = dict(config.keys)
    limits: dict[str, Any] = {}
    for row in rows:
        keys.update(row.keys)
        for name in row.unsent:
            keys.pop(name, None)
        limits.update(row.limits)
    return replace(
        config,
        keys=MappingProxyType(keys),
        limits=replace(config.limits, **limits),
        targets=tuple(_node(one, rows) for one in config.targets),
    )


def rules_with(rules: Rules, rows: Iterable[Habit]) -> Rules:
    """Return rules by which a target does without what several habits take away.

    Args:
        rules: the rules with all else that the habits replace.
        rows: the habits that are on.
    """
    absent = rules.functions.absent.union(*(row.absent_functions for row in rows))
    types = rules.scsi.reservations.types.difference(
        *(row.absent_types for row in rows)
    )
    reservations = replace(rules.scsi.reservations, types=types)
    return replace(
        rules,
        functions=replace(rules.functions, absent=absent),
        scsi=replace(rules.scsi, reservations=reservations),
    )


def _node(node: TargetConfig, rows: list[Habit]) -> TargetConfig:
    return replace(node, units=tuple(_unit(one, rows) for one in node.units))


def _unit(unit: LogicalUnitConfig, rows: list[Habit]) -> LogicalUnitConfig:
    changes: dict[str, Any] = {
        name: getattr(unit, name).union(*(getattr(row, name) for row in rows))
        for name in _UNITED
    }
    for row in rows:
        changes.update(row.unit)
        if unit.lun in row.luns:
            changes["lun"] = row.luns[unit.lun]
    return replace(unit, **changes)
