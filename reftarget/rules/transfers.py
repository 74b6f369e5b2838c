# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about data on its way (RFC 7143 sections 4.2.5, 11.4, 11.7, 11.8)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from reftarget.ruleset import RuleSet

Ranges = list[tuple[int, int]]


def answering(own: Any, _connections: Collection[Any]) -> Any:
    """Return the connection that answers: the command's own (section 4.2.5.1).

    Args:
        own: the connection that the command came on.
        _connections: all connections of the session.
    """
    return own


def asked_for(missing: Ranges, _wanted: int) -> Ranges:
    """Return the bytes that R2Ts ask for: those that have not come (section 11.8)."""
    return missing


def burst(start: int, end: int, maximum: int) -> tuple[int, int]:
    """Return which of the missing bytes the next R2T asks for (sections 11.8, 13.13).

    Args:
        start: the first of them.
        end: behind the last of them.
        maximum: MaxBurstLength.
    """
    return start, min(end, start + maximum)


def outstanding(maximum: int) -> int:
    """Return how many R2Ts are outstanding at most: MaxOutstandingR2T (11.8)."""
    return maximum


def concludes(_is_crc_error: bool) -> bool:
    """Whether a failed write gets a response: each does (section 7.3)."""
    return True


def segment(maximum: int) -> int:
    """Return the length of Data-In, in whole words (sections 11.7.1 and 11.7.7).

    Args:
        maximum: the initiator's MaxRecvDataSegmentLength.
    """
    return maximum & ~3


def may_ride(is_bidirectional: bool) -> bool:
    """Whether status rides on the last Data-In (section 11.7.3)."""
    return not is_bidirectional


def first_data_sn(after_r2ts: int) -> int:
    """Return the DataSN of the first Data-In beside R2Ts (section 4.2.2.4).

    Args:
        after_r2ts: the number after those of the R2Ts.
    """
    return after_r2ts


def exp_data_sn(count: int) -> int:
    """Return ExpDataSN of a response: how many Data-In and R2T went (11.4.8)."""
    return count


def takes_immediate(is_agreed: bool) -> bool:
    """Whether immediate data is taken: where ImmediateData is Yes (13.11)."""
    return is_agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRules(RuleSet):
    """The decisions about data on its way."""

    answering: Callable[[Any, Collection[Any]], Any] = answering
    # data to the target
    judges_unsolicited: bool = True
    """Unsolicited data that was not agreed on is an error (section 13.11)."""
    takes_immediate: Callable[[bool], bool] = takes_immediate
    waits_for_data: bool = True
    """A response waits for data that is still on its way (section 11.4.2)."""
    asked_for: Callable[[Ranges, int], Ranges] = asked_for
    burst: Callable[[int, int, int], tuple[int, int]] = burst
    outstanding: Callable[[int], int] = outstanding
    checks_lun: bool = True
    """The LUN of Data-Out is that of its command (section 4.2.5.3)."""
    checks_offset: bool = True
    """Data-Out lies where its R2T has asked for it (section 4.2.5.3)."""
    checks_data_sn: bool = True
    """DataSN out of order shows that a PDU is lost (section 7.9)."""
    takes_empty: bool = True
    """Data-Out without data is taken (section 11.7.7)."""
    refuses_excess: bool = True
    """Data-Out beyond what was asked for is refused (section 4.2.5.2)."""
    asks_again: bool = True
    """Lost data is asked for again, from ErrorRecoveryLevel 1 on (section 7.8)."""
    waits_after_crc_error: bool = True
    """A CRC error is reported when all data has come (section 7.8)."""
    concludes: Callable[[bool], bool] = concludes
    # data from the target
    segment: Callable[[int], int] = segment
    may_ride: Callable[[bool], bool] = may_ride
    first_data_sn: Callable[[int], int] = first_data_sn
    exp_data_sn: Callable[[int], int] = exp_data_sn
    shows_read_residual: bool = True
    """A bidirectional command's read residual is reported (section 11.4.6)."""
