# SPDX-License-Identifier: GPL-2.0-only
"""From an event in a check to its verdict: one function and one table.

A check has several moments at which an event may occur: before it (the target has died
since the previous check), in its setup, in its call, and in its teardown. The first row
of `TABLE` that describes the event gives the verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from reports.model import DEATHS, Ending, EndingKind, Entry, Failure, Outcome, Phase
from suites.judging.known import Deviation, KnownCrash


class Reaction(StrEnum):
    """What pytest does then."""

    CONTINUE = "continue"
    FAIL = "fail"
    EXPECT = "expected failure"
    SKIP = "skip"


class Retry(StrEnum):
    """Whether the check is retried once, on a restarted target."""

    NO = "no"
    YES = "yes"
    IF_FAILED = "if a phase of the check failed"
    """The failure may come from a crash that is detected late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event at one moment of a check."""

    phase: Phase
    """`AFTER` for an event after the end of the previous check."""
    failure: Failure | None = None
    """The failed expectation."""
    ending: Ending | None = None
    """How the target ended."""
    deviation: Deviation | None = None
    """The listed deviation that explains the event."""
    crash: KnownCrash | None = None
    """The listed crash that matches how the target ended."""
    is_provoked: bool = False
    """Whether this check is known to provoke that crash."""
    unseen: Entry | None = None
    """A listed deviation that always shows, but did not show."""
    is_should: bool = False
    """Whether the check carries no MUST."""
    is_strict: bool = False
    """Whether a broken SHOULD counts as a broken MUST."""
    is_ours: bool = False
    """An error of the toolkit, or of its lab."""
    skipped: str = ""
    """Why the check does not apply."""
    gone: str = ""
    """Why there is no target on which the check could run."""
    is_late: bool = False
    """The target died in the previous check, which is charged, and has been
    restarted."""
    before: Outcome = Outcome.PASSED
    """The outcome of the check before this event."""

    @property
    def has_died(self) -> bool:
        """Whether the target ended, so that it must be restarted."""
        return self.ending is not None and self.ending.kind in DEATHS

    @property
    def is_ended_by_lab(self) -> bool:
        """Whether the lab ended the target."""
        return self.ending is not None and self.ending.kind is EndingKind.LAB


_UNMET = (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    applies: Callable[[Happening], bool]
    outcome: Outcome | None
    """The outcome; None if the check keeps its own."""
    reaction: Reaction
    retry: Retry = Retry.NO


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on an event."""

    row: str
    outcome: Outcome | None
    reaction: Reaction
    retry: Retry = Retry.NO


def _setup(happening: Happening) -> bool:
    return happening.phase is Phase.SETUP


def _call(happening: Happening) -> bool:
    return happening.phase is Phase.CALL


def _before(happening: Happening) -> bool:
    return happening.phase is Phase.AFTER


def _late(happening: Happening) -> bool:
    return happening.phase is Phase.TEARDOWN


_O, _R = Outcome, Reaction

TABLE: tuple[Row, ...] = (
    # The target is not to blame, in any phase.
    Row("does not apply", lambda h: bool(h.skipped), _O.NOT_APPLICABLE, _R.CONTINUE),
    Row("our own error", lambda h: h.is_ours or h.is_ended_by_lab,
        _O.TROUBLE, _R.FAIL),
    Row("the listed deviation did not show", lambda h: h.unseen is not None,
        _O.GONE, _R.FAIL),
    Row("no target any more", lambda h: bool(h.gone), _O.NOT_RUN, _R.SKIP),
    Row("cut short by the check before", lambda h: h.is_late, None, _R.FAIL, Retry.YES),
    # The target died after the end of the previous check, which is charged.
    Row("a known crash came before the check",
        lambda h: _before(h) and h.crash is not None, None, _R.CONTINUE),
    Row("a known deviation of the check before killed it",
        lambda h: _before(h) and h.deviation is not None, _O.DEVIATES, _R.CONTINUE),
    Row("died after the check", lambda h: _before(h) and h.has_died,
        _O.BROKEN, _R.FAIL),
    # The check could not begin.
    Row("a known crash, provoked, in setup",
        lambda h: _setup(h) and h.crash is not None and h.is_provoked,
        _O.DEVIATES, _R.EXPECT),
    Row("a known crash in setup", lambda h: _setup(h) and h.crash is not None,
        _O.DEVIATES, _R.EXPECT, Retry.YES),
    Row("died in setup", lambda h: _setup(h) and h.has_died, _O.BROKEN, _R.FAIL),
    Row("could not begin", lambda h: _setup(h) and h.failure is not None,
        _O.TROUBLE, _R.FAIL),
    # An expectation failed.
    Row("a known deviation", lambda h: _call(h) and h.deviation is not None,
        _O.DEVIATES, _R.EXPECT),
    Row("a known crash, provoked",
        lambda h: _call(h) and h.crash is not None and h.is_provoked,
        _O.DEVIATES, _R.EXPECT),
    Row("a known crash", lambda h: _call(h) and h.crash is not None,
        _O.DEVIATES, _R.EXPECT, Retry.YES),
    Row("died", lambda h: _call(h) and h.has_died, _O.BROKEN, _R.FAIL),
    Row("a SHOULD is not followed",
        lambda h: _call(h) and h.is_should and not h.is_strict,
        _O.WARNED, _R.EXPECT),
    Row("a requirement is broken",
        lambda h: _call(h) and h.failure is not None, _O.BROKEN, _R.FAIL),
    # The target died after the check was over.
    Row("a known crash after a failure",
        lambda h: _late(h) and h.crash is not None and h.before in _UNMET,
        None, _R.CONTINUE, Retry.IF_FAILED),
    Row("a known crash at the end", lambda h: _late(h) and h.crash is not None,
        _O.DEVIATES, _R.CONTINUE, Retry.IF_FAILED),
    Row("a known death after a failure",
        lambda h: _late(h) and h.deviation is not None and h.before in _UNMET,
        None, _R.CONTINUE),
    Row("a known death at the end", lambda h: _late(h) and h.deviation is not None,
        _O.DEVIATES, _R.CONTINUE),
    Row("died after a failure",
        lambda h: _late(h) and h.has_died and h.before is _O.BROKEN,
        _O.BROKEN, _R.CONTINUE),
    Row("died at the end", lambda h: _late(h) and h.has_died, _O.BROKEN, _R.FAIL),
    # The check was over, but its teardown was not.
    Row("did not end after a failure",
        lambda h: _late(h) and h.failure is not None and h.before in _UNMET,
        None, _R.CONTINUE),
    Row("did not end", lambda h: _late(h) and h.failure is not None,
        _O.BROKEN, _R.FAIL),
)  # fmt: skip
"""Every way in which a check can end without passing."""


def judge(happening: Happening) -> Verdict:
    """Return the verdict on an event.

    Raises:
        ValueError: no row describes it, since nothing happened.
    """
    for row in TABLE:
        if row.applies(happening):
            return Verdict(row.name, row.outcome, row.reaction, row.retry)
    raise ValueError(f"no row of the table matches: {happening}")


_RANK = (
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
    Outcome.NOT_RUN,
    Outcome.WARNED,
    Outcome.DEVIATES,
    Outcome.GONE,
    Outcome.TROUBLE,
    Outcome.BROKEN,
)
"""The outcome of a later phase counts only if it is worse."""


def worse_outcome(before: Outcome, now: Outcome) -> Outcome:
    """Return the worse of the outcomes of two phases."""
    return max(before, now, key=_RANK.index)
