# SPDX-License-Identifier: GPL-2.0-only
"""Builds a header class from the Scapy layer of its PDU.

A layer defines the position and the default of each field; a header class defines only
the names and types of the fields that it has. `header_of` looks the rest up and writes
`parse` and `pack` as straight lines of code around one `struct.Struct`.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import (
    Any,
    ClassVar,
    NamedTuple,
    Self,
    TypeVar,
    cast,
    dataclass_transform,
)

from scapy.fields import BitEnumField, BitField, StrFixedLenField

from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.digest import Buffer
from iscsi.pdu import PDU

FROM_LAYER: Any = None
"""The default of a field of a header, which `header_of` replaces by the layer's."""

_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
"""The struct codes of numbers, by their number of bits."""


class Bits(NamedTuple):
    """A run of bits in a header, counted from its start."""

    start: int
    width: int
    is_number: bool = True

    @property
    def end(self) -> int:
        """The first bit after the run."""
        return self.start + self.width

    @property
    def code(self) -> str:
        """The struct code of the run."""
        return _CODES[self.width] if self.is_number else f"{self.width // 8}s"

    def unit(self) -> "Bits":
        """Return the smallest unit of struct that contains these bits."""
        if not self.is_number:
            return self
        return next(
            unit
            for width in _CODES
            if (unit := Bits(self.start // width * width, width)).holds(self)
        )

    def holds(self, other: "Bits") -> bool:
        """Tell whether the run contains other bits."""
        return (
            self.is_number is other.is_number
            and self.start <= other.start
            and other.end <= self.end
        )


class _Place(NamedTuple):
    """The bits of a field in a unit."""

    unit: Bits
    bits: Bits

    @property
    def shift(self) -> int:
        return self.unit.end - self.bits.end

    @property
    def mask(self) -> int:
        return (1 << self.bits.width) - 1


@dataclass(slots=True)
class Header:
    """The fields of every header: an opcode, and the lengths of what follows."""

    opcode: ClassVar[Opcode]
    total_ahs_length: int = 0
    data_segment_length: int = 0

    @classmethod
    def parse(cls, buffer: Buffer, offset: int = 0) -> Self:
        """Return the header in the 48 bytes at `offset`."""
        raise NotImplementedError

    def pack(self) -> bytes:
        """Return the 48 bytes of the header."""
        raise NotImplementedError


_HeaderType = TypeVar("_HeaderType", bound=type[Header])


@dataclass_transform()
def header_of(layer: type[PDU]) -> Callable[[_HeaderType], _HeaderType]:
    """Return a decorator that builds a header class from the names of a layer's fields.

    Raises:
        TypeError: the layer has no such field, or one of another width than a bool's.
    """

    def decorate(cls: _HeaderType) -> _HeaderType:
        table = {item.name: item for item in layer.fields_desc}
        bits = field_bits(layer)
        for name, kind in cls.__annotations__.items():
            if name not in bits or (kind is bool) != (bits[name].width == 1):
                raise TypeError(f"{layer.__name__} has no field {name}: {kind}")
            setattr(cls, name, kind(table[name].default))
        header: Any = dataclass(slots=True)(cls)
        header.opcode = layer.opcode_of_class
        _write_code(
            header, _places({item.name: bits[item.name] for item in fields(header)})
        )
        return cast("_HeaderType", header)

    return decorate


def field_bits(layer: type[PDU]) -> dict[str, Bits]:
    """Return the positions of the fields in a layer's Basic Header Segment."""
    table: dict[str, Bits] = {}
    start = 0
    for item in layer.fields_desc:
        if start == BHS_LENGTH * 8:
            break
        if isinstance(item, (BitField, BitEnumField)):
            width = int(item.size)
        else:
            width = len(item.addfield(None, b"", item.default)) * 8
        table[item.name] = Bits(start, width, not isinstance(item, StrFixedLenField))
        start += width
    return table


def _places(table: dict[str, Bits]) -> dict[str, _Place]:
    """Return the place of each field: in its own unit, or in that of a neighbour.

    DataSegmentLength has three bytes and needs a unit of four: TotalAHSLength is in it.
    """
    units = {bits.unit() for bits in table.values()}
    return {
        name: _Place(
            max(
                (unit for unit in units if unit.holds(bits)),
                key=lambda unit: unit.width,
            ),
            bits,
        )
        for name, bits in table.items()
    }


def _write_code(cls: type[Header], places: dict[str, _Place]) -> None:
    """Add `parse` and `pack` to a class."""
    first = Bits(0, 8)
    units = sorted({first, *(place.unit for place in places.values())})
    layout = struct.Struct(_layout(units))
    variables = {unit: f"u{number}" for number, unit in enumerate(units)}
    read: list[str] = []
    written: dict[Bits, list[str]] = {unit: [] for unit in units}
    written[first].append(str(int(cls.opcode)))
    for name, place in places.items():
        read.append(_extraction(variables[place.unit], place))
        written[place.unit].append(_insertion(name, place))
    source = (
        f"def parse(cls, buffer, offset=0):\n"
        f"    {', '.join(variables.values())} = unpack_from(buffer, offset)\n"
        f"    return cls({', '.join(read)})\n"
        f"def pack(self):\n"
        f"    return pack_all({', '.join(' | '.join(w) for w in written.values())})"
    )
    namespace: dict[str, Any] = {
        "unpack_from": layout.unpack_from,
        "pack_all": layout.pack,
    }
    # The code is generated, as in dataclasses: a loop over the fields would take ten
    # times as long.
    exec(source, namespace)  # noqa: S102 - the source is made of the layer above
    cls.parse = classmethod(namespace["parse"])  # type: ignore[assignment]
    cls.pack = namespace["pack"]  # type: ignore[method-assign]


def _layout(units: list[Bits]) -> str:
    """Return the struct format of the units, without reserved bytes."""
    layout, end = ">", 0
    for unit in units:
        layout += f"{(unit.start - end) // 8}x{unit.code}"
        end = unit.end
    return f"{layout}{BHS_LENGTH - end // 8}x"


def _extraction(variable: str, place: _Place) -> str:
    if place.bits == place.unit:
        return variable
    if place.bits.width == 1:
        return f"{variable} & {place.mask << place.shift} != 0"
    return f"{variable} >> {place.shift} & {place.mask}"


def _insertion(name: str, place: _Place) -> str:
    if place.bits == place.unit:
        return f"self.{name}"
    return f"(self.{name} & {place.mask}) << {place.shift}"
