# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours of the reference target that can be switched on."""

from reftarget.faults.registry import FAULTS, UnknownFaultError, rules_with
from reftarget.faults.row import Fault

__all__ = ["FAULTS", "Fault", "UnknownFaultError", "rules_with"]
