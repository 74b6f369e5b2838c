# SPDX-License-Identifier: GPL-2.0-only
"""Faults that malformed text, CHAP, commands and load trigger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from iscsi.constants import Opcode
from reftarget.faults.robustness_fault import (
    SECRET,
    ReceivedPDU,
    RobustnessFault,
    crash,
    hang,
    keep_file,
    keep_memory,
    leave,
    lose_writes,
    of,
    robustness_fault,
    show_others,
    write_elsewhere,
)
from reftarget.rules import AuthenticationRules

_TEXTS: Final = "texts/test_texts.py::test_"
_COMMANDS: Final = "commands/test_commands.py::test_"
_STRESS: Final = "stress/test_stress.py::test_"

# Text and CHAP -----------------------------------------------------------------------


def _values(received: ReceivedPDU) -> list[bytes]:
    """Return the values of a text."""
    pairs = received.data.split(b"\0") if received.is_text else []
    return [pair.partition(b"=")[2] for pair in pairs]


def _value(received: ReceivedPDU, key: bytes) -> bytes | None:
    """Return the value of a key in a login; None if it is missing."""
    pairs = received.data.split(b"\0") if received.is_login else []
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
    robustness_fault(
        "long-key-of-a-login-crashes",
        "Crashes on a key of more than 63 bytes in a login.",
        lambda received: (
            received.is_login
            and any(
                len(pair.partition(b"=")[0]) > _LONGEST_KEY
                for pair in received.data.split(b"\0")
            )
        ),
        crash,
        *(f"{_TEXTS}text_of_any_form_is_survived[{one}-Login]" for one in _AT_LOGIN),
    ),
    robustness_fault(
        "text-of-nulls-hangs",
        "Hangs on a text of only NULs.",
        lambda received: (
            received.is_text
            and received.data.count(0) == len(received.data) > _MANY_NULS
        ),
        hang,
        *(f"{_TEXTS}text_of_any_form_is_survived[{one}-Text]" for one in _IN_SESSION),
    ),
    robustness_fault(
        "long-value-crashes",
        "Crashes on a value of more than 255 bytes of a known key.",
        lambda received: (
            not received.data.startswith(b"X-")
            and any(len(value) > _LONGEST_VALUE for value in _values(received))
        ),
        crash,
        f"{_TEXTS}any_value_of_a_key_is_survived",
    ),
    robustness_fault(
        "number-of-many-digits-keeps-memory",
        "Leaks memory for each number of a hundred digits or more.",
        lambda received: any(
            len(value) > _MANY_DIGITS and value.isdigit() for value in _values(received)
        ),
        keep_memory,
        f"{_TEXTS}any_value_of_a_key_is_survived[full-feature-Text]",
    ),
    robustness_fault(
        "text-without-end-keeps-memory",
        "Leaks memory for each part of a text.",
        lambda received: received.is_text and bool(received.header[1] & _C_BIT),
        keep_memory,
        f"{_TEXTS}text_without_end_is_survived",
    ),
    RobustnessFault(
        name="any-proof-of-chap-lets-in",
        says="Accepts any answer to the challenge, right or wrong.",
        breaks=(SECRET,),
        rules=AuthenticationRules(
            is_proved=lambda _is_right, _secret, _proves_ours: True
        ),
        noticed_by=(f"{_TEXTS}any_proof_of_chap_is_survived",),
    ),
    RobustnessFault(
        name="proof-may-be-left-out",
        says="Accepts a login that begins in the operational stage.",
        breaks=(SECRET,),
        rules=AuthenticationRules(needs_proof=lambda _is_added: False),
        noticed_by=(f"{_TEXTS}no_login_leaves_the_proof_out",),
    ),
    robustness_fault(
        "long-proof-of-chap-crashes",
        "Crashes on a CHAP_R longer than the longest binary value.",
        lambda received: len(_value(received, b"CHAP_R") or b"") > _LONG_PROOF,
        crash,
        f"{_TEXTS}any_proof_of_chap_is_survived",
    ),
    robustness_fault(
        "empty-list-of-methods-ends-the-target",
        "Exits if a login offers an empty list of methods or algorithms.",
        lambda received: (
            b"" in (_value(received, b"AuthMethod"), _value(received, b"CHAP_A"))
        ),
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
"""The place of the allocation length or the parameter list length in CDBs, by
opcode."""

_LISTS: Final = frozenset({0x15, 0x41, 0x42, 0x48, 0x55, 0x5F, 0x83, 0x93, 0xA4})
_ODD_CUT: Final = 5
_CONTROL: Final = 0xFF
_ENDS: Final[Mapping[int, int]] = {0: 5, 1: 9, 2: 9, 4: 15, 5: 11, 6: 15, 7: 15}
_LONG_CDBS: Final = 3
"""The place of the control byte, by the group of the opcode."""


def _length(received: ReceivedPDU) -> int:
    """Return the length in a CDB; -1 if it has none."""
    cdb = received.cdb
    position = _LENGTH_AT.get(cdb[0]) if cdb else None
    return -1 if position is None else int.from_bytes(cdb[position], "big")


def _has_odd_control(received: ReceivedPDU) -> bool:
    cdb = received.cdb
    if not cdb:
        return False
    group = cdb[0] >> 5
    if group == _LONG_CDBS:  # the end of the CDB lies in an additional header segment
        return cdb[1] == _CONTROL or received.segments[-1:] == bytes([_CONTROL])
    return cdb[_ENDS[group]] == _CONTROL


_OF_COMMANDS: Final = (
    robustness_fault(
        "odd-control-byte-crashes",
        "Crashes on a CDB whose control byte has every bit set.",
        _has_odd_control,
        crash,
        f"{_COMMANDS}any_command_is_survived",
    ),
    robustness_fault(
        "answer-cut-short-shows-data-of-others",
        "Discloses data of other initiators if an answer is cut to five bytes.",
        lambda received: bool(
            received.cdb
            and received.cdb[0] not in _LISTS
            and _length(received) == _ODD_CUT
        ),
        show_others,
        f"{_COMMANDS}an_answer_cut_anywhere_is_survived",
    ),
    robustness_fault(
        "long-list-writes-elsewhere",
        "Writes to other units if a parameter list is shorter than its CDB says.",
        lambda received: bool(
            received.cdb
            and received.cdb[0] in _LISTS
            and _length(received) > len(received.data)
        ),
        write_elsewhere,
        f"{_COMMANDS}a_false_parameter_list_is_survived",
    ),
)


# Load --------------------------------------------------------------------------------

_MANY_LOGINS: Final = 20
_MANY_SESSIONS: Final = 6
_RESET: Final = 5


def _has_many_logins(received: ReceivedPDU) -> bool:
    connections = received.connection.target.connections
    return sum(one.session is None for one in connections) > _MANY_LOGINS


_OF_LOAD: Final = (
    robustness_fault(
        "each-login-keeps-a-file",
        "Leaks an open file for each Login Request.",
        lambda received: received.is_login,
        keep_file,
        f"{_STRESS}logins_without_a_pause_are_served",
    ),
    robustness_fault(
        "many-unfinished-logins-hang",
        "Hangs when more than twenty logins are unfinished.",
        _has_many_logins,
        hang,
        f"{_STRESS}unfinished_logins_block_no_other",
    ),
    robustness_fault(
        "many-sessions-crash",
        "Crashes on a write when seven sessions are open.",
        lambda received: (
            received.cdb[:1] == b"\x2a"
            and len(received.connection.target.sessions) > _MANY_SESSIONS
        ),
        crash,
        f"{_STRESS}data_is_kept_whatever_ends_its_writing[nothing]",
    ),
    robustness_fault(
        "reset-loses-writes",
        "Loses the last written data on a reset of the unit.",
        of(
            Opcode.TASK_MANAGEMENT_REQUEST,
            lambda received: received.header[1] & 0x7F == _RESET,
        ),
        lose_writes,
        f"{_STRESS}data_is_kept_whatever_ends_its_writing",
    ),
)

OF_REQUESTS: Final = (*_OF_TEXTS, *_OF_COMMANDS, *_OF_LOAD)
