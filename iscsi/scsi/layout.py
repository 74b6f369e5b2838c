# SPDX-License-Identifier: GPL-2.0-only
"""Where the fields of a CDB are: said once, used to build, to parse and to report."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from iscsi.errors import DecodeError

_STRUCT_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}


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


class Layout:
    """One command's CDB: call it to build, parse() to read.

    A call takes the fields by name; what is not named is zero.
    """

    __slots__ = ("_shifts", "fields", "length", "name", "opcode", "service_action")

    def __init__(
        self,
        name: str,
        opcode: int,
        length: int,
        service_action: int | None = None,
        **fields: tuple[int, int, int],
    ) -> None:
        self.name = name
        self.opcode = opcode
        self.length = length
        self.service_action = service_action
        self.fields = {key: Field(*place) for key, place in fields.items()}
        self.fields["control"] = Field(length - 1, 7, 8)
        if service_action is not None:
            self.fields["service_action"] = Field(1, 4, 5)
        # Whole-CDB big-endian integers make every field a shift and a mask.
        self._shifts = {
            key: (
                8 * length - 8 * field.byte - (7 - field.bit) - field.width,
                (1 << field.width) - 1,
            )
            for key, field in self.fields.items()
        }

    def __repr__(self) -> str:
        return f"<Layout {self.name}>"

    def __call__(self, **values: int) -> bytes:
        """Build the CDB.

        Raises:
            TypeError: the command has no such field.
            ValueError: the value does not fit its field.
        """
        if self.service_action is not None:
            values.setdefault("service_action", self.service_action)
        whole = self.opcode << 8 * (self.length - 1)
        for key, value in values.items():
            if key not in self._shifts:
                raise TypeError(f"{self.name} has no field {key!r}")
            shift, mask = self._shifts[key]
            if not 0 <= value <= mask:
                raise ValueError(f"{key}={value} does not fit its field of {self.name}")
            whole |= value << shift
        return whole.to_bytes(self.length, "big")

    def parse(self, cdb: bytes | memoryview) -> dict[str, int]:
        """Read every field.

        Raises:
            DecodeError: the CDB is too short or belongs to another command.
        """
        whole = self.whole(cdb)
        return {
            key: whole >> shift & mask for key, (shift, mask) in self._shifts.items()
        }

    def whole(self, cdb: bytes | memoryview) -> int:
        """Return this command's bytes of the CDB as one integer.

        Raises:
            DecodeError: the CDB is too short or belongs to another command.
        """
        if len(cdb) < self.length or cdb[0] != self.opcode:
            raise DecodeError(
                f"{bytes(cdb[:16]).hex()} is no CDB of {self.name}",
                field="OPERATION CODE",
                data=bytes(cdb),
            )
        return int.from_bytes(cdb[: self.length], "big")

    def mask(self, *names: str) -> int:
        """Return the integer that has ones in these fields and nowhere else."""
        mask = 0
        for name in names:
            shift, ones = self._shifts[name]
            mask |= ones << shift
        return mask

    def reader(self, *names: str) -> Callable[[bytes], tuple[int, ...]]:
        """Return a quick reader of a few fields, for the busiest commands."""
        fields = [self.fields[name] for name in names]
        in_order = sorted(fields, key=lambda field: field.byte)
        if fields == in_order and all(field.is_aligned for field in fields):
            code, position = ">", 0
            for field in fields:
                code += f"{field.byte - position}x{_STRUCT_CODES[field.width]}"
                position = field.byte + field.width // 8
            return struct.Struct(code).unpack_from
        shifts = [self._shifts[name] for name in names]

        def read(cdb: bytes) -> tuple[int, ...]:
            whole = self.whole(cdb)
            return tuple(whole >> shift & mask for shift, mask in shifts)

        return read
