# SPDX-License-Identifier: GPL-2.0-only
"""Target port groups and their access states (SPC-4 sections 5.15, 6.37 and 6.45)."""

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout, Structure
from iscsi.scsi.sense import AdditionalSense


class AccessState(IntEnum):
    """ASYMMETRIC ACCESS STATE (SPC-4 section 6.37)."""

    OPTIMIZED = 0x0
    NON_OPTIMIZED = 0x1
    STANDBY = 0x2
    UNAVAILABLE = 0x3
    LOGICAL_BLOCK_DEPENDENT = 0x4
    OFFLINE = 0xE
    TRANSITIONING = 0xF


ACTIVE = frozenset({AccessState.OPTIMIZED, AccessState.NON_OPTIMIZED})
"""The states in which every command is served."""


class StatusCode(IntEnum):
    """STATUS CODE: what has changed the state last (SPC-4 section 6.37)."""

    NONE = 0
    EXPLICIT = 1
    IMPLICIT = 2


class ReportFormat(IntEnum):
    """PARAMETER DATA FORMAT of REPORT TARGET PORT GROUPS (SPC-4 section 6.37)."""

    SHORT = 0
    EXTENDED = 1


class AccessManagement(IntEnum):
    """TPGS of standard INQUIRY data (SPC-4 section 6.6.2)."""

    NONE = 0b00
    IMPLICIT = 0b01
    EXPLICIT = 0b10
    BOTH = 0b11


_SHORT_HEADER = Structure(
    "REPORT TARGET PORT GROUPS header", 4, return_data_length=(0, 7, 32)
)
_EXTENDED_HEADER = Structure(
    "REPORT TARGET PORT GROUPS extended header",
    8,
    return_data_length=(0, 7, 32),
    parameter_data_format=(4, 6, 3),
    implicit_transition_time=(5, 7, 8),
)
_GROUP = Structure(
    "target port group descriptor",
    8,
    pref=(0, 7, 1),
    asymmetric_access_state=(0, 3, 4),
    supported=(1, 7, 8),
    target_port_group=(2, 7, 16),
    status_code=(5, 7, 8),
    vendor_specific=(6, 7, 8),
    target_port_count=(7, 7, 8),
)
_PORT = struct.Struct(">2xH")
_SET = struct.Struct(">B1xH")
SET_HEADER = 4
"""Reserved bytes at the beginning of the list of SET TARGET PORT GROUPS."""
SET_LENGTH = _SET.size
"""Bytes of one descriptor of that list."""

_SUPPORT_BITS: Mapping[AccessState, int] = MappingProxyType(
    {
        AccessState.OPTIMIZED: 0x01,
        AccessState.NON_OPTIMIZED: 0x02,
        AccessState.STANDBY: 0x04,
        AccessState.UNAVAILABLE: 0x08,
        AccessState.LOGICAL_BLOCK_DEPENDENT: 0x10,
        AccessState.OFFLINE: 0x40,
        AccessState.TRANSITIONING: 0x80,
    }
)


@dataclass(frozen=True, slots=True)
class PortGroup:
    """One target port group, as REPORT TARGET PORT GROUPS describes it."""

    group: int
    state: int = AccessState.OPTIMIZED
    """An AccessState, or a reserved value."""
    ports: tuple[int, ...] = ()
    """Its relative target port identifiers."""
    supported: frozenset[AccessState] = ACTIVE
    is_preferred: bool = False
    status: int = StatusCode.NONE

    def build(self) -> bytes:
        """Return the descriptor."""
        head = _GROUP.build(
            pref=int(self.is_preferred),
            asymmetric_access_state=self.state,
            supported=sum(_SUPPORT_BITS[state] for state in self.supported),
            target_port_group=self.group,
            status_code=self.status,
            target_port_count=len(self.ports),
        )
        return head + b"".join(map(_PORT.pack, self.ports))


def build_report(
    groups: Iterable[PortGroup], *, transition_time: int | None = None
) -> bytes:
    """Build the data of REPORT TARGET PORT GROUPS.

    Args:
        groups: the target port groups.
        transition_time: IMPLICIT TRANSITION TIME of the extended header, in seconds;
            None for the header that has only a length.
    """
    body = b"".join(group.build() for group in groups)
    if transition_time is None:
        return _SHORT_HEADER.build(return_data_length=len(body)) + body
    header = _EXTENDED_HEADER.build(
        return_data_length=_EXTENDED_HEADER.length - 4 + len(body),
        parameter_data_format=ReportFormat.EXTENDED,
        implicit_transition_time=transition_time,
    )
    return header + body


@dataclass(frozen=True, slots=True)
class Report:
    """The data of REPORT TARGET PORT GROUPS."""

    length: int
    """RETURN DATA LENGTH."""
    groups: tuple[PortGroup, ...]
    format: int = ReportFormat.SHORT
    """PARAMETER DATA FORMAT, as the data tells it."""


