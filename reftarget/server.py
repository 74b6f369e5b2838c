# SPDX-License-Identifier: GPL-2.0-only
"""Sockets: the one place where the reference target meets TCP and the clock.

There is one event loop and no threads. A connection is read into its own buffer, all
complete PDUs are handled as one batch, and the results are sent by one vectored call. A
peer that does not read our output is not read from.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import resource
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reftarget import control
from reftarget.target import ReferenceTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.address import Portal
    from iscsi.digest import Buffer
    from iscsi.pcap import Address
    from reftarget.config import Config
    from reftarget.connection import Connection

log = logging.getLogger("reftarget")

_IOV_MAX: Final = 1024
_OVERHEAD: Final = 128
"""The bytes for which a buffer counts in addition to its own."""
_BACKLOG: Final = 128
_TICK: Final = 0.25
"""The maximum time between two updates of the clock, in seconds."""
TURN: Final = 0.02
"""The seconds after which a busy connection lets others have their turn."""


_OUT_OF_RESOURCES: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)
_PAUSE: Final = 1.0
"""The seconds until a listener that could not accept is tried again."""
_SPARE_DESCRIPTORS: Final = 32
"""File descriptors for files that are opened later: reservations, a capture, an
operator's sockets."""


class PortalError(Exception):
    """A portal cannot be opened."""


class Channel:
    """One socket and its connection."""

    def __init__(
        self, server: Server, sock: socket.socket, connection: Connection
    ) -> None:
        self.server = server
        self.sock = sock
        self.connection = connection
        self.unsent: list[Buffer] = []
        self.unsent_size = 0
        self.stalled_since: float | None = None
        self.is_reading = False
        self.is_writing = False
        self.is_half_closed = False
        self._ending: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read(True)

    def _read(self, enabled: bool) -> None:
        if enabled is not self.is_reading:
            self.is_reading = enabled
            loop = self.server.loop
            if enabled:
                loop.add_reader(self.sock, self._on_readable)
            else:
                loop.remove_reader(self.sock)

    def _write(self, enabled: bool) -> None:
        if enabled is not self.is_writing:
            self.is_writing = enabled
            loop = self.server.loop
            if enabled:
                loop.add_writer(self.sock, self._on_writable)
            else:
                loop.remove_writer(self.sock)

    def _on_readable(self) -> None:
        if self.connection.has_more:
            return  # process the received PDUs first; their turn reads the rest
        stream = self.connection.stream
        try:
            count = self.sock.recv_into(stream.space())
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.end()
            return
        if not count:
            rules = self.connection.rules.sessions
            if rules.fin_ends_connection:
                self.end()
            else:
                self._read(False)
            return
        if self.is_half_closed or self._closing is not None:
            stream.discard()
            if self.connection.rules.connections.on_late_bytes is not None:
                self.connection.rules.connections.on_late_bytes()
            return
        stream.filled(count)
        self.server.process(self.connection)

    def _on_writable(self) -> None:
        self.flush()
        self.server.flush()

    def flush(self) -> None:
        """Send the output, as far as TCP accepts it."""
        connection = self.connection
        while True:
            connection.is_scheduled = False
            if connection.output:
                self.unsent_size += connection.output_size
                self.unsent.extend(connection.take_output())
            if not self.unsent:
                break
            try:
                sent = self.sock.sendmsg(self._next_buffers())
            except (BlockingIOError, InterruptedError):
                self._wait_for_peer()
                return
            except OSError:
                self.end()
                return
            self.unsent_size -= sent
            self.stalled_since = None
            self._drop_sent(sent)
        self._write(False)
        connection.budget.give_all()
        if connection.is_closing:
            self._close_in_time()
        else:
            self._read(True)
            if connection.is_stopped:
                # The peer has read, so there is room.
                self.server.schedule_turn(connection)

    def _next_buffers(self) -> list[Buffer]:
        """Return the bytes for one call of TCP."""
        size = self.server.piece_bytes
        if not size:
            return self.unsent[:_IOV_MAX]
        return [memoryview(self.unsent[0])[:size]]

    def _wait_for_peer(self) -> None:
        """Keep the output that TCP does not accept, within limits, for a later call."""
        self._write(True)
        self._read(False)
        connection = self.connection
        if self.stalled_since is None:
            self.stalled_since = time.monotonic()
        budget = connection.budget
        budget.give_all()
        if not budget.take(self.unsent_size + _OVERHEAD * len(self.unsent)):
            log.warning("%s: the peer does not read: connection dropped", connection)
            self.end()
        elif connection.is_closing:
            self._end_later()

    def _drop_sent(self, sent: int) -> None:
        unsent = self.unsent
        for index, buffer in enumerate(unsent):
            length = len(buffer)
            if sent < length:
                unsent[: index + 1] = [memoryview(buffer)[sent:]]
                return
            sent -= length
        unsent.clear()

    def _close_in_time(self) -> None:
        """Send FIN, at once or after the configured time."""
        delay = self.server.target.limits.closing_time
        if not delay:
            self._half_close()
        elif self._closing is None:
            self._closing = self.server.loop.call_later(delay, self._half_close)

    def _half_close(self) -> None:
        """Send FIN and wait for the peer's (RFC 7143 section 11.14)."""
        if self.is_half_closed:
            return
        self.is_half_closed = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self._read(True)
        self._end_later()

    def _end_later(self) -> None:
        """Wait for the peer to read the rest, for a limited time."""
        if self._ending is None:
            patience = self.server.target.limits.logout_time
            self._ending = self.server.loop.call_later(patience, self.end)

    def end(self) -> None:
        """Close the socket and notify the connection."""
        if self.server.channels.pop(self.connection, None) is None:
            return
        self._read(False)
        self._write(False)
        self.sock.close()
        for timer in (self._closing, self._ending):
            if timer is not None:
                timer.cancel()
        # They refer to this channel, its connection and its bytes.
        self._closing = self._ending = None
        self.unsent.clear()
        connection = self.connection
        connection.take_output()
        connection.budget.give_all()
        self.server.target.now = time.monotonic()
        connection.lost()
        self.server.flush()


