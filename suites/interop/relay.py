# SPDX-License-Identifier: GPL-2.0-only
"""A relay of TCP connections on loopback that can cut, refuse and corrupt."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

_CHUNK = 1 << 16
_CONNECT_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)
"""The SO_LINGER of a socket that closes with a reset."""
_STUCK = struct.pack("ll", 60, 0)
"""SO_SNDTIMEO: seconds and microseconds."""


@dataclass(eq=False)
class _Pair:
    """A connection of the initiator, and the one to the target behind it."""

    initiator: socket.socket
    target: socket.socket
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_open: bool = True

    def close(self) -> None:
        """Reset both connections."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
        for one in (self.initiator, self.target):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RD)  # wakes the thread that reads it

    def finish(self) -> None:
        """Close the sockets once no thread reads them any more."""
        self.initiator.close()
        self.target.close()


class Relay:
    """Stands between an initiator and a portal; a context manager.

    Args:
        host: where the target listens.
        port: its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._listener = _listener()
        self._changed = threading.Condition()
        self._pairs: list[_Pair] = []
        self._accepted = 0
        self._refuses = False
        self._is_closed = False
        self._until_cut: int | None = None
        self._until_flip: int | None = None
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 at which it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many connections it has relayed so far."""
        with self._changed:
            return self._accepted

    @property
    def has_pending_order(self) -> bool:
        """Whether an order of `cut_after` or `flip_bit_after` is pending."""
        with self._changed:
            return self._until_cut is not None or self._until_flip is not None

    def cut(self) -> int:
        """Reset every connection at once; return how many there were."""
        with self._changed:
            cut, self._pairs = self._pairs, []
            self._changed.notify_all()
        for pair in cut:
            pair.close()
        return len(cut)

    def cut_after(self, octets: int) -> None:
        """Cut all connections after this many more bytes to the target."""
        with self._changed:
            self._until_cut = octets

    def flip_bit_after(self, octets: int) -> None:
        """Flip one bit after this many more bytes to the initiator."""
        with self._changed:
            self._until_flip = octets

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse every new connection in a block; open ones stay.

        To accept and reset them does not work: Linux was seen to hang (it cannot bind
        the connection, ENOTCONN) when a connection is reset before its login.
        """
        with self._changed:
            self._refuses = True
        self._listener.shutdown(socket.SHUT_RDWR)  # the listener keeps its port
        try:
            yield
        finally:
            self._listener.listen()
            with self._changed:
                self._refuses = False
                self._changed.notify_all()

    def await_connections(self, count: int, seconds: float) -> bool:
        """Wait until it has relayed so many connections; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._accepted >= count, seconds)

    def close(self) -> None:
        """Close it and all its connections."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(_CONNECT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                initiator, _ = self._listener.accept()
            except OSError:
                if self._is_over():
                    return
                continue
            pair = self._pair(initiator)
            if pair is None:
                initiator.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                initiator.close()
                continue
            thread = threading.Thread(target=self._pass_on, args=[pair], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _is_over(self) -> bool:
        """Wait until it may accept again; return whether it never will."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or not self._refuses)
            return self._is_closed

    def _pair(self, initiator: socket.socket) -> _Pair | None:
        try:
            target = socket.create_connection(self._behind, _CONNECT_SECONDS)
        except OSError:
            return None
        target.settimeout(None)
        for one in (initiator, target):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A peer that has stopped reading must not block its thread forever.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _STUCK)
        pair = _Pair(initiator, target)
        with self._changed:
            self._pairs.append(pair)
            self._accepted += 1
            self._changed.notify_all()
        return pair

    def _pass_on(self, pair: _Pair) -> None:
        back = threading.Thread(target=self._to_initiator, args=[pair], daemon=True)
        back.start()
        self._to_target(pair)
        back.join()
        with self._changed:
            if pair in self._pairs:
                self._pairs.remove(pair)
        pair.finish()

    def _to_target(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.initiator.recv(_CHUNK):
                pair.target.sendall(data)
                if self._is_cut_by(len(data)):
                    self.cut()
        pair.close()

    def _is_cut_by(self, octets: int) -> bool:
        with self._changed:
            if self._until_cut is None:
                return False
            self._until_cut -= octets
            if self._until_cut > 0:
                return False
            self._until_cut = None
            return True

    def _to_initiator(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.target.recv(_CHUNK):
                pair.initiator.sendall(self._with_flipped_bit(data))
        pair.close()

    def _with_flipped_bit(self, data: bytes) -> bytes:
        with self._changed:
            if self._until_flip is None:
                return data
            position = self._until_flip
            if position >= len(data):
                self._until_flip -= len(data)
                return data
            self._until_flip = None
        changed = bytearray(data)
        changed[position] ^= 0x10
        return bytes(changed)


def _listener() -> socket.socket:
    """Return a listening socket that keeps its port when it stops listening."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen = probe.getsockname()
    # The kernel keeps a port for later only if it was requested by number.
    return socket.create_server(chosen)
