# SPDX-License-Identifier: GPL-2.0-only
"""Load: logins without a pause, unfinished ones, many sessions, aborted writes."""

import time
from random import Random

import pytest

from suites.plugins.campaign import Share, print_line
from suites.support.attacker import JUDGED, SERVES, Attacker
from suites.support.stress import ENDS, WRITTEN, Stress

_LOGINS = 60
_HALF_LOGINS = 40
_ROUNDS = 3
_SAY_SECONDS = 10.0


@pytest.mark.requirement(*JUDGED)
def test_logins_without_a_pause_are_served(attacker: Attacker) -> None:
    """The target serves one login after another, however the last session ended."""
    Stress(attacker, Random(1)).log_in_repeatedly(_LOGINS)  # noqa: S311  # no secret
    attacker.end()


@pytest.mark.requirement(*JUDGED)
def test_unfinished_logins_block_no_other(attacker: Attacker) -> None:
    """The target serves others beside unfinished logins, and new logins afterwards."""
    Stress(attacker, Random(1)).half_logins(_HALF_LOGINS)  # noqa: S311  # no secret
    attacker.end()


@pytest.mark.needs("writes")
@pytest.mark.requirement(SERVES, *JUDGED[1:], WRITTEN)
@pytest.mark.parametrize("end", ENDS)
def test_data_is_kept_whatever_ends_its_writing(attacker: Attacker, end: str) -> None:
    """The target keeps what it has acknowledged, and tears no block."""
    stress = Stress(attacker, Random(end))  # noqa: S311  # no secret
    stress.begin()
    for _ in range(_ROUNDS):
        stress.traffic(end)
    attacker.end()


@pytest.mark.needs("writes")
@pytest.mark.requirement(*JUDGED, WRITTEN)
def test_soak(request: pytest.FixtureRequest, attacker: Attacker, share: Share) -> None:
    """The target survives load of all kinds for as long as `--soak` says."""
    config = request.config
    seconds = share.seconds
    random = Random(share.number)  # noqa: S311  # no secret
    stress = Stress(attacker, random)
    stress.begin()
    begun, last_printed, rounds = time.monotonic(), 0.0, 0
    while (past := time.monotonic() - begun) < seconds:
        match random.randrange(len(ENDS) + 2):
            case 0:
                stress.log_in_repeatedly(_LOGINS // 4)
            case 1:
                stress.half_logins(_HALF_LOGINS // 2)
            case number:
                stress.traffic(ENDS[number - 2])
        attacker.judge_sentinel()
        rounds += 1
        if time.monotonic() - last_printed > _SAY_SECONDS:
            last_printed = time.monotonic()
            usage = attacker.tested.running.usage()
            memory = "" if usage is None else f", {usage.memory >> 20} MiB"
            files = "" if usage is None else f", {usage.files} files"
            print_line(
                config,
                f"soak: {past:.0f} of {seconds:.0f} s, {rounds} rounds{memory}{files}",
            )
    attacker.end()
