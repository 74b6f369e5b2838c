# SPDX-License-Identifier: GPL-2.0-only
"""What checks rest on: where a target lacks it, they say nothing of their own clauses.

A target that rejects every Text Request of full feature phase fails each check that
sends one, whatever the check is about. That is one finding: the checks of the
foundation itself show it (`proofs`), and those that rest on it are not judged.

Patterns have shell wildcards; a bracket matches itself. One without a bracket means
the check with all of its parameters.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import cache

from msgspec.structs import replace

from iscsi.keys import KEYS
from reports.model import Check, Outcome

_FAILED = (Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES, Outcome.TROUBLE)
_JUDGED = (*_FAILED, Outcome.PASSED, Outcome.GONE)


@dataclass(frozen=True, slots=True)
class Foundation:
    """Something that other checks take for granted."""

    what: str
    """What the target does where it is not lacking; a clause of a sentence."""
    proofs: tuple[str, ...]
    """The checks of it. It is lacking where every one of them that was judged fails."""
    dependents: tuple[str, ...]
    """The checks that rest on it."""
    answers: tuple[str, ...]
    """The normalised answers of a proof that show that it is lacking; wildcards."""
    fields: tuple[str, ...] = ("",)
    """The wrong fields that a dependent may name; another one is its own matter."""
    is_alike: bool = True
    """A dependent fails by the same answer as a proof; any other is its own matter."""
    outcomes: tuple[Outcome, ...] = (Outcome.BROKEN, Outcome.WARNED)
    """What dependents have come to where they are not judged."""


def _key(name: str) -> Foundation:
    return Foundation(
        what=f"the key {name} is understood",
        proofs=(f"negotiation/test_answers.py::test_known_key_is_understood[{name}]",),
        dependents=(
            *(f"*[{name}]", f"*[{name}-*]", f"*[{name}=*]", f"*-{name}]"),
            *_MORE.get(name, ()),
        ),
        answers=("NotUnderstood",),
        fields=("", name),
    )


_MORE = {
    "TaskReporting": (
        "negotiation/test_lists.py::test_task_reporting_is_chosen_from_the_list",
    ),
}
"""Checks of a key whose parameters do not name it."""

_ACA = "task_management/test_aca.py"
_FENCE = "task_management/test_fence.py"
_CONTINUATION = "negotiation/test_continuation.py"

FOUNDATIONS: tuple[Foundation, ...] = (
    Foundation(
        what="Text Requests of a Normal session in full feature phase are answered",
        proofs=(
            "text/test_text.py::test_unknown_key_is_not_understood",
            "text/test_negotiation.py::test_segment_length_can_be_declared_anew",
        ),
        dependents=(
            "text/*",
            "discovery/test_send_targets.py::*",
            "numbering/*text]",
            "reject/*text]",
        ),
        answers=("Reject*", "connection dropped", "no answer"),
    ),
    Foundation(
        what="text of a Login Request with C=1 is kept until the last of it has come",
        # A target that answers each part may have no answer to two or three parts.
        proofs=(f"{_CONTINUATION}::test_answer_to_continued_text_is_empty[5]",),
        dependents=(
            f"{_CONTINUATION}::test_pairs_span_requests",
            f"{_CONTINUATION}::test_first_text_spans_requests",
            "login/test_refusals.py::test_portal_group_tag_waits_for_the_whole_text",
            "security/test_chap.py::test_proof_spans_requests",
        ),
        answers=("LoginResponse *", "connection dropped"),
        is_alike=False,
    ),
    Foundation(
        what="text of a Text Request with C=1 is kept until the last of it has come",
        proofs=("text/test_text.py::test_continued_request_gets_an_empty_response",),
        dependents=(
            "text/test_text.py::test_a_pair_may_be_cut",
            "text/test_negotiation.py::test_negotiation_may_be_cut",
        ),
        answers=("TextResponse*", "Reject*", "connection dropped", "no answer"),
        is_alike=False,
    ),
    Foundation(
        what="a text answer that is longer than one response goes on in several",
        proofs=("text/test_text.py::test_long_answer_goes_on",),
        dependents=(
            "text/test_text.py::test_continued_response_is_not_final",
            "text/test_text.py::test_response_fits_the_initiator",
        ),
        answers=("Reject*", "connection dropped", "no answer"),
    ),
    Foundation(
        what="a command with NACA 1 that ends with CHECK CONDITION establishes ACA",
        proofs=(f"{_ACA}::test_a_failure_establishes_it",),
        # Other foundations cover whether INQUIRY offers it, and what happens without
        # NACA.
        dependents=(
            f"{_ACA}::test_older_tasks_wait",
            f"{_ACA}::test_its_own_attribute_is_served",
            f"{_ACA}::test_other_nexuses_are_kept_out",
            f"{_ACA}::test_it_is_cleared",
            f"{_ACA}::test_others_do_not_clear_it",
            f"{_ACA}::test_a_reset_ends_it",
            f"{_ACA}::test_the_loss_of_its_nexus_ends_it",
            f"{_ACA}::test_its_beginning_is_fenced",
            f"{_ACA}::test_the_first_refusal_is_fenced",
            f"{_ACA}::test_its_end_is_fenced",
        ),
        answers=("SCSIResponse GOOD",),
        is_alike=False,
    ),
    Foundation(
        what="a reset by one nexus is reported to the others",
        proofs=("scsi/test_model.py::test_an_attention_is_reported_once",),
        dependents=(
            "scsi/test_model.py::test_a_reset_is_told_before_older_changes",
            "scsi/test_model.py::test_an_attention_can_be_asked_for",
            "scsi/test_model.py::test_some_commands_leave_an_attention",
            "scsi/test_sense.py::test_an_attention_that_is_asked_for_names_its_cause",
            f"{_FENCE}::test_the_unit_attention_of_third_parties_waits",
            "task_management/test_functions.py::test_unit_reset_is_told_to_others",
        ),
        answers=("SCSIResponse GOOD",),
        is_alike=False,
    ),
    Foundation(
        what="a SCSI command that moves no data is answered",
        proofs=(
            "scsi/test_blocks.py::test_no_blocks_are_written",
            "scsi/test_identity.py::test_inquiry_data_is_cut_where_asked[0]",
        ),
        dependents=(
            "scsi/test_blocks.py::test_no_blocks_beyond_the_end_are_refused",
            "scsi/test_changes.py::test_capacity_is_cut_where_asked[0]",
            "scsi/test_flags.py::test_other_commands_do_nothing_to_no_blocks",
            "scsi/test_identity.py::test_mode_data_is_cut_where_asked",
            "scsi/test_write_same.py::test_zeros_need_not_be_sent",
        ),
        answers=("no answer",),
    ),
    Foundation(
        what="a PDU that a target does not take is answered by a Reject",
        proofs=("reject/test_reject.py::test_opcode_of_a_target_is_refused",),
        dependents=(
            "reject/*",
            "digests/test_digests.py::test_wrong_data_digest_is_rejected",
            "discovery/test_send_targets.py::test_other_keys_are_rejected",
            "discovery/test_send_targets.py::test_other_requests_are_rejected",
            "error_recovery/test_lost_pdus.py::*",
            "login/test_stages.py::test_login_is_over_in_full_feature_phase",
            "logout/test_logout.py::test_reserved_reason_is_refused",
            "text/test_negotiation.py::test_wrong_tag_is_refused",
            "text/test_negotiation.py::test_key_repeated_in_a_later_request_is_rejected",
            "text/test_text.py::test_repeated_key_is_rejected",
        ),
        answers=("no answer",),
    ),
    Foundation(
        what="task management function requests are answered",
        proofs=("task_management/test_functions.py::test_every_function_is_answered",),
        dependents=(
            "task_management/*",
            "error_recovery/*",
            "reservations/*",
            "scsi/*",
        ),
        answers=("Reject*", "connection dropped", "no answer"),
    ),
    Foundation(
        what="a plain login leads to full feature phase",
        proofs=(
            "login/test_stages.py::test_final_exchange_leads_to_full_feature_phase",
        ),
        dependents=("*",),
        answers=("LoginResponse *", "connection dropped", "no answer", "no connection"),
        outcomes=(Outcome.TROUBLE,),
    ),
    Foundation(
        what="a plain login leads to full feature phase",
        proofs=(
            "login/test_stages.py::test_final_exchange_leads_to_full_feature_phase",
        ),
        # The checks of security expect refusals, so they do not depend on this.
        dependents=("login/*", "numbering/*", "negotiation/*", "connections/*"),
        answers=("LoginResponse 02*", "LoginResponse 03*"),
    ),
    *(_key(name) for name in KEYS),
)
"""Every foundation; a check rests on the first that explains its failure."""


def settle(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks of a run, those not judged that rest on what is lacking.

    Of several proofs the first shows it; the others rest on that one where they fail
    alike. A check whose target died, or that has a listed deviation, stays what it is.
    """
    by_name = {check.check: check for check in checks}
    for foundation in FOUNDATIONS:
        proofs = _lacking(foundation, by_name.values())
        if not proofs:
            continue
        answers = {_answer(proof) for proof in proofs}
        fields = {*foundation.fields, *(_field(proof) for proof in proofs)}
        for check in list(by_name.values()):
            if (
                check.outcome in foundation.outcomes
                and not check.target_died
                and check.failure is not None
                and _rests_on(check, foundation, proofs[0])
                and (not foundation.is_alike or check.failure.answer in answers)
                and check.failure.field in fields
            ):
                by_name[check.check] = _not_judged(check, foundation, proofs[0])
    return tuple(by_name.values())


