# SPDX-License-Identifier: GPL-2.0-only
"""CDBs of every opcode, answers cut at every length, parameter lists that lie."""

import pytest

from suites.support.hostile_commands import answers, cuts, lies, lists, opcodes
from suites.support.positions import POSITIONS
from suites.support.siege import JUDGED, Siege
from suites.support.tidying import free

pytestmark = pytest.mark.requirement(*JUDGED)

_GROUPS = range(0, 256, 16)
_ANSWERS = {words: (body, place, size) for words, body, place, size in answers()}
_FAMILIES = sorted({words.split(",")[0] for words in _ANSWERS})


@pytest.mark.parametrize("first", _GROUPS, ids=lambda first: f"{first:#04x}")
def test_any_command_is_survived(siege: Siege, first: int) -> None:
    """The target keeps serving, whatever a CDB contains."""
    siege.attack(POSITIONS["full-feature"], opcodes(first, lent=siege.ground.lent))
    free(siege.ground)
    siege.end()


@pytest.mark.parametrize("family", _FAMILIES)
def test_an_answer_cut_anywhere_is_survived(siege: Siege, family: str) -> None:
    """The target keeps serving, wherever an answer is cut."""
    chosen = [(n, one) for n, one in _ANSWERS.items() if n.split(",")[0] == family]
    siege.attack(
        POSITIONS["full-feature"],
        [stimulus for words, one in chosen for stimulus in cuts(words, *one)],
    )
    siege.end()


@pytest.mark.needs("writes")
@pytest.mark.parametrize("words", lists())
def test_a_parameter_list_that_lies_is_survived(siege: Siege, words: str) -> None:
    """The target keeps serving, whatever a parameter list contains."""
    siege.attack(POSITIONS["full-feature"], lies(words))
    free(siege.ground)
    siege.end()
