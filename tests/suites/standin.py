# SPDX-License-Identifier: GPL-2.0-only
"""A target that misbehaves on command: a relay before the reference target.

An initiator whose name ends with `:kill-at-STAGE` has the target go wrong at that
stage, in the manner that the stand-in was made with. It comes back by itself, when it
is told to (`StandIn.control`), or never. All of a stand-in runs in one thread: its
states and its sockets change between two waits alone.
"""

import asyncio
import ctypes
import socket
import struct
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

from iscsi.address import Portal

LOGIN, COMMAND, TEXT, DATA_OUT, LOGOUT = 0x03, 0x01, 0x04, 0x05, 0x06
"""Opcodes (RFC 7143 section 11.2.1.2)."""

END = "end"
"""The stage at which a connection has ended: the target goes wrong between checks."""

STAGES = {
    "setup": (LOGIN, 1),
    "login": (LOGIN, 1),
    "negotiation": (LOGIN, 2),
    "text": (TEXT, 1),
    "command": (COMMAND, 1),
    "data": (DATA_OUT, 1),
    "logout": (LOGOUT, 1),
    "teardown": (LOGOUT, 1),
    "sweep": (COMMAND, 1),
    END: (0, 0),
}
"""The opcode of the PDU at which it goes wrong, and which one of these it is."""

_MARK = b":kill-at-"
_HEADER = 48
_OPCODE = 0x3F
_READY_SECONDS = 30.0
_TRICKLE_SECONDS = 1.0
_FLOOD_PAUSE = 0.05
_STAT_SN = slice(24, 36)
"""StatSN, ExpCmdSN and MaxCmdSN in a target's PDU."""

_TURNED_AWAY = 7
"""Connections that get nowhere before it comes back by itself. A run makes at most six
until it knows that the target hangs: the next check's start and login, and looks at the
port around two probes."""

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""A program for the kernel's packet filter: return 0, which drops the packet."""

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Misbehaviour(StrEnum):
    """How the stand-in goes wrong."""

    DIES = "dies"
    """Its connections are reset, and no program listens."""
    HANGS = "hangs"
    """It accepts connections and is silent."""
    SPINS = "spins"
    """The kernel completes connections, but nobody accepts them or reads any more."""
    VANISHES = "vanishes"
    """Nothing answers any more, not even to a SYN."""
    TRICKLES = "trickles"
    """It answers one byte a second."""
    FLOODS = "floods"
    """It sends NOP-Ins without end on that connection; all others are served."""


