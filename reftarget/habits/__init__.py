# SPDX-License-Identifier: GPL-2.0-only
"""Switchable legal behaviours of the reference target: habits."""

from reftarget.habits.registry import (
    HABITS,
    UnknownHabitError,
    configured,
    named,
    rules_with,
)
from reftarget.habits.row import Habit, can_meet

__all__ = [
    "HABITS",
    "Habit",
    "UnknownHabitError",
    "can_meet",
    "configured",
    "named",
    "rules_with",
]
