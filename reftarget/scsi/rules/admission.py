# SPDX-License-Identifier: GPL-2.0-only
"""The decisions before a command is executed, and about its sense data (SAM-5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey
from reftarget.ruleset import RuleSet
from reftarget.scsi.attention import FIRST
from reftarget.scsi.check_condition import CheckCondition, invalid_field_in_cdb
from reftarget.scsi.task import Task


def unknown_command(_opcode: int, has_opcode: bool) -> Sense | None:
    """Return the objection to an undefined command; None: it ends GOOD.

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


def objection(_layout: Layout, _task: Task) -> CheckCondition | None:
    """Return why a known command is refused: for no reason.

    What its fields and its attribute ask for is offered (SAM-5 section 8.5).
    """
    return None


def applies_reservations(_opcode: int) -> bool:
    """Whether reservations apply to a command: they do to each (SPC-4 table 48)."""
    return True


def reports_attentions(_opcode: int, clears_attention: bool) -> bool:
    """Whether a pending unit attention ends the command (SAM-5 section 5.14)."""
    return clears_attention


def has_descriptors(d_sense: bool) -> bool:
    """Whether sense data has descriptor format: as D_SENSE says (SPC-4 7.5.8)."""
    return d_sense


def sense_data(data: bytes) -> bytes:
    """Return the sense data that is sent: no more than there is to say (SPC-4 4.5)."""
    return data


def parameter_data(_cdb: bytes, data: bytes) -> bytes:
    """Return the parameter data of a command as it is sent: as it was made."""
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules(RuleSet):
    """The decisions before a command is executed, and about its sense data."""

    unknown_command: Callable[[int, bool], Sense | None] = unknown_command
    objection: Callable[[Layout, Task], CheckCondition | None] = objection
    applies_reservations: Callable[[int], bool] = applies_reservations
    reports_attentions: Callable[[int, bool], bool] = reports_attentions
    refuses_reserved_fields: bool = True
    """Fields of what is not offered, such as RDPROTECT, must be zero (SBC-3 5.11)."""
    aca_attribute_needs_aca: bool = True
    """The ACA attribute is for the ACA condition alone (SAM-5 section 8.5.2)."""
    has_descriptors: Callable[[bool], bool] = has_descriptors
    first_attentions: tuple[AdditionalSense, ...] = FIRST
    """The unit attentions of a new nexus (SAM-5 section 5.14)."""
    points_at_fields: bool = True
    """Sense data points at the field that is refused (SPC-4 section 4.5.2.4)."""
    sense_data: Callable[[bytes], bytes] = sense_data
    parameter_data: Callable[[bytes, bytes], bytes] = parameter_data
    missing_unit_is_ready: bool = False
    """Commands to a LUN without a unit are GOOD (SPC-4 section 4.5.1)."""
    missing_unit_is_connected: bool = False
    """INQUIRY shows a unit at a LUN without one (SPC-4 section 6.6.2)."""
