# SPDX-License-Identifier: GPL-2.0-only
"""Rows laid over the rules of the reference target."""

from dataclasses import replace
from typing import Any

import pytest

from iscsi import headers
from reftarget.faults import FAULTS
from reftarget.rules import RULES
from reftarget.ruleset import replaced_by
from reftarget.scsi.rules import AdmissionRules, ReservationRules
from reftarget.twist import Sender
from reftarget.variants import Variant, VariantError, apply_variants, by_name

SILENT = Variant(name="silent", says="", rules=ReservationRules(notifies=False))
MUTE = Variant(
    name="mute", says="", rules=ReservationRules(notifies=False, effective=frozenset())
)


def swallow(_sender: Sender, _header: headers.Header, _data: bytes) -> None:
    return None


def test_nothing_is_laid_over_where_no_variant_is_on() -> None:
    assert apply_variants(RULES, []) == RULES


def test_a_variant_replaces_its_rules_and_no_other() -> None:
    laid = apply_variants(RULES, [SILENT])

    assert replaced_by(laid.scsi.reservations) == {"notifies": False}
    assert replace(laid.scsi, reservations=ReservationRules()) == RULES.scsi


def test_variants_of_different_rules_are_on_at_once() -> None:
    other = Variant(
        name="other",
        says="",
        rules=(
            ReservationRules(capabilities_length=0),
            AdmissionRules(unknown_command=lambda _opcode, _has_opcode: None),
        ),
    )

    laid = apply_variants(RULES, [SILENT, other]).scsi

    assert not laid.reservations.notifies
    assert laid.reservations.capabilities_length == 0
    assert laid.admission.unknown_command(0, True) is None


def test_two_variants_of_one_rule_are_refused_in_one_line() -> None:
    with pytest.raises(VariantError) as caught:
        apply_variants(RULES, [SILENT, MUTE])

    assert str(caught.value) == (
        "silent and mute replace the same rule (ReservationRules.notifies):"
        " switch on only one of them"
    )


def test_twists_come_one_after_the_other() -> None:
    twisting = Variant(name="twisting", says="", twist=swallow)

    assert apply_variants(RULES, [twisting, SILENT, twisting]).twists == (
        swallow,
        swallow,
    )


def test_a_row_that_replaces_no_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="idle: replaces no rule of ReservationRules"):
        Variant(name="idle", says="", rules=ReservationRules(notifies=True))


def test_a_name_is_given_to_one_row() -> None:
    with pytest.raises(ValueError, match="two rows are named 'silent'"):
        by_name([SILENT, MUTE, SILENT])


def test_a_misspelt_rule_is_refused() -> None:
    misspelt: dict[str, Any] = {"tell": False}

    with pytest.raises(TypeError, match="tell"):
        ReservationRules(**misspelt)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_changes_the_rules_of_the_target(name: str) -> None:
    assert apply_variants(RULES, [FAULTS[name]]) != RULES
