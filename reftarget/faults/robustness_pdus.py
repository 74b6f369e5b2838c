# SPDX-License-Identifier: GPL-2.0-only
"""Faults that malformed PDUs trigger: fields, lengths, digests, in each position."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iscsi.constants import RESERVED_TAG, Opcode, Stage
from reftarget.faults.robustness_fault import (
    HELD,
    SERVES,
    ReceivedPDU,
    RobustnessFault,
    When,
    abort,
    close_others,
    crash,
    hang,
    keep_file,
    keep_memory,
    of,
    robustness_fault,
    show_others,
    write_elsewhere,
)
from reftarget.rules import ConnectionRules, SessionRules

_PDUS: Final = "pdus/test_malformed.py::test_"
_FIELD: Final = f"{_PDUS}any_value_of_a_field_is_survived"
_FIELDS: Final = f"{_PDUS}any_value_of_any_field_is_survived"
_AHS: Final = f"{_PDUS}additional_header_segments_are_survived"
_LENGTHS: Final = f"{_PDUS}false_lengths_are_survived"
_DIGESTS: Final = f"{_PDUS}wrong_digests_are_survived"

# Fields ------------------------------------------------------------------------------

_LAST_REASON: Final = 2
_RESERVED_STAGE: Final = 2
_LAST_SNACK: Final = 3
_LAST_ATTRIBUTE: Final = 4
_LAST_FUNCTION: Final = 8
_FAR: Final = 1 << 20

_OF_FIELDS: Final = (
    robustness_fault(
        "unknown-function-crashes",
        "Crashes on an undefined task management function.",
        of(
            Opcode.TASK_MANAGEMENT_REQUEST,
            lambda received: received.header[1] & 0x7F > _LAST_FUNCTION,
        ),
        crash,
        f"{_FIELD}[full-feature-TaskManagement-function]",
    ),
    robustness_fault(
        "unknown-logout-reason-hangs",
        "Hangs on a logout with an undefined reason.",
        of(
            Opcode.LOGOUT_REQUEST,
            lambda received: received.header[1] & 0x7F > _LAST_REASON,
        ),
        hang,
        f"{_FIELD}[full-feature-Logout-reason]",
    ),
    robustness_fault(
        "unknown-snack-closes-other-sessions",
        "Closes the sessions of other initiators on a SNACK of an unknown type.",
        of(Opcode.SNACK, lambda received: received.header[1] & 0x0F > _LAST_SNACK),
        close_others,
        f"{_FIELD}[full-feature-SNACK-type]",
    ),
    robustness_fault(
        "login-of-later-version-aborts",
        "Fails an assertion if a login requests a later version.",
        lambda received: received.is_login and received.header[3] > 0,
        abort,
        f"{_FIELD}[operational-Login-version_min]",
    ),
    robustness_fault(
        "reserved-stage-hangs",
        "Hangs if a login names the reserved stage.",
        lambda received: (
            received.is_login and received.header[1] >> 2 & 3 == _RESERVED_STAGE
        ),
        hang,
        f"{_FIELD}[operational-Login-csg]",
    ),
    robustness_fault(
        "text-of-unknown-tag-keeps-memory",
        "Leaks memory for each text that continues an exchange that does not exist.",
        of(
            Opcode.TEXT_REQUEST, lambda received: received.number(20, 4) != RESERVED_TAG
        ),
        keep_memory,
        f"{_FIELD}[full-feature-Text-target_transfer_tag]",
    ),
    robustness_fault(
        "reserved-attribute-keeps-a-file",
        "Leaks an open file for each command with a reserved task attribute.",
        of(
            Opcode.SCSI_COMMAND,
            lambda received: received.header[1] & 0x07 > _LAST_ATTRIBUTE,
        ),
        keep_file,
        f"{_FIELD}[full-feature-Read-attribute]",
    ),
    robustness_fault(
        "wild-lun-writes-elsewhere",
        "Writes to other units if the form of a command's LUN is unknown.",
        of(Opcode.SCSI_COMMAND, lambda received: received.header[8] & 0xC0 == 0xC0),
        write_elsewhere,
        f"{_FIELD}[full-feature-Write-lun]",
    ),
    robustness_fault(
        "wild-buffer-offset-writes-elsewhere",
        "Writes to other units if a Data-Out lies beyond its command's data.",
        of(Opcode.DATA_OUT, lambda received: received.number(40, 4) > _FAR),
        write_elsewhere,
        f"{_FIELDS}[r2t-open-DataOut]",
    ),
    robustness_fault(
        "answer-to-no-ping-shows-data-of-others",
        "Discloses data of other initiators on the answer to a ping that was not sent.",
        of(Opcode.NOP_OUT, lambda received: received.number(20, 4) != RESERVED_TAG),
        show_others,
        f"{_FIELD}[full-feature-NOPOut-target_transfer_tag]",
    ),
)


# Additional header segments, lengths, digests ----------------------------------------


def _overruns(received: ReceivedPDU) -> bool:
    """Tell whether the first additional header segment ends behind all of them."""
    return 3 + int.from_bytes(received.segments[:2], "big") > len(received.segments) > 0


_MANY_WORDS: Final = 127
_ODD_LENGTH: Final = 511
_LONG: Final = 1 << 20

_OF_SEGMENTS: Final = (
    robustness_fault(
        "additional-header-overrun-crashes",
        "Crashes if an AHSLength exceeds TotalAHSLength.",
        of(Opcode.SCSI_COMMAND, _overruns),
        crash,
        f"{_AHS}[full-feature-Read]",
    ),
    robustness_fault(
        "additional-header-of-a-login-hangs",
        "Hangs on a long additional header segment in a login.",
        lambda received: received.is_login and received.header[4] >= _MANY_WORDS,
        hang,
        f"{_AHS}[operational-Login]",
    ),
    robustness_fault(
        "additional-header-before-login-crashes",
        "Crashes if the first PDU has an additional header segment without type.",
        lambda received: (
            _is_before_login(received) and received.segments[:3] == bytes(3)
        ),
        crash,
        f"{_AHS}[before-login-Login]",
    ),
    robustness_fault(
        "additional-header-of-data-writes-elsewhere",
        "Writes to other units if a Data-Out has an additional header segment.",
        of(Opcode.DATA_OUT, _overruns),
        write_elsewhere,
        f"{_AHS}[r2t-open-DataOut]",
    ),
    robustness_fault(
        "announced-data-keeps-memory",
        "Leaks memory for data that is announced beyond the limit.",
        lambda received: received.is_bad and received.number(5, 3) >= _LONG,
        keep_memory,
        f"{_LENGTHS}[full-feature-Write]",
        f"{_LENGTHS}[operational-Login]",
    ),
    RobustnessFault(
        name="cut-pdu-keeps-its-connection",
        says="Leaks the socket of a peer that has closed its side.",
        breaks=(HELD,),
        rules=SessionRules(fin_ends_connection=False),
        noticed_by=(f"{_LENGTHS}[full-feature-NOPOut]",),
    ),
    robustness_fault(
        "wrong-header-digest-crashes",
        "Crashes if a header digest is zero.",
        lambda received: (
            received.is_bad and not received.data and received.number(5, 3) < _LONG
        ),
        crash,
        f"{_DIGESTS}[digests-NOPOut]",
    ),
    robustness_fault(
        "wrong-data-digest-closes-other-sessions",
        "Closes the sessions of other initiators if a data digest does not match.",
        lambda received: received.is_bad and bool(received.data),
        close_others,
        f"{_DIGESTS}[digests-Text]",
    ),
)


# Positions ---------------------------------------------------------------------------


def _stage(received: ReceivedPDU) -> Stage | None:
    """Return the stage of a login, None before its first request and after it."""
    stages = getattr(received.connection.handler, "stages", None)
    return None if stages is None else stages.current


def _is_before_login(received: ReceivedPDU) -> bool:
    return getattr(received.connection.handler, "first", received) is None


def _is_challenged(received: ReceivedPDU) -> bool:
    login = received.connection.handler
    return _stage(received) is Stage.SECURITY and bool(login.exchanges > 1)


def _is_login_cut(received: ReceivedPDU) -> bool:
    joiner = getattr(received.connection.handler, "joiner", None)
    return joiner is not None and not joiner.is_empty


def _in_session(test: Callable[[Any, Any], bool]) -> When:
    """Return a condition on a connection and its session."""
    return lambda received: (
        received.session is not None and test(received.connection, received.session)
    )


_POSITIONS: Final[Mapping[str, When]] = {
    "before-login": _is_before_login,
    "security": lambda received: _stage(received) is Stage.SECURITY,
    "challenged": _is_challenged,
    "operational": lambda received: _stage(received) is Stage.OPERATIONAL,
    "login-cut": _is_login_cut,
    "full-feature": _in_session(lambda _connection, _session: True),
    "digests": _in_session(lambda connection, _session: connection.digests.header),
    "discovery": _in_session(lambda _connection, session: session.is_discovery),
    "text-cut": _in_session(
        lambda connection, _session: connection.exchange is not None
    ),
    "r2t-open": _in_session(lambda _connection, session: bool(session.commands)),
    "second-connection": _in_session(
        lambda _connection, session: len(session.connections) > 1
    ),
}


def _in(position: str) -> RobustnessFault:
    """Return the row of a crash by an unassigned opcode in one position."""
    is_there = _POSITIONS[position]
    return robustness_fault(
        f"unassigned-opcode-crashes-{position}",
        f"Crashes by a PDU of no known kind and {_ODD_LENGTH} bytes ({position}).",
        lambda received: (
            received.opcode not in set(Opcode)
            and len(received.data) == _ODD_LENGTH
            and is_there(received)
        ),
        crash,
        f"{_LENGTHS}[{position}-Unknown]",
    )


_OF_POSITIONS: Final = (
    *map(_in, _POSITIONS),
    RobustnessFault(
        name="bytes-after-logout-crash",
        says="Crashes on a PDU after a logout.",
        breaks=(SERVES,),
        rules=ConnectionRules(on_late_bytes=crash),
        noticed_by=(f"{_LENGTHS}[logged-out-NOPOut]",),
    ),
)

OF_PDUS: Final = (*_OF_FIELDS, *_OF_SEGMENTS, *_OF_POSITIONS)
