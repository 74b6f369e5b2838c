# SPDX-License-Identifier: GPL-2.0-only
"""The faults that the robustness suite must notice: one for each family of stimuli.

They stand beside the other faults: their requirements are those of `spec/robustness`,
and each names the checks that send what it does not stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iscsi.constants import RESERVED_TAG, Opcode, Stage
from reftarget.faults.peril import (
    Effect,
    Peril,
    Seen,
    When,
    abort,
    close_others,
    crash,
    hang,
    keep_file,
    keep_memory,
    leave,
    lose_writes,
    show_others,
    upon,
    write_elsewhere,
)
from reftarget.rules import AuthenticationRules, ConnectionRules, SessionRules
from reftarget.variants import by_name

_SERVES: Final = "Robustness-1-01"
_UNDISTURBED: Final = "Robustness-2-01"
_UNTOUCHED: Final = "Robustness-3-01"
_UNTOLD: Final = "Robustness-3-02"
_WRITTEN: Final = "Robustness-3-03"
_SECRET: Final = "Robustness-4-01"  # noqa: S105  # the ID of a requirement
_HELD: Final = "Robustness-5-01"

_BREAKS: Final[Mapping[Effect, str]] = {
    crash: _SERVES,
    abort: _SERVES,
    leave: _SERVES,
    hang: _SERVES,
    close_others: _UNDISTURBED,
    write_elsewhere: _UNTOUCHED,
    show_others: _UNTOLD,
    lose_writes: _WRITTEN,
    keep_memory: _HELD,
    keep_file: _HELD,
}

_PDUS: Final = "pdus/test_malformed.py::test_"
_FIELD: Final = f"{_PDUS}any_value_of_a_field_is_survived"
_FIELDS: Final = f"{_PDUS}any_value_of_any_field_is_survived"
_AHS: Final = f"{_PDUS}additional_header_segments_are_survived"
_LENGTHS: Final = f"{_PDUS}lying_lengths_are_survived"
_DIGESTS: Final = f"{_PDUS}wrong_digests_are_survived"
_TEXTS: Final = "texts/test_texts.py::test_"
_COMMANDS: Final = "commands/test_commands.py::test_"
_STRESS: Final = "stress/test_stress.py::test_"


def _peril(name: str, says: str, when: When, effect: Effect, *checks: str) -> Peril:
    """Return a row whose effect follows on some PDUs."""
    return Peril(
        name=name,
        says=says,
        breaks=(_BREAKS[effect],),
        rules=upon(when, effect),
        noticed_by=checks,
    )


def _of(opcode: Opcode, test: When) -> When:
    """Return what holds of PDUs of one opcode alone, in full-feature phase."""
    return lambda seen: (
        seen.opcode == opcode and seen.session is not None and test(seen)
    )


# Fields ------------------------------------------------------------------------------

_LAST_REASON: Final = 2
_RESERVED_STAGE: Final = 2
_LAST_SNACK: Final = 3
_LAST_ATTRIBUTE: Final = 4
_LAST_FUNCTION: Final = 8
_FAR: Final = 1 << 20

_OF_FIELDS: Final = (
    _peril(
        "unknown-function-crashes",
        "Crashes by a task management function that there is none of.",
        _of(
            Opcode.TASK_MANAGEMENT_REQUEST,
            lambda seen: seen.header[1] & 0x7F > _LAST_FUNCTION,
        ),
        crash,
        f"{_FIELD}[full-feature-TaskManagement-function]",
    ),
    _peril(
        "unknown-logout-reason-hangs",
        "Stands still upon a logout for a reason that there is none of.",
        _of(Opcode.LOGOUT_REQUEST, lambda seen: seen.header[1] & 0x7F > _LAST_REASON),
        hang,
        f"{_FIELD}[full-feature-Logout-reason]",
    ),
    _peril(
        "unknown-snack-closes-other-sessions",
        "Closes the sessions of others upon a SNACK of an unknown type.",
        _of(Opcode.SNACK, lambda seen: seen.header[1] & 0x0F > _LAST_SNACK),
        close_others,
        f"{_FIELD}[full-feature-SNACK-type]",
    ),
    _peril(
        "login-of-later-version-aborts",
        "Ends by an assertion where a login asks for a later version.",
        lambda seen: seen.is_login and seen.header[3] > 0,
        abort,
        f"{_FIELD}[operational-Login-version_min]",
    ),
    _peril(
        "reserved-stage-hangs",
        "Stands still where a login names the reserved stage.",
        lambda seen: seen.is_login and seen.header[1] >> 2 & 3 == _RESERVED_STAGE,
        hang,
        f"{_FIELD}[operational-Login-csg]",
    ),
    _peril(
        "text-of-unknown-tag-keeps-memory",
        "Keeps memory for each text that goes on where none has begun.",
        _of(Opcode.TEXT_REQUEST, lambda seen: seen.number(20, 4) != RESERVED_TAG),
        keep_memory,
        f"{_FIELD}[full-feature-Text-target_transfer_tag]",
    ),
    _peril(
        "reserved-attribute-keeps-a-file",
        "Leaves a file open for each command of a reserved task attribute.",
        _of(Opcode.SCSI_COMMAND, lambda seen: seen.header[1] & 0x07 > _LAST_ATTRIBUTE),
        keep_file,
        f"{_FIELD}[full-feature-Read-attribute]",
    ),
    _peril(
        "wild-lun-writes-elsewhere",
        "Writes to other units where a command's LUN is of no known form.",
        _of(Opcode.SCSI_COMMAND, lambda seen: seen.header[8] & 0xC0 == 0xC0),
        write_elsewhere,
        f"{_FIELD}[full-feature-Write-lun]",
    ),
    _peril(
        "wild-buffer-offset-writes-elsewhere",
        "Writes to other units where a Data-Out lies beyond its command's data.",
        _of(Opcode.DATA_OUT, lambda seen: seen.number(40, 4) > _FAR),
        write_elsewhere,
        f"{_FIELDS}[r2t-open-DataOut]",
    ),
    _peril(
        "answer-to-no-ping-shows-data-of-others",
        "Shows what others have sent upon the answer to a ping that nobody has sent.",
        _of(Opcode.NOP_OUT, lambda seen: seen.number(20, 4) != RESERVED_TAG),
        show_others,
        f"{_FIELD}[full-feature-NOPOut-target_transfer_tag]",
    ),
)


# Additional header segments, lengths, digests ----------------------------------------


def _overruns(seen: Seen) -> bool:
    """Tell whether the first additional header segment ends behind all of them."""
    return 3 + int.from_bytes(seen.segments[:2], "big") > len(seen.segments) > 0


_MANY_WORDS: Final = 127
_ODD_LENGTH: Final = 511
_LONG: Final = 1 << 20

_OF_SEGMENTS: Final = (
    _peril(
        "additional-header-overrun-crashes",
        "Crashes where an AHSLength goes beyond TotalAHSLength.",
        _of(Opcode.SCSI_COMMAND, _overruns),
        crash,
        f"{_AHS}[full-feature-Read]",
    ),
    _peril(
        "additional-header-of-a-login-hangs",
        "Stands still upon a long additional header segment in a login.",
        lambda seen: seen.is_login and seen.header[4] >= _MANY_WORDS,
        hang,
        f"{_AHS}[operational-Login]",
    ),
    _peril(
        "additional-header-before-login-crashes",
        "Crashes where the first PDU has an additional header segment without type.",
        lambda seen: _is_before_login(seen) and seen.segments[:3] == bytes(3),
        crash,
        f"{_AHS}[before-login-Login]",
    ),
    _peril(
        "additional-header-of-data-writes-elsewhere",
        "Writes to other units where a Data-Out has an additional header segment.",
        _of(Opcode.DATA_OUT, _overruns),
        write_elsewhere,
        f"{_AHS}[r2t-open-DataOut]",
    ),
    _peril(
        "announced-data-keeps-memory",
        "Takes memory for data that is announced beyond the limit, and keeps it.",
        lambda seen: seen.is_bad and seen.number(5, 3) >= _LONG,
        keep_memory,
        f"{_LENGTHS}[full-feature-Write]",
        f"{_LENGTHS}[operational-Login]",
    ),
    Peril(
        name="cut-pdu-keeps-its-connection",
        says="Keeps the socket of a peer that has closed its side.",
        breaks=(_HELD,),
        rules=SessionRules(fin_ends_connection=False),
        noticed_by=(f"{_LENGTHS}[full-feature-NOPOut]",),
    ),
    _peril(
        "wrong-header-digest-crashes",
        "Crashes where a header digest is zero.",
        lambda seen: seen.is_bad and not seen.data and seen.number(5, 3) < _LONG,
        crash,
        f"{_DIGESTS}[digests-NOPOut]",
    ),
    _peril(
        "wrong-data-digest-closes-other-sessions",
        "Closes the sessions of others where a data digest does not match.",
        lambda seen: seen.is_bad and bool(seen.data),
        close_others,
        f"{_DIGESTS}[digests-Text]",
    ),
)


# Positions ---------------------------------------------------------------------------


def _stage(seen: Seen) -> Stage | None:
    """Return the stage of a login, None before its first request and after it."""
    stages = getattr(seen.connection.handler, "stages", None)
    return None if stages is None else stages.current


def _is_before_login(seen: Seen) -> bool:
    return getattr(seen.connection.handler, "first", seen) is None


def _is_challenged(seen: Seen) -> bool:
    login = seen.connection.handler
    return _stage(seen) is Stage.SECURITY and bool(login.exchanges > 1)


def _is_login_cut(seen: Seen) -> bool:
    joiner = getattr(seen.connection.handler, "joiner", None)
    return joiner is not None and not joiner.is_empty


def _in_session(test: Callable[[Any, Any], bool]) -> When:
    """Return what holds of a connection and its session."""
    return lambda seen: seen.session is not None and test(seen.connection, seen.session)


_POSITIONS: Final[Mapping[str, When]] = {
    "before-login": _is_before_login,
    "security": lambda seen: _stage(seen) is Stage.SECURITY,
    "challenged": _is_challenged,
    "operational": lambda seen: _stage(seen) is Stage.OPERATIONAL,
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


def _in(position: str) -> Peril:
    """Return the row of a crash by an unassigned opcode in one position."""
    is_there = _POSITIONS[position]
    return _peril(
        f"unassigned-opcode-crashes-{position}",
        f"Crashes by a PDU of no known kind and {_ODD_LENGTH} bytes ({position}).",
        lambda seen: (
            seen.opcode not in set(Opcode)
            and len(seen.data) == _ODD_LENGTH
            and is_there(seen)
        ),
        crash,
        f"{_LENGTHS}[{position}-Unknown]",
    )


_OF_POSITIONS: Final = (
    *map(_in, _POSITIONS),
    Peril(
        name="bytes-after-logout-crash",
        says="Crashes by what comes behind a logout.",
        breaks=(_SERVES,),
        rules=ConnectionRules(on_late_bytes=crash),
        noticed_by=(f"{_LENGTHS}[logged-out-NOPOut]",),
    ),
)


# Text and CHAP -----------------------------------------------------------------------


def _values(seen: Seen) -> list[bytes]:
    """Return the values of a text."""
    pairs = seen.data.split(b"\0") if seen.is_text else []
    return [pair.partition(b"=")[2] for pair in pairs]


def _value(seen: Seen, key: bytes) -> bytes | None:
    """Return the value of a key of a login; None where it is not said."""
    pairs = seen.data.split(b"\0") if seen.is_login else []
    return next((one[len(key) + 1 :] for one in pairs if one[: len(key)] == key), None)


_LONGEST_VALUE: Final = 255
_LONGEST_KEY: Final = 63
_MANY_NULS: Final = 1000
_MANY_DIGITS: Final = 100
_LONG_PROOF: Final = 2048
_C_BIT: Final = 0x40
_AT_LOGIN: Final = ("before-login", "security", "operational", "login-cut")
_IN_SESSION: Final = ("full-feature", "text-cut", "discovery")

_OF_TEXTS: Final = (
    _peril(
        "long-key-of-a-login-crashes",
        "Crashes by a key of more than 63 bytes in a login.",
        lambda seen: (
            seen.is_login
            and any(
                len(pair.partition(b"=")[0]) > _LONGEST_KEY
                for pair in seen.data.split(b"\0")
            )
        ),
        crash,
        *(f"{_TEXTS}text_of_any_form_is_survived[{one}-Login]" for one in _AT_LOGIN),
    ),
    _peril(
        "text-of-nulls-hangs",
        "Stands still upon a text of nothing but NULs.",
        lambda seen: seen.is_text and seen.data.count(0) == len(seen.data) > _MANY_NULS,
        hang,
        *(f"{_TEXTS}text_of_any_form_is_survived[{one}-Text]" for one in _IN_SESSION),
    ),
    _peril(
        "long-value-crashes",
        "Crashes by a value of more than 255 bytes of a key that is known.",
        lambda seen: (
            not seen.data.startswith(b"X-")
            and any(len(value) > _LONGEST_VALUE for value in _values(seen))
        ),
        crash,
        f"{_TEXTS}any_value_of_a_key_is_survived",
    ),
    _peril(
        "number-of-many-digits-keeps-memory",
        "Keeps memory for each number of a hundred digits and more.",
        lambda seen: any(
            len(value) > _MANY_DIGITS and value.isdigit() for value in _values(seen)
        ),
        keep_memory,
        f"{_TEXTS}any_value_of_a_key_is_survived[full-feature-Text]",
    ),
    _peril(
        "text-without-end-keeps-memory",
        "Keeps memory for each part of a text, whatever becomes of it.",
        lambda seen: seen.is_text and bool(seen.header[1] & _C_BIT),
        keep_memory,
        f"{_TEXTS}text_without_end_is_survived",
    ),
    Peril(
        name="any-proof-of-chap-lets-in",
        says="Lets in whoever answers the challenge, right or wrong.",
        breaks=(_SECRET,),
        rules=AuthenticationRules(
            is_proved=lambda _is_right, _secret, _proves_ours: True
        ),
        noticed_by=(f"{_TEXTS}any_proof_of_chap_is_survived",),
    ),
    Peril(
        name="proof-may-be-left-out",
        says="Lets in who begins with the operational stage.",
        breaks=(_SECRET,),
        rules=AuthenticationRules(needs_proof=lambda _is_added: False),
        noticed_by=(f"{_TEXTS}no_login_leaves_the_proof_out",),
    ),
    _peril(
        "long-proof-of-chap-crashes",
        "Crashes by a CHAP_R longer than the longest binary value.",
        lambda seen: len(_value(seen, b"CHAP_R") or b"") > _LONG_PROOF,
        crash,
        f"{_TEXTS}any_proof_of_chap_is_survived",
    ),
    _peril(
        "empty-list-of-methods-ends-the-target",
        "Ends where a login offers an empty list of methods or algorithms.",
        lambda seen: b"" in (_value(seen, b"AuthMethod"), _value(seen, b"CHAP_A")),
        leave,
        f"{_TEXTS}any_method_of_authentication_is_survived",
    ),
)


# Commands ----------------------------------------------------------------------------

_LENGTH_AT: Final[Mapping[int, slice]] = {
    0x03: slice(4, 5),
    0x12: slice(3, 5),
    0x15: slice(4, 5),
    0x1A: slice(4, 5),
    0x41: slice(7, 9),
    0x42: slice(7, 9),
    0x48: slice(7, 9),
    0x4D: slice(7, 9),
    0x55: slice(7, 9),
    0x5A: slice(7, 9),
    0x5E: slice(7, 9),
    0x5F: slice(5, 9),
    0x83: slice(10, 14),
    0x84: slice(10, 14),
    0x93: slice(10, 14),
    0x9E: slice(10, 14),
    0xA0: slice(6, 10),
    0xA3: slice(6, 10),
    0xA4: slice(6, 10),
}
"""Where a CDB has its allocation length or its parameter list length, by opcode."""

_LISTS: Final = frozenset({0x15, 0x41, 0x42, 0x48, 0x55, 0x5F, 0x83, 0x93, 0xA4})
_ODD_CUT: Final = 5
_CONTROL: Final = 0xFF
_ENDS: Final[Mapping[int, int]] = {0: 5, 1: 9, 2: 9, 4: 15, 5: 11, 6: 15, 7: 15}
_LONG_CDBS: Final = 3
"""Where the control byte stands, by the group of the opcode."""


def _length(seen: Seen) -> int:
    """Return the length that a CDB gives; -1 where it gives none."""
    cdb = seen.cdb
    where = _LENGTH_AT.get(cdb[0]) if cdb else None
    return -1 if where is None else int.from_bytes(cdb[where], "big")


def _has_odd_control(seen: Seen) -> bool:
    cdb = seen.cdb
    if not cdb:
        return False
    group = cdb[0] >> 5
    if group == _LONG_CDBS:  # its end lies in an additional header segment
        return cdb[1] == _CONTROL or seen.segments[-1:] == bytes([_CONTROL])
    return cdb[_ENDS[group]] == _CONTROL


_OF_COMMANDS: Final = (
    _peril(
        "odd-control-byte-crashes",
        "Crashes by a CDB whose control byte has every bit set.",
        _has_odd_control,
        crash,
        f"{_COMMANDS}any_command_is_survived",
    ),
    _peril(
        "answer-cut-short-shows-data-of-others",
        "Shows what others have sent where an answer is cut to five bytes.",
        lambda seen: bool(
            seen.cdb and seen.cdb[0] not in _LISTS and _length(seen) == _ODD_CUT
        ),
        show_others,
        f"{_COMMANDS}an_answer_cut_anywhere_is_survived",
    ),
    _peril(
        "long-list-writes-elsewhere",
        "Writes to other units where a parameter list is shorter than its CDB says.",
        lambda seen: bool(
            seen.cdb and seen.cdb[0] in _LISTS and _length(seen) > len(seen.data)
        ),
        write_elsewhere,
        f"{_COMMANDS}a_parameter_list_that_lies_is_survived",
    ),
)


# Load --------------------------------------------------------------------------------

_MANY_LOGINS: Final = 20
_MANY_SESSIONS: Final = 6
_RESET: Final = 5


def _has_many_logins(seen: Seen) -> bool:
    connections = seen.connection.target.connections
    return sum(one.session is None for one in connections) > _MANY_LOGINS


_OF_LOAD: Final = (
    _peril(
        "each-login-keeps-a-file",
        "Leaves a file open for each Login Request.",
        lambda seen: seen.is_login,
        keep_file,
        f"{_STRESS}logins_without_a_pause_are_served",
    ),
    _peril(
        "many-unfinished-logins-hang",
        "Stands still when more than twenty logins are unfinished.",
        _has_many_logins,
        hang,
        f"{_STRESS}unfinished_logins_stand_in_nobodys_way",
    ),
    _peril(
        "many-sessions-crash",
        "Crashes by a write when seven sessions are open.",
        lambda seen: (
            seen.cdb[:1] == b"\x2a"
            and len(seen.connection.target.sessions) > _MANY_SESSIONS
        ),
        crash,
        f"{_STRESS}data_is_kept_whatever_ends_its_writing[nothing]",
    ),
    _peril(
        "reset-loses-writes",
        "Loses what was written last upon a reset of the unit.",
        _of(
            Opcode.TASK_MANAGEMENT_REQUEST, lambda seen: seen.header[1] & 0x7F == _RESET
        ),
        lose_writes,
        f"{_STRESS}data_is_kept_whatever_ends_its_writing",
    ),
)

PERILS: Final = by_name(
    (
        *_OF_FIELDS,
        *_OF_SEGMENTS,
        *_OF_POSITIONS,
        *_OF_TEXTS,
        *_OF_COMMANDS,
        *_OF_LOAD,
    )
)
"""Every fault of the robustness suite, by its name."""
