# SPDX-License-Identifier: GPL-2.0-only
"""A target that means harm, made of sockets and struct alone.

None of the toolkit's own PDU code is used: what it sends is right or wrong by the
layouts of RFC 7143 as they are written here.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

BHS = 48
RESERVED = 0xFFFFFFFF
LOGIN_REQUEST, LOGIN_RESPONSE = 0x03, 0x23
KEYS = b"HeaderDigest=None\0DataDigest=None\0TargetPortalGroupTag=1\0"


class Wire:
    """The target's end of one TCP connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.stat_sn = 1
        self.request = bytes(BHS)
        """The header of the last request."""

    def read(self) -> bytes:
        """Return the header of the next request; its data is read and dropped."""
        header = self._exactly(BHS)
        length = int.from_bytes(header[5:8], "big")
        self._exactly(header[4] * 4 + length + -length % 4)
        self.request = header
        return header

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(min(count - len(data), 1 << 16))
            if not part:
                raise EOFError
            data += part
        return data

    @property
    def tag(self) -> int:
        """The Initiator Task Tag of the last request."""
        return int.from_bytes(self.request[16:20], "big")

    def pdu(
        self,
        opcode: int,
        data: bytes = b"",
        *,
        flags: int = 0x80,
        byte2: int = 0,
        byte3: int = 0,
        itt: int | None = None,
        word20: int = RESERVED,
        rest: bytes = b"",
        advances: bool = True,
        length: int | None = None,
        ahs: int = 0,
    ) -> bytes:
        """Return a PDU in the layout that responses share."""
        announced = len(data) if length is None else length
        header = struct.pack(
            ">BBBBI8sIIIII12s",
            opcode,
            flags,
            byte2,
            byte3,
            ahs << 24 | announced,
            bytes(8),
            self.tag if itt is None else itt,
            word20,
            self.stat_sn,
            1,
            0x7FFF,
            rest.ljust(12, b"\0"),
        )
        if advances:
            self.stat_sn += 1
        return header + data + bytes(-len(data) % 4)

    def login(
        self,
        data: bytes = KEYS,
        *,
        flags: int = 0x87,
        status: int = 0,
    ) -> bytes:
        """Return a Login Response to the last request."""
        request = self.request
        command = int.from_bytes(request[24:28], "big")
        header = struct.pack(
            ">BBBBI6sHIIIIIH10s",
            LOGIN_RESPONSE,
            flags,
            0,
            0,
            len(data),
            request[8:14],
            1,
            self.tag,
            0,
            self.stat_sn,
            command,
            command + 100,
            status,
            bytes(10),
        )
        self.stat_sn += 1
        return header + data + bytes(-len(data) % 4)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def send_always(self, make: Callable[[], bytes]) -> None:
        """Send new PDUs until the peer accepts no more."""
        while True:
            self.send(b"".join(make() for _ in range(64)))

    def log_in(self) -> None:
        """Let an initiator in, in one exchange."""
        self.read()
        self.send(self.login())


Script = Callable[[Wire], None]


@contextmanager
def served(script: Script) -> Iterator[tuple[str, int]]:
    """Serve connections by a script until the block ends; yield the address."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    connected, _ = listener.accept()
                    connected.settimeout(30)
                    threading.Thread(target=run, args=(connected,), daemon=True).start()

        def run(connected: socket.socket) -> None:
            with connected, suppress(OSError, EOFError):
                script(Wire(connected))

        accepting = threading.Thread(target=serve, daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[:2]
        finally:
            is_over.set()
            accepting.join()
