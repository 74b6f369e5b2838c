# SPDX-License-Identifier: GPL-2.0-only
"""Repeats a check that fails with a combination, to find what provokes the failure.

The first verdict stays the check's own. The further runs find the smallest part of its
row with which it fails in the same way; nothing else of them is published.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from reports.combinations import provoking, without_row
from reports.evidence import EVIDENCE, QUIET
from reports.model import Check, Combination, Outcome, Search
from reports.suites import name_of
from reports.verdicts import attach, carried
from suites.combining.arrays import Row
from suites.combining.reduction import Answer, reduce
from suites.plugins import targets as targets_plugin
from suites.plugins.accounts import kept_account
from suites.plugins.deaths import AMENDMENT
from suites.plugins.lost import lost
from suites.plugins.sessions import TRANSCRIPT
from suites.plugins.strength import own_row, running_with

_SECONDS = 30.0
"""The time for the reduction of one failure."""

_AMISS = frozenset({Outcome.BROKEN, Outcome.WARNED})

_SMALLEST = pytest.StashKey[dict[str, list[Row]]]()
"""The smallest rows of earlier failures, by clause."""
_HOLDS = pytest.StashKey[set[tuple[str, str]]]()
"""Checks that also fail with the default, by name without row, and clause."""

_KEPT: tuple[pytest.StashKey[Any], ...] = (EVIDENCE, TRANSCRIPT, AMENDMENT)


def look_into(
    item: pytest.Item,
    reports: Sequence[pytest.TestReport],
    run: Callable[[], list[pytest.TestReport]],
) -> None:
    """Find what provokes the failure of a check, and attach it to the reports.

    Args:
        item: the check.
        reports: the reports of its phases.
        run: runs all its phases once more.
    """
    row = own_row(item)
    if not row:
        return
    first = carried(reports[-1])
    if first is None or not _can_be_repeated(item, first):
        return
    clause = _clause(first)
    known = item.config.stash.setdefault(_SMALLEST, {}).setdefault(clause, [])
    holds = item.config.stash.setdefault(_HOLDS, set())
    plain = without_row(name_of(item.nodeid)), clause
    deadline = time.monotonic() + _SECONDS

    def attempt(part: Row) -> Answer:
        if lost(item.config) or time.monotonic() > deadline:
            return Answer.STOP
        if not part and plain in holds:
            return Answer.HOLDS
        with running_with(item, part):
            retried = carried(run()[-1])
        is_alike = retried is not None and _is_alike(first, retried)
        if not part and not is_alike:
            holds.add(plain)
        return Answer.FAILS if is_alike else Answer.HOLDS

    with _unpublished(item):
        result = reduce(row, attempt, known)
    if result.search is Search.DONE and result.row and result.row not in known:
        known.append(result.row)
    combination = Combination(
        varied=dict(row), smallest=dict(result.row), search=result.search
    )
    _add(combination, reports)


def _add(combination: Combination, reports: Sequence[pytest.TestReport]) -> None:
    """Attach the provoking row to the reports of a check."""
    for report in reports:
        check = carried(report)
        if check is not None:
            attach(report, replace(check, combination=combination))
        if report.failed:
            words = provoking(combination) or "the default, without a combination"
            report.sections.append(("What provokes it", words))


def _can_be_repeated(item: pytest.Item, first: Check) -> bool:
    """Tell whether a check has failed in a way that can be reduced."""
    if first.outcome not in _AMISS or item.config.getoption("usepdb", False):
        return False
    # A PDU that kills a target is not sent again if the target cannot be restarted.
    tested = targets_plugin.of(item.config)
    return not first.target_died or "restart" in tested.features


def _clause(check: Check) -> str:
    """Return what identifies a failure: the accused clause, and how the target died."""
    accused = check.failure.requirement if check.failure is not None else ""
    is_death = check.ending is not None and check.target_died
    return f"{accused} {check.ending.kind}" if is_death and check.ending else accused


def _is_alike(first: Check, retried: Check) -> bool:
    return retried.outcome in _AMISS and _clause(retried) == _clause(first)


@contextmanager
def _unpublished(item: pytest.Item) -> Iterator[None]:
    """Let a check run again, and restore the known state of the target afterwards."""
    properties = list(item.user_properties)
    stashed = {key: item.stash[key] for key in _KEPT if key in item.stash}
    for key in stashed:
        del item.stash[key]
    item.stash[QUIET] = True
    try:
        with kept_account(item):
            yield
    finally:
        del item.stash[QUIET]
        item.user_properties[:] = properties
        for key in _KEPT:
            if key in stashed:
                item.stash[key] = stashed[key]
            elif key in item.stash:
                del item.stash[key]
