# SPDX-License-Identifier: GPL-2.0-only
"""CDBs of every opcode, answers cut at every length, parameter lists that lie."""

import pytest

from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from suites.support.hostile_commands import answers, cuts, lies, lists, opcodes
from suites.support.positions import POSITIONS
from suites.support.siege import JUDGED, Siege

pytestmark = pytest.mark.requirement(*JUDGED)

_GROUPS = range(0, 256, 16)
_ANSWERS = {words: (body, place, size) for words, body, place, size in answers()}
_FAMILIES = sorted({words.split(",")[0] for words in _ANSWERS})


@pytest.mark.parametrize("first", _GROUPS, ids=lambda first: f"{first:#04x}")
def test_any_command_is_survived(siege: Siege, first: int) -> None:
    """The target goes on serving, whatever a CDB says."""
    siege.attack(POSITIONS["full-feature"], opcodes(first, lent=siege.ground.lent))
    _tidy(siege)
    siege.end()


@pytest.mark.parametrize("family", _FAMILIES)
def test_an_answer_cut_anywhere_is_survived(siege: Siege, family: str) -> None:
    """The target goes on serving, wherever an answer is cut."""
    chosen = [(n, one) for n, one in _ANSWERS.items() if n.split(",")[0] == family]
    siege.attack(
        POSITIONS["full-feature"],
        [stimulus for words, one in chosen for stimulus in cuts(words, *one)],
    )
    siege.end()


@pytest.mark.needs("writes")
@pytest.mark.parametrize("words", lists())
def test_a_parameter_list_that_lies_is_survived(siege: Siege, words: str) -> None:
    """The target goes on serving, whatever a parameter list says."""
    siege.attack(POSITIONS["full-feature"], lies(words))
    _tidy(siege)
    siege.end()


def _tidy(siege: Siege) -> None:
    """Free the unit of what a stimulus has left: reservations, a stopped medium."""
    ground = siege.ground
    with Session(
        ground.portal, ground.options, timeout=ground.timeout, lun=ground.lun
    ) as session:
        session.task_management(TMFunction.LOGICAL_UNIT_RESET)
        session.clear_unit_attention()
        if not ground.lent:
            return
        session.execute(cdb.start_stop_unit(start=1))
        key = bytes(15) + b"\x01" + bytes(8)
        session.execute(bytes([0x5F, 6]) + bytes(6) + b"\x18\0", write=key)
        clear = bytes(7) + b"\x01" + bytes(16)
        session.execute(bytes([0x5F, 3]) + bytes(6) + b"\x18\0", write=clear)
