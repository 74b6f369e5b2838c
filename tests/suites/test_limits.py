# SPDX-License-Identifier: GPL-2.0-only
"""What breaks off a check: its time is over, or its target has died."""

import time
from types import SimpleNamespace
from typing import cast

import pytest

import targets
from initiator.connection import Connection
from initiator.waits import take_look, watched
from iscsi.errors import PeerTimeout
from reports.model import Check, Outcome
from reports.run import read
from suites.plugins.limits import CutShort, Limit
from suites.plugins.targets import TestedTarget
from targets import Ending, EndingKind
from tests.initiator.peer import Peer, listening
from tests.suites.runs import run

DEAD = Ending(EndingKind.CRASHED, "BUG: it has crashed")


def silent(peer: Peer) -> None:
    while True:
        peer.receive()


def test_a_wait_is_broken_off_when_the_time_is_over() -> None:
    limit = Limit(0.3)
    with listening(silent) as portal:
        connection = Connection(portal, timeout=60)
        over = r"the exchange ends within 0\.3 s"
        with pytest.raises(CutShort, match=over), limit.running():
            connection.receive()
        connection.close()


def test_a_wait_is_broken_off_when_the_target_has_died() -> None:
    endings = [None, None, DEAD]
    limit = Limit(60, lambda: endings.pop(0) if endings else DEAD)
    with listening(silent) as portal:
        connection = Connection(portal, timeout=60)
        died = "the target died: BUG: it has crashed"
        with pytest.raises(CutShort, match=died), limit.running():
            connection.receive()
        connection.close()


def test_what_lets_the_end_pass_is_broken_off_all_the_same() -> None:
    limit = Limit(0.01)
    met = []

    def wait() -> None:
        time.sleep(0.02)
        for _ in range(2):
            with pytest.raises(CutShort):
                take_look()
            met.append("cut")

    with pytest.raises(CutShort), limit.running():
        wait()
    assert met == ["cut", "cut"]


def test_another_error_after_the_end_is_not_what_counts() -> None:
    limit = Limit(0.01)

    def wait() -> None:
        time.sleep(0.02)
        try:
            take_look()
        except CutShort as cut:
            raise PeerTimeout("late", waited=1) from cut

    with pytest.raises(CutShort), limit.running():
        wait()


def test_a_pause_costs_no_time_and_takes_no_look() -> None:
    request = []
    limit = Limit(5, lambda: request.append("looked"))
    with limit.running():
        with limit.paused():
            before = limit.left
            time.sleep(0.02)
            assert take_look()
            assert limit.left == before
        assert not request
        take_look()
        assert limit.left < before
    assert request == ["looked"]


def test_the_time_stands_still_while_the_target_is_started_again() -> None:
    limit = Limit(5)
    endings = [None, DEAD]

    class Slow:
        def restart(self) -> None:
            self.before = limit.left
            time.sleep(0.02)
            assert limit.left == self.before

        def ending(self) -> Ending | None:
            assert limit.left == self.before
            return endings.pop()

    target = SimpleNamespace(features=frozenset[str](), control=Slow())
    running = cast("targets.RunningTarget", target)
    provider = cast("targets.Provider", None)
    tested = TestedTarget(running, provider, 1, {}, wait=9, limit=limit)
    with limit.running():
        tested.restart()
    assert not endings


def test_the_parts_of_a_check_share_its_time_and_the_end_has_its_own() -> None:
    limit = Limit(0.05)
    with limit.running():
        time.sleep(0.06)
    with pytest.raises(CutShort), limit.running():
        take_look()
    limit.grant_end()
    with limit.running():
        take_look()


def test_a_look_takes_no_looks_and_ends_with_its_block() -> None:
    looks = []

    def look() -> None:
        looks.append(take_look())

    with watched(look):
        assert take_look()
    assert looks == [False]
    assert not take_look()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Check]:
    """The checks of one run with a short limit."""
    file = tmp_path_factory.mktemp("limits") / "run.json"
    process = run(
        *("-o", "python_files=sample_*.py", f"--verdicts={file}"),
        *("--check-timeout=0.5", "--target=reference"),
        path="tests/suites/samples/sample_limits.py",
    )
    assert process.returncode == 1, process.stdout
    assert "RecursionError" not in process.stdout
    return {one.check.rpartition("::test_")[2]: one for one in read(file).checks}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("endless_setup", Outcome.TROUBLE),
        ("endless_call", Outcome.BROKEN),
        ("endless_teardown", Outcome.BROKEN),
        ("endless_call_and_teardown", Outcome.BROKEN),
        ("afterwards", Outcome.PASSED),
    ],
)
def test_each_part_of_a_check_is_bounded(
    judged: dict[str, Check], name: str, outcome: Outcome
) -> None:
    assert judged[name].outcome is outcome
    assert judged[name].seconds < 20
    if outcome is not Outcome.PASSED:
        failure = judged[name].failure
        assert failure is not None
        assert failure.expected == ("the exchange ends within 0.5 s",)
