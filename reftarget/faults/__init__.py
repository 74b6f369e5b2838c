# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours of the reference target that can be switched on."""

from reftarget.faults.bends import Bend
from reftarget.faults.registry import FAULTS, Faults, UnknownFaultError, rules_with
from reftarget.faults.row import Fault

__all__ = ["FAULTS", "Bend", "Fault", "Faults", "UnknownFaultError", "rules_with"]
