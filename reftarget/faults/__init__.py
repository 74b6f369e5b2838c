# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours of the reference target that can be switched on."""

from reftarget.faults.peril import Peril
from reftarget.faults.perils import PERILS
from reftarget.faults.registry import FAULTS, UnknownFaultError, rules_with
from reftarget.faults.row import Fault

__all__ = [
    "FAULTS",
    "PERILS",
    "Fault",
    "Peril",
    "UnknownFaultError",
    "rules_with",
]
