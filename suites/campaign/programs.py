# SPDX-License-Identifier: GPL-2.0-only
"""Programs: the events of a bundle, sent in order on some connections.

A program follows a few rules, so that a finding is the target's fault: bytes that
cannot be decoded are sent as bytes, the amount of data is limited, and no event
addresses the unit of the watcher.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from initiator import bundle
from initiator.bundle import Event
from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.errors import DecodeError
from iscsi.pdu import decode

Program = tuple[Event, ...]

MOST_EVENTS = 120
MOST_CONNECTIONS = 6
MOST_DATA = 1 << 18
"""Maximum length of a data segment, in bytes."""

_SHOWN = 4
_IMMEDIATE = 0x40
_CMD_SN = slice(24, 28)
_NUMBERED = frozenset(
    {
        Opcode.NOP_OUT,
        Opcode.SCSI_COMMAND,
        Opcode.TASK_MANAGEMENT_REQUEST,
        Opcode.TEXT_REQUEST,
        Opcode.LOGOUT_REQUEST,
    }
)
_WITH_LUN = frozenset(
    {Opcode.SCSI_COMMAND, Opcode.TASK_MANAGEMENT_REQUEST, Opcode.DATA_OUT}
)


def header_of(event: Event) -> bytes:
    """Return the header segments of a PDU, or the first bytes of what is not a PDU."""
    return bytes.fromhex(event.header or event.raw)


def with_segments(event: Event, header: bytes, data: bytes) -> Event:
    """Return an event that sends other segments; bytes if they do not form a PDU."""
    data = data[:MOST_DATA]
    try:
        decode(header, data)
    except DecodeError:
        raw = (header + data).hex()
        return Event(bundle.RAW, event.connection, event.time, raw=raw)
    if event.kind == bundle.SENT:
        return replace(event, header=header.hex(), data=data.hex())
    return replace(
        event, kind=bundle.SENT, header=header.hex(), data=data.hex(), raw=""
    )


def on(connection: int, event: Event) -> Event:
    """Return an event on another connection."""
    return replace(event, connection=connection)


def normalise(
    events: Iterable[Event], sentinel: int | None, *, is_bounded: bool = True
) -> Program:
    """Return a program that follows the rules.

    A connection is opened before its first event and has no events after it is closed;
    connections without events are left out.

    Args:
        events: the result of a mutation.
        sentinel: the LUN that nothing may address; None if there is none.
        is_bounded: whether the program is cut to the maximum length of a mutation;
            programs that are joined are not.
    """
    remaining: list[Event] = []
    opened: set[int] = set()
    ended: set[int] = set()
    for event in events:
        number = event.connection
        if number in ended or (event.kind == bundle.OPENED and number in opened):
            continue
        if _addresses(event, sentinel):
            continue
        if number not in opened:
            if is_bounded and len(opened) == MOST_CONNECTIONS:
                continue
            opened.add(number)
            remaining.append(Event(bundle.OPENED, number))
        if event.kind != bundle.OPENED:
            remaining.append(event)
        if event.kind in (bundle.CLOSED, bundle.RESET):
            ended.add(number)
        if is_bounded and len(remaining) >= MOST_EVENTS:
            break
    used = {
        one.connection for one in remaining if one.kind in (bundle.SENT, bundle.RAW)
    }
    return tuple(one for one in remaining if one.connection in used)


def _addresses(event: Event, lun: int | None) -> bool:
    """Tell whether an event sends to a logical unit, however its LUN is written."""
    header = header_of(event)
    if lun is None or event.kind not in (bundle.SENT, bundle.RAW) or len(header) < 16:
        return False
    is_of_unit = header[0] & 0x3F in _WITH_LUN
    return is_of_unit and (header[8] & 0x3F, header[9]) == (lun >> 8, lun & 0xFF)


def renumber(program: Program) -> Program:
    """Return a program whose CmdSN increases by one from request to request.

    Connections whose login names a TSIH belong to the session before them.
    """
    next_numbers: dict[int, int] = {}
    session: dict[int, int] = {}
    latest = 0
    renumbered = []
    for event in program:
        header = header_of(event) if event.kind == bundle.SENT else b""
        opcode = header[0] & 0x3F if header else None
        if opcode == Opcode.LOGIN_REQUEST:
            number = event.connection
            if any(header[14:16]) and latest:
                session[number] = session.get(latest, latest)
            else:
                latest = session[number] = number
                next_numbers[number] = int.from_bytes(header[_CMD_SN], "big")
        elif opcode in _NUMBERED:
            owner = session.get(event.connection, event.connection)
            number = next_numbers.setdefault(owner, 1)
            field = (number & 0xFFFFFFFF).to_bytes(4, "big")
            changed = header[:24] + field + header[28:]
            renumbered.append(replace(event, header=changed.hex()))
            if not header[0] & _IMMEDIATE:
                next_numbers[owner] = number + 1
            continue
        renumbered.append(event)
    return tuple(renumbered)


def describe(program: Program) -> str:
    """Return a short description of the PDUs that a program sends."""
    connections = {event.connection for event in program}
    sent = [one for one in program if one.kind in (bundle.SENT, bundle.RAW)]
    names = [_name(one) for one in sent]
    last_names = ", ".join(names[-_SHOWN:])
    word = "connection" if len(connections) == 1 else "connections"
    pdus = "PDU" if len(sent) == 1 else "PDUs"
    ellipsis = "... " if len(names) > _SHOWN else ""
    return f"{len(sent)} {pdus} on {len(connections)} {word}: {ellipsis}{last_names}"


def _name(event: Event) -> str:
    if event.kind == bundle.RAW:
        return f"{len(event.raw) // 2} bytes"
    return type(event.pdu).__name__


def last_kind(program: Program) -> str:
    """Return the kind of the last PDU of a program."""
    for event in reversed(program):
        header = header_of(event)
        if event.kind in (bundle.SENT, bundle.RAW) and len(header) >= BHS_LENGTH:
            with suppress(ValueError):
                return Opcode(header[0] & 0x3F).name
            return f"opcode {header[0] & 0x3F:#04x}"
    return "nothing"
