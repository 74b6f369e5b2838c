# SPDX-License-Identifier: GPL-2.0-only
"""REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS (SPC-4 6.35, 6.36)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure

_SERVACTV, _CTDP = 0x01, 0x02
_ONE_CTDP = 0x80
_TIMEOUTS_LENGTH = 0x0A


class ReportingOptions(IntEnum):
    """REPORTING OPTIONS of REPORT SUPPORTED OPERATION CODES (SPC-4 table 245)."""

    ALL = 0b000
    ONE_OPCODE = 0b001
    ONE_SERVICE_ACTION = 0b010
    ONE_OF_EITHER = 0b011


class Support(IntEnum):
    """SUPPORT of a single command (SPC-4 table 249)."""

    NOT_AVAILABLE = 0b000
    NOT_SUPPORTED = 0b001
    SUPPORTED = 0b011
    VENDOR_SPECIFIC = 0b101


@dataclass(frozen=True, slots=True)
class CommandDescriptor:
    """One command of the list of all."""

    opcode: int
    service_action: int | None
    cdb_length: int
    has_timeouts: bool = False


@dataclass(frozen=True, slots=True)
class OneCommand:
    """What is said of a single command."""

    support: int
    usage: bytes = b""
    has_timeouts: bool = False


def _timeouts() -> bytes:
    # Zeros: no timeout is recommended (SPC-4 section 6.35.4).
    return struct.pack(">H10x", _TIMEOUTS_LENGTH)


def build_all(commands: Iterable[CommandDescriptor]) -> bytes:
    """Build the list of all commands."""
    entries = b"".join(
        struct.pack(
            ">BxHxBH",
            entry.opcode,
            entry.service_action or 0,
            (_SERVACTV if entry.service_action is not None else 0)
            | (_CTDP if entry.has_timeouts else 0),
            entry.cdb_length,
        )
        + (_timeouts() if entry.has_timeouts else b"")
        for entry in commands
    )
    return struct.pack(">I", len(entries)) + entries


def parse_all(data: bytes | memoryview) -> list[CommandDescriptor]:
    """Read the list of all commands.

    Raises:
        DecodeError: the list is cut short.
    """
    data = bytes(data)
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < max(end, 4):
        raise DecodeError(
            f"list of commands of {len(data)} bytes that should have {end}",
            offset=len(data),
            field="COMMAND DATA LENGTH",
            data=data,
        )
    entries = []
    offset = 4
    while offset < end:
        size = 8
        if offset + size <= end:
            opcode, action, flags, length = struct.unpack_from(">BxHxBH", data, offset)
            size += 2 + _TIMEOUTS_LENGTH if flags & _CTDP else 0
        if offset + size > end:
            raise DecodeError(
                "command descriptor cut short",
                offset=offset,
                field="COMMAND DATA LENGTH",
                data=data,
            )
        entries.append(
            CommandDescriptor(
                opcode,
                action if flags & _SERVACTV else None,
                length,
                bool(flags & _CTDP),
            )
        )
        offset += size
    return entries


def build_one(command: OneCommand) -> bytes:
    """Build the answer about a single command."""
    ctdp = _ONE_CTDP if command.has_timeouts else 0
    head = struct.pack(">xBH", ctdp | command.support, len(command.usage))
    return head + command.usage + (_timeouts() if command.has_timeouts else b"")


def parse_one(data: bytes | memoryview) -> OneCommand:
    """Read the answer about a single command.

    Raises:
        DecodeError: it is cut short.
    """
    data = bytes(data)
    length = int.from_bytes(data[2:4], "big")
    if len(data) < 4 + length:
        raise DecodeError(
            f"CDB usage data of {len(data) - 4} bytes where {length} were due",
            offset=len(data),
            field="CDB SIZE",
            data=data,
        )
    return OneCommand(data[1] & 0x07, data[4 : 4 + length], bool(data[1] & _ONE_CTDP))


TASK_MANAGEMENT_FUNCTIONS = Structure(
    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS data",
    4,
    ats=(0, 7, 1),
    atss=(0, 6, 1),
    cacas=(0, 5, 1),
    ctss=(0, 4, 1),
    lurs=(0, 3, 1),
    qts=(0, 2, 1),
    trs=(0, 1, 1),
    wakes=(0, 0, 1),
    qaes=(1, 2, 1),
    qtss=(1, 1, 1),
    itnrs=(1, 0, 1),
    additional_length=(3, 7, 8),
)
"""The fields that say which functions are supported; 16 bytes in extended format."""
