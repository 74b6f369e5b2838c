# SPDX-License-Identifier: GPL-2.0-only
"""The table of verdicts, row by row."""

import pytest

from reports.model import Ending, EndingKind, Entry, Failure, Outcome, Phase
from suites.judging.known import Deviation, KnownCrash
from suites.judging.verdict import (
    TABLE,
    Happening,
    Reaction,
    Retry,
    judge,
    worse_outcome,
)

ENTRY = {
    "requirement": "RFC7143-11.19-02",
    "checks": ("*",),
    "what": "does",
    "why": "section",
    "version": "1",
}
DEVIATION = Deviation(**ENTRY)  # type: ignore[arg-type]
LISTED = Entry(requirement="RFC7143-11.19-02", what="does", version="1", file="a.toml")
CRASH = KnownCrash(**ENTRY, says="BUG")  # type: ignore[arg-type]
FAILED = Failure(requirement="RFC7143-11.19-02", expected=("x",), actual="y")
DIED = Ending(kind=EndingKind.EXITED, reason="killed by SIGKILL", signal="SIGKILL")
HUNG = Ending(kind=EndingKind.HUNG, reason="no PDU within 5 s")
DROPPED = Ending(kind=EndingKind.DROPPED, reason="closed")
LAB = Ending(kind=EndingKind.LAB, reason="the disk is full")

AFTER, SETUP, CALL, END = Phase.AFTER, Phase.SETUP, Phase.CALL, Phase.TEARDOWN
FAIL, EXPECT, GO_ON = Reaction.FAIL, Reaction.EXPECT, Reaction.CONTINUE

