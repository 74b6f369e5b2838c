# SPDX-License-Identifier: GPL-2.0-only
"""The faults of units that come, change and go while the target runs."""

from __future__ import annotations

from typing import Final

from reftarget.faults.row import Fault
from reftarget.scsi.rules import ChangeRules


def _inventory_unchanged(old: int, _new: int) -> int:
    return old


UNITS: Final = (
    Fault(
        name="inventory-change-is-not-reported",
        breaks=("SPC4-6.33-05",),
        says="Notifies no nexus of an added or removed unit.",
        rules=ChangeRules(reports_inventory_change=False),
    ),
    Fault(
        name="report-luns-lists-former-units",
        breaks=("SPC4-6.33-06",),
        says="Lists by REPORT LUNS the units that there were in the beginning.",
        rules=ChangeRules(lists_changes=False),
    ),
    Fault(
        name="report-luns-clears-no-attention",
        breaks=("SPC4-6.33-07",),
        says="Notifies nexuses of changed LUNs that have already read the list.",
        rules=ChangeRules(report_clears=False),
    ),
    Fault(
        name="report-luns-clears-one-unit",
        breaks=("SPC4-6.33-07",),
        says="Reports LUICLR=1, but clears the attention only on the unit asked.",
        rules=ChangeRules(report_clears_everywhere=False),
    ),
    Fault(
        name="new-unit-is-not-served",
        breaks=("SAM5-4.7-05",),
        says="Lists a unit that has come and does not serve it.",
        rules=ChangeRules(serves_new_units=False),
        also="what a check does with such a unit ends as for none",
    ),
    Fault(
        name="removed-unit-is-served",
        breaks=("SAM5-4.7-06",),
        says="Goes on to serve a unit that has gone.",
        rules=ChangeRules(removes=False),
    ),
    Fault(
        name="removal-forgets-tasks",
        breaks=("SAM5-4.7-07",),
        says="Forgets the tasks of a removed unit.",
        rules=ChangeRules(completes_tasks=False),
    ),
    Fault(
        name="inventory-change-resets-units",
        breaks=("SAM5-4.7-08",),
        says="Resets all other units when one comes or goes.",
        rules=ChangeRules(resets_other_units=True),
        also="the unit attention of a reset takes the place of all others",
    ),
    Fault(
        name="capacity-stays-as-it-was",
        breaks=("SBC3-5.15-02",),
        says="Reports by READ CAPACITY the size that the unit had before.",
        rules=ChangeRules(shown_blocks=_inventory_unchanged),
    ),
    Fault(
        name="capacity-change-is-not-reported",
        breaks=("SBC3-5.15-03",),
        says="Notifies no nexus of a new size.",
        rules=ChangeRules(reports_capacity_change=False),
    ),
    Fault(
        name="end-stays-where-it-was",
        breaks=("SBC3-4.5-04",),
        says="Serves the blocks that the unit had before its size has changed.",
        rules=ChangeRules(served_blocks=_inventory_unchanged),
        also="the last block of a larger unit is refused",
    ),
    Fault(
        name="resizing-loses-data",
        breaks=("SBC3-4.5-05",),
        says="Deallocates all blocks when the size changes.",
        rules=ChangeRules(keeps_data=False),
    ),
    Fault(
        name="later-protection-does-not-protect",
        breaks=("SBC3-4.2-02",),
        says="Takes writes though an operator has protected the unit.",
        rules=ChangeRules(protects=False),
    ),
    Fault(
        name="later-protection-is-not-shown",
        breaks=("SBC3-4.2-02",),
        says="Reports WP=0 though an operator has protected the unit.",
        rules=ChangeRules(shows_protection=False),
    ),
    Fault(
        name="later-protection-is-not-reported",
        breaks=("SPC4-6.11-09",),
        says="Notifies no nexus that an operator has protected the unit.",
        rules=ChangeRules(reports_protection_change=False),
    ),
)
