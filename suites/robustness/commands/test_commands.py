# SPDX-License-Identifier: GPL-2.0-only
"""CDBs of every opcode, answers cut at every length, wrong parameter lists."""

import pytest

from suites.support.attacker import JUDGED, Attacker
from suites.support.hostile_commands import altered_lists, answers, cuts, lists, opcodes
from suites.support.positions import POSITIONS
from suites.support.tidying import free

pytestmark = pytest.mark.requirement(*JUDGED)

_GROUPS = range(0, 256, 16)
_ANSWERS = {words: (body, place, size) for words, body, place, size in answers()}
_FAMILIES = sorted({words.split(",")[0] for words in _ANSWERS})


@pytest.mark.parametrize("first", _GROUPS, ids=lambda first: f"{first:#04x}")
def test_any_command_is_survived(attacker: Attacker, first: int) -> None:
    """The target keeps serving, whatever a CDB contains."""
    attacker.attack(
        POSITIONS["full-feature"],
        opcodes(first, may_overwrite=attacker.facts.may_overwrite),
    )
    free(attacker.facts)
    attacker.end()


@pytest.mark.parametrize("family", _FAMILIES)
def test_an_answer_cut_anywhere_is_survived(attacker: Attacker, family: str) -> None:
    """The target keeps serving, wherever the allocation length cuts an answer."""
    chosen = [(n, one) for n, one in _ANSWERS.items() if n.split(",")[0] == family]
    attacker.attack(
        POSITIONS["full-feature"],
        [stimulus for words, one in chosen for stimulus in cuts(words, *one)],
    )
    attacker.end()


@pytest.mark.needs("writes")
@pytest.mark.parametrize("words", lists())
def test_a_false_parameter_list_is_survived(attacker: Attacker, words: str) -> None:
    """The target keeps serving, whatever a parameter list contains."""
    attacker.attack(POSITIONS["full-feature"], altered_lists(words))
    free(attacker.facts)
    attacker.end()