CASES = [
    # row, what happened, outcome, reaction, retry
    ("does not apply", {"phase": SETUP, "skipped": "no"}, "not applicable", GO_ON),
    ("our own error", {"phase": CALL, "is_ours": True}, "trouble", FAIL),
    ("our own error", {"phase": CALL, "failure": FAILED, "ending": LAB}, "trouble",
     FAIL),
    ("the listed deviation did not show", {"phase": CALL, "unseen": LISTED},
     "deviation gone", FAIL),
    ("no target any more", {"phase": SETUP, "gone": "it is gone"}, "not run",
     Reaction.SKIP),
    ("cut short by the check before", {"phase": SETUP, "is_late": True}, None, FAIL,
     Retry.YES),
    ("a known crash came before the check",
     {"phase": AFTER, "ending": DIED, "crash": CRASH}, None, GO_ON),
    ("a known deviation of the check before killed it",
     {"phase": AFTER, "ending": DIED, "deviation": DEVIATION}, "known deviation",
     GO_ON),
    ("died after the check", {"phase": AFTER, "ending": DIED}, "broken", FAIL),
    ("a known crash, provoked, in setup",
     {"phase": SETUP, "failure": FAILED, "ending": DIED, "crash": CRASH,
      "is_provoked": True}, "known deviation", EXPECT),
    ("a known crash in setup",
     {"phase": SETUP, "failure": FAILED, "ending": DIED, "crash": CRASH},
     "known deviation", EXPECT, Retry.YES),
    ("died in setup", {"phase": SETUP, "failure": FAILED, "ending": DIED}, "broken",
     FAIL),
    ("could not begin", {"phase": SETUP, "failure": FAILED}, "trouble", FAIL),
    ("a known deviation", {"phase": CALL, "failure": FAILED, "deviation": DEVIATION},
     "known deviation", EXPECT),
    ("a known deviation",
     {"phase": CALL, "failure": FAILED, "ending": DIED, "deviation": DEVIATION,
      "crash": CRASH}, "known deviation", EXPECT),
    ("a known crash, provoked",
     {"phase": CALL, "failure": FAILED, "ending": DIED, "crash": CRASH,
      "is_provoked": True}, "known deviation", EXPECT),
    ("a known crash",
     {"phase": CALL, "failure": FAILED, "ending": DIED, "crash": CRASH},
     "known deviation", EXPECT, Retry.YES),
    ("died", {"phase": CALL, "failure": FAILED, "ending": DIED}, "broken", FAIL),
    ("died", {"phase": CALL, "failure": FAILED, "ending": DIED, "is_should": True},
     "broken", FAIL),
    ("died", {"phase": CALL, "failure": FAILED, "ending": HUNG, "is_should": True},
     "broken", FAIL),
    ("a SHOULD is not followed",
     {"phase": CALL, "failure": FAILED, "is_should": True}, "warned", EXPECT),
    ("a SHOULD is not followed",
     {"phase": CALL, "failure": FAILED, "ending": DROPPED, "is_should": True},
     "warned", EXPECT),
    ("a requirement is broken",
     {"phase": CALL, "failure": FAILED, "is_should": True, "is_strict": True},
     "broken", FAIL),
    ("a requirement is broken", {"phase": CALL, "failure": FAILED}, "broken", FAIL),
    ("a known crash after a failure",
     {"phase": END, "ending": DIED, "crash": CRASH, "before": Outcome.BROKEN},
     None, GO_ON, Retry.IF_FAILED),
    ("a known crash at the end", {"phase": END, "ending": DIED, "crash": CRASH},
     "known deviation", GO_ON, Retry.IF_FAILED),
    ("a known death after a failure",
     {"phase": END, "ending": DIED, "deviation": DEVIATION,
      "before": Outcome.WARNED}, None, GO_ON),
    ("a known death at the end",
     {"phase": END, "ending": DIED, "deviation": DEVIATION}, "known deviation",
     GO_ON),
    ("died after a failure",
     {"phase": END, "ending": DIED, "before": Outcome.BROKEN}, "broken", GO_ON),
    ("died at the end", {"phase": END, "ending": DIED}, "broken", FAIL),
    ("died at the end", {"phase": END, "ending": HUNG}, "broken", FAIL),
    # A deviation that was expected in the check does not excuse later failures.
    ("died at the end",
     {"phase": END, "ending": DIED, "before": Outcome.DEVIATES}, "broken", FAIL),
    ("died at the end", {"phase": END, "ending": DIED, "before": Outcome.WARNED},
     "broken", FAIL),
    ("did not end after a failure",
     {"phase": END, "failure": FAILED, "before": Outcome.WARNED}, None, GO_ON),
    ("did not end", {"phase": END, "failure": FAILED}, "broken", FAIL),
]  # fmt: skip


IDS = [f"{number}: {case[0]}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_each_row_gives_the_outcome_of_an_event(case: tuple[object, ...]) -> None:
    row, fields, outcome, reaction, *retry = case
    assert isinstance(fields, dict)

    verdict = judge(Happening(**fields))

    assert verdict.row == row
    assert verdict.outcome == outcome
    assert verdict.reaction is reaction
    assert verdict.retry is (retry[0] if retry else Retry.NO)


def test_every_row_has_its_case() -> None:
    assert {str(case[0]) for case in CASES} == {row.name for row in TABLE}


def test_nothing_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="no row of the table matches"):
        judge(Happening(phase=CALL))


@pytest.mark.parametrize(
    ("before", "now", "counts"),
    [
        (Outcome.PASSED, Outcome.DEVIATES, Outcome.DEVIATES),
        (Outcome.BROKEN, Outcome.TROUBLE, Outcome.BROKEN),
        (Outcome.WARNED, Outcome.TROUBLE, Outcome.TROUBLE),
        (Outcome.DEVIATES, Outcome.BROKEN, Outcome.BROKEN),
        (Outcome.PASSED, Outcome.GONE, Outcome.GONE),
        (Outcome.GONE, Outcome.BROKEN, Outcome.BROKEN),
        (Outcome.NOT_APPLICABLE, Outcome.DEVIATES, Outcome.DEVIATES),
    ],
)
def test_a_later_phase_counts_if_it_is_worse(
    before: Outcome, now: Outcome, counts: Outcome
) -> None:
    assert worse_outcome(before, now) is counts
