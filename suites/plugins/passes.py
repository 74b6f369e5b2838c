# SPDX-License-Identifier: GPL-2.0-only
"""Combines several passes of a check: the worst one, with the verdicts of all."""

from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from reports.model import Check, Outcome
from reports.verdicts import attach, carried

_BEST = (Outcome.PASSED, Outcome.NOT_APPLICABLE, Outcome.DEVIATES, Outcome.WARNED)


def together(passes: Sequence[list[pytest.TestReport]]) -> list[pytest.TestReport]:
    """Return the reports of the worst of several passes, with the verdicts of all."""
    checks = [carried(reports[-1]) for reports in passes]
    judged = [check for check in checks if check is not None]
    if len(passes) < 2 or len(judged) < len(passes):
        return passes[-1]
    worst = max(range(len(passes)), key=lambda number: _rank(judged[number]))
    counts = Counter(str(check.outcome) for check in judged)
    attach(passes[worst][-1], replace(judged[worst], repeats=dict(counts)))
    return passes[worst]


def _rank(check: Check) -> int:
    return _BEST.index(check.outcome) if check.outcome in _BEST else len(_BEST)
