# SPDX-License-Identifier: GPL-2.0-only
"""The faults of sessions, connections and their ends."""

from collections.abc import Callable, Collection, Container
from dataclasses import replace
from typing import Any, Final

from iscsi import headers, text
from iscsi.constants import Opcode, RejectReason, TMFunction
from iscsi.numbering import CommandWindow, Place
from reftarget.faults.row import Fault
from reftarget.rules import (
    CommandRules,
    ConnectionRules,
    FunctionRules,
    RecoveryRules,
    SessionRules,
    TextRules,
    commands,
    texts,
)
from reftarget.rules.commands import Answering, Numbering
from reftarget.rules.connections import Responder
from reftarget.rules.functions import Responding

_FOR_EVER: Final = 3600.0
"""Seconds that are longer than any check."""
_RESERVED_BIT: Final = 0x80
_IMMEDIATE: Final = 0x40
_BUSY: Final = 8


def _renumber_after_unit_reset(connection: Responding, function: int) -> None:
    if function == TMFunction.LOGICAL_UNIT_RESET:
        connection.stat_sn = 1


def _finish_after_format_error(
    connection: Answering, header: headers.SCSICommand, _is_retry: bool
) -> bool:
    if header.final or header.write:
        return False
    connection.finish()
    return True


def _refuse_retry(
    connection: Answering, header: headers.SCSICommand, is_retry: bool
) -> bool:
    if not is_retry:
        return False
    connection.refuse(header.pack(), RejectReason.TASK_IN_PROGRESS)
    return True


def _objection_to_reserved_bits(
    header: bytes, _is_immediate: bool
) -> RejectReason | None:
    return RejectReason.INVALID_PDU_FIELD if header[0] & _RESERVED_BIT else None


def _objection_to_immediate(_header: bytes, is_immediate: bool) -> RejectReason | None:
    return RejectReason.IMMEDIATE_COMMAND_REJECT if is_immediate else None


def _place_by_plain_comparison(
    window: CommandWindow, held: Container[int], cmd_sn: int
) -> Place:
    if not window.exp_cmd_sn <= cmd_sn <= window.max_cmd_sn:
        return Place.OUTSIDE
    return commands.place(window, held, cmd_sn)


def _place_in_narrow_window(
    window: CommandWindow, held: Container[int], cmd_sn: int
) -> Place:
    if cmd_sn == window.max_cmd_sn:
        return Place.OUTSIDE
    return commands.place(window, held, cmd_sn)


def _count_rejected(_connection: Responder, session: Numbering, header: bytes) -> None:
    is_immediate = header[0] & _IMMEDIATE
    if header[0] & 0x3F == Opcode.SCSI_COMMAND and not is_immediate:
        session.window.advance()


def _answer_rejected(connection: Responder, _session: Numbering, header: bytes) -> None:
    if header[0] & 0x3F not in {Opcode.DATA_OUT, Opcode.SNACK}:
        tag = int.from_bytes(header[16:20], "big")
        response = headers.SCSIResponse(initiator_task_tag=tag, status=_BUSY)
        connection.respond(response)


def _end_held(_connection: Responder, session: Numbering, _header: bytes) -> None:
    session.held.clear()


def _answer_to_authentication(pairs: text.Pairs) -> text.Pairs | None:
    return [("AuthMethod", "CHAP")] if text.value(pairs, "AuthMethod") else None


def _take_anything(declared: dict[str, str], pairs: text.Pairs) -> None:
    declared.update(pair for pair in pairs if pair[1].isdecimal())


def _ping_discovery(is_discovery: bool, ping: Callable[[], None]) -> None:
    if is_discovery:
        ping()


def _all_by_nothing(what: str, own: str, is_discovery: bool) -> str | None:
    return texts.send_targets(what, own, is_discovery) if what else "All"


def _nothing_by_name(what: str, own: str, is_discovery: bool) -> str | None:
    if what not in {"", "All"}:
        return ""
    return texts.send_targets(what, own, is_discovery)


