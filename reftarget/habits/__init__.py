# SPDX-License-Identifier: GPL-2.0-only
"""Switchable legal behaviours of the reference target: habits."""

from reftarget.habits.registry import (
    HABITS,
    UnknownHabitError,
    configured,
    named,
    rules_with,
)
from reftarget.habits.row import Habit, are_compatible

__all__ = [
    "HABITS",
    "Habit",
    "UnknownHabitError",
    "are_compatible",
    "configured",
    "named",
    "rules_with",
]
