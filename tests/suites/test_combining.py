# SPDX-License-Identifier: GPL-2.0-only
"""Covering arrays, the row of each check, and the smallest row that fails."""

from collections.abc import Callable
from itertools import combinations, product

import pytest

from initiator.probe.login import EVERYTHING
from reports.combinations import CUT
from reports.model import Search
from suites.combining.arrays import Row, Values, covering
from suites.combining.offers import (
    PLAIN,
    VALUES,
    beside,
    is_legal,
    name_of,
    offered,
    row_of,
    rows,
    without_plain,
)
from suites.combining.reduction import MOST_TRIES, Answer, reduce

SMALL: Values = {"a": ("0", "1"), "b": ("0", "1"), "c": ("0", "1", "2"), "d": ("0",)}


def missing(array: list[dict[str, str]], values: Values, strength: int) -> list[Row]:
    """Return the tuples that no row has."""
    tuples = [
        dict(zip(names, one, strict=True))
        for names in combinations(values, strength)
        for one in product(*(values[name] for name in names))
    ]
    return [
        one for one in tuples if not any(one.items() <= row.items() for row in array)
    ]


@pytest.mark.parametrize("strength", [1, 2, 3, 4])
def test_any_tuple_meets(strength: int) -> None:
    assert not missing(covering(SMALL, strength), SMALL, strength)


def test_an_array_of_more_parameters_than_there_are_is_the_product() -> None:
    assert len(covering(SMALL, 9)) == 12


def test_the_plain_row_comes_first() -> None:
    assert covering(SMALL, 2)[0] == dict.fromkeys(SMALL, "0")


def test_what_is_not_legal_is_left_out() -> None:
    def legal(row: Row) -> bool:
        return (row.get("a"), row.get("c")) != ("1", "2")

    array = covering(SMALL, 2, legal)

    assert all(legal(row) for row in array)
    assert missing(array, SMALL, 2) == [{"a": "1", "c": "2"}]


def test_a_tuple_that_no_legal_row_has_is_passed_over() -> None:
    def legal(row: Row) -> bool:
        # With a=1, no value of c is left.
        return row.get("a") != "1" or "c" not in row

    array = covering(SMALL, 2, legal)

    assert array
    assert all(row["a"] == "0" for row in array)


def test_pairs_of_all_parameters_meet_in_few_rows() -> None:
    array = covering(VALUES, 2, is_legal)

    assert len(array) < 24
    assert all(is_legal(row) for row in array)
    assert missing(array, VALUES, 2) == [
        {"FirstBurstLength": "65536", "MaxBurstLength": "512"},
        {"FirstBurstLength": "65536", "MaxBurstLength": "8192"},
    ]


def test_rows_hold_what_is_not_plain_under_names_of_their_own() -> None:
    array = rows(VALUES)
    names = [name_of(row) for row in array]

    assert array[0] == {}
    assert names[0] == "@plain"
    assert len(set(names)) == len(names)
    assert not any(PLAIN[key] == value for row in array for key, value in row.items())


def test_a_target_without_options_has_short_rows() -> None:
    values = offered({"ImmediateData": "No", "MaxOutstandingR2T": "1"})

    varied = {name for name, options in values.items() if len(options) > 1}
    assert varied == {
        "FirstBurstLength",
        "MaxBurstLength",
        "MaxRecvDataSegmentLength",
        CUT,
    }
    assert offered(EVERYTHING) == {name: (*one,) for name, one in VALUES.items()}


def test_a_target_with_a_lower_level_and_few_r2ts_is_met_there() -> None:
    values = offered({"ErrorRecoveryLevel": "1", "MaxOutstandingR2T": "4"})

    assert values["ErrorRecoveryLevel"] == ("0", "1")
    assert values["MaxOutstandingR2T"] == ("1", "8")


def test_what_the_user_offers_is_not_varied() -> None:
    assert offered(EVERYTHING, {"HeaderDigest"})["HeaderDigest"] == ("None",)


def test_triples_are_combined_where_that_takes_few_rows() -> None:
    few = offered({}, {CUT})

    left_out = missing([{**PLAIN, **row} for row in rows(few, 3)], few, 3)
    assert not any(is_legal(one) for one in left_out)
    assert len(rows(few, 3)) > len(rows(few, 2))
    assert len(rows(VALUES, 3)) == len(rows(VALUES, 2))


