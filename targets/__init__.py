# SPDX-License-Identifier: GPL-2.0-only
"""The targets that can be tested: a provider for each kind of target.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""

from targets.errors import LabError, NotOfferedError, PortTakenError, TargetSpecError
from targets.kind import Kind, Option, Options, option
from targets.model import (
    FEATURES,
    Chap,
    Credentials,
    Ending,
    EndingKind,
    Limits,
    LogicalUnit,
    Portal,
    Provider,
    RunningTarget,
    Target,
    Usage,
)
from targets.registry import help_text, kinds, options, parse, profile

__all__ = [
    "FEATURES",
    "Chap",
    "Credentials",
    "Ending",
    "EndingKind",
    "Kind",
    "LabError",
    "Limits",
    "LogicalUnit",
    "NotOfferedError",
    "Option",
    "Options",
    "PortTakenError",
    "Portal",
    "Provider",
    "RunningTarget",
    "Target",
    "TargetSpecError",
    "Usage",
    "help_text",
    "kinds",
    "option",
    "options",
    "parse",
    "profile",
]
