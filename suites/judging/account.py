# SPDX-License-Identifier: GPL-2.0-only
"""What is known of one check while it runs, and the value that is made of it."""

from dataclasses import dataclass, field

from initiator.expect import ConformanceFailure
from reports.model import Check, Ending, Failure, Outcome
from spec import Requirement

_MOST_TRANSCRIPT = 20_000
"""Characters; the last ones are kept."""


@dataclass(slots=True)
class Account:
    """All that a check's phases have come to so far."""

    outcome: Outcome = Outcome.PASSED
    """What was decided last, for a check in which no phase failed."""
    has_failed: bool = False
    """A phase of the check failed."""
    failure: Failure | None = None
    ending: Ending | None = None
    """An ending that no known deviation or crash explains."""
    deviation: str = ""
    reason: str = ""
    transcript: str = ""
    bundle: str = ""
    seconds: float = 0.0
    choices: tuple[str, ...] = ()
    crashes: list[str] = field(default_factory=list)

    @property
    def is_judged(self) -> bool:
        """Whether the check has come to something else than that it holds."""
        return (
            self.failure is not None
            or self.ending is not None
            or self.outcome is Outcome.DEVIATES
        )

    def to_check(
        self, name: str, title: str, requirements: tuple[Requirement, ...]
    ) -> Check:
        """Return the value of a check.

        Args:
            name: its node ID below the suite's folder.
            title: its rule in words.
            requirements: those that it carries.
        """
        outcome = self.outcome
        if self.has_failed:
            is_target_s = self.failure is not None or self.ending is not None
            outcome = Outcome.BROKEN if is_target_s else Outcome.TROUBLE
        ids = tuple(entry.id for entry in requirements)
        broken: tuple[str, ...] = ()
        if outcome in (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES):
            # A target that has died breaks all that the check would have seen.
            broken = ids if self.failure is None else (self.failure.requirement,)
        return Check(
            check=name,
            outcome=outcome,
            requirements=ids,
            broken=broken,
            failure=self.failure,
            ending=self.ending,
            deviation=self.deviation,
            reason=self.reason,
            title=title,
            transcript=self.transcript[-_MOST_TRANSCRIPT:],
            bundle=self.bundle,
            seconds=round(self.seconds, 3),
            choices=tuple(dict.fromkeys(self.choices)),
            crashes=tuple(dict.fromkeys(self.crashes)),
        )


def failure_value(
    failure: ConformanceFailure, requirements: tuple[Requirement, ...]
) -> Failure:
    """Return a failed expectation as it is kept on file."""
    return Failure(
        requirement=failure.requirement or (requirements[0].id if requirements else ""),
        expected=tuple(failure.expected),
        actual=failure.actual,
        pdu=failure.pdu,
        field=failure.field,
        answer=failure.answer,
    )
