# SPDX-License-Identifier: GPL-2.0-only
"""Errors of the providers."""

from vmlab.errors import LabError

__all__ = ["LabError", "NotOfferedError", "PortTakenError", "TargetSpecError"]


class TargetSpecError(ValueError):
    """The value of --target does not name a target."""


class NotOfferedError(LabError):
    """The target file has no command for this action."""


class PortTakenError(LabError):
    """Another program listens on a port that the target needs."""