def _rests_on(check: Check, foundation: Foundation, proof: Check) -> bool:
    """Tell whether a check needs what another one proves."""
    if _matches(check.check, foundation.proofs):
        is_of_the_proof = _function(check) == _function(proof)
        return not is_of_the_proof and _answer(check) == _answer(proof)
    return _matches(check.check, foundation.dependents)


def _function(check: Check) -> str:
    return check.check.partition("[")[0]


def _lacking(foundation: Foundation, checks: Collection[Check]) -> list[Check]:
    """Return the proofs that show that a foundation is lacking; none if it is not."""
    proofs = [
        check
        for pattern in foundation.proofs
        for check in checks
        if check.outcome in _JUDGED and _matches(check.check, (pattern,))
    ]
    is_lacking = all(
        check.outcome in _FAILED
        and any(fnmatchcase(_answer(check), form) for form in foundation.answers)
        for check in proofs
    )
    return proofs if is_lacking else []


def _not_judged(check: Check, foundation: Foundation, proof: Check) -> Check:
    return replace(
        check,
        outcome=Outcome.NOT_JUDGED,
        broken=(),
        rests_on=proof.check,
        reason=f"it rests on this, which the target does not do: {foundation.what}",
    )


def _matches(check: str, patterns: tuple[str, ...]) -> bool:
    return _compiled(patterns).match(check) is not None


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
