# SPDX-License-Identifier: GPL-2.0-only
"""Every decision of the reference target, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reftarget.rules.allegiance import AllegianceRules
from reftarget.rules.authentication import AuthenticationRules
from reftarget.rules.login import LoginRules
from reftarget.rules.tasks import TaskRules
from reftarget.ruleset import RuleSet
from reftarget.scsi.rules import SCSIRules

if TYPE_CHECKING:
    from reftarget.twist import Spoil, Twist

__all__ = [
    "RULES",
    "AllegianceRules",
    "AuthenticationRules",
    "LoginRules",
    "Rules",
    "TaskRules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(RuleSet):
    """The rules of every area.

    `reftarget.target` lays variants over them (`reftarget.variants`).
    """

    scsi: SCSIRules = field(default_factory=SCSIRules)
    """The rules of the device server."""
    login: LoginRules = field(default_factory=LoginRules)
    authentication: AuthenticationRules = field(default_factory=AuthenticationRules)
    tasks: TaskRules = field(default_factory=TaskRules)
    allegiance: AllegianceRules = field(default_factory=AllegianceRules)
    twists: tuple[Twist, ...] = ()
    """What happens to each PDU on its way out, in order."""
    spoils: tuple[Spoil, ...] = ()
    """What happens to the bytes of each PDU, in order."""


RULES: Final = Rules()
"""What the standards say."""
