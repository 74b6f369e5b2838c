# SPDX-License-Identifier: GPL-2.0-only
"""A target that follows a script: what an initiator makes of good and bad peers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from initiator.connection import Portal
from iscsi.framing import Decoder, encode
from iscsi.pdu import PDU, decode

SECONDS = 10.0


class Peer:
    """The target's end of one TCP connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.decoder = Decoder()
        self.seen: list[PDU] = []

    def receive(self) -> PDU:
        """Return the next PDU that the initiator sent."""
        while (frame := self.decoder.next_frame()) is None:
            chunk = self.socket.recv(1 << 16)
            if not chunk:
                raise EOFError
            self.decoder.feed(chunk)
        self.seen.append(decode(frame.header, frame.data))
        return self.seen[-1]

    def send(self, pdu: PDU) -> None:
        """Send a PDU without digests."""
        self.socket.sendall(encode(*pdu.segments()))


@contextmanager
def listening(
    script: Callable[[Peer], None], *, connections: int = 1
) -> Iterator[Portal]:
    """Serve a few connections by a script; its errors are raised at the end."""
    errors: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)

        def serve_one() -> None:
            connected, _address = listener.accept()
            with connected:
                connected.settimeout(SECONDS)
                script(Peer(connected))

        def serve() -> None:
            for _number in range(connections):
                try:
                    serve_one()
                except (EOFError, OSError):
                    pass
                except BaseException as error:  # noqa: BLE001  # raised below
                    errors.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Portal("127.0.0.1", listener.getsockname()[1])
        finally:
            thread.join(SECONDS)
    assert not thread.is_alive()
    if errors:
        raise errors[0]
