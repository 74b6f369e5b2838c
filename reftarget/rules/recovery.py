# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about error recovery (RFC 7143 chapter 7, section 11.16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iscsi import headers
from reftarget.ruleset import RuleSet


def repeated(header: headers.Header) -> headers.Header:
    """Return what is sent again: the PDU as it was (section 11.16)."""
    return header


def end_of_run(begin: int, length: int, total: int) -> int:
    """Return the number behind the last one that a SNACK asks for (section 11.16).

    RunLength 0 means all.
    """
    return begin + length if length else total


def acknowledged(exp_data_sn: int) -> int:
    """Return how much of a reassigned task has arrived: ExpDataSN says so (11.5.6)."""
    return exp_data_sn


def reassigned_snack_tag(_tag: int) -> int:
    """Return the SNACK Tag of a reassigned task: none (section 7.2.2)."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRules(RuleSet):
    """The decisions about error recovery."""

    # SNACK
    takes_snack: bool = True
    """A SNACK is answered from ErrorRecoveryLevel 1 on (section 11.16)."""
    rejects_unsent: bool = True
    """A SNACK for what was never sent is rejected (section 11.16)."""
    snack_keeps_allegiance: bool = True
    """A SNACK for what another connection has sent is rejected (4.2.5.1)."""
    end_of_run: Callable[[int, int, int], int] = end_of_run
    repeated: Callable[[headers.Header], headers.Header] = repeated
    # tasks of a connection that failed
    immediate_ends_with_connection: bool = True
    """Immediate commands end with their connection (section 7.14)."""
    reassigned_goes_on: bool = True
    """A task that is reassigned continues (section 7.2.2)."""
    forgives_wild_exp_data_sn: bool = True
    """A wild ExpDataSN of TASK REASSIGN is ignored (section 11.5.6)."""
    acknowledged: Callable[[int], int] = acknowledged
    reassigned_snack_tag: Callable[[int], int] = reassigned_snack_tag
