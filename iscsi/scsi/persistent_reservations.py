# SPDX-License-Identifier: GPL-2.0-only
"""PERSISTENT RESERVE IN and OUT parameter data (SPC-4 sections 6.15 and 6.16)."""

from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import Any, Self

from iscsi.errors import DecodeError
from iscsi.scsi import transport_id
from iscsi.scsi.layout import Structure
from iscsi.scsi.transport_id import TransportID

LU_SCOPE = 0
"""The one SCOPE there is: the logical unit (SPC-4 section 6.15.3.3)."""

BASIC_LENGTH = 24
"""Bytes in the basic parameter list, and before a TransportID in the other."""


class InServiceAction(IntEnum):
    """SERVICE ACTION of PERSISTENT RESERVE IN."""

    READ_KEYS = 0
    READ_RESERVATION = 1
    REPORT_CAPABILITIES = 2
    READ_FULL_STATUS = 3


class OutServiceAction(IntEnum):
    """SERVICE ACTION of PERSISTENT RESERVE OUT."""

    REGISTER = 0
    RESERVE = 1
    RELEASE = 2
    CLEAR = 3
    PREEMPT = 4
    PREEMPT_AND_ABORT = 5
    REGISTER_AND_IGNORE_EXISTING_KEY = 6
    REGISTER_AND_MOVE = 7


class ReservationType(IntEnum):
    """TYPE of a persistent reservation (SPC-4 section 6.15.3.4)."""

    WRITE_EXCLUSIVE = 1
    EXCLUSIVE_ACCESS = 3
    WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5
    EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6
    WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7
    EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8

    @property
    def is_all_registrants(self) -> bool:
        """Whether every registrant is a reservation holder."""
        return self >= ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS

    @property
    def is_shared_by_registrants(self) -> bool:
        """Whether registrants have access: registrants only, all registrants."""
        return self >= ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY


class AllowCommands(IntEnum):
    """ALLOW COMMANDS of REPORT CAPABILITIES (SPC-4 section 6.15.4)."""

    NO_INFORMATION = 0
    TEST_UNIT_READY = 1
    TEST_UNIT_READY_AND_NO_MODE_SENSE = 2
    TEST_UNIT_READY_AND_MODE_SENSE = 3


HEADER = Structure(
    "PERSISTENT RESERVE IN header",
    8,
    generation=(0, 7, 32),
    additional_length=(4, 7, 32),
)
KEY_LENGTH = 8
RESERVATION = Structure(
    "READ RESERVATION descriptor",
    16,
    reservation_key=(0, 7, 64),
    scope=(13, 7, 4),
    type=(13, 3, 4),
)
CAPABILITIES = Structure(
    "REPORT CAPABILITIES data",
    8,
    length=(0, 7, 16),
    replace_lost_reservation_capable=(2, 7, 1),
    compatible_reservation_handling=(2, 4, 1),
    specify_initiator_ports_capable=(2, 3, 1),
    all_target_ports_capable=(2, 2, 1),
    persist_through_power_loss_capable=(2, 0, 1),
    type_mask_valid=(3, 7, 1),
    allow_commands=(3, 6, 3),
    persist_through_power_loss_activated=(3, 0, 1),
    type_mask=(4, 7, 16),
)
_TYPE_BITS = {
    ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS: 0x8000,
    ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 0x4000,
    ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 0x2000,
    ReservationType.EXCLUSIVE_ACCESS: 0x0800,
    ReservationType.WRITE_EXCLUSIVE: 0x0200,
    ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 0x0001,
}
FULL_STATUS = Structure(
    "READ FULL STATUS descriptor",
    24,
    reservation_key=(0, 7, 64),
    all_target_ports=(12, 1, 1),
    is_holder=(12, 0, 1),
    scope=(13, 7, 4),
    type=(13, 3, 4),
    relative_target_port=(18, 7, 16),
    additional_length=(20, 7, 32),
)
_BASIC = Structure(
    "basic PERSISTENT RESERVE OUT parameter list",
    BASIC_LENGTH,
    reservation_key=(0, 7, 64),
    service_action_reservation_key=(8, 7, 64),
    specify_initiator_ports=(20, 3, 1),
    all_target_ports=(20, 2, 1),
    activate_persist_through_power_loss=(20, 0, 1),
)
_MOVE = Structure(
    "REGISTER AND MOVE parameter list",
    BASIC_LENGTH,
    reservation_key=(0, 7, 64),
    service_action_reservation_key=(8, 7, 64),
    unregister=(17, 1, 1),
    activate_persist_through_power_loss=(17, 0, 1),
    relative_target_port=(18, 7, 16),
    transport_id_length=(20, 7, 32),
)
_LENGTH = Structure("TransportID parameter data length", 4, length=(0, 7, 32))


def _with_header(generation: int, body: bytes) -> bytes:
    return HEADER.build(generation=generation, additional_length=len(body)) + body


