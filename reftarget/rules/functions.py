# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about task management functions (RFC 7143 sections 4.2.3 and 11.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from iscsi.constants import TMFunction
from reftarget.ruleset import RuleSet


class Responding(Protocol):
    """What a hook may change of the connection that a function was answered on."""

    stat_sn: int
    """The number of the next status."""


def may_reset(is_authorized: bool) -> bool:
    """Whether an initiator may reset the target (section 11.5.1)."""
    return is_authorized


def must_wait(has_gap: bool, _others_have_gaps: Callable[[], bool]) -> bool:
    """Whether a function waits for commands that have not come (section 4.2.3.3).

    Args:
        has_gap: some are missing before it in its session.
        _others_have_gaps: tells whether some are missing in other sessions.
    """
    return has_gap


def waits_for_data(is_fast: bool) -> bool:
    """Whether a function waits for outstanding data: not with FastAbort (4.2.3)."""
    return not is_fast


def reaches_later(is_reset: bool) -> bool:
    """Whether a function ends commands that came after it: resets do (11.5.1)."""
    return is_reset


def notifies(reporting: str, _own: str) -> bool:
    """Whether a connection is notified of the tasks that a function ends (4.2.3.4).

    Args:
        reporting: its TaskReporting.
        _own: the TaskReporting of the session that issued the function.
    """
    return reporting == "FastAbort"


def after_function(_connection: Responding, _function: int) -> None:
    """Do nothing more after a function on many tasks has been answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRules(RuleSet):
    """The decisions about task management functions."""

    absent: frozenset[int] = frozenset()
    """The functions that are not supported (section 11.6.1)."""
    rejects_absent: bool = False
    """A function that is not supported is rejected, not answered (section 11.17.1)."""
    # on one task
    can_abort_function: bool = False
    """ABORT TASK of a function is Function complete (section 11.5.1)."""
    finds_immediate: bool = True
    """ABORT TASK finds a task of an immediate command (section 11.5.5)."""
    aborts_task: bool = True
    """ABORT TASK ends the task (section 11.5.1)."""
    fills_gap: bool = True
    """ABORT TASK of a command that never came counts it as received (7.11)."""
    answers_reassignment_first: bool = True
    """TASK REASSIGN is answered before the task continues (section 7.2.2)."""
    # on many tasks
    nexus_reset_ends: bool = True
    """I_T NEXUS RESET ends the session (RFC 7144 section 6.3)."""
    may_reset: Callable[[bool], bool] = may_reset
    must_wait: Callable[[bool, Callable[[], bool]], bool] = must_wait
    waits_for_data: Callable[[bool], bool] = waits_for_data
    reaches_later: Callable[[bool], bool] = reaches_later
    reset_ends_tasks: bool = True
    """A reset ends all tasks (section 11.5.1)."""
    notifies: Callable[[str, str], bool] = notifies
    ends_sessions: frozenset[TMFunction] = frozenset({TMFunction.TARGET_COLD_RESET})
    """The functions that end all sessions (section 11.5.1)."""
    after_function: Callable[[Responding, int], None] = after_function
    forgives_late_data: bool = True
    """Data for tasks that a function has ended is ignored (section 10.7)."""
