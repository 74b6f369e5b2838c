# SPDX-License-Identifier: GPL-2.0-only
"""The decisions before a command is executed (SAM-5 section 5, SPC-4 section 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey
from reftarget.ruleset import RuleSet
from reftarget.scsi.check_condition import invalid_field_in_cdb


def unknown_command(_opcode: int, has_opcode: bool) -> Sense | None:
    """Return the objection to a command that there is none of; None: it is GOOD.

    Args:
        _opcode: OPERATION CODE.
        has_opcode: only its service action is unknown (SPC-4 section 4.3.4.2).
    """
    if has_opcode:
        return invalid_field_in_cdb(1, 4).sense
    return Sense.of(
        SenseKey.ILLEGAL_REQUEST,
        AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
        field_pointer=FieldPointer(0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules(RuleSet):
    """The decisions before a command is executed."""

    unknown_command: Callable[[int, bool], Sense | None] = unknown_command
