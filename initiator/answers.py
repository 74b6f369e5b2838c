# SPDX-License-Identifier: GPL-2.0-only
"""Answers for failures: readable, and normalised so that similar ones are equal.

`words` shows one answer with its numbers. `normalise` leaves out tags, numbers and
data: two checks that got the same kind of answer get the same text.
"""

import re
from collections.abc import Sequence
from typing import TypeGuard

from initiator import proofs
from initiator.describe import describe
from initiator.task import Result
from iscsi import text
from iscsi.constants import Stage
from iscsi.errors import (
    ConnectionLost,
    DecodeError,
    DigestError,
    ISCSIError,
    NegotiationError,
    NotConnected,
    NumberingError,
    PeerError,
    PeerTimeout,
)
from iscsi.pdu import (
    PDU,
    AsyncMessage,
    DataIn,
    LoginResponse,
    LogoutResponse,
    Reject,
    SCSIResponse,
    TaskManagementResponse,
)
from iscsi.printable import line
from iscsi.scsi import sense
from iscsi.scsi.status import SCSIStatus

SHOWN_PDUS = 12
"""The maximum number of PDUs of a list that are shown."""

_LONGEST = 120
"""The maximum length of a normalised answer, in characters."""

NO_ANSWER = "no answer"
PART = "a part of a PDU"
DROPPED = "connection dropped"
NO_CONNECTION = "no connection"
NOTHING = "nothing"
NONE = "none"
"""The text for an empty list."""

_PLAIN = {
    NOTHING: NO_ANSWER,
    "none came": NO_ANSWER,
    "the connection is dropped": DROPPED,
}
"""Texts of checks, and the normalised answers that they mean."""

_NUMBER = re.compile(r"\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)?")


def words(answer: object) -> str:
    """Return an answer as text; PDUs are shown as in the transcript."""
    if isinstance(answer, list | tuple) and not answer:
        return NONE
    if isinstance(answer, PDU):
        return describe(answer)
    if isinstance(answer, list | tuple) and any(isinstance(one, PDU) for one in answer):
        parts = [words(one) for one in answer[:SHOWN_PDUS]]
        if len(answer) > SHOWN_PDUS:
            parts.append(f"and {len(answer) - SHOWN_PDUS} more")
        return "; ".join(parts)
    if _is_pairs(answer):
        # From a target's CHAP_R, a reader could guess its secret.
        pairs = (f"{key}={proofs.shown(key, value)}" for key, value in answer)
        return "{" + line(", ".join(pairs)) + "}"
    return NOTHING if answer is None else line(str(answer))


def _is_pairs(answer: object) -> TypeGuard[Sequence[tuple[str, str]]]:
    """Tell whether a value is text: keys and values."""
    return (
        isinstance(answer, list)
        and bool(answer)
        and all(
            isinstance(pair, tuple) and [type(part) for part in pair] == [str, str]
            for pair in answer
        )
    )


def offending(answer: object) -> PDU | None:
    """Return the PDU that an answer consists of or ends with, if there is one."""
    if isinstance(answer, PDU):
        return answer
    if isinstance(answer, Result):
        return answer.final
    if isinstance(answer, list | tuple) and answer:
        return offending(answer[-1])
    # A PeerError carries the wrong PDU, a refused login its response.
    for name in ("pdu", "response"):
        pdu = getattr(answer, name, None)
        if isinstance(answer, ISCSIError) and isinstance(pdu, PDU):
            return pdu
    return None


def field_of(answer: object) -> str:
    """Return the field or text key in an error of the peer, or an empty text."""
    if isinstance(answer, NegotiationError):
        return answer.key
    if isinstance(answer, DecodeError | PeerError):
        return answer.field
    return ""


def normalise(answer: object) -> str:
    """Return kind and codes of an answer, without tags, numbers and data.

    For example "SCSIResponse CHECK CONDITION 5h/24h/00h", "Reject 0x04", "no answer".
    """
    if isinstance(answer, PDU):
        return " ".join([type(answer).__name__, *_codes(answer)])
    if isinstance(answer, Result):
        return normalise(answer.final)
    if isinstance(answer, list | tuple) and any(isinstance(one, PDU) for one in answer):
        kinds = dict.fromkeys(normalise(one) for one in answer)
        return "; ".join(kinds)[:_LONGEST]
    if isinstance(answer, ISCSIError):
        return _error(answer)
    text = " ".join(words(answer).split())
    return _PLAIN.get(text) or _NUMBER.sub("#", text)[:_LONGEST]


def _error(error: ISCSIError) -> str:
    if isinstance(error, PeerTimeout):
        return PART if error.part else NO_ANSWER
    if isinstance(error, NotConnected):
        return NO_CONNECTION
    if isinstance(error, ConnectionLost):
        return DROPPED
    if isinstance(error, NegotiationError) and error.answered == text.NOT_UNDERSTOOD:
        return error.answered
    pdu = offending(error)
    if pdu is None:
        return _NUMBER.sub("#", str(error))[:_LONGEST]
    if isinstance(error, DigestError):
        return f"{type(pdu).__name__} with a wrong {error.field}"
    if isinstance(error, NumberingError):
        return f"{type(pdu).__name__} with another {error.field}"
    return normalise(pdu)


def _codes(pdu: PDU) -> list[str]:
    """Return the status, reason, event or response codes of a PDU."""
    if isinstance(pdu, SCSIResponse):
        if pdu.response:
            return [f"service response {pdu.response:#04x}"]
        return [_status(int(pdu.status)), *_sense(pdu.sense)]
    if isinstance(pdu, DataIn):
        return [_status(int(pdu.status))] if pdu.status_present else []
    if isinstance(pdu, LoginResponse):
        # In full-feature phase the initiator has been admitted; before that, a login
        # only continues.
        is_in = pdu.transit and pdu.nsg == Stage.FULL_FEATURE and not pdu.status
        return [f"{int(pdu.status):04x}", *(["FULL_FEATURE"] if is_in else [])]
    if isinstance(pdu, Reject):
        return [f"{int(pdu.reason):#04x}"]
    if isinstance(pdu, LogoutResponse | TaskManagementResponse):
        return [f"{int(pdu.response):#04x}"]
    if isinstance(pdu, AsyncMessage):
        return [f"event {int(pdu.async_event)}"]
    return []


def _status(code: int) -> str:
    try:
        return SCSIStatus(code).name.replace("_", " ")
    except ValueError:
        return f"status {code:#04x}"


def _sense(data: bytes) -> list[str]:
    if not data:
        return []
    try:
        parsed, _error = sense.read(data)
    except DecodeError:
        return ["malformed sense"]
    return [f"{int(parsed.key):X}h/{parsed.asc:02X}h/{parsed.ascq:02X}h"]
