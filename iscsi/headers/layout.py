# SPDX-License-Identifier: GPL-2.0-only
"""How a header class is written: a table of fields that stand at places."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.digest import Buffer

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8, "6s": 6, "16s": 16}


class _Place(NamedTuple):
    """Where a field stands: a struct unit, and which of its bits (width 0: all)."""

    offset: int
    code: str
    shift: int = 0
    width: int = 0


def at(offset: int, code: str, default: Any = 0) -> Any:
    """Return a field that fills a struct unit."""
    return field(default=default, metadata={"place": _Place(offset, code)})


def bits(offset: int, code: str, shift: int, width: int, default: Any = 0) -> Any:
    """Return a field of some bits of a unit, counted from the lowest."""
    place = _Place(offset, code, shift, width)
    return field(default=default, metadata={"place": place})


def flag(offset: int, mask: int, default: bool = False) -> Any:
    """Return a field of one bit of a byte."""
    return bits(offset, "B", mask.bit_length() - 1, 1, default)


@dataclass(slots=True)
class Header:
    """What every header has: an opcode, and the lengths of what follows it."""

    opcode: ClassVar[Opcode]
    total_ahs_length: int = bits(4, "I", 24, 8)
    data_segment_length: int = bits(4, "I", 0, 24)

    @classmethod
    def parse(cls, buffer: Buffer, offset: int = 0) -> Self:
        """Return the header in the 48 bytes at `offset`."""
        raise NotImplementedError

    def pack(self) -> bytes:
        """Return the 48 bytes of the header."""
        raise NotImplementedError


_HeaderType = TypeVar("_HeaderType", bound=type[Header])


def wire(opcode: Opcode) -> Callable[[_HeaderType], _HeaderType]:
    """Return a decorator that writes `parse` and `pack` out of a class's table."""

    def decorate(cls: _HeaderType) -> _HeaderType:
        places = {item.name: item.metadata["place"] for item in fields(cls)}
        units = sorted({(0, "B"), *((p.offset, p.code) for p in places.values())})
        layout = struct.Struct(_layout(units))
        variables = {unit: f"u{number}" for number, unit in enumerate(units)}
        read, written = [], {unit: [] for unit in units}  # type: ignore[var-annotated]
        written[0, "B"].append(str(int(opcode)))
        for name, place in places.items():
            unit = place.offset, place.code
            read.append(_extraction(variables[unit], place))
            written[unit].append(_insertion(name, place))
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
        # As dataclasses do: a loop over the table would cost ten times as much.
        exec(source, namespace)  # noqa: S102 - the source is made of the table above
        cls.opcode = opcode
        cls.parse = classmethod(namespace["parse"])  # type: ignore[assignment]
        cls.pack = namespace["pack"]  # type: ignore[method-assign]
        return cls

    return decorate


def _layout(units: list[tuple[int, str]]) -> str:
    """Return the struct format of the units, with what is reserved left out."""
    layout, end = ">", 0
    for offset, code in units:
        layout += f"{offset - end}x{code}"
        end = offset + _SIZES[code]
    return f"{layout}{BHS_LENGTH - end}x"


def _extraction(variable: str, place: _Place) -> str:
    if not place.width:
        return variable
    if place.width == 1:
        return f"{variable} & {1 << place.shift} != 0"
    return f"{variable} >> {place.shift} & {(1 << place.width) - 1}"


def _insertion(name: str, place: _Place) -> str:
    if not place.width:
        return f"self.{name}"
    return f"(self.{name} & {(1 << place.width) - 1}) << {place.shift}"
