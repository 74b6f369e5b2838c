# SPDX-License-Identifier: GPL-2.0-only
"""The target port groups of a logical unit and their states (SPC-4 section 5.15).

Each portal group of the target is a target port, and a target port group of its own
with the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iscsi.scsi.port_groups import AccessState, PortGroup, StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reftarget.scsi.rules.access import AccessRules
    from reftarget.scsi.task import Nexus

_OPERATED = frozenset({AccessState.OFFLINE, AccessState.TRANSITIONING})
"""The states that no initiator, but an operator can put a group into."""


@dataclass(slots=True)
class _Group:
    """A target port group as it is now."""

    state: AccessState = AccessState.OPTIMIZED
    """The state that it is said to be in."""
    applied: AccessState = AccessState.OPTIMIZED
    """That which commands are served by: no other, unless a rule is broken."""
    is_preferred: bool = False
    status: int = StatusCode.NONE


class PortGroups:
    """The target port groups of one logical unit."""

    __slots__ = ("_groups", "is_open")

    def __init__(self, tags: Iterable[int], rules: AccessRules) -> None:
        """Begin with every group in its first state.

        Args:
            tags: the portal groups, which are the target port groups.
            rules: the decisions about them.
        """
        self._groups: dict[int, _Group] = {}
        for tag in tags:
            state = rules.first_state(tag)
            self._groups[tag] = _Group(state, state)
        self.is_open = self._is_optimized()
        """Whether every group is optimized, so that no state need be asked for."""

    def __contains__(self, tag: int) -> bool:
        return tag in self._groups

    def state_of(self, tag: int) -> AccessState:
        """Return the state of a group."""
        return self._groups[tag].state

    def state_for(self, nexus: Nexus, rules: AccessRules) -> AccessState:
        """Return the state that commands of a nexus are served by."""
        states = {tag: group.applied for tag, group in self._groups.items()}
        return rules.state_for(states, nexus.target_portal_group_tag)

    def change(
        self, tag: int, state: AccessState, status: int, rules: AccessRules
    ) -> bool:
        """Put a group into a state; return whether it is another than before."""
        group = self._groups[tag]
        is_changed = group.state != state
        group.applied = rules.applied(group.applied, state)
        group.state, group.status = state, status
        self.is_open = self._is_optimized()
        return is_changed

    def _is_optimized(self) -> bool:
        return all(
            one.applied is AccessState.OPTIMIZED for one in self._groups.values()
        )

    def set_preference(self, tag: int, *, is_preferred: bool) -> None:
        """Say whether a group is a preferred one."""
        self._groups[tag].is_preferred = is_preferred

    def describe(self, nexus: Nexus, rules: AccessRules) -> Sequence[PortGroup]:
        """Return the groups as REPORT TARGET PORT GROUPS tells of them."""
        return rules.described(
            [
                PortGroup(
                    tag,
                    group.state,
                    (tag,),
                    rules.settable | _OPERATED,
                    group.is_preferred and rules.reports_preference,
                    group.status,
                )
                for tag, group in self._groups.items()
            ],
            nexus.target_portal_group_tag,
        )
