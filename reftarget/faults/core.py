# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the iSCSI layer that are of no area of their own."""

from collections.abc import Container
from collections.abc import Set as AbstractSet
from typing import Final

from iscsi import serial, text
from iscsi.constants import LoginStatus, Opcode
from iscsi.numbering import Place
from reftarget.faults import wire
from reftarget.faults.row import Fault
from reftarget.refusal import Refusal
from reftarget.rules import (
    AuthenticationRules,
    CommandRules,
    ConnectionRules,
    FenceRules,
    FunctionRules,
    LoginRules,
    RecoveryRules,
    SessionRules,
    TextRules,
    TransferRules,
    functions,
    texts,
    transfers,
)
from reftarget.rules.allegiance import AllegianceRules
from reftarget.rules.commands import NumberedRequest, Numbering
from reftarget.rules.fencing import Fenced
from reftarget.rules.login import OtherPDU
from reftarget.scsi.rules.identity import IdentityRules, version_descriptors


def _without_repeated_keys(pairs: text.Pairs, seen: AbstractSet[str]) -> text.Pairs:
    return [pair for pair in dict(pairs).items() if pair[0] not in seen]


def _with_all_understood(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    for name, value in pairs:
        if value == text.NOT_UNDERSTOOD:
            raise Refusal(LoginStatus.INITIATOR_ERROR, f"{name} is needed")
    return pairs


def _answer_to_send_targets(seen: Container[str]) -> text.Pairs:
    return [("SendTargets", "All")] if "SendTargets" in seen else []


def _offer_of_old_reporting(seen: Container[str]) -> text.Pairs:
    return [] if "TaskReporting" in seen else [("TaskReporting", "RFC3720")]


_ALL_FENCED: Final = frozenset(Fenced)


def _run_out_of_order(
    session: Numbering, request: NumberedRequest, place: Place
) -> Place:
    if place is not Place.AHEAD:
        return place
    session.use_up(request.cmd_sn)  # the gap before it is still there
    request.immediate = True
    return Place.NEXT


def _run_below_window(
    session: Numbering, request: NumberedRequest, place: Place
) -> Place:
    is_below = serial.less_than(request.cmd_sn, session.window.exp_cmd_sn)
    if place is not Place.OUTSIDE or not is_below:
        return place
    request.immediate = True
    return Place.NEXT


def _run_above_window(
    session: Numbering, request: NumberedRequest, place: Place
) -> Place:
    is_below = serial.less_than(request.cmd_sn, session.window.exp_cmd_sn)
    if place is not Place.OUTSIDE or is_below:
        return place
    request.immediate = True
    return Place.NEXT


def _all_in_normal(what: str, own: str, is_discovery: bool) -> str | None:
    return what if what == "All" else texts.send_targets(what, own, is_discovery)


CORE: Final = (
    Fault(
        name="command-runs-before-the-gap-is-filled",
        breaks=("RFC7143-4.2.2.1-08", "RFC7143-4.2.2.1-10", "RFC7143-4.2.2.1-15"),
        says="Executes a command at once though those before it are missing.",
        also="no command can be made to wait",
        rules=CommandRules(misplaced=_run_out_of_order),
    ),
    Fault(
        name="command-below-window-is-executed",
        breaks=("RFC7143-4.2.2.1-13",),
        says="Executes a command whose CmdSN lies before ExpCmdSN.",
        rules=CommandRules(misplaced=_run_below_window),
    ),
    Fault(
        name="command-above-window-is-executed",
        breaks=("RFC7143-4.2.2.1-13",),
        says="Executes a command whose CmdSN lies beyond MaxCmdSN.",
        rules=CommandRules(misplaced=_run_above_window),
    ),
    Fault(
        name="first-pdu-need-not-be-login",
        breaks=("RFC7143-4.2.4-07",),
        says="Keeps a connection whose first PDU is no Login Request.",
        rules=LoginRules(
            other_pdu=lambda is_first: OtherPDU.IGNORE if is_first else OtherPDU.REFUSE
        ),
    ),
    Fault(
        name="login-takes-repeated-key",
        breaks=("RFC7143-6.3-15", "RFC7143-6.3-14"),
        says="Lets pass a key that is offered twice in a login.",
        also="declaring a name twice is the same fault",
        rules=LoginRules(negotiated=_without_repeated_keys),
    ),
    Fault(
        name="login-takes-key-of-other-stage",
        breaks=(
            "RFC7143-6.3-i01",
            "RFC7143-12-01",
            "RFC7143-6.3.3-i01",
        ),
        says="Lets pass an operational key in the security stage.",
        rules=LoginRules(checks_stage=False),
    ),
    Fault(
        name="send-targets-is-answered-in-logins",
        breaks=("RFC7143-13.3-i01",),
        says="Answers SendTargets in a login.",
        also="keys of another stage are taken for that",
        rules=LoginRules(checks_stage=False, own_offers=_answer_to_send_targets),
    ),
    Fault(
        name="chap-takes-any-response",
        breaks=("RFC7143-12.1.3-04", "RFC7143-9.2-05", "RFC7143-6.3.2-05"),
        says="Lets in whoever sends a CHAP_R, right or wrong.",
        rules=AuthenticationRules(
            is_proved=lambda _is_right, _secret, _proves_ours: True
        ),
    ),
    Fault(
        name="chap-takes-reflected-challenge",
        breaks=("RFC7143-9.2.1-14", "RFC7143-9.2.1-15"),
        says="Answers its own challenge when it is sent back.",
        rules=AuthenticationRules(refuses_reflection=False),
    ),
    Fault(
        name="login-may-skip-authentication",
        breaks=("RFC7143-12.1-03",),
        says="Lets in who skips the security stage.",
        rules=AuthenticationRules(needs_proof=lambda _is_added: False),
    ),
    Fault(
        name="login-takes-unknown-tsih",
        breaks=(
            "RFC7143-6.3.1-i01",
            "RFC7143-6.3.1-i06",
            "RFC7143-11.12.6-04",
            "RFC7143-4.4.3-01",
        ),
        says="Makes a new session for a TSIH that does not exist.",
        rules=LoginRules(unknown_tsih_is_new=True),
    ),
    Fault(
        name="isid-rule-is-not-kept",
        breaks=(
            "RFC7143-4.4.3-i01",
            "RFC7143-6.3.5-i01",
            "RFC7143-7.4.2.2-01",
            "RFC7143-7.4.2.2-i01",
            "RFC7143-6.3.1-i03",
            "RFC7143-7.4.2.1-01",
            "RFC7143-7.4.2.1-05",
            "RFC7143-8.1.2-i06",
            "RFC7143-8.3.2-i05",
            "RFC7143-11.14-i03",
        ),
        says="Keeps the old session when a new one has its name, ISID and group.",
        rules=LoginRules(reinstates=False),
    ),
    Fault(
        name="max-connections-is-not-kept",
        breaks=("RFC7143-13.2-i02", "RFC7143-11.13.5-i03", "RFC7143-13.21-i01"),
        says="Takes connections beyond MaxConnections.",
        rules=LoginRules(has_room=lambda _count, _maximum, _is_known: True),
    ),
    Fault(
        name="discovery-takes-any-request",
        breaks=("RFC7143-4.3-02",),
        says="Answers a NOP-Out on a discovery session.",
        rules=ConnectionRules(
            discovery_opcodes=frozenset(
                {Opcode.NOP_OUT, Opcode.TEXT_REQUEST, Opcode.LOGOUT_REQUEST}
            )
        ),
    ),
    Fault(
        name="send-targets-lists-forbidden-targets",
        breaks=("RFC7143-C-15",),
        says="Names targets that the initiator may not access.",
        rules=TextRules(lists=lambda _is_admitted: True),
    ),
    Fault(
        name="send-targets-all-on-normal-session",
        breaks=("RFC7143-C-09", "RFC7143-C-05"),
        says="Answers SendTargets=All on a normal session.",
        rules=TextRules(send_targets=_all_in_normal),
    ),
    Fault(
        name="data-out-lun-is-not-checked",
        breaks=("RFC7143-4.2.5.3-01",),
        says="Takes Data-Out whose LUN is not the command's.",
        rules=TransferRules(checks_lun=False),
    ),
    Fault(
        name="data-digest-is-not-checked",
        breaks=("RFC7143-7.8-03", "RFC7143-7.8-04"),
        says="Uses data whose digest does not match.",
        also="no recovery begins where no error is seen",
        rules=ConnectionRules(checks_data_digest=False),
    ),
    Fault(
        name="r2t-asks-beyond-max-burst",
        breaks=("RFC7143-11.8.4-02",),
        says="Asks for all data in one R2T.",
        rules=TransferRules(burst=lambda start, end, _maximum: (start, end)),
    ),
    Fault(
        name="r2t-beyond-max-outstanding",
        breaks=("RFC7143-11.8-i01",),
        says="Sends one R2T more than MaxOutstandingR2T.",
        rules=TransferRules(outstanding=lambda maximum: maximum + 1),
    ),
    Fault(
        name="data-in-beyond-max-recv-data-segment",
        breaks=("RFC7143-11.7.1-02", "RFC7143-13.12-i01"),
        says="Sends Data-In longer than the initiator's MaxRecvDataSegmentLength.",
        also="each read is then malformed",
        rules=TransferRules(segment=lambda maximum: 2 * transfers.segment(maximum)),
    ),
    Fault(
        name="abort-task-of-tmf-completes",
        breaks=("RFC7143-11.5.1-13", "RFC7143-11.5.1-12"),
        says="Answers ABORT TASK of a task management function with Function complete.",
        rules=FunctionRules(can_abort_function=True),
    ),
    Fault(
        name="abort-task-leaves-the-gap",
        breaks=("RFC7143-7.11-03",),
        says="Does not count an aborted command that never came as received.",
        rules=FunctionRules(fills_gap=False),
    ),
    Fault(
        name="lun-reset-leaves-tasks",
        breaks=("RFC7143-11.5.1-14", "RFC7143-4.2.3.3-01", "RFC7143-4.2.3.3-11"),
        says="Leaves the tasks of a logical unit alone when it is reset.",
        rules=FunctionRules(reset_ends_tasks=False),
    ),
    Fault(
        name="logout-of-unknown-cid-succeeds",
        breaks=("RFC7143-11.15.1-i01", "RFC7143-8.1.2-i09"),
        says="Answers success to the logout of a connection that does not exist.",
        also="a CID that is gone is unknown, too",
        rules=SessionRules(knows_unknown_cid=True),
    ),
    Fault(
        name="snack-of-unsent-is-ignored",
        breaks=("RFC7143-11.16-07",),
        says="Ignores a SNACK for what was never sent.",
        rules=RecoveryRules(rejects_unsent=False),
    ),
    Fault(
        name="header-digest-is-wrong",
        breaks=("RFC7143-13.1-02", "RFC7143-13.1-01"),
        says="Sends header digests that do not match.",
        spoil=wire.flip_header_digest,
    ),
    Fault(
        name="data-digest-is-wrong",
        breaks=("RFC7143-13.1-04",),
        says="Sends data digests that do not match.",
        also="no data passes where digests are used",
        spoil=wire.flip_data_digest,
    ),
    Fault(
        name="data-digest-leaves-padding-out",
        breaks=("RFC7143-11.2.3-i01", "RFC7143-13.1-03"),
        says="Leaves the padding out of the data digest.",
        spoil=wire.leave_padding_out_of_digest,
    ),
    Fault(
        name="padding-is-not-zero",
        breaks=("RFC7143-11.1-01",),
        says="Pads data segments with bytes other than 0.",
        spoil=wire.pad_with_ones,
    ),
    Fault(
        name="reserved-bits-are-set",
        breaks=("RFC7143-11-01",),
        says="Sets the reserved first bit of every PDU.",
        spoil=wire.set_reserved_bit,
    ),
    Fault(
        name="redeclared-max-data-segment-is-ignored",
        breaks=("RFC7143-13.12-i02", "RFC7143-11.16.3-02"),
        says="Keeps to the old MaxRecvDataSegmentLength after a new one was declared.",
        also="a cut negotiation declares it again",
        rules=TextRules(redeclared_length_counts=False),
    ),
    Fault(
        name="chap-name-is-anybodys",
        breaks=("RFC7143-9.2-10", "RFC7143-9.2-08"),
        says="Lets an initiator name in with the CHAP name of another.",
        rules=AuthenticationRules(checks_owner=False),
    ),
    Fault(
        name="added-connection-has-another-identity",
        breaks=("RFC7143-9.2-12",),
        says="Adds a connection of another CHAP name to a session.",
        rules=LoginRules(is_same_identity=lambda _of_session, _given: True),
    ),
    Fault(
        name="anybody-may-reset-the-target",
        breaks=("RFC7143-11.5.1-16",),
        says="Resets the target for initiators that are not authorized.",
        rules=FunctionRules(may_reset=lambda _is_authorized: True),
    ),
    Fault(
        name="login-has-no-end-of-time",
        breaks=("RFC7143-8.1.2-i01", "RFC7143-8.1.2-i02"),
        says="Keeps connections whose login does not go on.",
        rules=SessionRules(ends_slow_login=False),
    ),
    Fault(
        name="not-understood-ends-the-login",
        breaks=("RFC7143-6.2-09", "RFC7143-13.26.2-06"),
        says="Ends a login when its own key is not understood.",
        rules=LoginRules(understood=_with_all_understood),
    ),
    Fault(
        name="task-reporting-is-offered-alone",
        breaks=("RFC7143-13.23-02",),
        says="Offers TaskReporting with RFC3720 as the only value.",
        also=(
            "the offer's answer is due, and a login by hand that does not give it"
            " stays unfinished"
        ),
        rules=LoginRules(own_offers=_offer_of_old_reporting),
    ),
    Fault(
        name="response-fence-is-not-raised",
        breaks=(
            "RFC7143-4.2.2.3.3-03",
            "RFC7143-4.2.2.3.2-01",
            "RFC7143-4.2.2.3.3-01",
            "RFC7143-4.2.2.3.4-02",
            "RFC7143-4.2.3.3-12",
            "RFC7143-4.2.3.3-14",
            "RFC7143-4.2.3.4-16",
            "RFC7143-4.2.3.4-19",
            "RFC7143-11.6.1-04",
        ),
        says="Sends fenced responses at once.",
        also="the beginning of ACA is fenced, too",
        rules=FenceRules(is_raised=False),
    ),
    Fault(
        name="response-fence-ends-when-it-is-passed",
        breaks=("RFC7143-4.2.2.3.3-04", "RFC7143-4.2.2.3.2-02", "RFC7143-4.2.2.3.3-05"),
        says="Does not wait for the acknowledgement of a fenced response.",
        rules=FenceRules(waits_for_acknowledgement=False),
    ),
    Fault(
        name="response-fence-lets-preempt-and-abort-pass",
        breaks=("RFC7143-4.2.2.3.4-06",),
        says="Does not fence the response to PREEMPT AND ABORT.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.PREEMPT}),
    ),
    Fault(
        name="response-fence-lets-unit-attentions-pass",
        breaks=(
            "RFC7143-4.2.2.3.4-01",
            "RFC7143-4.2.3.3-13",
            "RFC7143-4.2.3.4-17",
            "RFC7143-4.2.3.6-01",
        ),
        says="Does not fence the unit attention after a multi-task abort.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ATTENTION}),
    ),
    Fault(
        name="response-fence-lets-aca-pass",
        breaks=("RFC7143-4.2.2.3.4-03",),
        says="Does not fence the response that establishes ACA.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ACA}),
    ),
    Fault(
        name="response-fence-lets-aca-active-pass",
        breaks=("RFC7143-4.2.2.3.4-04",),
        says="Does not fence the first ACA ACTIVE.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ACA_ACTIVE}),
    ),
    Fault(
        name="response-fence-lets-clear-aca-pass",
        breaks=("RFC7143-4.2.2.3.4-05",),
        says="Does not fence the response to CLEAR ACA.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.CLEAR_ACA}),
    ),
    Fault(
        name="aca-is-not-offered",
        breaks=("RFC7143-10.2-02",),
        says="Says NormACA=0 and does not know CLEAR ACA.",
        rules=(IdentityRules(normaca=False), AllegianceRules(is_offered=False)),
    ),
    Fault(
        name="tmf-waits-for-gaps-of-third-parties",
        breaks=("RFC7143-4.2.3.3-10", "RFC7143-4.2.3.4-09"),
        says="Waits for commands that have not come on other sessions.",
        rules=FunctionRules(
            must_wait=lambda has_gap, others_have_gaps: has_gap or others_have_gaps()
        ),
    ),
    Fault(
        name="tmf-does-not-wait-for-data",
        breaks=("RFC7143-4.2.3.3-07",),
        says="Ends tasks whose data is under way.",
        rules=FunctionRules(waits_for_data=lambda _is_fast: False),
    ),
    Fault(
        name="bidirectional-data-is-numbered-by-itself",
        breaks=("RFC7143-4.2.2.4-i01",),
        says="Numbers Data-In from 0 beside the R2Ts of a bidirectional command.",
        rules=TransferRules(first_data_sn=lambda _after_r2ts: 0),
    ),
    Fault(
        name="bidirectional-read-residual-is-left-out",
        breaks=("RFC7143-11.4.6-01",),
        says="Tells nothing of a bidirectional command's read residual.",
        rules=TransferRules(shows_read_residual=False),
    ),
    Fault(
        name="bidirectional-status-rides-on-data",
        breaks=("RFC7143-11.7.3-02",),
        says="Sends the status of a bidirectional command in its last Data-In.",
        rules=TransferRules(may_ride=lambda _is_bidirectional: True),
    ),
    Fault(
        name="extended-cdb-is-cut",
        breaks=("RFC7143-11.2.2.3-i01",),
        says="Ignores the part of a CDB that comes in an AHS.",
        rules=CommandRules(extended_cdb=lambda _segment: b""),
    ),
    Fault(
        name="bidirectional-read-length-is-ignored",
        breaks=("RFC7143-11.2.2.4-i01",),
        says="Takes what a bidirectional command writes for what it reads.",
        rules=CommandRules(heeds_read_length=False),
    ),
    Fault(
        name="window-opens-in-silence",
        breaks=("RFC7143-11.4.11-01",),
        says="Sends no NOP-In when MaxCmdSN changes and nothing else is to be sent.",
        rules=SessionRules(announces_window=False),
    ),
    Fault(
        name="reinstatement-is-refused-below-level-2",
        breaks=(
            "RFC7143-4.2.1-03",
            "RFC7143-6.3.1-i05",
            "RFC7143-6.3.4-02",
            "RFC7143-6.3.4-03",
        ),
        says="Refuses a second connection where MaxConnections is 1, also to replace.",
        rules=LoginRules(has_room=lambda count, maximum, _is_known: count < maximum),
    ),
    Fault(
        name="device-name-is-not-the-node-name",
        breaks=("RFC7143-4.4.2-01",),
        says="Gives a SCSI device name that is not the node's.",
        rules=IdentityRules(
            device_name=lambda _target: "iqn.2001-04.com.example:another"
        ),
    ),
    Fault(
        name="port-name-is-malformed",
        breaks=("RFC7143-4.4.2-03", "RFC7143-4.4.2-02"),
        says="Gives a SCSI port name of another form.",
        rules=IdentityRules(port_name=lambda target, tag: f"{target},p,{tag}"),
    ),
    Fault(
        name="version-descriptor-shows-no-level",
        breaks=("RFC7144-4.2-01",),
        says="Gives a version descriptor that does not tell the level.",
        rules=IdentityRules(version_descriptors=lambda _level: version_descriptors(0)),
    ),
    Fault(
        name="ping-answer-is-not-padded",
        breaks=("RFC7143-11.1-i01",),
        says="Leaves out the padding of answers to pings.",
        also="what follows a ping is out of step",
        spoil=wire.omit_padding_of_pings,
    ),
    Fault(
        name="login-response-has-an-ahs",
        breaks=("RFC7143-11.2-i01", "RFC7143-11.2.1.5-01"),
        says="Puts an additional header segment into Login Responses on the way.",
        spoil=wire.add_segment_to_logins,
    ),
    Fault(
        name="response-has-an-initiators-opcode",
        breaks=("RFC7143-11.2.1.2-02",),
        says="Sends SCSI Responses under the opcode of a SCSI Command.",
        also="no command gets an answer of a target",
        spoil=wire.respond_as_initiator,
    ),
    Fault(
        name="login-response-has-a-digest",
        breaks=("RFC7143-13.1-i01",),
        says="Puts a header digest into the Login Response that agrees on it.",
        also="no login that offers digests comes to its end",
        spoil=wire.digest_logins,
    ),
    Fault(
        name="old-session-tells-no-third-party",
        breaks=("RFC7143-4.2.3.5-01",),
        says="Tells FastAbort sessions nothing of what an older one ends.",
        rules=FunctionRules(
            tells=lambda reporting, own: (
                functions.tells(reporting, own) and own != "RFC3720"
            )
        ),
    ),
)
