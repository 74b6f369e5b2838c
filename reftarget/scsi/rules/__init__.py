# SPDX-License-Identifier: GPL-2.0-only
"""Every decision of the device server, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from reftarget.ruleset import RuleSet
from reftarget.scsi.rules.access import AccessRules
from reftarget.scsi.rules.admission import AdmissionRules
from reftarget.scsi.rules.blocks import BlockRules
from reftarget.scsi.rules.buffers import BufferRules
from reftarget.scsi.rules.changes import ChangeRules
from reftarget.scsi.rules.copies import CopyRules
from reftarget.scsi.rules.identity import IdentityRules
from reftarget.scsi.rules.medium import MediumRules
from reftarget.scsi.rules.modes import ModeRules
from reftarget.scsi.rules.provisioning import ProvisioningRules
from reftarget.scsi.rules.reservations import ReservationRules

__all__ = [
    "SCSI_RULES",
    "AccessRules",
    "AdmissionRules",
    "BlockRules",
    "BufferRules",
    "ChangeRules",
    "CopyRules",
    "IdentityRules",
    "MediumRules",
    "ModeRules",
    "ProvisioningRules",
    "ReservationRules",
    "SCSIRules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SCSIRules(RuleSet):
    """The rules of the device server, by area."""

    admission: AdmissionRules = field(default_factory=AdmissionRules)
    identity: IdentityRules = field(default_factory=IdentityRules)
    modes: ModeRules = field(default_factory=ModeRules)
    medium: MediumRules = field(default_factory=MediumRules)
    blocks: BlockRules = field(default_factory=BlockRules)
    provisioning: ProvisioningRules = field(default_factory=ProvisioningRules)
    reservations: ReservationRules = field(default_factory=ReservationRules)
    copies: CopyRules = field(default_factory=CopyRules)
    changes: ChangeRules = field(default_factory=ChangeRules)
    access: AccessRules = field(default_factory=AccessRules)
    buffers: BufferRules = field(default_factory=BufferRules)


SCSI_RULES: Final = SCSIRules()
"""What the standards say."""
