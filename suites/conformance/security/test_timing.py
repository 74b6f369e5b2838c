# SPDX-License-Identifier: GPL-2.0-only
"""The time in which CHAP_R is compared (RFC 7143 section 9.2).

A comparison that ends at the first wrong byte lets an attacker guess a response byte by
byte. Only a difference far above the noise of a network shows here: silence does not
prove that the comparison takes constant time.
"""

import time
from collections.abc import Callable
from random import Random

import pytest

from initiator.deadline import Deadline
from initiator.expect import check
from iscsi import text
from suites.support.ranks import compare
from suites.support.security import ChapLogin

pytestmark = pytest.mark.needs("chap")

_PAIRS = 40
_LEAST = 30
_SECONDS = 6.0
_CHANCE = 1e-9
"""The probability below which a difference counts as one."""
_SHIFT = 0.0005
"""The least difference of the medians that counts, in seconds."""


@pytest.mark.requirement("Robustness-4-02")
@pytest.mark.not_varied("a stream in pieces would only add noise to the times")
def test_a_refusal_tells_nothing_of_the_right_response(
    new_chap_login: Callable[[], ChapLogin],
) -> None:
    """The target refuses a CHAP_R after the same time, whichever byte is wrong."""
    random = Random(1)  # noqa: S311  # the order of the tries is no secret
    times: dict[int, list[float]] = {0: [], -1: []}
    deadline = Deadline(_SECONDS)
    for _ in range(_PAIRS):
        if deadline.is_over:
            break
        # In a random order, so that no change of the machine's load favours one.
        for wrong in random.sample([0, -1], 2):
            times[wrong].append(_seconds_to_refuse(new_chap_login(), wrong))
    if len(times[-1]) < _LEAST:
        pytest.skip(f"not applicable: {len(times[-1])} tries in {_SECONDS:g} s")

    result = compare(times[0], times[-1])

    is_different = result.chance < _CHANCE and abs(result.shift) >= _SHIFT
    check(
        not is_different,
        "the same time to refuse a CHAP_R whose first or last byte is wrong",
        f"{1000 * result.shift:.2f} ms more for the last byte than for the first "
        f"(medians of {len(times[-1])} tries each; the probability that this is chance "
        f"is {result.chance:.0e})",
        answer="a time that depends on the wrong byte",
    )


def _seconds_to_refuse(login: ChapLogin, wrong: int) -> float:
    """Return the seconds until a response with one wrong byte is refused.

    Args:
        login: a login before its first request.
        wrong: the index of that byte.
    """
    challenge = login.challenge()
    response = bytearray(challenge.respond(login.credentials.secret))
    response[wrong] ^= 0xFF
    proof = login.proof(challenge, CHAP_R=text.format_hex(bytes(response)))
    start = time.perf_counter()
    login.expect_no_answer(proof)
    seconds = time.perf_counter() - start
    login.login.connection.close()
    return seconds
