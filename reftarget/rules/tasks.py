# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about tasks: addressing, start and end (SAM-5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from iscsi.constants import TaskAttribute
from iscsi.scsi.luns import decode
from reftarget.ruleset import RuleSet


class AbortedTask(Protocol):
    """What a hook can see of a task that is aborted."""

    @property
    def finish(self) -> Callable[[bytes | memoryview], Any] | None:
        """Gives the device server the data that it waits for, if it does."""

    @property
    def buffer(self) -> bytearray | None:
        """The data that has come."""

    @property
    def wanted(self) -> int:
        """Bytes that the device server waits for."""


def begins(_attribute: TaskAttribute, is_enabled: bool) -> bool:
    """Whether a task begins when it arrives beside others (section 8.7).

    Args:
        _attribute: its attribute.
        is_enabled: no older task is to be waited for.
    """
    return is_enabled


def is_full(_in_progress: int, _most: int) -> bool:
    """Whether a task set has no room for one more task (section 5.3.1).

    Args:
        _in_progress: the tasks of the session in progress, the new one included.
        _most: the greatest number of them that there has been.
    """
    return False


def after_abort(_task: AbortedTask) -> None:
    """Do nothing more for a task that is aborted: it writes nothing (section 5.34)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRules(RuleSet):
    """The decisions about tasks."""

    set_for_each_nexus: bool = False
    """TST 001b: each nexus has a task set of its own (SPC-4 section 7.5.8)."""
    lun: Callable[[int], int] = decode
    """The logical unit that eight bytes of LUN address (section 4.7)."""
    begins: Callable[[TaskAttribute, bool], bool] = begins
    is_full: Callable[[int, int], bool] = is_full
    after_abort: Callable[[AbortedTask], None] = after_abort
