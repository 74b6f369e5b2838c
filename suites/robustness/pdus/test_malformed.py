# SPDX-License-Identifier: GPL-2.0-only
"""Malformed PDUs in every position of a connection, made from the field tables."""

from collections.abc import Iterator

import pytest

from suites.support.attacker import JUDGED, SECRET, Attacker
from suites.support.place import PDUS
from suites.support.positions import POSITIONS, at
from suites.support.stimuli import (
    Stimulus,
    ahs_shapes,
    data_lengths,
    field_values,
    names_of_fields,
    wrong_digests,
)

_THOROUGH = ("full-feature", "operational")
"""Positions in which each field is a check of its own."""

_AHS = ("before-login", "operational", "full-feature", "r2t-open")
_EVERYWHERE = tuple(POSITIONS)

pytestmark = pytest.mark.requirement(*JUDGED, SECRET)


def _each_field() -> Iterator[object]:
    for position in _THOROUGH:
        for kind, (layer, _) in PDUS.items():
            for name in names_of_fields(layer):
                yield at(position, kind, name)


def _each_kind(positions: tuple[str, ...]) -> list[object]:
    return [at(position, kind) for position in positions for kind in PDUS]


@pytest.mark.parametrize(("position", "kind", "name"), list(_each_field()))
def test_any_value_of_a_field_is_survived(
    attacker: Attacker, position: str, kind: str, name: str
) -> None:
    """The target keeps serving, whatever value a field of a PDU has."""
    attacker.attack(POSITIONS[position], field_values(kind, PDUS[kind][0], name))
    attacker.end()


@pytest.mark.parametrize(
    ("position", "kind"),
    _each_kind(tuple(one for one in _EVERYWHERE if one not in _THOROUGH)),
)
def test_any_value_of_any_field_is_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving, whatever values the fields of a PDU have here."""
    attacker.attack(POSITIONS[position], _all_fields(kind))
    attacker.end()


def _all_fields(kind: str) -> Iterator[Stimulus]:
    layer = PDUS[kind][0]
    for name in names_of_fields(layer):
        yield from field_values(kind, layer, name)


@pytest.mark.parametrize(("position", "kind"), _each_kind(_AHS))
def test_additional_header_segments_are_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving, whatever form additional header segments have."""
    attacker.attack(POSITIONS[position], ahs_shapes(kind))
    attacker.end()


@pytest.mark.parametrize(("position", "kind"), _each_kind(_EVERYWHERE))
def test_false_lengths_are_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving if DataSegmentLength does not match the data."""
    attacker.attack(POSITIONS[position], data_lengths(kind))
    attacker.end()


@pytest.mark.parametrize(("position", "kind"), _each_kind(("digests",)))
def test_wrong_digests_are_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving if digests are wrong, missing or superfluous."""
    attacker.attack(POSITIONS[position], wrong_digests(kind))
    attacker.end()