class StandIn:
    """A relay with one listener at one port.

    Attributes:
        portal: where it listens.
        control: a port at which each connection has it serve again; it then says so.
    """

    def __init__(
        self, target: Portal, misbehaviour: Misbehaviour, back: float | None
    ) -> None:
        self._target, self._misbehaviour, self._back = target, misbehaviour, back
        self._listener = _bound()
        self.portal = Portal(*self._listener.getsockname())
        self._control = _bound()
        self.control = Portal(*self._control.getsockname())
        self._sockets: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_wrong = False
        self._turned_away = 0
        self._goes_wrong, self._comes_back = asyncio.Event(), asyncio.Event()
        self._serves = asyncio.Event()
        # Unset while a connection whose end triggers the misbehaviour is closing.
        self._is_clear = asyncio.Event()

    async def run(self, ready: threading.Event) -> None:
        """Serve, go wrong and come back, until this is cancelled."""
        self._control.listen()
        control = asyncio.create_task(self._serve_control())
        try:
            self._listener.listen()
            while True:
                self._is_clear.set()
                self._start(self._accept())
                self._serves.set()
                ready.set()
                await self._goes_wrong.wait()
                await self._misbehave()
                await self._comes_back.wait()
                await self._come_back()
        finally:
            control.cancel()
            await self._stop()
            self._close_all(by_reset=True)
            self._listener.close()
            self._control.close()

    async def _serve_control(self) -> None:
        """Serve again whenever somebody connects to the port of control."""
        loop = asyncio.get_running_loop()
        while True:
            caller = await _accepted(self._control)
            with caller:
                if self._is_wrong:
                    self._comes_back.set()
                await self._serves.wait()
                await loop.sock_sendall(caller, b"back")

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stop(self) -> None:
        """End all that waits for a connection; its sockets stay open."""
        stopped = tuple(self._tasks)
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    # Misbehaviour and recovery
    # ---------------------------------------------------------

    async def _misbehave(self) -> None:
        self._is_wrong = True
        self._serves.clear()
        self._turned_away = 0
        if self._misbehaviour is not Misbehaviour.TRICKLES:
            await self._stop()
        self._is_clear.set()
        if self._misbehaviour is Misbehaviour.HANGS:
            self._start(self._accept())
        elif self._misbehaviour is Misbehaviour.DIES:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._close_all(by_reset=True)
        elif self._misbehaviour is Misbehaviour.VANISHES:
            for one in (self._listener, *self._sockets):
                _drop_packets(one)
        if self._back is not None and self._misbehaviour in (
            Misbehaviour.DIES,
            Misbehaviour.VANISHES,
        ):
            asyncio.get_running_loop().call_later(self._back, self._comes_back.set)

    async def _come_back(self) -> None:
        """Serve again, with no connection of before."""
        await self._stop()
        # A port probe that has just connected must succeed: the target was there.
        by_reset = self._misbehaviour in (Misbehaviour.SPINS, Misbehaviour.VANISHES)
        self._close_all(by_reset=by_reset)
        if self._misbehaviour is Misbehaviour.DIES:
            self._listener.listen()
        elif self._misbehaviour is Misbehaviour.VANISHES:
            self._listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        with suppress(BlockingIOError):
            while True:
                self._sockets.add(self._listener.accept()[0])
        self._close_all(by_reset=by_reset)
        self._goes_wrong.clear()
        self._comes_back.clear()
        self._is_wrong = False

    def _close_all(self, *, by_reset: bool) -> None:
        """Close all connections by RST, or as the kernel does it."""
        for one in self._sockets:
            if by_reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            one.close()
        self._sockets.clear()

    # Connections ---------------------------------------------------------------------

    async def _accept(self) -> None:
        while True:
            initiator = await _accepted(self._listener)
            self._sockets.add(initiator)
            await self._is_clear.wait()
            if self._is_wrong:
                self._turned_away += 1
                if self._back is not None and self._turned_away == _TURNED_AWAY:
                    self._comes_back.set()
                if self._misbehaviour is not Misbehaviour.TRICKLES:
                    continue
            self._start(self._relay(initiator))

    async def _relay(self, initiator: socket.socket) -> None:
        """Pass PDUs both ways until both ends have closed."""
        loop = asyncio.get_running_loop()
        target = socket.socket()
        target.setblocking(False)
        self._sockets.add(target)
        with suppress(OSError):
            await loop.sock_connect(target, (self._target.host, self._target.port))
            numbers = bytearray(_STAT_SN.stop - _STAT_SN.start)
            backwards = self._start(self._pass_back(target, initiator, numbers))
            if await self._pass_on(initiator, target):
                backwards.cancel()
                await _flood(initiator, bytes(numbers))
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)
            await asyncio.wait((backwards,))
        for one in (initiator, target):
            self._sockets.discard(one)
            one.close()

    async def _pass_on(self, initiator: socket.socket, target: socket.socket) -> bool:
        """Pass PDUs on; tell whether the initiator is to be flooded now."""
        loop = asyncio.get_running_loop()
        stage = ""
        count = 0
        with suppress(OSError):
            async for pdu in _pdus(initiator):
                at = pdu.find(_MARK)
                if at >= 0:
                    stage = pdu[at + len(_MARK) :].partition(b"\0")[0].decode()
                if stage == END and pdu[0] & _OPCODE == LOGOUT:
                    self._is_clear.clear()
                if stage and not self._is_wrong and stage != END:
                    opcode, number = STAGES[stage]
                    count += pdu[0] & _OPCODE == opcode
                    if count == number:
                        if self._misbehaviour is Misbehaviour.FLOODS:
                            return True
                        await self._misbehave_now()
                await loop.sock_sendall(target, pdu)
        if stage == END and not self._is_wrong:
            await self._misbehave_now()
        return False

    async def _misbehave_now(self) -> None:
        """Have it go wrong; most manners end what has called this."""
        self._is_clear.set()
        if self._misbehaviour is Misbehaviour.FLOODS:
            return
        self._goes_wrong.set()
        if self._misbehaviour is Misbehaviour.TRICKLES:
            self._is_wrong = True
        else:
            await asyncio.Event().wait()

    async def _pass_back(
        self, target: socket.socket, initiator: socket.socket, numbers: bytearray
    ) -> None:
        """Pass PDUs back, and note the numbers of the last one."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            async for pdu in _pdus(target):
                numbers[:] = pdu[_STAT_SN]
                if not self._is_wrong:
                    await loop.sock_sendall(initiator, pdu)
                    continue
                for at in range(len(pdu)):
                    await loop.sock_sendall(initiator, pdu[at : at + 1])
                    await asyncio.sleep(_TRICKLE_SECONDS)
            initiator.shutdown(socket.SHUT_WR)


async def _flood(initiator: socket.socket, numbers: bytes) -> None:
    """Send NOP-Ins that want no answer, until the initiator closes.

    Args:
        initiator: the connection.
        numbers: StatSN, ExpCmdSN and MaxCmdSN of the last PDU sent.
    """
    nop_in = bytearray(_HEADER)
    nop_in[:2] = b"\x20\x80"
    nop_in[16:24] = b"\xff" * 8
    nop_in[_STAT_SN] = numbers
    stat_sn = int.from_bytes(numbers[:4], "big") + 1
    nop_in[24:28] = (stat_sn & 0xFFFFFFFF).to_bytes(4, "big")
    while True:
        await asyncio.get_running_loop().sock_sendall(initiator, nop_in * 64)
        # More PDUs would show nothing new, but keep a processor busy.
        await asyncio.sleep(_FLOOD_PAUSE)


async def _pdus(source: socket.socket) -> AsyncIterator[bytes]:
    """Yield PDUs without digests, header and padded data together."""
    while len(header := await _read(source, _HEADER)) == _HEADER:
        length = header[4] * 4 + int.from_bytes(header[5:8], "big")
        yield header + await _read(source, length + -length % 4)


async def _read(source: socket.socket, length: int) -> bytes:
    """Return as many bytes, or fewer where the connection ends."""
    data = b""
    loop = asyncio.get_running_loop()
    while len(data) < length:
        part = await loop.sock_recv(source, length - len(data))
        if not part:
            break
        data += part
    return data


def _bound() -> socket.socket:
    """Return a socket that is bound to a port which it keeps also while it is shut.

    Linux gives back a port that it has chosen itself when a listener is shut.
    """
    with socket.socket() as chooser:
        chooser.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        chooser.bind(("127.0.0.1", 0))
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(chooser.getsockname())
    bound.setblocking(False)
    return bound


async def _accepted(listener: socket.socket) -> socket.socket:
    """Return the next connection of a listener.

    `loop.sock_accept` drops a connection, unclosed, that it has accepted when its task
    is cancelled. Here a connection stays in the backlog until the task has it.
    """
    loop = asyncio.get_running_loop()
    while True:
        is_readable = asyncio.Event()
        loop.add_reader(listener, is_readable.set)
        try:
            await is_readable.wait()
        finally:
            loop.remove_reader(listener)
        with suppress(BlockingIOError):
            connected, _ = listener.accept()
            connected.setblocking(False)
            return connected


def _drop_packets(one: socket.socket) -> None:
    """Have the kernel drop whatever comes for a socket, as if the host were off."""
    program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
    # struct sock_fprog: how many instructions there are, and where.
    words = struct.pack("@HP", 1, ctypes.addressof(program))
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, words)


@contextmanager
def stand_in(
    target: Portal, misbehaviour: Misbehaviour, back: float | None = None
) -> Iterator[StandIn]:
    """Stand before a target.

    Args:
        target: where it listens.
        misbehaviour: what the stand-in does wrong on command.
        back: seconds after which it serves again where nobody can reach it; where it
            accepts connections it does so after a few of them. None: it does so when it
            is told to.
    """
    one = StandIn(target, misbehaviour, back)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    work = loop.create_task(one.run(ready))

    def serve() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(work)
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(_READY_SECONDS)
        yield one
    finally:
        loop.call_soon_threadsafe(work.cancel)
        thread.join()
