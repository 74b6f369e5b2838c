# SPDX-License-Identifier: GPL-2.0-only
"""Finds the checks of a run that depend on what the target lacks (`foundations`)."""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase, translate
from functools import cache

from msgspec.structs import replace

from reports.model import Check, Outcome
from suites.judging.foundation import Foundation
from suites.judging.foundations import FOUNDATIONS

_FAILED = (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES, Outcome.TROUBLE)
_JUDGED = (*_FAILED, Outcome.PASSED, Outcome.GONE)


def settle(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks of a run; those that depend on what is lacking are not judged.

    Of several proofs the first is the finding; the others depend on it if they fail in
    the same way. A check whose target died keeps its outcome, and so does one with a
    listed deviation, which only names the proof.
    """
    if not any(check.outcome in _FAILED for check in checks):
        return tuple(checks)
    by_name = {check.check: check for check in checks}
    for foundation in FOUNDATIONS:
        proofs = _lacking(foundation, by_name.values())
        if not proofs:
            continue
        answers = {_answer(proof) for proof in proofs}
        fields = {*foundation.fields, *(_field(proof) for proof in proofs)}
        for check in list(by_name.values()):
            if check.failure is None or check.target_died:
                continue
            is_explained = (
                _rests_on(check, foundation, proofs[0])
                and (not foundation.is_alike or check.failure.answer in answers)
                and _is_like(check.failure.answer, foundation.shown)
                and check.failure.field in fields
            )
            if _is_charged(check, foundation) or (
                is_explained and check.outcome in foundation.outcomes
            ):
                by_name[check.check] = _not_judged(check, foundation, proofs[0])
            elif is_explained and check.outcome is Outcome.DEVIATES:
                # It stays listed, and forms one finding with the proof.
                by_name[check.check] = replace(check, rests_on=proofs[0].check)
    return tuple(by_name.values())


def _is_charged(check: Check, foundation: Foundation) -> bool:
    """Tell whether a check failed, or could not begin, for a clause of other checks."""
    return (
        check.failure is not None
        and check.failure.requirement == foundation.clause != ""
        and foundation.clause not in check.requirements
        and check.outcome in (Outcome.BROKEN, Outcome.WARNED, Outcome.TROUBLE)
    )


def _rests_on(check: Check, foundation: Foundation, proof: Check) -> bool:
    """Tell whether a check needs what another one proves."""
    if _matches(check.check, foundation.proofs):
        is_of_the_proof = _function(check) == _function(proof)
        return not is_of_the_proof and _answer(check) == _answer(proof)
    return _matches(check.check, foundation.dependents)


def _function(check: Check) -> str:
    return check.check.partition("[")[0]


def _is_judged(check: Check) -> bool:
    """Tell whether a check observed the behaviour of the target."""
    if check.outcome is Outcome.TROUBLE and check.failure is None:
        return False
    return check.outcome in _JUDGED


def _lacking(foundation: Foundation, checks: Collection[Check]) -> list[Check]:
    """Return the proofs that a foundation is lacking; empty if it is not."""
    proofs = [
        check
        for pattern in foundation.proofs
        for check in checks
        if _is_judged(check) and _matches(check.check, (pattern,))
    ]
    is_lacking = all(
        check.outcome in _FAILED and _is_like(_answer(check), foundation.answers)
        for check in proofs
    )
    return proofs if is_lacking else []


def _is_like(answer: str, forms: tuple[str, ...]) -> bool:
    return any(fnmatchcase(answer, form) for form in forms)


def _not_judged(check: Check, foundation: Foundation, proof: Check) -> Check:
    return replace(
        check,
        outcome=Outcome.NOT_JUDGED,
        broken=(),
        rests_on=proof.check,
        reason=f"it rests on this, which the target does not do: {foundation.what}",
    )


def _matches(check: str, patterns: tuple[str, ...]) -> bool:
    return bool(patterns) and _compiled(patterns).match(check) is not None


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    forms = [
        form
        for pattern in patterns
        for form in ((pattern,) if "[" in pattern else (pattern, f"{pattern}[*"))
    ]
    return re.compile("|".join(translate(form.replace("[", "[[]")) for form in forms))


def _answer(check: Check) -> str:
    return "" if check.failure is None else check.failure.answer


def _field(check: Check) -> str:
    return "" if check.failure is None else check.failure.field
