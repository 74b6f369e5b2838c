# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about target port groups and their access states (SPC-4 5.15)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from iscsi.scsi.layout import Layout
from iscsi.scsi.port_groups import (
    REFUSALS,
    AccessManagement,
    AccessState,
    PortGroup,
    StatusCode,
    is_served,
)
from iscsi.scsi.sense import Sense, SenseKey
from reftarget.ruleset import RuleSet
from reftarget.scsi.check_condition import CheckCondition, invalid_field_in_cdb
from reftarget.scsi.rules.lengths import Cut, Length, cut, length_of_all
from reftarget.scsi.task import Outcome

SETTABLE = frozenset(
    {
        AccessState.OPTIMIZED,
        AccessState.NON_OPTIMIZED,
        AccessState.STANDBY,
        AccessState.UNAVAILABLE,
    }
)
"""The states that SET TARGET PORT GROUPS can ask for here."""


def management(has_report: bool, has_set: bool) -> AccessManagement:
    """Return TPGS: which changes of state there are (section 6.6.2).

    Args:
        has_report: the unit has REPORT TARGET PORT GROUPS.
        has_set: it has SET TARGET PORT GROUPS.
    """
    if not has_report:
        return AccessManagement.NONE
    return AccessManagement.BOTH if has_set else AccessManagement.IMPLICIT


def refusal(state: AccessState) -> Sense | Outcome:
    """Return the answer to a command that a state does not serve (5.15.2.4)."""
    return Sense.of(SenseKey.NOT_READY, REFUSALS[state])


def described(groups: Sequence[PortGroup], _own: int) -> Sequence[PortGroup]:
    """Return the groups that REPORT TARGET PORT GROUPS describes: each once (6.37).

    Args:
        groups: all that there are.
        _own: the number of that of the port that is asked.
    """
    return groups


def first_state(_group: int) -> AccessState:
    """Return the state that a group begins in (5.15.2.4)."""
    return AccessState.OPTIMIZED


def applied(_old: AccessState, new: AccessState) -> AccessState:
    """Return the state that applies to commands after a change (5.15.2.5)."""
    return new


def state_for(states: Mapping[int, AccessState], group: int) -> AccessState:
    """Return the state that applies to the ports of a group (5.15.2.4)."""
    return states.get(group, AccessState.OPTIMIZED)


def designated_group(group: int) -> int:
    """Return the group that VPD page 83h designates: that of the port (7.8.6)."""
    return group


def is_report_refused(data_format: int) -> bool:
    """Whether PARAMETER DATA FORMAT has a reserved value (section 6.37)."""
    return data_format > 1


def set_state(_old: AccessState, new: AccessState) -> AccessState:
    """Return the state after SET TARGET PORT GROUPS: what it asks for (6.45)."""
    return new


def cut_list() -> CheckCondition:
    """Return the objection to a list that ends within a descriptor (section 6.45)."""
    return invalid_field_in_cdb(6, 7)


def is_notified(is_sender: bool, _is_other_port: bool, is_explicit: bool) -> bool:
    """Whether a nexus is notified of a change of state (section 5.15.2.5).

    Args:
        is_sender: SET TARGET PORT GROUPS has come from this nexus.
        _is_other_port: it uses a port of another group.
        is_explicit: the change is that of SET TARGET PORT GROUPS.
    """
    return not (is_explicit and is_sender)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules(RuleSet):
    """The decisions about target port groups and their access states."""

    management: Callable[[bool, bool], AccessManagement] = management
    first_state: Callable[[int], AccessState] = first_state
    applied: Callable[[AccessState, AccessState], AccessState] = applied
    state_for: Callable[[Mapping[int, AccessState], int], AccessState] = state_for
    is_served: Callable[[int, Layout], bool] = is_served
    refusal: Callable[[AccessState], Sense | Outcome] = refusal
    designated_group: Callable[[int], int] = designated_group
    # REPORT TARGET PORT GROUPS
    described: Callable[[Sequence[PortGroup], int], Sequence[PortGroup]] = described
    return_data_length: Length = length_of_all
    """RETURN DATA LENGTH (section 6.37)."""
    cut: Cut = cut
    has_extended_header: bool = True
    """PARAMETER DATA FORMAT 001b is taken (section 6.37)."""
    extends_header: bool = True
    """With it the header is the extended one (section 6.37)."""
    is_report_refused: Callable[[int], bool] = is_report_refused
    reports_preference: bool = True
    """PREF is shown (section 6.37)."""
    explicit_status: int = StatusCode.EXPLICIT
    """STATUS CODE after SET TARGET PORT GROUPS (section 6.37)."""
    implicit_status: int = StatusCode.IMPLICIT
    """STATUS CODE after a change of the target's own (section 6.37)."""
    # SET TARGET PORT GROUPS
    settable: frozenset[AccessState] = SETTABLE
    """The states that it can ask for (section 6.45)."""
    refuses_other_states: bool = True
    """It refuses any other (section 6.45)."""
    refuses_other_groups: bool = True
    """It refuses a group that there is not (section 6.45)."""
    refuses_cut_list: bool = True
    """It refuses a list that ends within a descriptor (section 6.45)."""
    cut_list: Callable[[], CheckCondition] = cut_list
    checks_all_first: bool = True
    """It changes nothing if a descriptor of the list is refused (section 6.45)."""
    empty_list_is_good: bool = True
    """PARAMETER LIST LENGTH 0 is no error (section 6.45)."""
    set_state: Callable[[AccessState, AccessState], AccessState] = set_state
    # unit attentions
    is_notified: Callable[[bool, bool, bool], bool] = is_notified
    reports_failed_change: bool = True
    """A failed transition is reported to every nexus (section 5.15.2.5)."""
