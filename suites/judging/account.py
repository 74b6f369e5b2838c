# SPDX-License-Identifier: GPL-2.0-only
"""The account of a check while it runs, and the value that is built from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import targets
from initiator.answers import DROPPED
from initiator.expect import ConformanceFailure
from iscsi.errors import ConnectionLost
from reports.model import Check, Ending, EndingKind, Entry, Failure, Outcome, Phase
from spec import Requirement
from suites.judging.verdict import Happening, Reaction, Retry, Verdict, worse_outcome

_MOST_TRANSCRIPT = 20_000
"""Characters; of a longer text the last ones are kept."""

_MOST_REPORT = 40_000
"""Characters; of a longer text the first ones are kept."""

_UNMET = (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES)


@dataclass(slots=True)
class Account:
    """The results of the phases of a check so far."""

    outcome: Outcome = Outcome.PASSED
    failure: Failure | None = None
    ending: Ending | None = None
    deviation: str = ""
    """The known facts about the target that explain the outcome."""
    varies: bool = False
    """Whether that deviation shows only in some runs."""
    gone: Entry | None = None
    """The listed deviation that did not show."""
    reason: str = ""
    transcript: str = ""
    bundle: str = ""
    seconds: float = 0.0
    choices: tuple[str, ...] = ()
    crashes: list[str] = field(default_factory=list)
    """Known crashes that have occurred."""
    retry: Retry = Retry.NO
    has_reacted: bool = False
    """Whether the current phase ends by a verdict, not by an error of the toolkit."""

    @property
    def is_unmet(self) -> bool:
        """Whether the target broke a requirement."""
        return self.outcome in _UNMET

    def take(self, happening: Happening, verdict: Verdict) -> None:
        """Add an event and its verdict."""
        if happening.crash is not None:
            self.crashes.append(happening.crash.what)
        # A failure in the teardown may follow from the first one, which counts.
        self.failure = self.failure or happening.failure
        self.gone = happening.unseen or self.gone
        self._take_ending(happening, verdict)
        if verdict.retry is not Retry.NO and self.retry is not Retry.YES:
            self.retry = verdict.retry
        self.has_reacted = verdict.reaction is not Reaction.CONTINUE
        if verdict.outcome is None:
            return
        self.outcome = worse_outcome(self.outcome, verdict.outcome)
        if verdict.outcome is Outcome.DEVIATES:
            self.deviation = explanation_of(happening, verdict)
            listed = happening.deviation
            # A known crash is a race, so it does not show in every run.
            self.varies = listed is None or not listed.always

    def _take_ending(self, happening: Happening, verdict: Verdict) -> None:
        """Keep how the target ended, unless the check shows something else."""
        is_known = happening.deviation is not None or happening.crash is not None
        outcome = worse_outcome(self.outcome, verdict.outcome or self.outcome)
        is_shown = verdict.retry is Retry.NO and outcome is Outcome.DEVIATES
        if is_known and not is_shown:
            # A known race may hit any check, or the check shows another deviation.
            return
        self.ending = happening.ending or self.ending

    def to_check(
        self, name: str, title: str, requirements: Sequence[Requirement]
    ) -> Check:
        """Return the value of a check.

        Args:
            name: its node ID below the suite's folder.
            title: its rule in words.
            requirements: the requirements of its marker.
        """
        ids = tuple(entry.id for entry in requirements)
        broken: tuple[str, ...] = ()
        if self.is_unmet:
            # If the target died without a failed expectation, all clauses of the check
            # count as broken.
            broken = ids if self.failure is None else (self.failure.requirement,)
        return Check(
            check=name,
            outcome=self.outcome,
            requirements=ids,
            broken=broken,
            failure=self.failure,
            ending=self.ending,
            deviation=self.deviation if self.outcome is Outcome.DEVIATES else "",
            varies=self.varies and self.outcome is Outcome.DEVIATES,
            gone=self.gone if self.outcome is Outcome.GONE else None,
            reason=self.reason,
            title=title,
            transcript=self.transcript[-_MOST_TRANSCRIPT:],
            bundle=self.bundle,
            seconds=round(self.seconds, 3),
            choices=tuple(dict.fromkeys(self.choices)),
            crashes=tuple(dict.fromkeys(self.crashes)),
        )


def explanation_of(happening: Happening, verdict: Verdict) -> str:
    """Return a text with the known facts about the target that explain an event."""
    if happening.deviation is not None:
        return happening.deviation.what
    if happening.crash is None:
        return ""
    cut = " (this has cut the check short)"
    return happening.crash.what + (cut if verdict.reaction is Reaction.EXPECT else "")


def failure_value(
    failure: ConformanceFailure, requirements: Sequence[Requirement]
) -> Failure:
    """Return a failed expectation in the form of the run file."""
    return Failure(
        requirement=failure.requirement or (requirements[0].id if requirements else ""),
        expected=tuple(failure.expected),
        actual=failure.actual,
        pdu=failure.pdu,
        field=failure.field,
        answer=failure.answer,
    )


_KINDS = {
    targets.EndingKind.EXITED: EndingKind.EXITED,
    targets.EndingKind.CRASHED: EndingKind.CRASHED,
    targets.EndingKind.VANISHED: EndingKind.VANISHED,
    targets.EndingKind.LAB: EndingKind.LAB,
}


def ending_value(
    ending: targets.Ending, phase: Phase, decode: Callable[[str], str]
) -> Ending:
    """Return how a target ended, in the form of the run file.

    Args:
        ending: how it ended, from its provider.
        phase: the phase of the check that is charged with it.
        decode: adds lines of source to the traces of a report.
    """
    return Ending(
        kind=_KINDS[ending.kind],
        reason=ending.reason,
        phase=phase,
        status=ending.status,
        signal=ending.signal,
        report_kind=ending.report_kind,
        functions=ending.functions,
        report=decode(ending.report)[:_MOST_REPORT],
    )


def hang(actual: str, phase: Phase) -> Ending:
    """Return the ending of a target that runs but serves no login."""
    return Ending(kind=EndingKind.HUNG, reason=actual, phase=phase)


def drop_of(failure: ConformanceFailure) -> Ending | None:
    """Return the ending of a connection that the target had to keep open, or None."""
    if failure.answer != DROPPED:
        return None
    return Ending(
        kind=EndingKind.DROPPED, reason=failure.actual, closed_by=_closed_by(failure)
    )


def _closed_by(failure: ConformanceFailure) -> str:
    """Return FIN or RST, from the error that became a failure; or an empty text."""
    cause = failure.__cause__
    if not isinstance(cause, ConnectionLost):
        return ""
    return "RST" if cause.reset else "FIN"
