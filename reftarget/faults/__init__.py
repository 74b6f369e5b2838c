# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours of the reference target that can be switched on."""

from reftarget.faults.registry import FAULTS, UnknownFaultError, rules_with
from reftarget.faults.robustness_fault import RobustnessFault
from reftarget.faults.robustness_table import ROBUSTNESS_FAULTS
from reftarget.faults.row import Fault

__all__ = [
    "FAULTS",
    "ROBUSTNESS_FAULTS",
    "Fault",
    "RobustnessFault",
    "UnknownFaultError",
    "rules_with",
]
