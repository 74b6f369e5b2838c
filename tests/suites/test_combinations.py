# SPDX-License-Identifier: GPL-2.0-only
"""Pairwise combinations, and the smallest one that makes a trial fail."""

from itertools import combinations, product

import pytest

from initiator.expect import ConformanceFailure
from iscsi.errors import PeerTimeout
from suites.support.combinations import (
    PLAIN,
    VALUES,
    Combination,
    name_of,
    pairwise,
    run,
)


def test_any_two_values_meet() -> None:
    rows = pairwise()
    missing = [
        ((one, a), (other, b))
        for one, other in combinations(VALUES, 2)
        for a, b in product(VALUES[one], VALUES[other])
        if not any(row[one] == a and row[other] == b for row in rows)
    ]

    beyond = {
        (first, maximum) for first in ("65536", "262144") for maximum in ("512", "8192")
    }
    assert {(a[1], b[1]) for a, b in missing} == beyond
    assert {(a[0], b[0]) for a, b in missing} == {
        ("FirstBurstLength", "MaxBurstLength")
    }


def test_names_are_unique() -> None:
    names = [name_of(row) for row in pairwise()]

    assert len(set(names)) == len(names)
    assert names[0] == "plain"


def test_the_smallest_combination_is_named() -> None:
    def trial(combination: Combination) -> None:
        if (
            combination["ImmediateData"] == "No"
            and combination["DataDigest"] == "CRC32C"
        ):
            raise ConformanceFailure("data", f"none with {len(combination)} values")

    unexpected = {name: values[-1] for name, values in VALUES.items()}
    with pytest.raises(ConformanceFailure) as caught:
        run(trial, unexpected)

    assert caught.value.actual.endswith(
        "(smallest combination that provokes it: DataDigest=CRC32C, ImmediateData=No)"
    )


def test_no_illegal_combination_is_tried() -> None:
    tried: list[Combination] = []

    def trial(combination: Combination) -> None:
        tried.append(combination)
        if combination["MaxBurstLength"] == "512":
            raise ConformanceFailure("data", "none")

    with pytest.raises(ConformanceFailure, match=r"it: FirstBurst.*, MaxBurst"):
        run(trial, {**PLAIN, "FirstBurstLength": "512", "MaxBurstLength": "512"})

    assert all(
        int(one["FirstBurstLength"]) <= int(one["MaxBurstLength"]) for one in tried
    )


def test_a_trial_that_passes_is_tried_once() -> None:
    tried: list[Combination] = []

    run(tried.append, PLAIN)

    assert tried == [PLAIN]


def test_an_error_of_the_peer_is_a_failure() -> None:
    def trial(_combination: Combination) -> None:
        raise PeerTimeout("no PDU within 5 s", waited=5)

    with pytest.raises(ConformanceFailure, match="the plain values"):
        run(trial, PLAIN)


def test_a_dead_target_is_not_asked_again() -> None:
    tried: list[Combination] = []

    def trial(combination: Combination) -> None:
        tried.append(combination)
        raise ConformanceFailure("an answer", "the target died")

    unexpected = {name: values[-1] for name, values in VALUES.items()}
    with pytest.raises(ConformanceFailure):
        run(trial, unexpected, goes_on=lambda: False)

    assert tried == [unexpected]
