# SPDX-License-Identifier: GPL-2.0-only
"""How much is returned of data, and which length it says (SPC-4 section 4.3.5.6)."""

from __future__ import annotations

from collections.abc import Callable

Cut = Callable[[bytes, int], bytes]
"""From data and ALLOCATION LENGTH to what is returned."""

Length = Callable[[int, int], int]
"""From the length of all data and the room that is left for it to the length shown."""


def cut(data: bytes, allocation_length: int) -> bytes:
    """Return as much of the data as there is room for."""
    return data[:allocation_length]


def length_of_all(length: int, _room: int) -> int:
    """Return the length of all data, however much of it is returned."""
    return length
