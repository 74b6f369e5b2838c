# SPDX-License-Identifier: GPL-2.0-only
"""Changes of the units by an operator while the target runs (SPC-4, SBC-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iscsi.scsi.sense import AdditionalSense

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reftarget.scsi.rules.changes import ChangeRules
    from reftarget.scsi.unit import LogicalUnit


def report_inventory_change(units: Iterable[LogicalUnit], rules: ChangeRules) -> None:
    """Tell every nexus, on every unit, that a unit has come or gone."""
    for unit in units:
        if rules.reports_inventory_change:
            unit.attentions.establish_for_all(
                AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
            )
        if rules.resets_other_units:
            unit.reset(AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED)


def resize(unit: LogicalUnit, size: int) -> None:
    """Give a unit another size; blocks beyond it lose their data.

    Raises:
        ValueError: it is not a multiple of the block size.
        BackingError: there is no room for it.
    """
    rules = unit.rules.changes
    config = replace(unit.config, size=size)
    old, new = unit.blocks, size // config.block_size
    unit.backing.resize(size)
    if unit.mapped is not None and new < old:
        unit.mapped.remove(new, old)
    if not rules.keeps_data:
        unit.backing.discard(0, min(unit.config.size, size))
    unit.config = config
    unit.blocks = rules.shown_blocks(old, new)
    unit.end = unit.rules.medium.end(rules.served_blocks(old, new))
    if rules.reports_capacity_change:
        unit.attentions.establish_for_all(AdditionalSense.CAPACITY_DATA_HAS_CHANGED)


def protect(unit: LogicalUnit, *, is_protected: bool) -> None:
    """Protect a unit from writes, or let it be written again."""
    rules = unit.rules.changes
    unit.is_protected = is_protected and rules.protects
    unit.shows_protection = is_protected and rules.shows_protection
    if rules.reports_protection_change:
        unit.attentions.establish_for_all(AdditionalSense.MODE_PARAMETERS_CHANGED)
