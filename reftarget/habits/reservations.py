# SPDX-License-Identifier: GPL-2.0-only
"""The habits of reservations: what REPORT CAPABILITIES may say otherwise."""

from __future__ import annotations

from typing import Final

from iscsi.scsi.persistent_reservations import AllowCommands, ReservationType
from reftarget.habits.row import Habit
from reftarget.scsi.rules import ReservationRules

RESERVATIONS: Final = (
    Habit(
        name="reservations-end-with-power",
        clause="SPC-4 6.15.4",
        says="Gives PTPL_C 0, and refuses APTPL.",
        rules=ReservationRules(can_persist=False),
        is_poor=True,
    ),
    Habit(
        name="no-naming-of-ports",
        clause="SPC-4 6.15.4",
        says="Gives SIP_C 0, and refuses SPEC_I_PT.",
        rules=ReservationRules(can_name_ports=False),
        is_poor=True,
    ),
    Habit(
        name="no-registration-through-all-ports",
        clause="SPC-4 6.15.4",
        says="Gives ATP_C 0, and refuses ALL_TG_PT.",
        rules=ReservationRules(can_register_everywhere=False),
        is_poor=True,
    ),
    Habit(
        name="reserve-conflicts-with-registrations",
        clause="SPC-4 5.12.3",
        says="Gives CRH 0: RESERVE conflicts wherever a nexus is registered.",
        rules=ReservationRules(
            shows_compatible_handling=False, spc_2_passes=lambda _has_access: False
        ),
        is_poor=True,
    ),
    Habit(
        name="types-are-not-reported",
        clause="SPC-4 6.15.4",
        says="Gives TMV 0 and no type of reservation.",
        rules=ReservationRules(reports_types=False),
    ),
    *(
        Habit(
            name=f"no-{kind.name.lower().replace('_', '-')}",
            clause="SPC-4 6.15.4",
            says=f"Offers no persistent reservation of type {kind:X}h.",
            absent_types=frozenset({kind}),
            is_poor=True,
            # A target with reservations has at least one type.
            apart_from=("no-write-exclusive",)
            if kind is ReservationType.EXCLUSIVE_ACCESS
            else (),
        )
        for kind in ReservationType
    ),
    Habit(
        name="passing-commands-are-not-reported",
        clause="SPC-4 6.15.4",
        says="Gives ALLOW COMMANDS 0.",
        rules=ReservationRules(allow_commands=AllowCommands.NO_INFORMATION),
    ),
)
"""What a reservation manager may offer less."""
