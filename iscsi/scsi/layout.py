# SPDX-License-Identifier: GPL-2.0-only
"""The positions of fields in CDBs and parameter data, for building and parsing."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from iscsi.errors import DecodeError

_STRUCT_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}

VARIABLE_LENGTH = 0x7F
"""The OPERATION CODE of CDBs that tell their length."""

_VARIABLE_LENGTH_PLACES = {
    "control": (1, 7, 8),
    "additional_cdb_length": (7, 7, 8),
    "service_action": (8, 7, 16),
}

_CONTROL_OF_GROUP = {0: 5, 1: 9, 2: 9, 4: 15, 5: 11}
"""The byte of CONTROL by the opcode's GROUP CODE (SPC-4 section 4.3.2)."""


def service_action_of(cdb: bytes | memoryview) -> int:
    """Return SERVICE ACTION of a CDB whose opcode has several.

    Raises:
        IndexError: the CDB ends before it.
    """
    if cdb[0] == VARIABLE_LENGTH:
        return cdb[8] << 8 | cdb[9]
    return cdb[1] & 0x1F


def control_of(cdb: bytes | memoryview) -> int:
    """Return the CONTROL byte; 0 where the opcode does not tell where it is."""
    place = _CONTROL_OF_GROUP.get(cdb[0] >> 5)
    if cdb[0] == VARIABLE_LENGTH:
        place = 1
    return 0 if place is None else cdb[place]


@dataclass(frozen=True, slots=True)
class Field:
    """A field's place in T10's terms: first byte, its highest bit there, its width."""

    byte: int
    bit: int
    width: int

    @property
    def is_aligned(self) -> bool:
        """Whether the field is a whole number of bytes that struct knows."""
        return self.bit == 7 and self.width in _STRUCT_CODES


class Structure:
    """A fixed run of bytes with named fields in it."""

    __slots__ = ("_shifts", "fields", "length", "name")

    def __init__(
        self, name: str, length: int, /, **places: tuple[int, int, int]
    ) -> None:
        self.name = name
        self.length = length
        self.fields = {key: Field(*place) for key, place in places.items()}
        # The CDB is one big-endian integer, so every field is a shift and a mask.
        self._shifts = {
            key: (
                8 * length - 8 * field.byte - (7 - field.bit) - field.width,
                (1 << field.width) - 1,
            )
            for key, field in self.fields.items()
        }

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def build(self, **values: int) -> bytes:
        """Build the bytes; fields that are not named are zero.

        Raises:
            TypeError: there is no such field.
            ValueError: the value does not fit its field.
        """
        packed = 0
        for key, value in values.items():
            if key not in self._shifts:
                raise TypeError(f"{self.name} has no field {key!r}")
            shift, mask = self._shifts[key]
            if not 0 <= value <= mask:
                raise ValueError(f"{key}={value} does not fit its field of {self.name}")
            packed |= value << shift
        return packed.to_bytes(self.length, "big")

    def parse(self, data: bytes | memoryview) -> dict[str, int]:
        """Read every field; what follows the structure is left alone.

        Raises:
            DecodeError: the data is shorter than the structure.
        """
        if len(data) < self.length:
            raise DecodeError(
                f"{len(data)} bytes where {self.name} has {self.length}",
                offset=len(data),
                field=self.name,
                data=bytes(data),
            )
        packed = int.from_bytes(data[: self.length], "big")
        return {
            key: packed >> shift & mask for key, (shift, mask) in self._shifts.items()
        }

    def parse_short(self, data: bytes | memoryview) -> dict[str, int]:
        """Read every field, taking bytes that an older edition lacks as zero."""
        return self.parse(bytes(data[: self.length]).ljust(self.length, b"\0"))

    def mask(self, *names: str) -> int:
        """Return the integer that has ones in these fields and nowhere else."""
        mask = 0
        for name in names:
            shift, ones = self._shifts[name]
            mask |= ones << shift
        return mask

    def reader(self, *names: str) -> Callable[[bytes], tuple[int, ...]]:
        """Return a quick, unchecked reader of a few fields."""
        fields = [self.fields[name] for name in names]
        in_order = sorted(fields, key=lambda field: field.byte)
        if fields == in_order and all(field.is_aligned for field in fields):
            code, position = ">", 0
            for field in fields:
                code += f"{field.byte - position}x{_STRUCT_CODES[field.width]}"
                position = field.byte + field.width // 8
            return struct.Struct(code).unpack_from
        shifts = [self._shifts[name] for name in names]
        length = self.length

        def read(data: bytes) -> tuple[int, ...]:
            packed = int.from_bytes(data[:length], "big")
            return tuple(packed >> shift & mask for shift, mask in shifts)

        return read


class Layout:
    """One command's CDB: call it to build, parse() to read.

    The code is the opcode, or the opcode and the service action.
    """

    __slots__ = ("length", "name", "opcode", "service_action", "structure")

    def __init__(
        self,
        name: str,
        code: int | tuple[int, int],
        length: int,
        /,
        **places: tuple[int, int, int],
    ) -> None:
        opcode, service_action = code if isinstance(code, tuple) else (code, None)
        places = {"operation_code": (0, 7, 8), "control": (length - 1, 7, 8), **places}
        if opcode == VARIABLE_LENGTH:
            # This CDB has its own header (SPC-4 section 4.3.3).
            places |= _VARIABLE_LENGTH_PLACES
        if service_action is not None:
            places.setdefault("service_action", (1, 4, 5))
        self.name = name
        self.opcode = opcode
        self.length = length
        self.service_action = service_action
        self.structure = Structure(name, length, **places)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def is_variable_length(self) -> bool:
        """True for a command of opcode 7Fh, whose CDB tells its length."""
        return self.opcode == VARIABLE_LENGTH

    def __call__(self, **values: int) -> bytes:
        """Build the CDB; fields that are not named are zero.

        Raises:
            TypeError: the command has no such field.
            ValueError: the value does not fit its field.
        """
        values.setdefault("operation_code", self.opcode)
        if self.service_action is not None:
            values.setdefault("service_action", self.service_action)
        if self.is_variable_length:
            values.setdefault("additional_cdb_length", self.length - 8)
        return self.structure.build(**values)

    def parse(self, cdb: bytes | memoryview) -> dict[str, int]:
        """Read every field.

        Raises:
            DecodeError: the CDB is too short or belongs to another command.
        """
        values = self.structure.parse(cdb)
        if values["operation_code"] != self.opcode or (
            self.service_action is not None
            and values["service_action"] != self.service_action
        ):
            raise DecodeError(
                f"{bytes(cdb[:16]).hex()} is not a CDB of {self.name}",
                field="OPERATION CODE",
                data=bytes(cdb),
            )
        return values
