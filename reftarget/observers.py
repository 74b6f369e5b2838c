# SPDX-License-Identifier: GPL-2.0-only
"""Who looks on: --trace writes every PDU decoded, --pcap writes a capture file."""

from __future__ import annotations

import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Final, Self

from iscsi import framing, pdu
from iscsi.pcap import Capture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from iscsi.framing import Digests
    from iscsi.pcap import Address
    from reftarget.connection import Connection

TRACE: Final = "reftarget.trace"
"""The name of the logger of decoded PDUs."""

log = logging.getLogger(TRACE)

_SHOWN_DATA: Final = 1024
"""Bytes of a data segment that the trace shows."""


class Observers:
    """What watches the PDUs of all connections; nothing unless asked for."""

    def __init__(
        self, *, trace: bool, pcap: Path | None, clock: Callable[[], float]
    ) -> None:
        self._trace = trace
        self._path = pcap
        self._clock = clock
        self._file: BinaryIO | None = None
        self._capture: Capture | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        """Open the capture file."""
        if self._path is not None:
            self._file = self._path.open("wb")
            self._capture = Capture()
            self._flush()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def watch(self, connection: Connection, local: Address, peer: Address) -> None:
        """Look on at a new connection."""
        if not self._trace and self._capture is None:
            return
        number = next(self._numbers)
        if self._capture is not None:
            self._capture.open(number, self._clock(), peer, local)

        def watch_input(source: Connection, header: bytes, data: bytes) -> None:
            self._see(source, "<-", header, data)
            digests = source.stream.digests
            self._write(number, header, data, digests, from_peer=True)

        def watch_output(source: Connection, header: bytes, data: bytes) -> None:
            self._see(source, "->", header, data)
            self._write(number, header, data, source.digests, from_peer=False)

        connection.watch_input = watch_input
        connection.watch_output = watch_output

    def _see(
        self, connection: Connection, arrow: str, header: bytes, data: bytes
    ) -> None:
        if self._trace:
            description = str(pdu.decode(header, data[:_SHOWN_DATA]).show(dump=True))
            log.info("%s %s %s", connection, arrow, description.rstrip())

    def _write(
        self,
        number: int,
        header: bytes,
        data: bytes,
        digests: Digests,
        *,
        from_peer: bool,
    ) -> None:
        if self._capture is None:
            return
        wire = framing.encode(
            header,
            data + bytes(-len(data) % 4),
            header_digest=digests.header,
            data_digest=digests.data,
        )
        self._capture.data(number, self._clock(), wire, from_near=from_peer)
        self._flush()

    def _flush(self) -> None:
        if self._file is not None and self._capture is not None:
            self._file.write(self._capture.take())
            self._file.flush()