def _split(data: bytes | memoryview, unit: int) -> tuple[int, bytes]:
    """Return PRGENERATION and the list that follows, of whole units."""
    data = bytes(data)
    header = HEADER.parse(data)
    length = header["additional_length"]
    body = data[HEADER.length : HEADER.length + length]
    if len(body) < length or length % unit:
        raise DecodeError(
            f"list of {len(body)} bytes where the header says {length}",
            offset=4,
            field="ADDITIONAL LENGTH",
            data=data,
        )
    return header["generation"], body


def _type(value: int, data: bytes) -> ReservationType:
    try:
        return ReservationType(value)
    except ValueError:
        raise DecodeError(
            f"type {value} is reserved", field="TYPE", data=data
        ) from None


@dataclass(frozen=True, slots=True)
class Keys:
    """READ KEYS data: one key for each registration."""

    generation: int
    keys: tuple[int, ...] = ()

    def build(self) -> bytes:
        """Return the parameter data."""
        keys = (key.to_bytes(KEY_LENGTH, "big") for key in self.keys)
        return _with_header(self.generation, b"".join(keys))

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read whole parameter data.

        Raises:
            DecodeError: it is shorter than it says.
        """
        generation, body = _split(data, KEY_LENGTH)
        starts = range(0, len(body), KEY_LENGTH)
        keys = (int.from_bytes(body[at : at + KEY_LENGTH], "big") for at in starts)
        return cls(generation, tuple(keys))


@dataclass(frozen=True, slots=True)
class ReservationStatus:
    """READ RESERVATION data; type is None if nothing is reserved."""

    generation: int
    type: ReservationType | None = None
    reservation_key: int = 0
    scope: int = LU_SCOPE

    def build(self) -> bytes:
        """Return the parameter data."""
        body = b""
        if self.type is not None:
            body = RESERVATION.build(
                reservation_key=self.reservation_key, scope=self.scope, type=self.type
            )
        return _with_header(self.generation, body)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read whole parameter data.

        Raises:
            DecodeError: it is shorter than it says, or the type is reserved.
        """
        generation, body = _split(data, RESERVATION.length)
        if not body:
            return cls(generation)
        fields = RESERVATION.parse(body)
        return cls(
            generation,
            _type(fields["type"], body),
            fields["reservation_key"],
            fields["scope"],
        )


@dataclass(frozen=True, slots=True)
class Capabilities:
    """REPORT CAPABILITIES data."""

    replace_lost_reservation_capable: bool = False
    compatible_reservation_handling: bool = False
    specify_initiator_ports_capable: bool = False
    all_target_ports_capable: bool = False
    persist_through_power_loss_capable: bool = False
    type_mask_valid: bool = True
    allow_commands: int = AllowCommands.NO_INFORMATION
    persist_through_power_loss_activated: bool = False
    types: frozenset[ReservationType] = frozenset(ReservationType)
    length: int = CAPABILITIES.length

    def build(self) -> bytes:
        """Return the parameter data."""
        fields = asdict(self)
        types = fields.pop("types")
        return CAPABILITIES.build(
            **fields, type_mask=sum(_TYPE_BITS[each] for each in types)
        )

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read whole parameter data.

        Raises:
            DecodeError: it is too short.
        """
        fields: dict[str, Any] = dict(CAPABILITIES.parse(data))
        mask = fields.pop("type_mask")
        fields["types"] = frozenset(
            each for each, bit in _TYPE_BITS.items() if mask & bit
        )
        for name in cls.__slots__:
            if CAPABILITIES.fields.get(name) and CAPABILITIES.fields[name].width == 1:
                fields[name] = bool(fields[name])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class FullStatusDescriptor:
    """One registration in READ FULL STATUS data."""

    reservation_key: int
    transport_id: TransportID
    relative_target_port: int
    all_target_ports: bool = False
    is_holder: bool = False
    type: ReservationType | None = None
    """Says something for a reservation holder only."""
    scope: int = LU_SCOPE

    def build(self) -> bytes:
        """Return the descriptor."""
        initiator_port = self.transport_id.build()
        return (
            FULL_STATUS.build(
                reservation_key=self.reservation_key,
                all_target_ports=self.all_target_ports,
                is_holder=self.is_holder,
                scope=self.scope,
                type=self.type or 0,
                relative_target_port=self.relative_target_port,
                additional_length=len(initiator_port),
            )
            + initiator_port
        )

    @classmethod
    def parse(cls, data: bytes) -> tuple[Self, int]:
        """Read the first descriptor; return it and its length.

        Raises:
            DecodeError: it is malformed or cut short.
        """
        fields = FULL_STATUS.parse(data)
        length = FULL_STATUS.length + fields["additional_length"]
        if len(data) < length:
            raise DecodeError(
                f"descriptor of {len(data)} bytes with a length field of {length}",
                field="ADDITIONAL DESCRIPTOR LENGTH",
                data=data,
            )
        is_holder = bool(fields["is_holder"])
        descriptor = cls(
            fields["reservation_key"],
            TransportID.parse(data[FULL_STATUS.length : length]),
            fields["relative_target_port"],
            bool(fields["all_target_ports"]),
            is_holder,
            _type(fields["type"], data) if is_holder else None,
            fields["scope"],
        )
        return descriptor, length


@dataclass(frozen=True, slots=True)
class FullStatus:
    """READ FULL STATUS data."""

    generation: int
    registrations: tuple[FullStatusDescriptor, ...] = ()

    def build(self) -> bytes:
        """Return the parameter data."""
        body = b"".join(each.build() for each in self.registrations)
        return _with_header(self.generation, body)

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read whole parameter data.

        Raises:
            DecodeError: it or a descriptor is shorter than it says.
        """
        generation, body = _split(data, 1)
        registrations = []
        while body:
            descriptor, length = FullStatusDescriptor.parse(body)
            registrations.append(descriptor)
            body = body[length:]
        return cls(generation, tuple(registrations))


