# SPDX-License-Identifier: GPL-2.0-only
"""How the bytes of a PDU are spread over TCP segments; a target may not care."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from iscsi.constants import BHS_LENGTH

_TRICKLED = 64
"""As many bytes are sent one by one: all of a header and what follows it."""


class Cut(StrEnum):
    """Ways to cut PDUs into TCP segments."""

    WHOLE = "whole"
    """Each PDU in one piece."""
    HEADER_APART = "header-apart"
    """The basic header segment, then the rest."""
    MID_HEADER = "mid-header"
    """Through the header, and through what follows it."""
    TRICKLE = "trickle"
    """The first bytes one by one."""
    JOINED = "joined"
    """Several PDUs in one piece, as far as they are sent together."""


def _at(*offsets: int) -> Callable[[bytes], list[bytes]]:
    """Return a cutter at the offsets that lie within."""

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
    """Return the pieces that a PDU's bytes are handed to TCP in."""
    return _CUTTERS[cut](wire)
