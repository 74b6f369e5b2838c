# SPDX-License-Identifier: GPL-2.0-only
"""How much a finding matters, from the requirement that is broken and how.

The two tables name requirements whose violation harms users of the target. A violation
counts as harm only if the target did the harmful thing: a WRITE that ends with CHECK
CONDITION loses no data, and a login that is refused with the wrong status admits no
initiator. Data that is read back changed is harm, whichever requirement about data a
check is about.
"""

from enum import StrEnum

from reports.answers import LET_IN, Treatment, treatment
from reports.model import Check, EndingKind, Failure, Outcome
from spec import Level, Requirement


class Severity(StrEnum):
    """What a finding means for a user of the target; the worst first."""

    DEATH = "the target dies"
    HANG = "the target hangs"
    DATA = "data is lost, changed or open to another initiator"
    SECRET = "an initiator gets in without the secret"  # noqa: S105  # no password
    MUST = "a MUST is broken"
    SHOULD = "a SHOULD is not followed"

    @property
    def rank(self) -> int:
        """Return its place in the order, 0 for the worst."""
        return _ORDER.index(self)


_ORDER = list(Severity)

DATA = frozenset(
    {
        # The target uses data although its digest is wrong.
        "RFC7143-7.8-03",
        # Data that the target sends again differs from the first copy.
        "RFC7143-11.16-05",
        # A write stores other data, in other blocks, or only a part.
        "SBC3-4.2-01",
        "SBC3-5.2-01",
        "SBC3-5.2-02",
        "SBC3-5.2-03",
        "SBC3-5.2-04",
        "SBC3-5.5-01",
        "SBC3-5.5-02",
        "SBC3-5.28-03",
        "SBC3-5.28-07",
        "SBC3-5.34-01",
        "SBC3-5.34-04",
        "SBC3-5.34-05",
        "SBC3-5.44-01",
        "SBC3-5.44-02",
        "SBC3-5.44-07",
        "SBC4-5.48-01",
        "SBC4-5.48-03",
        "SPC4-6.4-01",
        # Erased data can still be read.
        "SBC3-5.24-01",
        "SBC3-5.24-05",
        # A reservation does not keep other initiators out.
        "SPC4-5.12.1-01",
        "SPC4-5.12.1-03",
        "SPC4-5.12.1-04",
        "SPC4-5.12.3-03",
        "SPC4-5.12.5-01",
        "SBC3-5.24-09",
        # One initiator changes or ends the work of another.
        "Robustness-3-01",
        "Robustness-3-02",
    }
)
"""Requirements that protect data."""

DATA_AREAS = frozenset(
    {
        "atomic",
        "compare-and-write",
        "copy",
        "data-in",
        "data-out-r2t",
        "orwrite",
        "read",
        "unmap",
        "write",
        "write-same",
    }
)
"""Areas of requirements about data that is written and read back."""

OTHER_DATA = "other data"
"""The normalised answer if the read data differs from the written data."""

SECRET = frozenset(
    {
        "RFC7143-9.2-04",
        "RFC7143-9.2-05",
        "RFC7143-9.2-10",
        "RFC7143-9.2-12",
        "RFC7143-9.2-13",
        "RFC7143-9.2-i01",
        "RFC7143-9.2.1-10",
        "RFC7143-9.2.1-14",
        "RFC7143-12.1.3-04",
        "Robustness-4-01",
    }
)
"""Requirements that refuse initiators without the secret."""

_DEADLY = frozenset({EndingKind.EXITED, EndingKind.CRASHED, EndingKind.VANISHED})


def severity(check: Check, requirement: Requirement | None) -> Severity:
    """Return the severity of a failed check.

    Args:
        check: the check, with its failure and the target's ending.
        requirement: the broken requirement; None if the catalogue does not contain it.
    """
    if check.ending is not None and check.ending.kind in _DEADLY:
        return Severity.DEATH
    if check.ending is not None and check.ending.kind is EndingKind.HUNG:
        return Severity.HANG
    failure = check.failure
    harm = Severity.MUST if failure is None else _harm(failure, requirement)
    if harm is not Severity.MUST:
        return harm
    is_must = requirement is None or requirement.level.strength is Level.MUST
    if is_must and check.outcome is not Outcome.WARNED:
        return Severity.MUST
    return Severity.SHOULD


def _harm(failure: Failure, requirement: Requirement | None) -> Severity:
    if failure.requirement in SECRET and failure.answer == LET_IN:
        return Severity.SECRET
    is_about_data = requirement is not None and requirement.area in DATA_AREAS
    if is_about_data and failure.answer == OTHER_DATA:
        return Severity.DATA
    is_harmful = failure.answer and treatment(failure) is Treatment.DONE
    if failure.requirement in DATA and is_harmful:
        return Severity.DATA
    return Severity.MUST
