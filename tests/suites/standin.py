# SPDX-License-Identifier: GPL-2.0-only
"""A target that goes wrong when it is told to: a relay before the reference target.

An initiator whose name ends with `:kill-at-STAGE` has the target go wrong at that
stage, in the manner that the stand-in was made with. It comes back after a while, or
never.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from iscsi.address import Portal

LOGIN, COMMAND, DATA_OUT, LOGOUT, END = 0x03, 0x01, 0x05, 0x06, -1
"""Opcodes (RFC 7143 section 11.2.1.2), and the end of a connection."""

STAGES = {
    "setup": LOGIN,
    "login": LOGIN,
    "command": COMMAND,
    "data": DATA_OUT,
    "logout": LOGOUT,
    "teardown": LOGOUT,
    "sweep": COMMAND,
    "end": END,
}
_MARK = b":kill-at-"
_HEADER = 48
_TRICKLE_SECONDS = 1.0
_TURNED_AWAY = 7
"""Connections that get nowhere before it comes back. A run makes at most six until it
knows that the target hangs: the next check's start and login, and looks at the port
around two probes."""


class Manner(StrEnum):
    """How the stand-in goes wrong."""

    DIES = "dies"
    """Its connections are reset, and nobody listens."""
    HANGS = "hangs"
    """It accepts connections and is silent."""
    VANISHES = "vanishes"
    """Nothing answers any more, not even to a SYN."""
    TRICKLES = "trickles"
    """It answers one byte a second."""


class StandIn:
    """A relay with one listener at one port."""

    def __init__(self, target: Portal, manner: Manner, back: float | None) -> None:
        self._target, self._manner, self._back = target, manner, back
        self._sockets: set[socket.socket] = set()
        self._fillers: list[socket.socket] = []
        self._is_wrong = threading.Event()
        # Unset while a connection is closing with whose end it goes wrong.
        self._is_clear = threading.Event()
        self._is_clear.set()
        self._turned_away = 0
        self._is_over = threading.Event()
        self._lock = threading.RLock()
        self.portal = Portal("127.0.0.1", 0)
        self._listen()

    def close(self) -> None:
        self._is_over.set()
        self._is_clear.set()
        with self._lock:
            self._drop()
            self._listener.close()

    def _listen(self) -> None:
        self._listener = socket.create_server((self.portal.host, self.portal.port))
        self.portal = Portal(*self._listener.getsockname())
        self._start(self._accept, self._listener)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=run, args=arguments, daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                initiator, _ = listener.accept()
                self._is_clear.wait()
                if not self._keep(initiator):
                    return
                if self._is_wrong.is_set():
                    if self._manner is Manner.VANISHES:
                        return
                    self._turn_away()
                    if self._manner is not Manner.TRICKLES:
                        continue
                address = (self._target.host, self._target.port)
                target = socket.create_connection(address)
                if not self._keep(target):
                    return
                self._start(self._forth, initiator, target)
                self._start(self._back_to, target, initiator)

    def _keep(self, one: socket.socket) -> bool:
        """Keep a socket to close it later; close it at once where all is over."""
        with self._lock:
            if self._is_over.is_set():
                one.close()
                return False
            self._sockets.add(one)
        return True

    def _turn_away(self) -> None:
        """Count a connection that comes while it is wrong."""
        self._turned_away += 1
        if self._back is not None and self._turned_away == _TURNED_AWAY:
            self._start_timer(0)

    def _start_timer(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._come_back)
        timer.daemon = True
        timer.start()

    def _back_to(self, target: socket.socket, initiator: socket.socket) -> None:
        with suppress(OSError):
            while data := target.recv(1 << 16):
                if not self._is_wrong.is_set():
                    initiator.sendall(data)
                elif self._manner is Manner.TRICKLES:
                    for at in range(len(data)):
                        initiator.sendall(data[at : at + 1])
                        if self._is_over.wait(_TRICKLE_SECONDS):
                            return
                else:
                    return
            initiator.shutdown(socket.SHUT_WR)

    def _forth(self, initiator: socket.socket, target: socket.socket) -> None:
        """Pass PDUs on, until one of them is the moment to go wrong."""
        stage: int | None = None
        with suppress(OSError):
            for pdu in _pdus(initiator):
                at = pdu.find(_MARK)
                if at >= 0:
                    stage = STAGES[pdu[at + len(_MARK) :].partition(b"\0")[0].decode()]
                opcode = pdu[0] & 0x3F
                if stage == END and opcode == LOGOUT:
                    self._is_clear.clear()
                if stage is not None and opcode == stage:
                    self._go_wrong()
                if self._is_wrong.is_set() and self._manner is not Manner.TRICKLES:
                    return
                target.sendall(pdu)
            target.shutdown(socket.SHUT_WR)
        if stage == END:
            self._go_wrong()
            self._is_clear.set()

    def _go_wrong(self) -> None:
        with self._lock:
            if self._is_wrong.is_set():
                return
            self._is_wrong.set()
            if self._manner is Manner.DIES:
                # A listener that is closed while a thread waits in it lives on.
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._drop()
            elif self._manner is Manner.VANISHES:
                self._fill()
        if self._back is not None and self._manner in (Manner.DIES, Manner.VANISHES):
            self._start_timer(self._back)

    def _fill(self) -> None:
        """Have the listener's queue full, so that the kernel drops each SYN."""
        self._listener.listen(0)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((self.portal.host, self.portal.port))
            self._fillers.append(filler)

    def _come_back(self) -> None:
        if self._is_over.is_set():
            return
        with self._lock, suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._listener.close()
            self._drop()
            self._is_wrong.clear()
            self._turned_away = 0
            self._listen()

    def _drop(self) -> None:
        for one in (*self._sockets, *self._fillers):
            with suppress(OSError):
                # RST, also to wake the threads that wait on it.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" * 2)
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()
        self._fillers.clear()


def _pdus(source: socket.socket) -> Iterator[bytes]:
    """Yield PDUs without digests, header and padded data together."""
    with source.makefile("rb") as stream:
        while len(header := stream.read(_HEADER)) == _HEADER:
            length = header[4] * 4 + int.from_bytes(header[5:8], "big")
            yield header + stream.read(length + -length % 4)


@contextmanager
def stand_in(
    target: Portal, manner: Manner, back: float | None = None
) -> Iterator[Portal]:
    """Stand before a target.

    Args:
        target: where it listens.
        manner: how the stand-in goes wrong when it is told to.
        back: seconds after which it serves again where nobody can reach it; where it
            accepts connections it does so after a few of them. None: it never does.
    """
    one = StandIn(target, manner, back)
    try:
        yield one.portal
    finally:
        one.close()
