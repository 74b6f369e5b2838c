# SPDX-License-Identifier: GPL-2.0-only
"""How the bytes of a PDU are split into TCP segments, which must not matter."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from iscsi.constants import BHS_LENGTH

_TRICKLED = 64
"""The number of bytes that are sent one by one: a header and some of what follows
it."""


class Cut(StrEnum):
    """Ways to split PDUs into TCP segments."""

    WHOLE = "whole"
    """Each PDU in one piece."""
    HEADER_APART = "header-apart"
    """The basic header segment, then the rest."""
    MID_HEADER = "mid-header"
    """One cut within the header, and one within the bytes after it."""
    TRICKLE = "trickle"
    """The first bytes one by one."""
    JOINED = "joined"
    """Several PDUs in one piece, if they are sent together."""


def _at(*offsets: int) -> Callable[[bytes], list[bytes]]:
    """Return a function that returns those of the offsets that lie within a PDU."""

    def cut(wire: bytes) -> list[bytes]:
        within = [offset for offset in offsets if offset < len(wire)]
        ends = [*within, len(wire)]
        return [wire[a:b] for a, b in zip([0, *within], ends, strict=True)]

    return cut


_CUTTERS: dict[Cut, Callable[[bytes], list[bytes]]] = {
    Cut.WHOLE: _at(),
    Cut.HEADER_APART: _at(BHS_LENGTH),
    Cut.MID_HEADER: _at(1, 7, BHS_LENGTH - 1, BHS_LENGTH + 2),
    Cut.TRICKLE: _at(*range(1, _TRICKLED)),
    Cut.JOINED: _at(),
}


def pieces(wire: bytes, cut: Cut) -> Sequence[bytes]:
    """Return the pieces in which a PDU's bytes are handed to TCP."""
    return _CUTTERS[cut](wire)
