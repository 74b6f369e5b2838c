# SPDX-License-Identifier: GPL-2.0-only
"""What checks depend on: if a target lacks it, they prove nothing of their own clauses.

A target that rejects every Text Request in full feature phase fails each check that
sends one, whatever the check is about. That is one finding: the checks of the
foundation itself (`proofs`) fail, and the checks that depend on it are not judged.

Patterns have shell wildcards; a bracket matches itself. One without a bracket means
the check with all of its parameters.
"""

from iscsi.keys import KEYS
from reports.model import Outcome
from suites.judging.foundation import Foundation
from suites.judging.scsi_foundations import SCSI_FOUNDATIONS


def _key(name: str) -> Foundation:
    return Foundation(
        what=f"the key {name} is understood",
        proofs=(f"negotiation/test_answers.py::test_known_key_is_understood[{name}]",),
        dependents=(
            *(f"*[{name}]", f"*[{name}-*]", f"*[{name}=*]", f"*-{name}]"),
            "negotiation/test_answers.py::test_every_key_at_once",
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
"""Checks of a key whose parameters do not name the key."""

_ACA = "task_management/test_aca.py"
_FENCE = "task_management/test_fence.py"
_CONTINUATION = "negotiation/test_continuation.py"
_CHAP, _MUTUAL = "security/test_chap.py", "security/test_mutual_chap.py"
_LOST, _STATES = "connections/test_lost.py", "connections/test_states.py"
_REASSIGNMENT = "error_recovery/test_reassignment.py"
_WINDOW = "numbering/test_command_window.py"
_SEVERAL = "logout/test_several_connections.py"

_LET_IN = "LoginResponse 0000 FULL_FEATURE"
_LOGIN_FAILS = ("LoginResponse 02*", "LoginResponse 03*", "connection dropped")
_STAYS_OPEN = ("it is still open",)
_CLOSED = ("the target closed the connection*", "connection dropped")

FOUNDATIONS: tuple[Foundation, ...] = (
    Foundation(
        what="a new session gets a TSIH, by which later logins name it",
        proofs=("login/test_response_fields.py::test_new_session_gets_a_tsih",),
        clause="RFC7143-11.13.3-01",
    ),
    Foundation(
        what="a connection can be added to a session",
        proofs=("login/test_sessions.py::test_connection_is_added",),
        clause="RFC7143-6.3.1-i04",
    ),
    Foundation(
        what="CHAP has MD5",
        proofs=("security/test_chap.py::test_right_secret_logs_in",),
        clause="RFC7143-12.1.3-i01",
    ),
    Foundation(
        what="a CHAP name need not be the name of the initiator",
        proofs=("security/test_chap.py::test_name_need_not_be_the_initiators",),
        clause="RFC7143-9.2-06",
    ),
    Foundation(
        what="a target name that requires no proof takes AuthMethod=None",
        proofs=("security/test_auth_method.py::test_none_is_chosen_on_an_open_target",),
        clause="RFC7143-12.1-02",
    ),
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
            "login/test_refusals.py::test_portal_group_tag_waits_for_the_complete_text",
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
        what="a text answer longer than one response continues in several",
        proofs=("text/test_text.py::test_long_answer_continues_in_further_responses",),
        dependents=(
            "text/test_text.py::test_continued_response_is_not_final",
            "text/test_text.py::test_response_fits_the_initiator",
        ),
        answers=("Reject*", "connection dropped", "no answer"),
    ),
    Foundation(
        what="a command with NACA 1 that ends with CHECK CONDITION establishes ACA",
        proofs=(f"{_ACA}::test_a_failure_establishes_aca",),
        # Other foundations cover whether INQUIRY reports NACA, and what happens without
        # NACA.
        dependents=(
            f"{_ACA}::test_older_tasks_wait",
            f"{_ACA}::test_aca_attribute_is_served",
            f"{_ACA}::test_other_nexuses_are_kept_out",
            f"{_ACA}::test_aca_is_cleared",
            f"{_ACA}::test_other_nexuses_do_not_clear_aca",
            f"{_ACA}::test_a_reset_ends_aca",
            f"{_ACA}::test_nexus_loss_ends_aca",
            f"{_ACA}::test_aca_establishment_is_fenced",
            f"{_ACA}::test_the_first_refusal_is_fenced",
            f"{_ACA}::test_aca_clearing_is_fenced",
        ),
        answers=("SCSIResponse GOOD",),
        is_alike=False,
    ),
    Foundation(
        what="a reset by one nexus is reported to the others",
        proofs=("scsi/test_model.py::test_an_attention_is_reported_once",),
        dependents=(
            "scsi/test_model.py::test_a_reset_is_reported_before_older_changes",
            "scsi/test_model.py::test_request_sense_returns_an_attention",
            "scsi/test_model.py::test_some_commands_leave_an_attention",
            "scsi/test_sense.py::test_an_attention_that_is_asked_for_names_its_cause",
            f"{_FENCE}::test_the_unit_attention_of_third_parties_waits",
            "task_management/test_functions.py::test_unit_reset_is_reported_to_others",
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
            "scsi/test_flags.py::test_zero_blocks_have_no_effect",
            "scsi/test_identity.py::test_mode_data_is_cut_where_asked",
            "scsi/test_write_same.py::test_ndob_writes_zeros",
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
        what="a PDU that a target does not take is answered by a Reject",
        proofs=("reject/test_reject.py::test_opcode_of_a_target_is_refused",),
        dependents=("error_recovery/test_lost_pdus.py::*",),
        answers=("no answer",),
        is_alike=False,
        # Whatever follows the Reject comes without it.
        shown=("R2T", "SCSIResponse CHECK CONDITION Bh/47h/05h"),
    ),
    Foundation(
        what="a logout is answered",
        proofs=("logout/test_logout.py::test_logout_is_answered_and_then_closed",),
        dependents=(
            "async_messages/test_async_messages.py::*",
            f"{_LOST}::test_a_lost_connection_is_logged_out_over_another",
            f"{_LOST}::test_a_connection_is_logged_out_only_once",
            f"{_REASSIGNMENT}::*",
            "logout/*",
        ),
        answers=("connection dropped", "no answer"),
        is_alike=False,
        shown=("connection dropped", "no answer"),
    ),
    Foundation(
        what="task management function requests are answered",
        proofs=("task_management/test_functions.py::test_every_function_is_answered",),
        dependents=(
            "task_management/*",
            "error_recovery/*",
            "reservations/*",
            "scsi/*",
            f"{_WINDOW}::test_exp_cmd_sn_never_moves_back",
            f"{_WINDOW}::test_two_immediate_requests_are_served_at_once",
        ),
        answers=("Reject*", "connection dropped", "no answer"),
    ),
    Foundation(
        what="a task management function that does not exist is refused",
        proofs=(
            "task_management/test_functions.py::test_unassigned_function_is_refused",
        ),
        # If every function is completed, the response means nothing.
        dependents=(
            "task_management/*",
            "protocol_level/*",
            f"{_REASSIGNMENT}::*",
        ),
        answers=("TaskManagementResponse 0x00",),
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
    Foundation(
        what="a login whose negotiation has failed is refused",
        proofs=("login/test_refusals.py::test_session_type_is_misspelt",),
        dependents=("login/test_refusals.py::test_session_type_is_not_supported",),
        answers=(_LET_IN,),
    ),
    Foundation(
        what="a login that fails gets a status before its connection is closed",
        proofs=("login/test_refusals.py::test_session_type_is_misspelt",),
        dependents=(
            "login/test_stages.py::test_other_pdu_ends_the_login",
            "security/test_auth_method.py::test_security_stage_is_not_skipped",
        ),
        answers=("connection dropped",),
    ),
    Foundation(
        what="another PDU than a Login Request ends a login",
        proofs=("login/test_stages.py::test_other_pdu_ends_the_login",),
        dependents=(f"{_STATES}::test_nothing_is_recovered_within_a_login",),
        answers=("no answer",),
    ),
    Foundation(
        what="a session with another ISID leaves those of the same initiator alone",
        proofs=("login/test_sessions.py::test_other_isid_is_another_session",),
        dependents=("discovery/test_sessions.py::*", "login/test_sessions.py::*"),
        answers=_CLOSED,
        is_alike=False,
        shown=_CLOSED,
    ),
    Foundation(
        what="a login with the TSIH of no session is refused",
        proofs=("login/test_refusals.py::test_session_does_not_exist",),
        # A session that ended with its connection cannot be continued.
        dependents=(f"{_STATES}::*", f"{_LOST}::*", f"{_REASSIGNMENT}::*"),
        answers=(_LET_IN,),
    ),
    Foundation(
        what="a new session with the same ISID replaces the old one",
        proofs=("login/test_sessions.py::test_same_isid_reinstates_the_session",),
        dependents=(f"{_STATES}::test_a_reinstated_session_cannot_be_continued",),
        answers=_STAYS_OPEN,
        is_alike=False,
        shown=(_LET_IN,),
    ),
    Foundation(
        what="a session with two connections outlives the loss of one",
        proofs=(f"{_LOST}::test_the_session_outlives_a_connection",),
        dependents=(f"{_LOST}::*", f"{_REASSIGNMENT}::*"),
        answers=_CLOSED,
        is_alike=False,
        shown=_CLOSED,
    ),
    Foundation(
        what="the state of a lost connection is kept until it is logged out",
        proofs=(f"{_LOST}::test_a_lost_connection_is_logged_out_over_another",),
        dependents=(f"{_REASSIGNMENT}::*", f"{_STATES}::*"),
        answers=("LogoutResponse 0x01",),
        is_alike=False,
        shown=("LogoutResponse 0x01", "LoginResponse 020a"),
    ),
    Foundation(
        what="the logout of a connection ends its tasks",
        proofs=(f"{_REASSIGNMENT}::test_a_task_ended_by_a_logout_is_not_reassigned",),
        # A unit attention reports tasks that have ended.
        dependents=(
            f"{_LOST}::test_tasks_end_with_the_logout_of_their_lost_connection",
            f"{_SEVERAL}::test_logout_ends_the_tasks_of_its_connection",
        ),
        answers=("TaskManagementResponse 0x03",),
        is_alike=False,
        shown=("GOOD",),
    ),
    Foundation(
        what="the logout of a session ends it",
        proofs=("logout/test_logout.py::test_requests_after_a_logout_are_not_served",),
        dependents=(f"{_SEVERAL}::test_closing_the_session_ends_a_login",),
        answers=_STAYS_OPEN,
        is_alike=False,
        shown=(_LET_IN,),
    ),
    Foundation(
        what="a Text Request with another tag begins a negotiation anew",
        proofs=("text/test_negotiation.py::test_negotiation_can_begin_again",),
        dependents=(
            "text/test_negotiation.py::test_values_of_an_abandoned_exchange_are_lost",
        ),
        answers=("Reject*",),
        is_alike=False,
    ),
    Foundation(
        what="a list of targets that is longer than one response comes in several",
        proofs=("discovery/test_send_targets.py::test_long_list_is_split",),
        dependents=("discovery/test_send_targets.py::test_a_split_list_ends_with_nul",),
        answers=("# pairs; missing *",),
        fields=("", "text"),
        is_alike=False,
        shown=("text does not end with NUL",),
    ),
    Foundation(
        what="a key that is declared gets no answer",
        proofs=(
            "negotiation/test_numbers.py::test_declared_length_needs_no_answer[512]",
        ),
        dependents=(
            "login/test_plain.py::test_plain_sessions_break_no_rule[RFC7143-6.3-14]",
            "negotiation/test_answers.py::test_own_keys_are_declared_once",
            "negotiation/test_numbers.py::test_own_length_is_in_range",
        ),
        answers=("Irrelevant", "Reject"),
        fields=("", "MaxRecvDataSegmentLength", "value"),
        is_alike=False,
        shown=(
            "MaxRecvDataSegmentLength was answered before*",
            "[[]'MaxRecvDataSegmentLength'[]]",
            "'Irrelevant' is no *",
            "'Reject' is no *",
        ),
    ),
    Foundation(
        what="a range for a key with a number is refused",
        proofs=("negotiation/test_numbers.py::test_range_in_place_of_a_number",),
        dependents=("negotiation/test_answers.py::test_marker_interval_is_rejected",),
        answers=("#~#",),
        fields=("IFMarkInt", "OFMarkInt"),
    ),
    Foundation(
        what="X#NodeArchitecture decides nothing",
        proofs=("negotiation/test_answers.py::test_node_architecture_decides_nothing",),
        dependents=(
            "negotiation/test_offers.py::test_unknown_architecture_key_does_not_end_the_login",
        ),
        answers=("(the login is refused)",),
        is_alike=False,
        shown=_LOGIN_FAILS,
    ),
    Foundation(
        what="a login by CHAP with the right secret succeeds",
        proofs=(f"{_CHAP}::test_right_secret_logs_in",),
        dependents=("security/*",),
        answers=_LOGIN_FAILS,
    ),
    Foundation(
        what="CHAP_R is understood in Base64",
        proofs=(f"{_CHAP}::test_response_in_any_encoding[Base64]",),
        dependents=(f"{_CHAP}::test_wrong_response[*Base64*]",),
        answers=_LOGIN_FAILS,
    ),
    Foundation(
        what="a challenge is another one each time",
        proofs=(f"{_CHAP}::test_challenges_differ",),
        dependents=(f"{_CHAP}::test_proof_of_another_connection",),
        answers=("[[]'#*",),
        is_alike=False,
        shown=("LoginResponse 0000*",),
    ),
    Foundation(
        what="a connection that is added to a session proves itself",
        proofs=(f"{_CHAP}::test_added_connection_proves_itself",),
        dependents=("security/test_identities.py::test_a_session_has_one_identity",),
        answers=(_LET_IN,),
        is_alike=False,
    ),
    Foundation(
        what="an initiator's challenge is answered",
        proofs=(f"{_MUTUAL}::test_target_proves_itself",),
        # A target that ignores challenges ignores wrong ones, too.
        dependents=(
            f"{_MUTUAL}::test_challenge_reflected_in_another_encoding",
            f"{_MUTUAL}::test_challenge_without_form",
            f"{_MUTUAL}::test_half_a_challenge",
            f"{_MUTUAL}::test_identifier_beyond_an_octet",
            f"{_MUTUAL}::test_oversized_challenge",
            f"{_MUTUAL}::test_reflected_challenge",
        ),
        answers=("no answer",),
        is_alike=False,
        shown=("LoginResponse 0000*",),
    ),
    Foundation(
        what="a new session gets a TSIH",
        proofs=("login/test_response_fields.py::test_new_session_gets_a_tsih",),
        dependents=(
            "login/test_response_fields.py::test_tsih_comes_from_the_security_stage",
            "login/test_sessions.py::*",
            "connections/*",
            "logout/test_several_connections.py::*",
        ),
        answers=(_LET_IN,),
        is_alike=False,
        shown=("#", _LET_IN, "connection dropped"),
    ),
    *SCSI_FOUNDATIONS,
    *(_key(name) for name in KEYS),
)
"""Every foundation; a check depends on the first that explains its failure."""
