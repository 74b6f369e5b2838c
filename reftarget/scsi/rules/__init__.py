# SPDX-License-Identifier: GPL-2.0-only
"""Every decision of the device server, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from reftarget.ruleset import RuleSet
from reftarget.scsi.rules.admission import AdmissionRules
from reftarget.scsi.rules.reservations import ReservationRules

__all__ = ["SCSI_RULES", "AdmissionRules", "ReservationRules", "SCSIRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SCSIRules(RuleSet):
    """The rules of the device server, by area."""

    admission: AdmissionRules = field(default_factory=AdmissionRules)
    reservations: ReservationRules = field(default_factory=ReservationRules)


SCSI_RULES: Final = SCSIRules()
"""What the standards say."""