def test_a_check_has_its_row_whatever_runs_beside_it() -> None:
    array = rows(VALUES)
    names = [f"data/test_x.py::test_{number}" for number in range(200)]
    chosen = {name: row_of(name, array) for name in names}

    assert all(row_of(name, array) == chosen[name] for name in reversed(names))
    assert {name_of(row) for row in chosen.values()} == {name_of(r) for r in array}


def test_the_keys_of_a_check_win() -> None:
    varied = {"HeaderDigest": "CRC32C", "ImmediateData": "No", CUT: "trickle"}

    assert beside(varied, {"ImmediateData": "Yes"}) == {"HeaderDigest": "CRC32C,None"}
    assert beside(varied, {"HeaderDigest": None}) == {"ImmediateData": "No"}


@pytest.mark.parametrize(
    ("varied", "own", "expected"),
    [
        (
            {"FirstBurstLength": "512", "MaxBurstLength": "512"},
            {"FirstBurstLength": "1024"},
            {},
        ),
        ({"MaxBurstLength": "512"}, {}, {}),
        (
            {"MaxOutstandingR2T": "8"},
            {"ErrorRecoveryLevel": "1"},
            {},
        ),
        (
            {"MaxOutstandingR2T": "8", "DataSequenceInOrder": "No"},
            {"ErrorRecoveryLevel": "1"},
            {"MaxOutstandingR2T": "8", "DataSequenceInOrder": "No"},
        ),
        ({"ErrorRecoveryLevel": "2"}, {"MaxOutstandingR2T": "4"}, {}),
    ],
)
def test_what_may_not_be_offered_beside_a_check_s_keys_is_left_out(
    varied: Row, own: Row, expected: Row
) -> None:
    assert beside(varied, own) == expected


ROW = without_plain(
    {
        "HeaderDigest": "CRC32C",
        "DataDigest": "CRC32C",
        "FirstBurstLength": "512",
        "MaxBurstLength": "512",
        "MaxOutstandingR2T": "8",
        CUT: "trickle",
    }
)


def failing_with(*names: str) -> Callable[[Row], Answer]:
    """Return a check that fails if all of some parameters are varied."""
    return lambda row: Answer.FAILS if {*names} <= {*row} else Answer.HOLDS


@pytest.mark.parametrize(
    "needed",
    [
        ("HeaderDigest",),
        ("HeaderDigest", CUT),
        ("DataDigest", "FirstBurstLength", "MaxBurstLength", "MaxOutstandingR2T"),
        tuple(ROW),
    ],
)
def test_the_smallest_row_is_found(needed: tuple[str, ...]) -> None:
    result = reduce(ROW, failing_with(*needed))

    assert set(result.row) == set(needed)
    assert result.search is Search.DONE
    assert result.tries <= MOST_TRIES


def test_what_the_default_provokes_needs_no_combination() -> None:
    result = reduce(ROW, failing_with())

    assert (result.row, result.search, result.tries) == ({}, Search.DONE, 1)


def test_only_legal_rows_are_tried() -> None:
    tried: list[Row] = []

    def attempt(row: Row) -> Answer:
        tried.append(row)
        return failing_with("MaxBurstLength")(row)

    result = reduce(ROW, attempt)

    assert set(result.row) == {"FirstBurstLength", "MaxBurstLength"}
    assert all(is_legal({**PLAIN, **row}) for row in tried)


def test_a_failure_that_does_not_come_again_is_said_to_be_one() -> None:
    result = reduce(ROW, lambda _row: Answer.HOLDS)

    assert result.row == ROW
    assert result.search is Search.NOT_REPEATED


def test_a_search_ends_where_there_is_no_time() -> None:
    answers = iter([Answer.HOLDS, Answer.FAILS, Answer.STOP])

    result = reduce(ROW, lambda _row: next(answers))

    assert result.search is Search.CUT_SHORT
    assert result.tries == 3
    assert set(result.row) == set(ROW) - {CUT}


def test_what_was_the_smallest_before_is_tried_first() -> None:
    known = [{CUT: "trickle"}, {"DataDigest": "CRC32C"}, {"ImmediateData": "No"}]

    result = reduce(ROW, failing_with("DataDigest"), known)

    assert (dict(result.row), result.tries) == ({"DataDigest": "CRC32C"}, 3)
