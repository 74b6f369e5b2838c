# SPDX-License-Identifier: GPL-2.0-only
"""A PDU whose segments are given as bytes, which are sent unchanged."""

from iscsi.pdu import PDU


class Ready(PDU):
    """Segments that are sent unchanged."""

    __slots__ = ("_segments",)

    name = "ready PDU"

    def __init__(self, header: bytes, data: bytes) -> None:
        super().__init__()
        self._segments = header, data

    def segments(self) -> tuple[bytes, bytes]:
        """Return header and data segment, padding included."""
        return self._segments
