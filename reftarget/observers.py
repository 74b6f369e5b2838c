# SPDX-License-Identifier: GPL-2.0-only
"""Who looks on: --trace and --pcap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from reftarget.connection import Connection


class Observers:
    """What watches the PDUs of all connections."""

    def __init__(self, *, trace: bool, pcap: Path | None) -> None:
        self.trace = trace
        self.pcap = pcap

    def __enter__(self) -> Self:
        """Open what is written to."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""

    def watch(self, connection: Connection) -> None:
        """Look on at a new connection."""