def _another_connection(connection: Any, every: Collection[Any]) -> Any:
    return next((one for one in every if one is not connection), connection)


def _changed(header: headers.Header) -> headers.Header:
    if isinstance(header, headers.R2T):
        return replace(header, r2t_sn=header.r2t_sn + 1)
    if isinstance(header, headers.DataIn):
        return replace(header, data_sn=header.data_sn + 1)
    stat_sn = header.stat_sn + 1  # type: ignore[attr-defined]
    return replace(header, stat_sn=stat_sn)  # type: ignore[call-arg]


STATES: Final = (
    Fault(
        name="reinstated-connection-stays",
        breaks=("RFC7143-6.3.4-i02", "RFC7143-11.14-07"),
        says="Leaves the old connection open when it is reinstated.",
        also="logouts leave their connections open, too",
        rules=SessionRules(reinstatement_closes=False),
    ),
    Fault(
        name="reinstatement-leaves-tasks",
        breaks=("RFC7143-6.3.4-i01",),
        says="Leaves the tasks of a reinstated connection below level 2.",
        rules=SessionRules(reinstatement_settles_tasks=False),
    ),
    Fault(
        name="state-never-times-out",
        breaks=(
            "RFC7143-7.5.1-i01",
            "RFC7143-6.3.5-i02",
            "RFC7143-7.15-i01",
            "RFC7143-8.2-i04",
            "RFC7143-7.6-i01",
            "RFC7143-7.1.4-i01",
            "RFC7143-7.5.2-i01",
        ),
        says="Keeps the state of what failed for ever.",
        rules=SessionRules(afterlife=lambda _time2wait, _time2retain: _FOR_EVER),
    ),
    Fault(
        name="state-ends-with-its-connection",
        breaks=(
            "RFC7143-7.5-i01",
            "RFC7143-8.3.2-i02",
            "RFC7143-8.3.2-i03",
            "RFC7143-8.2-i02",
        ),
        says="Ends tasks and sessions as soon as a connection is lost.",
        rules=SessionRules(afterlife=lambda _time2wait, _time2retain: 0.0),
    ),
    Fault(
        name="nexus-loss-is-not-told",
        breaks=("RFC7143-6.3.5.1-i01",),
        says="Does not tell the units that a session has ended.",
        also="what ends with the nexus stays",
        rules=SessionRules(tells_of_nexus_loss=False),
    ),
    Fault(
        name="lost-connection-is-not-told",
        breaks=("RFC7143-7.1.4.3-06",),
        says="Does not tell a session that a connection of it was lost.",
        rules=SessionRules(announces_drop=False),
    ),
    Fault(
        name="session-logout-closes-one-connection",
        breaks=("RFC7143-8.1.2-i05", "RFC7143-11.15-01"),
        says="Closes one connection where the session was to be.",
        rules=SessionRules(closed=lambda _connections: 1),
    ),
    Fault(
        name="logout-leaves-tasks",
        breaks=("RFC7143-11.14-04", "RFC7143-E.1-i03", "RFC7143-11.14.5-01"),
        says="Leaves the tasks of a connection that logs out.",
        rules=SessionRules(logout_ends_tasks=False),
    ),
    Fault(
        name="logout-leaves-what-waits",
        breaks=("RFC7143-11.14-06",),
        says="Carries out what waits for its turn after a logout.",
        rules=SessionRules(logout_discards_held=False),
    ),
    Fault(
        name="abort-task-ends-nothing",
        breaks=("RFC7143-11.5.1-04",),
        says="Answers ABORT TASK and lets the task go on.",
        rules=FunctionRules(aborts_task=False),
    ),
    Fault(
        name="cold-reset-drops-nobody",
        breaks=("RFC7143-11.5.1-17", "RFC7143-E.2-i01"),
        says="Leaves connections open at TARGET COLD RESET.",
        rules=FunctionRules(ends_sessions=frozenset()),
    ),
    Fault(
        name="warm-reset-drops-connections",
        breaks=("RFC7143-E.1-i06",),
        says="Ends all sessions at TARGET WARM RESET.",
        rules=FunctionRules(
            ends_sessions=frozenset(
                {TMFunction.TARGET_COLD_RESET, TMFunction.TARGET_WARM_RESET}
            )
        ),
    ),
    Fault(
        name="unit-reset-renumbers",
        breaks=("RFC7143-E.1-i05",),
        says="Begins StatSN anew at LOGICAL UNIT RESET.",
        also="resets bring about what other checks look at",
        rules=FunctionRules(after_function=_renumber_after_unit_reset),
    ),
    Fault(
        name="tmf-reaches-later-commands",
        breaks=("RFC7143-11.5.1-i01",),
        says="Ends commands that come after the function, too.",
        rules=FunctionRules(reaches_later=lambda _is_reset: True),
    ),
    Fault(
        name="late-data-is-rejected",
        breaks=("RFC7143-10.7-02", "RFC7143-4.2.3.4-11"),
        says="Rejects data for tasks that a function has ended.",
        rules=FunctionRules(forgives_late_data=False),
    ),
    Fault(
        name="old-sessions-are-told",
        breaks=("RFC7143-4.2.3.5-03", "RFC7143-11.9.1-08"),
        says="Sends AsyncEvent 5 to sessions without FastAbort, too.",
        rules=FunctionRules(tells=lambda _reporting, _own: True),
    ),
    Fault(
        name="tmf-does-not-wait-for-gaps",
        breaks=("RFC7143-4.2.3.3-09", "RFC7143-4.2.3.4-08"),
        says="Answers a function though commands before it are missing.",
        rules=FunctionRules(must_wait=lambda _has_gap, _others_have_gaps: False),
    ),
    Fault(
        name="logout-request-has-no-consequence",
        breaks=("RFC7143-11.9.1-i01",),
        says="Waits for ever for the logout that it has asked for.",
        rules=SessionRules(drops_after_request=False),
    ),
    Fault(
        name="format-error-ends-one-connection",
        breaks=("RFC7143-7.7-01",),
        says="Ends one connection where the whole session has failed.",
        rules=CommandRules(before_command=_finish_after_format_error),
    ),
    Fault(
        name="reserved-bits-are-refused",
        breaks=("RFC7143-11-02",),
        says="Refuses PDUs whose reserved bits are set.",
        rules=CommandRules(objection_to_request=_objection_to_reserved_bits),
    ),
    Fault(
        name="untagged-ping-is-answered",
        breaks=("RFC7143-11.19-04",),
        says="Answers a NOP-Out that wants no answer.",
        also="status is acknowledged by an untagged ping",
        rules=ConnectionRules(answers_untagged=True),
    ),
    Fault(
        name="immediate-commands-are-refused",
        breaks=("RFC7143-4.2.2.1-07",),
        says="Rejects every immediate command.",
        also="many checks prove silence by an immediate ping",
        rules=CommandRules(
            immediate_commands=lambda _configured: 0,
            objection_to_request=_objection_to_immediate,
        ),
    ),
    Fault(
        name="numbers-are-compared-plainly",
        breaks=("RFC7143-4.2.2.1-11",),
        says="Compares command numbers as if they could not wrap.",
        rules=CommandRules(place=_place_by_plain_comparison),
    ),
    Fault(
        name="duplicate-takes-the-place",
        breaks=("RFC7143-4.2.2.1-14",),
        says="Carries out the second of two commands of one number.",
        rules=CommandRules(place=lambda window, _held, cmd_sn: window.place(cmd_sn)),
    ),
    Fault(
        name="last-number-is-refused",
        breaks=("RFC7143-4.2.2.1-i02",),
        says="Ignores the command whose number is MaxCmdSN.",
        rules=CommandRules(place=_place_in_narrow_window),
    ),
    Fault(
        name="rejected-command-counts",
        breaks=("RFC7143-7.3-02",),
        says="Counts a command that it rejects as received.",
        rules=ConnectionRules(after_reject=_count_rejected),
    ),
    Fault(
        name="rejected-command-is-answered",
        breaks=("RFC7143-7.3-i02",),
        says="Rejects a command and responds to it, too.",
        also="a Reject is then followed by a response",
        rules=ConnectionRules(after_reject=_answer_rejected),
    ),
    Fault(
        name="reject-ends-the-task",
        breaks=("RFC7143-7.3-01",),
        says="Ends a task of which it rejects a PDU.",
        rules=ConnectionRules(after_reject=_end_held),
    ),
    Fault(
        name="retry-is-rejected",
        breaks=("RFC7143-7.2.1-i01", "RFC7143-4.2.2.1-16"),
        says="Rejects the retry of a command in progress.",
        rules=CommandRules(before_command=_refuse_retry),
    ),
    Fault(
        name="nexus-reset-ends-nothing",
        breaks=(
            "RFC7144-6.3-10",
            "RFC7144-6.3-11",
            "RFC7144-6.3-12",
            "RFC7144-6.3-13",
            "RFC7144-6.5-01",
            "RFC7144-6.3-04",
        ),
        says="Answers I_T NEXUS RESET and ends nothing.",
        rules=FunctionRules(nexus_reset_ends=False),
    ),
    Fault(
        name="fresh-text-goes-on",
        breaks=("RFC7143-11.10.4-i01",),
        says="Takes a new Text Request for the next of the old exchange.",
        rules=TextRules(new_request_resets=False),
    ),
    Fault(
        name="failed-text-takes-effect",
        breaks=("RFC7143-6.2-19", "RFC7143-7.12-03", "RFC7143-7.12-04"),
        says="Lets what a failed negotiation declared take effect.",
        rules=TextRules(failed_takes_effect=True),
    ),
    Fault(
        name="unfinished-text-takes-effect",
        breaks=("RFC7143-6.4-i01",),
        says="Lets declarations take effect before the exchange ends.",
        rules=TextRules(takes_effect_early=True),
    ),
    Fault(
        name="text-takes-authentication",
        breaks=("RFC7143-6.3-08",),
        says="Answers authentication keys in a Text Request.",
        rules=TextRules(own_answers=_answer_to_authentication),
    ),
    Fault(
        name="text-takes-leading-keys",
        breaks=("RFC7143-13-01",),
        says="Negotiates leading-only keys in full-feature phase.",
        rules=TextRules(has_place=lambda _use: True),
    ),
    Fault(
        name="empty-send-targets-is-all",
        breaks=("RFC7143-C-13",),
        says="Answers an empty SendTargets with all targets.",
        rules=TextRules(send_targets=_all_by_nothing),
    ),
    Fault(
        name="named-send-targets-finds-nothing",
        breaks=("RFC7143-C-10", "RFC7143-C-11"),
        says="Finds nothing for SendTargets with a name.",
        rules=TextRules(send_targets=_nothing_by_name),
    ),
    Fault(
        name="send-targets-list-is-cut",
        breaks=("RFC7143-C-i03",),
        says="Returns as much of a list as one response holds.",
        rules=TextRules(rest=lambda _parts: []),
    ),
    Fault(
        name="half-a-close-is-ignored",
        breaks=("RFC7143-7.1.4.3-05", "RFC7143-7.14-04"),
        says="Goes on with a connection whose peer has closed its side.",
        rules=SessionRules(fin_ends_connection=False),
    ),
    Fault(
        name="reassigned-task-stands-still",
        breaks=(
            "RFC7143-7.2.2-05",
            "RFC7143-7.2.2-02",
            "RFC7143-E.1-i02",
            "RFC7143-11.5.6-03",
        ),
        says="Answers TASK REASSIGN and does nothing more.",
        rules=RecoveryRules(reassigned_goes_on=False),
    ),
    Fault(
        name="lost-connection-ends-the-session",
        breaks=("RFC7143-7.14-03", "RFC7143-8.2-i01", "RFC7143-8.1.2-i10"),
        says="Ends a session when one of its connections is lost.",
        also="recovery within the session is then over",
        rules=SessionRules(ends_with_connection=lambda _is_discovery: True),
    ),
    Fault(
        name="failed-login-ends-the-session",
        breaks=("RFC7143-8.2-i03", "RFC7143-8.3.2-i04"),
        says="Ends the session that a failed login was to join.",
        rules=SessionRules(after_lost_login=lambda joining: joining.close()),
    ),
    Fault(
        name="wild-exp-data-sn-ends-the-task",
        breaks=("RFC7143-11.5.6-05",),
        says="Ends a task that is reassigned with a wild ExpDataSN.",
        rules=RecoveryRules(forgives_wild_exp_data_sn=False),
    ),
    Fault(
        name="logout-request-on-another-connection",
        breaks=("RFC7143-11.9.1-01",),
        says="Asks for a logout on another connection of the session.",
        rules=SessionRules(asked=_another_connection),
    ),
    Fault(
        name="session-logout-closes-nothing",
        breaks=("RFC7143-11.14-05", "RFC7143-E.1-i01", "RFC7143-8.1.2-i04"),
        says="Answers the logout of a session and leaves it alone.",
        also="many checks end with a logout",
        rules=SessionRules(logout_closes_session=False),
    ),
    Fault(
        name="inadmissible-text-value-is-used",
        breaks=("RFC7143-6.2-i01",),
        says="Uses a value that it has rejected.",
        also="a segment length of 0 breaks every exchange",
        rules=TextRules(after_negotiation=_take_anything),
    ),
    Fault(
        name="discovery-session-is-pinged",
        breaks=("RFC7143-7.4.3-01",),
        says="Sends a ping on discovery sessions.",
        also="its ping comes between a request and its answer",
        rules=TextRules(before_response=_ping_discovery),
    ),
    Fault(
        name="snack-of-others-is-served",
        breaks=("RFC7143-4.2.5.1-05",),
        says="Takes a SNACK for what another connection has sent.",
        rules=RecoveryRules(snack_keeps_allegiance=False),
    ),
    Fault(
        name="snack-is-refused",
        breaks=(
            "RFC7143-11.16-01",
            "RFC7143-7.1.5-01",
            "RFC7143-7.1.5-02",
            "RFC7143-7.8-08",
        ),
        says="Refuses every SNACK.",
        also="what follows a refusal is judged where one comes",
        rules=RecoveryRules(takes_snack=False),
    ),
    Fault(
        name="resent-pdus-are-changed",
        breaks=("RFC7143-11.16-02", "RFC7143-11.16-05", "RFC7143-11.4.9-01"),
        says="Changes what it sends again.",
        rules=RecoveryRules(repeated=_changed),
    ),
    Fault(
        name="snack-without-length-is-one",
        breaks=("RFC7143-11.16-i01",),
        says="Takes RunLength 0 for 1.",
        rules=RecoveryRules(
            end_of_run=lambda begin, length, total: (
                begin + length if length else min(begin + 1, total)
            )
        ),
    ),
    Fault(
        name="reassigned-task-goes-on-first",
        breaks=("RFC7143-7.2.2-09", "RFC7143-11.5.1-19", "RFC7143-11.6-01"),
        says="Goes on with a task before it answers TASK REASSIGN.",
        rules=FunctionRules(answers_reassignment_first=False),
    ),
    Fault(
        name="reassigned-task-keeps-its-snack-tag",
        breaks=("RFC7143-7.2.2-10",),
        says="Keeps the SNACK Tag over a reassignment.",
        rules=RecoveryRules(reassigned_snack_tag=lambda tag: tag),
    ),
    Fault(
        name="immediate-command-outlives-its-connection",
        breaks=("RFC7143-7.14-05",),
        says="Keeps immediate commands of a lost connection.",
        rules=RecoveryRules(immediate_ends_with_connection=False),
    ),
    Fault(
        name="reassigned-read-begins-anew",
        breaks=("RFC7143-11.5.6-02", "RFC7143-7.2.2-03"),
        says="Sends all data of a reassigned read, whatever ExpDataSN says.",
        rules=RecoveryRules(acknowledged=lambda _exp_data_sn: 0),
    ),
)