class Server:
    """The portals that listen, and the channels of their connections."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        """Open the portals.

        Raises:
            PortalError: one cannot be opened; none is left open.
        """
        self.loop = loop
        self.channels: dict[Connection, Channel] = {}
        self.listeners: list[socket.socket] = []
        self.on_connect: Callable[[Connection, Address, Address], None] | None = None
        try:
            portals = tuple(map(self._open, config.portals))
            self.target = ReferenceTarget(replace(config, portals=portals))
        except BaseException:
            self._close_listeners()
            raise
        self.portals = portals
        self._is_working = False
        self.most_connections = _room_for(config.limits.connections)
        self.piece_bytes = config.limits.piece_bytes
        self._answer_time = config.limits.answer_time
        for listener, portal in zip(self.listeners, portals, strict=True):
            self._listen(listener, portal)
        self._timer = loop.call_later(_TICK, self._tick)

    def _open(self, portal: Portal) -> Portal:
        family = socket.AF_INET6 if ":" in portal.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        self.listeners.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((portal.host, portal.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise PortalError(
                f"cannot listen on {portal.host} port {portal.port}: {error.strerror}"
            ) from error
        listener.setblocking(False)
        return replace(portal, port=listener.getsockname()[1])

    def _listen(self, listener: socket.socket, portal: Portal) -> None:
        """Accept connections, unless the portal has been closed meanwhile."""
        if listener.fileno() >= 0:
            self.loop.add_reader(listener, self._accept, listener, portal)

    def _accept(self, listener: socket.socket, portal: Portal) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            log.warning("accept: %s", error)
            if error.errno in _OUT_OF_RESOURCES:
                # The listener stays readable: without a pause the loop would spin.
                self.loop.remove_reader(listener)
                self.loop.call_later(_PAUSE, self._listen, listener, portal)
            return
        if len(self.channels) >= self.most_connections:
            log.warning("too many connections: %s refused", address[0])
            sock.close()
            return
        peer = f"{address[0]}:{address[1]}"
        connection = self.target.connect(portal, peer, time.monotonic())
        local = sock.getsockname()[:2]
        connection.local_host = local[0]
        if self.on_connect is not None:
            self.on_connect(connection, local, address[:2])
        self.channels[connection] = Channel(self, sock, connection)

    def control(self, line: str) -> str:
        """Carry out an operator's command; return the answer."""
        self.target.now = time.monotonic()
        answer = control.execute(self.target, line)
        self.flush()
        return answer

    def handle(self, connection: Connection) -> None:
        """Let a connection handle its received bytes."""
        now = self._begin_turn()
        connection.process(now, self.target.turns.has_time)
        if connection.has_more:
            self.loop.call_soon(self._go_on, connection)

    def schedule_turn(self, connection: Connection) -> None:
        """Give a connection a turn after those that wait for theirs."""
        connection.is_stopped = False
        if not connection.has_more:
            connection.has_more = True
            self.loop.call_soon(self._go_on, connection)

    def _begin_turn(self) -> float:
        """Let one connection have a turn; return the time at which it begins."""
        now = self.target.now = time.monotonic()
        end = now + TURN
        self.target.turns.has_time = lambda: time.monotonic() < end
        return now

    def _go_on(self, connection: Connection) -> None:
        """Give a connection another turn, unless it has ended meanwhile."""
        channel = self.channels.get(connection)
        if channel is None or not connection.has_more:
            return
        if channel.is_writing:
            # The peer does not read, so further answers would only fill the memory.
            connection.has_more, connection.is_stopped = False, True
        else:
            self.process(connection)

    def process(self, connection: Connection) -> None:
        """Handle the received bytes and send the results."""
        self.handle(connection)
        self.flush()

    def flush(self) -> None:
        """Send the output of all connections."""
        ready = self.target.ready
        while ready:
            connection = ready.pop()
            channel = self.channels.get(connection)
            if channel is None:
                continue
            if self._answer_time:
                self.loop.call_later(self._answer_time, channel.flush)
            else:
                channel.flush()
        if self.target.turns and not self._is_working:
            self._is_working = True
            self.loop.call_soon(self._work)

    def _work(self) -> None:
        """Give a turn to long commands."""
        self._is_working = False
        self._begin_turn()
        self.target.turns.go_on()
        self.flush()

    def _tick(self) -> None:
        now = time.monotonic()
        self.target.tick(now)
        self._end_stalled(now - self.target.limits.stall_time)
        self.flush()
        deadline = self.target.next_deadline()
        wait = _TICK if deadline is None else min(max(deadline - now, 0.001), _TICK)
        self._timer = self.loop.call_later(wait, self._tick)

    def _end_stalled(self, since: float) -> None:
        """End the channels to peers that have read nothing since a time."""
        for channel in list(self.channels.values()):
            stalled_since = channel.stalled_since
            if stalled_since is not None and stalled_since < since:
                log.warning("%s: the peer does not read", channel.connection)
                channel.end()

    def _close_listeners(self) -> None:
        for listener in self.listeners:
            self.loop.remove_reader(listener)
            listener.close()

    def close(self) -> None:
        """Close everything."""
        self._timer.cancel()
        self._close_listeners()
        for channel in list(self.channels.values()):
            channel.end()
        self.target.close()


def _room_for(maximum: int) -> int:
    """Return how many connections may be open, at most the wanted number.

    The limit of file descriptors of this process is raised as needed, at most to the
    hard limit (`ulimit -Hn`).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir())) + _SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= maximum + used:
        return maximum
    allowed = maximum + used
    if hard != resource.RLIM_INFINITY:
        allowed = min(allowed, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    room = min(maximum, max(1, max(allowed, soft) - used))
    if room < maximum:
        log.warning(
            "%d connections at most, not %d: see ulimit -n (%d)", room, maximum, allowed
        )
    return room
