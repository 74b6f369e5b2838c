# SPDX-License-Identifier: GPL-2.0-only
"""Pairwise combinations of the values of many parameters, and their reduction."""

import time
from collections.abc import Callable, Mapping, Sequence

from initiator.expect import ConformanceFailure, failure_of
from initiator.segments import Cut
from iscsi.errors import ISCSIError
from reports.combinations import CUT
from suites.combining.arrays import covering
from suites.combining.offers import is_legal
from suites.plugins.limits import CutShort

Combination = Mapping[str, str]
"""A value for each parameter: a text key to offer, or CUT."""

VALUES: Mapping[str, Sequence[str]] = {
    "HeaderDigest": ("None", "CRC32C"),
    "DataDigest": ("None", "CRC32C"),
    "ImmediateData": ("Yes", "No"),
    "InitialR2T": ("Yes", "No"),
    "FirstBurstLength": ("65536", "512", "262144"),
    "MaxBurstLength": ("262144", "512", "8192", "16776192"),
    "MaxRecvDataSegmentLength": ("8192", "512", "65536", "16777215"),
    "DataPDUInOrder": ("Yes", "No"),
    "DataSequenceInOrder": ("Yes", "No"),
    "MaxOutstandingR2T": ("1", "2", "8"),
    CUT: tuple(map(str, Cut)),
}
"""The parameters. The first value of each is the plain one."""

PLAIN: Combination = {name: values[0] for name, values in VALUES.items()}

_SEARCH_SECONDS = 20
"""The seconds to search for a smaller combination."""


def pairwise() -> list[Combination]:
    """Return combinations that contain any two values of two parameters.

    FirstBurstLength never exceeds MaxBurstLength (RFC 7143 section 13.14): such pairs
    are left out. The plain combination comes first.
    """
    # More tries would give fewer rows, but lists of deviations name these rows.
    return list(covering(VALUES, 2, is_legal, tries=1))


def name_of(combination: Combination) -> str:
    """Return the values of a combination that are not plain, as a test's name."""
    return (
        "-".join(
            f"{name.replace(' ', '')}={value}"
            for name, value in combination.items()
            if value != PLAIN[name]
        )
        or "plain"
    )


def run(
    trial: Callable[[Combination], None],
    combination: Combination,
    *,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Run a trial; if it fails, search for the smallest combination that provokes it.

    Args:
        trial: runs with a combination; raises ConformanceFailure.
        combination: the combination of the first trial.
        goes_on: returns whether to search further, which is useless with a dead target.

    Raises:
        ConformanceFailure: the trial failed; the failure names the smallest combination
            found.
    """
    __tracebackhide__ = True
    failure = _attempt(trial, combination)
    if failure is None:
        return
    if isinstance(failure, CutShort):
        raise failure  # no time is left for other combinations
    smallest = dict(combination)
    deadline = time.monotonic() + _SEARCH_SECONDS
    # MaxBurstLength comes before FirstBurstLength, which it bounds.
    for name in reversed(list(combination)):
        if not goes_on() or time.monotonic() > deadline:
            break
        plainer = {**smallest, name: PLAIN[name]}
        if plainer == smallest or not is_legal(plainer):
            continue
        retried = _attempt(trial, plainer)
        if isinstance(retried, CutShort):
            break
        if retried is not None:
            smallest, failure = plainer, retried
    failure.actual += f" (smallest combination that provokes it: {_describe(smallest)})"
    raise failure


def _attempt(
    trial: Callable[[Combination], None], combination: Combination
) -> ConformanceFailure | None:
    try:
        trial(combination)
    except ConformanceFailure as failure:
        return failure
    except ISCSIError as error:
        return failure_of(error, None)
    return None


def _describe(combination: Combination) -> str:
    differing = {k: v for k, v in combination.items() if v != PLAIN[k]}
    return ", ".join(f"{k}={v}" for k, v in differing.items()) or "the plain values"
