# SPDX-License-Identifier: GPL-2.0-only
"""A check's exchange as sentences: one for each step, with data PDUs combined."""

import itertools
from collections.abc import Iterable

from initiator import proofs
from initiator.transcript import Direction, Entry, Transcript
from iscsi import text
from iscsi.constants import (
    RESERVED_TAG,
    AsyncEvent,
    LoginStatus,
    LogoutReason,
    RejectReason,
    SNACKType,
    Stage,
    TMFunction,
    TMResponse,
)
from iscsi.errors import DecodeError
from iscsi.pdu import (
    PDU,
    R2T,
    SNACK,
    AsyncMessage,
    DataIn,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
)
from iscsi.printable import printable
from iscsi.scsi import cdb, sense
from iscsi.scsi.status import SCSIStatus

_WHO = {Direction.SENT: "Initiator", Direction.RECEIVED: "Target"}
_DATA = (DataIn, DataOut)
_MAX_PAIRS = 120


def narrate(transcript: Transcript) -> list[str]:
    """Return the steps of an exchange, each as a sentence.

    Consecutive Data-In or Data-Out PDUs of one task are one step.
    """
    has_several = len(transcript.connections) > 1
    steps = []
    for _key, group in itertools.groupby(transcript.entries, _belongs):
        entries = list(group)
        steps.append(_sentence(entries, has_several=has_several))
    return steps


def _belongs(entry: Entry) -> object:
    """Return the key by which data PDUs form a step; other PDUs are alone."""
    if isinstance(entry.pdu, _DATA):
        tag = entry.pdu.initiator_task_tag
        return entry.connection, entry.direction, type(entry.pdu), tag
    return id(entry)


def _sentence(entries: list[Entry], *, has_several: bool) -> str:
    first = entries[0]
    who = _WHO.get(first.direction, "")
    where = f" on connection {first.connection}" if has_several else ""
    note = f" ({first.note})" if first.note and first.frame is not None else ""
    if first.frame is None:
        what = f"{len(first.raw)} raw bytes" if first.raw else _event(first)
        return f"{who}: {what}{where}" if who else f"{what}{where}"
    pdus = [entry.pdu for entry in entries if entry.pdu is not None]
    return f"{who}: {_words(pdus)}{where}{note}"


def _event(entry: Entry) -> str:
    """Return an event of a connection, with its details."""
    if entry.event is None:
        return entry.note
    return f"{entry.event} ({entry.note})" if entry.note else str(entry.event)


def _words(pdus: list[PDU]) -> str:
    pdu = pdus[0]
    name = str(pdu.name)
    if isinstance(pdu, _DATA):
        length = sum(len(bytes(one.data)) for one in pdus)
        count = f" in {len(pdus)} PDUs" if len(pdus) > 1 else ""
        last = pdus[-1]
        ends = isinstance(last, DataIn) and last.status_present
        status = f", with status {_named(SCSIStatus, last.status)}" if ends else ""
        return f"{name}, {length} bytes{count}{status}"
    detail = _detail(pdu)
    return f"{name}: {detail}" if detail else name


def _detail(pdu: PDU) -> str:
    if isinstance(pdu, LoginRequest | LoginResponse):
        return _login(pdu)
    if isinstance(pdu, TextRequest | TextResponse):
        return _pairs(bytes(pdu.data))
    if isinstance(pdu, SCSICommand):
        layout = cdb.find(bytes(pdu.cdb))
        return layout.name if layout else f"operation code {bytes(pdu.cdb)[0]:#04x}"
    if isinstance(pdu, SCSIResponse):
        return _status(pdu)
    if isinstance(pdu, NOPOut | NOPIn):
        is_asked = pdu.initiator_task_tag != RESERVED_TAG
        wants = pdu.target_transfer_tag != RESERVED_TAG and isinstance(pdu, NOPIn)
        return "" if is_asked else "wants an answer" if wants else "wants no answer"
    if isinstance(pdu, R2T):
        start = int(pdu.buffer_offset)
        return f"{pdu.desired_data_transfer_length} bytes from {start}"
    return _code(pdu)


def _code(pdu: PDU) -> str:
    """Return the name of the field that characterises a PDU."""
    for kind, field, enum in (
        (TaskManagementRequest, "function", TMFunction),
        (TaskManagementResponse, "response", TMResponse),
        (LogoutRequest, "reason", LogoutReason),
        (Reject, "reason", RejectReason),
        (SNACK, "type", SNACKType),
        (AsyncMessage, "async_event", AsyncEvent),
    ):
        if isinstance(pdu, kind):
            return _named(enum, getattr(pdu, field))
    return ""


def _login(pdu: LoginRequest | LoginResponse) -> str:
    parts = [_named(Stage, pdu.csg)]
    if pdu.transit:
        parts.append(f"to {_named(Stage, pdu.nsg)}")
    if isinstance(pdu, LoginResponse) and pdu.status:
        parts.append(f"status {pdu.status:#06x}, {_named(LoginStatus, pdu.status)}")
    pairs = _pairs(bytes(pdu.data))
    return " ".join(parts) + (f"; {pairs}" if pairs else "")


def _pairs(data: bytes) -> str:
    try:
        pairs: Iterable[tuple[str, str]] = text.decode(data)
    except DecodeError:
        return f"{len(data)} bytes that are no text"
    joined = printable(
        ", ".join(f"{key}={proofs.shown(key, value)}" for key, value in pairs)
    )
    return joined if len(joined) <= _MAX_PAIRS else f"{joined[:_MAX_PAIRS]}..."


def _status(pdu: SCSIResponse) -> str:
    if pdu.response:
        return f"response {pdu.response:#04x}"
    status = _named(SCSIStatus, pdu.status)
    try:
        parsed = sense.read(pdu.sense)[0] if pdu.sense else None
    except DecodeError:
        return f"{status}, sense data that cannot be read"
    return f"{status} ({parsed})" if parsed else status


def _named(enum: type, value: int) -> str:
    try:
        return str(enum(value).name).replace("_", " ")
    except ValueError:
        return f"{value:#x}"