def parse_report(data: bytes, *, is_extended: bool = False) -> Report:
    """Read the data of REPORT TARGET PORT GROUPS.

    Args:
        data: whole data, which no allocation length has cut.
        is_extended: it has the extended header.

    Raises:
        DecodeError: it is shorter than its lengths and counts say, or longer.
    """
    header = (_EXTENDED_HEADER if is_extended else _SHORT_HEADER).parse(data)
    length = header["return_data_length"]
    if len(data) != 4 + length:
        raise DecodeError(
            f"RETURN DATA LENGTH {length} with {len(data) - 4} bytes behind it",
            field="RETURN DATA LENGTH",
            data=data,
        )
    groups: list[PortGroup] = []
    offset = _EXTENDED_HEADER.length if is_extended else _SHORT_HEADER.length
    while offset < len(data):
        fields = _GROUP.parse(data[offset:])
        offset += _GROUP.length
        end = offset + _PORT.size * fields["target_port_count"]
        if end > len(data):
            raise DecodeError(
                f"TARGET PORT COUNT {fields['target_port_count']} with "
                f"{len(data) - offset} bytes behind it",
                offset=offset - 1,
                field="TARGET PORT COUNT",
                data=data,
            )
        groups.append(
            PortGroup(
                fields["target_port_group"],
                fields["asymmetric_access_state"],
                tuple(port for (port,) in _PORT.iter_unpack(data[offset:end])),
                frozenset(
                    state
                    for state, bit in _SUPPORT_BITS.items()
                    if fields["supported"] & bit
                ),
                bool(fields["pref"]),
                fields["status_code"],
            )
        )
        offset = end
    return Report(length, tuple(groups), header.get("parameter_data_format", 0))


def build_states(states: Iterable[tuple[int, int]]) -> bytes:
    """Build the list of SET TARGET PORT GROUPS.

    Args:
        states: each target port group with its new state.
    """
    entries = (_SET.pack(state, group) for group, state in states)
    return bytes(SET_HEADER) + b"".join(entries)


def parse_states(data: bytes) -> list[tuple[int, int]]:
    """Read the list of SET TARGET PORT GROUPS: each group with its new state.

    Raises:
        DecodeError: it ends within its header or a descriptor.
    """
    rest = data[SET_HEADER:]
    if len(data) < SET_HEADER or len(rest) % _SET.size:
        raise DecodeError(
            f"list of {len(data)} bytes ends within a descriptor", data=data
        )
    return [(group, first & 0x0F) for first, group in _SET.iter_unpack(rest)]


_INFORMING = frozenset(
    {
        cdb.inquiry.opcode,
        cdb.report_luns.opcode,
        cdb.request_sense.opcode,
    }
)
_CONFIGURING = frozenset(
    {
        cdb.mode_select_6.opcode,
        cdb.mode_select_10.opcode,
        cdb.mode_sense_6.opcode,
        cdb.mode_sense_10.opcode,
        cdb.log_sense.opcode,
        cdb.send_diagnostic.opcode,
        cdb.persistent_reserve_in_read_keys.opcode,
        cdb.persistent_reserve_out_register.opcode,
    }
)
_REPORT = frozenset({cdb.report_target_port_groups})
_GROUPS = frozenset({*_REPORT, cdb.set_target_port_groups})

_SERVED: Mapping[AccessState, tuple[frozenset[int], Collection[Layout]]] = (
    MappingProxyType(
        {
            AccessState.STANDBY: (_INFORMING | _CONFIGURING, _GROUPS),
            AccessState.UNAVAILABLE: (_INFORMING, _GROUPS),
            AccessState.TRANSITIONING: (_INFORMING, _REPORT),
        }
    )
)
"""By opcode and by command, what a unit must serve in a state if it does in others."""

REFUSALS: Mapping[AccessState, AdditionalSense] = MappingProxyType(
    {
        AccessState.STANDBY: (
            AdditionalSense.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE
        ),
        AccessState.UNAVAILABLE: (
            AdditionalSense.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE
        ),
        AccessState.TRANSITIONING: (
            AdditionalSense.LOGICAL_UNIT_NOT_ACCESSIBLE_ASYMMETRIC_ACCESS_STATE_TRANSITION
        ),
        AccessState.OFFLINE: AdditionalSense.LOGICAL_UNIT_NOT_READY_OFFLINE,
    }
)
"""The additional sense code, with NOT READY, of a command that is not served."""


def is_served(state: int, layout: Layout) -> bool:
    """Tell whether a command is served in a state (SPC-4 section 5.15.2.4).

    Of the commands that a state leaves to the unit none is.
    """
    if state in ACTIVE or state == AccessState.LOGICAL_BLOCK_DEPENDENT:
        return True
    opcodes, commands = _SERVED.get(AccessState(state), (frozenset(), ()))
    return layout.opcode in opcodes or layout in commands