@dataclass(frozen=True, slots=True)
class OutParameters:
    """The basic PERSISTENT RESERVE OUT parameter list (SPC-4 section 6.16.3)."""

    reservation_key: int = 0
    service_action_reservation_key: int = 0
    specify_initiator_ports: bool = False
    all_target_ports: bool = False
    activate_persist_through_power_loss: bool = False
    transport_ids: tuple[TransportID, ...] = field(default=())
    """Sent only if specify_initiator_ports is true."""

    def build(self) -> bytes:
        """Return the parameter list."""
        fields = asdict(replace(self, transport_ids=()))
        del fields["transport_ids"]
        data = _BASIC.build(**fields)
        if self.specify_initiator_ports:
            additional = b"".join(each.build() for each in self.transport_ids)
            data += _LENGTH.build(length=len(additional)) + additional
        return data

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter list.

        Raises:
            DecodeError: it or a TransportID is malformed or cut short.
        """
        fields = _BASIC.parse(data)
        transport_ids: list[TransportID] = []
        if fields["specify_initiator_ports"]:
            transport_ids = _additional(bytes(data))
        return cls(
            fields["reservation_key"],
            fields["service_action_reservation_key"],
            bool(fields["specify_initiator_ports"]),
            bool(fields["all_target_ports"]),
            bool(fields["activate_persist_through_power_loss"]),
            tuple(transport_ids),
        )


def _additional(data: bytes) -> list[TransportID]:
    start = BASIC_LENGTH + _LENGTH.length
    if len(data) < start:
        raise DecodeError(
            "no length before the TransportIDs",
            offset=BASIC_LENGTH,
            field="TRANSPORTID PARAMETER DATA LENGTH",
            data=data,
        )
    length = _LENGTH.parse(data[BASIC_LENGTH:])["length"]
    if len(data) - start < length:
        raise DecodeError(
            f"{len(data) - start} bytes of TransportIDs where {length} are declared",
            offset=BASIC_LENGTH,
            field="TRANSPORTID PARAMETER DATA LENGTH",
            data=data,
        )
    return transport_id.iterate(data[start : start + length])


@dataclass(frozen=True, slots=True)
class MoveParameters:
    """The REGISTER AND MOVE parameter list (SPC-4 section 6.16.4)."""

    reservation_key: int
    service_action_reservation_key: int
    transport_id: TransportID
    relative_target_port: int
    unregister: bool = False
    activate_persist_through_power_loss: bool = False

    def build(self) -> bytes:
        """Return the parameter list."""
        initiator_port = self.transport_id.build()
        return (
            _MOVE.build(
                reservation_key=self.reservation_key,
                service_action_reservation_key=self.service_action_reservation_key,
                unregister=self.unregister,
                activate_persist_through_power_loss=(
                    self.activate_persist_through_power_loss
                ),
                relative_target_port=self.relative_target_port,
                transport_id_length=len(initiator_port),
            )
            + initiator_port
        )

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read the parameter list.

        Raises:
            DecodeError: it or its TransportID is malformed or cut short.
        """
        data = bytes(data)
        fields = _MOVE.parse(data)
        length = fields["transport_id_length"]
        if len(data) - BASIC_LENGTH != length:
            raise DecodeError(
                f"TransportID of {len(data) - BASIC_LENGTH} bytes, declared {length}",
                offset=20,
                field="TRANSPORTID LENGTH",
                data=data,
            )
        return cls(
            fields["reservation_key"],
            fields["service_action_reservation_key"],
            TransportID.parse(data[BASIC_LENGTH:]),
            fields["relative_target_port"],
            bool(fields["unregister"]),
            bool(fields["activate_persist_through_power_loss"]),
        )
