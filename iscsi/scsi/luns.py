# SPDX-License-Identifier: GPL-2.0-only
"""LUNs on the wire (SAM-5 section 4.7) and REPORT LUNS (SPC-4 section 6.33)."""

import struct
from collections.abc import Iterable
from enum import Enum, IntEnum
from functools import lru_cache

from iscsi.errors import DecodeError

_LUN = struct.Struct(">Q")
_HEADER = 8
_OTHER = 1 << 48
"""Where numbers begin that are no single level LUN's."""
_BEYOND = 1 << 64
"""Tells a small number of several levels from a single level one."""

REPORT_LUNS_WELL_KNOWN = 0xC101 << 48
"""The well known logical unit that answers REPORT LUNS (SAM-5 section 4.7.5)."""


class LUNForm(Enum):
    """How a single level LUN is written."""

    PERIPHERAL = "peripheral device addressing"
    FLAT = "flat space addressing"
    EXTENDED_FLAT = "extended flat space addressing"


_LIMITS = {
    LUNForm.PERIPHERAL: 2**8,
    LUNForm.FLAT: 2**14,
    LUNForm.EXTENDED_FLAT: 2**24,
}


class SelectReport(IntEnum):
    """SELECT REPORT of REPORT LUNS (SPC-4 section 6.33)."""

    ADDRESSED = 0x00
    """Logical units with the ordinary addressing methods."""
    WELL_KNOWN = 0x01
    ALL = 0x02


def encode(lun: int, form: LUNForm | None = None) -> bytes:
    """Return the eight bytes of a LUN; the form is the shortest unless given.

    A number of 2**48 and more is taken as the eight bytes themselves.

    Raises:
        ValueError: the form has no room for the number.
    """
    if lun >= _OTHER and form is None:
        return _LUN.pack(lun & ~_BEYOND)
    if form is None:
        form = next((form for form, limit in _LIMITS.items() if lun < limit), None)
    if form is None or not 0 <= lun < _LIMITS[form]:
        raise ValueError(f"LUN {lun} does not fit {form.value if form else 'any form'}")
    if form is LUNForm.PERIPHERAL:
        return _LUN.pack(lun << 48)
    if form is LUNForm.FLAT:
        return _LUN.pack((0x4000 | lun) << 48)
    return _LUN.pack((0xD2 << 24 | lun) << 32)


@lru_cache(maxsize=1024)
def _decode(raw: int) -> int:
    method = raw >> 62
    if method == 0 and not raw & ((1 << 48) - 1) and raw >> 56 == 0:
        return raw >> 48
    if method == 1 and not raw & ((1 << 48) - 1):
        return raw >> 48 & 0x3FFF
    if raw >> 56 == 0xD2 and not raw & 0xFFFFFFFF:
        return raw >> 32 & 0xFFFFFF
    return raw if raw >= _OTHER else raw | _BEYOND


def decode(lun: bytes | memoryview | int) -> int:
    """Return the logical unit number of a single level LUN, whatever its form.

    Other LUNs (several levels, well known logical units) come back as the 64 bit
    number that the eight bytes are, with a bit above them where it is small: it never
    equals a single level one.
    """
    return _decode(lun if isinstance(lun, int) else _LUN.unpack(lun)[0])


def build_report(luns: Iterable[int]) -> bytes:
    """Build the parameter data of REPORT LUNS."""
    entries = b"".join(map(encode, luns))
    return struct.pack(">I4x", len(entries)) + entries


def parse_report(data: bytes | memoryview) -> list[int]:
    """Read the parameter data of REPORT LUNS as logical unit numbers.

    Raises:
        DecodeError: the list is cut short or not made of whole LUNs.
    """
    if len(data) < _HEADER:
        raise DecodeError(
            f"REPORT LUNS data of {len(data)} bytes", field="header", data=bytes(data)
        )
    length = int.from_bytes(data[:4], "big")
    if length % 8 or len(data) < _HEADER + length:
        raise DecodeError(
            f"LUN LIST LENGTH {length} with {len(data) - _HEADER} bytes of list",
            field="LUN LIST LENGTH",
            data=bytes(data),
        )
    return [
        decode(data[offset : offset + 8])
        for offset in range(_HEADER, _HEADER + length, 8)
    ]
