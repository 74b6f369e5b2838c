# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about auto contingent allegiance, ACA (SAM-5 section 5.10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from iscsi.scsi.layout import control_of
from reftarget.ruleset import RuleSet
from reftarget.scsi.task import Nexus

_NACA: Final = 0x04
_PERSISTENT_RESERVE_OUT: Final = 0x5F
_PREEMPT_AND_ABORT: Final = 0x05


def has_naca(cdb: bytes) -> bool:
    """Tell whether a command asks for ACA where it ends with CHECK CONDITION."""
    return bool(control_of(cdb) & _NACA)


def preempts_and_aborts(cdb: bytes) -> bool:
    """Tell whether a command is PERSISTENT RESERVE OUT with PREEMPT AND ABORT."""
    return cdb[0] == _PERSISTENT_RESERVE_OUT and cdb[1] & 0x1F == _PREEMPT_AND_ABORT


def takes_faulted(has_aca_attribute: bool, is_only: bool) -> bool:
    """Whether the faulted nexus gets a command executed (section 5.10.3).

    Args:
        has_aca_attribute: its attribute is ACA.
        is_only: no other task with the ACA attribute is there.
    """
    return has_aca_attribute and is_only


def may_clear(faulted: Nexus | None, nexus: Nexus) -> bool:
    """Whether CLEAR ACA of a nexus is taken: of the faulted one (section 5.10.5)."""
    return faulted in {None, nexus}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllegianceRules(RuleSet):
    """The decisions about auto contingent allegiance."""

    begins: Callable[[bytes], bool] = has_naca
    """Whether CHECK CONDITION of a command establishes it (section 5.10.2)."""
    takes_faulted: Callable[[bool, bool], bool] = takes_faulted
    takes_others: Callable[[bytes], bool] = preempts_and_aborts
    """Whether another nexus gets a command executed (section 5.10.4)."""
    holds_older: bool = True
    """Tasks that were there before it wait for its end (section 5.10.2)."""
    is_offered: bool = True
    """CLEAR ACA is a function of the target (section 7.4)."""
    may_clear: Callable[[Nexus | None, Nexus], bool] = may_clear
    clears: bool = True
    """CLEAR ACA ends it (section 5.10.5)."""
    ends_with_reset: bool = True
    """A reset ends it (section 5.10.5)."""
    ends_with_nexus: bool = True
    """The loss of the faulted nexus ends it (section 5.10.5)."""
