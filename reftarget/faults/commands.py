# SPDX-License-Identifier: GPL-2.0-only
"""The faults of requests and their numbers."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from iscsi import headers, serial
from iscsi.constants import RejectReason
from iscsi.numbering import CommandWindow, Place
from reftarget.faults.row import Fault
from reftarget.rules import (
    CommandRules,
    commands,
)
from reftarget.rules.commands import Answering, NumberedRequest, Numbering

_RESERVED_BIT: Final = 0x80
_LAST_PLACES: Final = 2


def _run_out_of_order(
    session: Numbering, request: NumberedRequest, place: Place
) -> Place:
    if place is not Place.AHEAD:
        return place
    session.receive_ahead(request.cmd_sn)  # the gap before it still exists
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


def _place_in_nearly_full_window(
    window: CommandWindow, held: Container[int], cmd_sn: int
) -> Place:
    if window.size <= _LAST_PLACES:
        return Place.OUTSIDE
    return commands.place(window, held, cmd_sn)


def _refuse_priority(
    connection: Answering, header: headers.SCSICommand, _is_retry: bool
) -> bool:
    if not header.priority:
        return False
    connection.refuse(header.pack(), RejectReason.INVALID_PDU_FIELD)
    return True


COMMANDS: Final = (
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
        name="extended-cdb-is-cut",
        breaks=("RFC7143-11.2.2.3-i01",),
        says="Ignores the part of a CDB that comes in an AHS.",
        rules=CommandRules(extended_cdb=lambda _segment: b""),
    ),
    Fault(
        name="bidirectional-read-length-is-ignored",
        breaks=(
            "RFC7143-11.2.2.4-i01",
            "RFC7143-11.4.6-01",
        ),
        says="Uses the write length of a bidirectional command as its read length.",
        rules=CommandRules(applies_read_length=False),
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
        says="Executes the second of two commands with one number.",
        rules=CommandRules(place=lambda window, _held, cmd_sn: window.place(cmd_sn)),
    ),
    Fault(
        name="last-number-is-refused",
        breaks=("RFC7143-4.2.2.1-i02",),
        says="Ignores the command whose number is MaxCmdSN.",
        rules=CommandRules(place=_place_in_narrow_window),
    ),
    Fault(
        name="last-places-are-not-given",
        breaks=("RFC7143-4.2.2.1-i02",),
        says="Ignores commands inside the window when it has room for two more.",
        also="checks that fill the window wait for its last commands",
        rules=CommandRules(place=_place_in_nearly_full_window),
    ),
    Fault(
        name="retry-is-rejected",
        breaks=("RFC7143-7.2.1-i01", "RFC7143-4.2.2.1-16"),
        says="Rejects the retry of a command in progress.",
        rules=CommandRules(before_command=_refuse_retry),
    ),
    Fault(
        name="priority-is-minded-at-every-level",
        breaks=("RFC7144-5.1.1-02",),
        says="Refuses commands with a priority where none was agreed on.",
        rules=CommandRules(before_command=_refuse_priority),
    ),
)
