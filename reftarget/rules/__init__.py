# SPDX-License-Identifier: GPL-2.0-only
"""Every decision of the reference target, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reftarget.rules.allegiance import AllegianceRules
from reftarget.rules.authentication import AuthenticationRules
from reftarget.rules.commands import CommandRules
from reftarget.rules.connections import ConnectionRules
from reftarget.rules.fencing import FenceRules
from reftarget.rules.functions import FunctionRules
from reftarget.rules.login import LoginRules
from reftarget.rules.recovery import RecoveryRules
from reftarget.rules.sessions import SessionRules
from reftarget.rules.tasks import TaskRules
from reftarget.rules.texts import TextRules
from reftarget.rules.transfers import TransferRules
from reftarget.ruleset import RuleSet
from reftarget.scsi.rules import SCSIRules

if TYPE_CHECKING:
    from reftarget.twist import Corruption, Twist, Wording

__all__ = [
    "RULES",
    "AllegianceRules",
    "AuthenticationRules",
    "CommandRules",
    "ConnectionRules",
    "FenceRules",
    "FunctionRules",
    "LoginRules",
    "RecoveryRules",
    "Rules",
    "SessionRules",
    "TaskRules",
    "TextRules",
    "TransferRules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(RuleSet):
    """The rules of every area.

    `reftarget.target` applies variants to them (`reftarget.variants`).
    """

    scsi: SCSIRules = field(default_factory=SCSIRules)
    """The rules of the device server."""
    login: LoginRules = field(default_factory=LoginRules)
    authentication: AuthenticationRules = field(default_factory=AuthenticationRules)
    connections: ConnectionRules = field(default_factory=ConnectionRules)
    sessions: SessionRules = field(default_factory=SessionRules)
    commands: CommandRules = field(default_factory=CommandRules)
    transfers: TransferRules = field(default_factory=TransferRules)
    functions: FunctionRules = field(default_factory=FunctionRules)
    fence: FenceRules = field(default_factory=FenceRules)
    recovery: RecoveryRules = field(default_factory=RecoveryRules)
    text: TextRules = field(default_factory=TextRules)
    tasks: TaskRules = field(default_factory=TaskRules)
    allegiance: AllegianceRules = field(default_factory=AllegianceRules)
    twists: tuple[Twist, ...] = ()
    """What happens to each PDU on its way out, in order."""
    wordings: tuple[Wording, ...] = ()
    """What happens to each text before it is cut into PDUs, in order."""
    corruptions: tuple[Corruption, ...] = ()
    """What happens to the bytes of each PDU, in order."""


RULES: Final = Rules()
"""What the standards say."""
