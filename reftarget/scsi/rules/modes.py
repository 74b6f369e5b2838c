# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of MODE SENSE and MODE SELECT (SPC-4 sections 6.9 and 6.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi.scsi.sense import AdditionalSense
from reftarget.ruleset import RuleSet
from reftarget.scsi.check_condition import CheckCondition, illegal_request
from reftarget.scsi.rules.lengths import Length, length_of_all


def saved_objection() -> CheckCondition:
    """Return the objection to saved values, of which there are none (section 6.11)."""
    return illegal_request(AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED)


def page_code(code: int) -> int:
    """Return the page that MODE SENSE returns: the one asked for (section 6.11)."""
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRules(RuleSet):
    """The decisions of MODE SENSE and MODE SELECT."""

    can_change: bool = True
    """SWP and D_SENSE can be changed (section 6.9)."""
    shows_volatile_cache: bool = True
    """WCE is 1 where a loss of power loses data (SBC-3 section 6.5.5)."""
    queue_algorithm_modifier: int = 1
    """QUEUE ALGORITHM MODIFIER: whether commands may be reordered (section 7.5.8)."""
    begins_with_descriptors: bool = False
    """The default of D_SENSE (section 7.5.8)."""
    task_set_type: int = 0
    """TST: one task set for all nexuses, or one for each (section 7.5.8)."""
    has_block_descriptor: bool = True
    """A block descriptor comes where DBD is 0 (section 6.11)."""
    saved_objection: Callable[[], CheckCondition] = saved_objection
    page_code: Callable[[int], int] = page_code
    data_length: Length = length_of_all
    """MODE DATA LENGTH (section 6.11)."""
    can_select_nothing: bool = True
    """MODE SELECT without a parameter list is GOOD (section 6.9)."""
    refuses_cut_list: bool = True
    """A parameter list that ends within a field is refused (section 6.9)."""
    refuses_unchangeable: bool = True
    """A value that cannot be changed is refused (section 6.9)."""
    forgets_at_reset: bool = True
    """A reset brings the default values back, as none are saved (section 6.11)."""
    reports_mode_change: bool = True
    """A change raises unit attentions for other nexuses (section 6.9)."""
