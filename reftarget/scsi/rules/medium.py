# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about the medium as a whole: there, ready, writable, erased (SBC-3)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from iscsi.scsi.sense import AdditionalSense, SenseKey
from reftarget.ruleset import RuleSet
from reftarget.scsi.attention import Attentions
from reftarget.scsi.check_condition import (
    CheckCondition,
    condition,
    illegal_request,
    invalid_field_in_parameter_list,
)
from reftarget.scsi.task import Nexus

Data = bytes | memoryview

_OVERWRITE_HEADER = 4
_INVERT, _COUNT = 0x80, 0x1F
# START_VALID, ACTIVE, IDLE, STANDBY, LU_CONTROL, FORCE_IDLE_0, FORCE_STANDBY_0
# (SBC-3 table 102). A disk without a motor has nothing to do for them.
_POWER_CONDITIONS = frozenset({0x0, 0x1, 0x2, 0x3, 0x7, 0xA, 0xB})


class Blocks(Protocol):
    """What a hook may do with a medium."""

    @property
    def block_size(self) -> int:
        """Bytes of a block."""

    def write(self, lba: int, data: Data) -> None:
        """Store whole blocks."""


def end(blocks: int) -> int:
    """Return the first LBA behind the medium (section 4.5)."""
    return blocks


def beyond_end() -> CheckCondition:
    """Return the objection to blocks beyond the end of the medium (section 4.5)."""
    return illegal_request(AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)


def protection(is_read_only: bool, swp: bool) -> CheckCondition | None:
    """Return the objection to a write (section 4.2.2; SWP: SPC-4 section 7.5.8)."""
    if is_read_only:
        return condition(SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED)
    if swp:
        return condition(
            SenseKey.DATA_PROTECT,
            AdditionalSense.LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED,
        )
    return None


def stored(lba: int, data: Data, _block_size: int, _blocks: int) -> tuple[int, Data]:
    """Return where data is stored, and what of it: all (section 5.34).

    Args:
        lba: where the command writes.
        data: whole blocks.
        _block_size: bytes of a block.
        _blocks: how many the medium has.
    """
    return lba, data


def after_unmap(_medium: Blocks, _lba: int, _blocks: int) -> None:
    """Do nothing after blocks were deallocated: they read as zeros (section 4.7.3)."""


def allowed(prevented: AbstractSet[Nexus], nexus: Nexus) -> set[Nexus]:
    """Return who prevents removal after a nexus has allowed it (section 5.13)."""
    return set(prevented) - {nexus}


def applies_start(power_condition: int) -> bool:
    """Whether START and LOEJ count: beside POWER CONDITION 0h alone (section 5.25)."""
    return not power_condition


def moves_medium(_start: bool, loej: bool, _is_removable: bool) -> bool:
    """Whether START STOP UNIT loads or ejects the medium (section 5.25)."""
    return loej


def is_overwrite_length(length: int, block_size: int) -> bool:
    """Whether OVERWRITE has a list of a possible length (section 5.24.2.2)."""
    return _OVERWRITE_HEADER < length <= _OVERWRITE_HEADER + block_size


def overwrite_pattern(data: Data, length: int) -> bytes:
    """Return the pattern that OVERWRITE repeats (section 5.24.2.2).

    Args:
        data: the parameter list.
        length: PARAMETER LIST LENGTH.

    Raises:
        CheckCondition: the list is malformed.
    """
    if len(data) < length or not data[0] & _COUNT:
        raise invalid_field_in_parameter_list(0, 4)
    if not 0 < int.from_bytes(data[2:4], "big") == length - _OVERWRITE_HEADER:
        raise invalid_field_in_parameter_list(2)
    pattern = bytes(data[_OVERWRITE_HEADER:])
    # INVERT alternates between passes: an even count ends as it began.
    if data[0] & _INVERT and not data[0] & 1:
        pattern = bytes(byte ^ 0xFF for byte in pattern)
    return pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumRules(RuleSet):
    """The decisions about the medium as a whole."""

    # readiness
    needs_medium: bool = True
    """Without its medium the unit is not ready (section 4.3)."""
    needs_start: bool = True
    """After it was stopped the unit is not ready (section 5.25)."""
    # blocks
    end: Callable[[int], int] = end
    beyond_end: Callable[[], CheckCondition] = beyond_end
    checks_range_of_nothing: bool = True
    """The LBA must be there though no blocks are named (section 4.5)."""
    protection: Callable[[bool, bool], CheckCondition | None] = protection
    stored: Callable[[int, Data, int, int], tuple[int, Data]] = stored
    after_unmap: Callable[[Blocks, int, int], None] = after_unmap
    # resets and lost nexuses
    report_reset: Callable[[Attentions, AdditionalSense], None] = (
        Attentions.establish_for_all
    )
    """Raise the unit attention of a reset (SAM-5 section 5.14)."""
    reset_allows_removal: bool = True
    """Preventions of removal end with a reset (section 5.13)."""
    nexus_loss_allows_removal: bool = True
    """The prevention of a nexus ends with the nexus (section 5.13)."""
    # START STOP UNIT and removal
    power_conditions: frozenset[int] = _POWER_CONDITIONS
    """The values of POWER CONDITION that are taken (section 5.25)."""
    applies_start: Callable[[int], bool] = applies_start
    moves_medium: Callable[[bool, bool, bool], bool] = moves_medium
    applies_prevention: bool = True
    """The medium stays where it is while a nexus prevents removal (section 5.13)."""
    allowed: Callable[[AbstractSet[Nexus], Nexus], set[Nexus]] = allowed
    reports_new_medium: bool = True
    """A medium that was loaded raises unit attentions (section 4.3)."""
    # SANITIZE
    erases: bool = True
    """An erase leaves nothing of the data (section 5.24)."""
    erase_refuses_list: bool = True
    """PARAMETER LIST LENGTH of an erase is zero (section 5.24)."""
    erase_respects_protection: bool = True
    """A write-protected medium is not erased (section 5.24)."""
    is_overwrite_length: Callable[[int, int], bool] = is_overwrite_length
    overwrite_pattern: Callable[[Data, int], bytes] = overwrite_pattern
    can_exit_failure_mode: bool = True
    """EXIT FAILURE MODE is GOOD where no sanitize has failed (section 5.24)."""
