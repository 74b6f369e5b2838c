# SPDX-License-Identifier: GPL-2.0-only
"""REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS (SPC-4 6.35, 6.36)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure

_DESCRIPTOR = Structure(
    "command descriptor",
    8,
    operation_code=(0, 7, 8),
    service_action=(2, 7, 16),
    ctdp=(5, 1, 1),
    servactv=(5, 0, 1),
    cdb_length=(6, 7, 16),
)
_ONE = Structure(
    "one_command parameter data",
    4,
    ctdp=(1, 7, 1),
    support=(1, 2, 3),
    cdb_size=(2, 7, 16),
)
_TIMEOUTS = Structure("command timeouts descriptor", 12, descriptor_length=(0, 7, 16))
_LIST_HEADER = 4


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
    """The report about a single command."""

    support: int
    usage: bytes = b""
    has_timeouts: bool = False


def _timeouts() -> bytes:
    # Zeros mean that no timeout is recommended (SPC-4 section 6.35.4).
    return _TIMEOUTS.build(descriptor_length=_TIMEOUTS.length - 2)


def build_all(commands: Iterable[CommandDescriptor]) -> bytes:
    """Build the list of all commands."""
    entries = b"".join(
        _DESCRIPTOR.build(
            operation_code=entry.opcode,
            service_action=entry.service_action or 0,
            servactv=entry.service_action is not None,
            ctdp=entry.has_timeouts,
            cdb_length=entry.cdb_length,
        )
        + (_timeouts() if entry.has_timeouts else b"")
        for entry in commands
    )
    return len(entries).to_bytes(_LIST_HEADER, "big") + entries


def parse_all(data: bytes | memoryview) -> list[CommandDescriptor]:
    """Read the list of all commands.

    Raises:
        DecodeError: the list is cut short.
    """
    data = bytes(data)
    end = _LIST_HEADER + int.from_bytes(data[:_LIST_HEADER], "big")
    if len(data) < end:
        raise DecodeError(
            f"list of commands of {len(data)} bytes that should have {end}",
            offset=len(data),
            field="COMMAND DATA LENGTH",
            data=data,
        )
    entries = []
    offset = _LIST_HEADER
    while offset < end:
        values = _DESCRIPTOR.parse_short(data[offset:end])
        size = _DESCRIPTOR.length + (_TIMEOUTS.length if values["ctdp"] else 0)
        if offset + size > end:
            raise DecodeError(
                "command descriptor cut short",
                offset=offset,
                field="COMMAND DATA LENGTH",
                data=data,
            )
        entries.append(
            CommandDescriptor(
                values["operation_code"],
                values["service_action"] if values["servactv"] else None,
                values["cdb_length"],
                bool(values["ctdp"]),
            )
        )
        offset += size
    return entries


def build_one(command: OneCommand) -> bytes:
    """Build the answer about a single command."""
    head = _ONE.build(
        ctdp=command.has_timeouts,
        support=command.support,
        cdb_size=len(command.usage),
    )
    return head + command.usage + (_timeouts() if command.has_timeouts else b"")


def parse_one(data: bytes | memoryview) -> OneCommand:
    """Read the answer about a single command.

    Raises:
        DecodeError: it is cut short.
    """
    data = bytes(data)
    values = _ONE.parse(data)
    usage = data[_ONE.length :][: values["cdb_size"]]
    if len(usage) < values["cdb_size"]:
        raise DecodeError(
            f"CDB usage data of {len(usage)} bytes instead of {values['cdb_size']}",
            offset=len(data),
            field="CDB SIZE",
            data=data,
        )
    return OneCommand(values["support"], usage, bool(values["ctdp"]))


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
