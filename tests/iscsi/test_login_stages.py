# SPDX-License-Identifier: GPL-2.0-only
import itertools

import pytest

from iscsi.constants import Stage
from iscsi.errors import PeerError
from iscsi.login import TRANSITIONS, LoginStages

S, O, F = Stage.SECURITY, Stage.OPERATIONAL, Stage.FULL_FEATURE  # noqa: E741


def at(stage: Stage | None) -> LoginStages:
    return LoginStages(current=stage)


def ask(
    stages: LoginStages, csg: int, nsg: int | None = None, *, c: bool = False
) -> None:
    stages.request(csg=csg, nsg=nsg or 0, transit=nsg is not None, continuation=c)


def reply(
    stages: LoginStages, csg: int, nsg: int | None = None, *, c: bool = False
) -> None:
    stages.response(csg=csg, nsg=nsg or 0, transit=nsg is not None, continuation=c)


@pytest.mark.parametrize(("csg", "nsg"), list(itertools.product(range(4), range(4))))
def test_transitions_are_those_of_the_table(csg: int, nsg: int) -> None:
    stages = at(None if csg > 1 else Stage(csg))
    is_legal = csg != 2 and nsg != 2 and (Stage(csg), Stage(nsg)) in TRANSITIONS
    before = (stages.current, stages.asked_for)

    if is_legal:
        ask(stages, csg, nsg)
        reply(stages, csg, nsg)
        assert stages.current == nsg
    else:
        with pytest.raises(PeerError):
            ask(stages, csg, nsg)
        assert (stages.current, stages.asked_for) == before


@pytest.mark.parametrize("csg", [F, 2])
def test_a_login_starts_in_one_of_two_stages(csg: int) -> None:
    with pytest.raises(PeerError):
        ask(at(None), csg)


def test_the_stage_stays_until_both_say_so() -> None:
    stages = at(None)

    ask(stages, S, O)
    reply(stages, S)

    assert stages.current is S
    assert stages.asked_for is None


def test_the_target_may_choose_an_earlier_stage() -> None:
    stages = at(None)

    ask(stages, S, F)
    reply(stages, S, O)

    assert stages.current is O


def test_the_target_may_not_go_beyond_what_was_asked() -> None:
    stages = at(None)
    ask(stages, S, O)

    with pytest.raises(PeerError, match="asked for"):
        reply(stages, S, F)


def test_the_target_may_not_move_unasked() -> None:
    stages = at(None)
    ask(stages, O)

    with pytest.raises(PeerError, match="T=0"):
        reply(stages, O, F)


def test_a_request_cannot_both_transit_and_continue() -> None:
    with pytest.raises(PeerError, match="T and C"):
        ask(at(None), O, F, c=True)


def test_a_response_cannot_both_transit_and_continue() -> None:
    stages = at(None)
    ask(stages, O, F)

    with pytest.raises(PeerError, match="T and C"):
        reply(stages, O, F, c=True)


def test_the_stage_may_not_change_without_transit() -> None:
    stages = at(None)
    ask(stages, S)
    reply(stages, S)

    with pytest.raises(PeerError, match="CSG OPERATIONAL where SECURITY"):
        ask(stages, O)


def test_a_response_keeps_the_stage() -> None:
    stages = at(None)
    ask(stages, S)

    with pytest.raises(PeerError, match="CSG OPERATIONAL where SECURITY"):
        reply(stages, O)


def test_requests_and_responses_take_turns() -> None:
    stages = at(None)
    ask(stages, O)
    with pytest.raises(PeerError, match="before the answer"):
        ask(stages, O)
    reply(stages, O)
    with pytest.raises(PeerError, match="no request is open"):
        reply(stages, O)


def test_the_phase_ends_in_full_feature() -> None:
    stages = at(None)
    ask(stages, O, F)
    reply(stages, O, F)

    assert stages.is_complete
    with pytest.raises(PeerError, match="full-feature"):
        ask(stages, O)
