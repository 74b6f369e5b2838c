# SPDX-License-Identifier: GPL-2.0-only
"""The states of a target, derived from its answers, by which a campaign is steered."""

from collections.abc import Iterator
from contextlib import suppress

from initiator.transcript import Direction, Event, Transcript
from iscsi.errors import DecodeError, ISCSIError
from iscsi.pdu import (
    PDU,
    AsyncMessage,
    DataIn,
    LoginResponse,
    LogoutResponse,
    Reject,
    SCSIResponse,
    TaskManagementResponse,
    TextResponse,
)
from iscsi.scsi import sense

_ENDS = {Event.FIN_RECEIVED: "closed", Event.RST_RECEIVED: "reset"}


def states(transcript: Transcript) -> set[str]:
    """Return the states that the answers of an exchange show.

    A state is two consecutive answers on a connection, as their kinds and codes
    (status, reject reason, stage), or an answer and the end of the connection.
    """
    observed = set()
    before: dict[int, str] = {}
    for number, code in _codes(transcript):
        observed.add(f"{before.get(number, 'begin')} > {code}")
        before[number] = code
    return observed


def _codes(transcript: Transcript) -> Iterator[tuple[int, str]]:
    for entry in transcript.entries:
        if entry.event in _ENDS:
            yield entry.connection, _ENDS[entry.event]
        elif entry.direction is Direction.RECEIVED and entry.frame is not None:
            with suppress(ISCSIError):
                pdu = entry.pdu
                if pdu is not None:
                    yield entry.connection, _code(pdu)


def _code(pdu: PDU) -> str:
    name = type(pdu).__name__
    match pdu:
        case LoginResponse():
            flags = f"{pdu.csg}{pdu.nsg}{'T' if pdu.transit else ''}"
            return f"{name} {pdu.status:#06x} {flags}{'C' if pdu.continuation else ''}"
        case Reject():
            rejected = bytes(pdu.data)[:1]
            opcode = rejected[0] & 0x3F if rejected else 0
            return f"{name} {pdu.reason:#04x} of {opcode:#04x}"
        case SCSIResponse():
            codes = f"{pdu.response:#x} {pdu.status:#04x}"
            return f"{name} {codes} {_sense(pdu)}"
        case TaskManagementResponse() | LogoutResponse():
            return f"{name} {pdu.response:#x}"
        case AsyncMessage():
            return f"{name} {pdu.async_event:#x}"
        case TextResponse():
            return f"{name} {'F' if pdu.final else ''}{'C' if pdu.continuation else ''}"
        case DataIn():
            return (
                f"{name} {'F' if pdu.final else ''}{'S' if pdu.status_present else ''}"
            )
        case _:
            return name


def _sense(pdu: SCSIResponse) -> str:
    with suppress(DecodeError):
        sense_data, _ = sense.read(pdu.sense)
        return f"{sense_data.key:#x}"
    return ""
