# SPDX-License-Identifier: GPL-2.0-only
"""One connection: bytes in, PDUs to the handler of its phase, buffers out.

Three things drive a connection: the peer (`receive`), the clock (`tick` at `deadline`)
and the rest of the target (`send`). Output is collected in `output`; the server sends
it, and closes the connection if `is_closing` and all output is sent.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import headers, serial
from iscsi.constants import BHS_LENGTH, DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
from iscsi.digest import digest
from iscsi.errors import DecodeError
from iscsi.framing import NO_DIGESTS
from iscsi.parameters import Parameters
from iscsi.states import ConnectionEvent, ConnectionState
from reftarget.budget import Budget
from reftarget.rules.commands import Numbering
from reftarget.rules.login import OtherSession
from reftarget.states import connection_after
from reftarget.stream import HeaderDigestError, Stream
from reftarget.twist import corrupted, twisted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iscsi.address import Portal
    from iscsi.constants import RejectReason
    from iscsi.digest import Buffer
    from reftarget.config import Config, Limits
    from reftarget.requests import Exchange
    from reftarget.rules import Rules
    from reftarget.stream import Received
    from reftarget.turns import Job

log = logging.getLogger("reftarget")

HIGH_WATER: Final = 4 << 20
"""If more bytes of output are pending, no further PDU is processed."""

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - named, not bound
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


_ENDED: Final = frozenset({ConnectionState.FREE, ConnectionState.CLEANUP_WAIT})


class Network(Protocol):
    """The interface of the target for a connection."""

    @property
    def config(self) -> Config:
        """Its configuration."""

    @property
    def limits(self) -> Limits:
        """Its limits."""

    @property
    def rules(self) -> Rules:
        """Its decisions."""

    @property
    def now(self) -> float:
        """The time of the event that is being handled."""

    @property
    def budget(self) -> Budget:
        """The bytes that are kept for all peers."""

    @property
    def ready(self) -> list[Connection]:
        """Connections that have output or want to close."""

    def forget(self, connection: Connection) -> None:
        """Remove a connection that has ended."""


class Owner(Numbering, OtherSession, Protocol):
    """The interface of a session for a connection."""

    @property
    def tsih(self) -> int:
        """Its TSIH."""

    def keep_status(
        self, connection: Connection, header: headers.Header, data: Buffer
    ) -> None:
        """Keep a response that SNACK may request again."""

    def status_acknowledged(self, connection: Connection) -> None:
        """Release the responses that waited for the acknowledgement of status."""

    def connection_lost(self, connection: Connection, now: float) -> None:
        """Keep the recoverable state of a failed connection."""

    def ping(self, connection: Connection) -> None:
        """Ping the initiator on a connection."""

    def login_failed(self, connection: Connection) -> None:
        """Record the end of a connection whose login was to join."""


def _say_nothing(_connection: Connection) -> None:
    """Handle a PDU of the wrong format; the connection ends afterwards anyway."""


def _always() -> bool:
    return True


def _login_timed_out(connection: Connection, _now: float) -> None:
    if not connection.rules.sessions.ends_slow_login:
        return
    log.warning("%s: login not finished in time", connection)
    connection.finish(ConnectionEvent.LOGIN_TIMED_OUT)


class Connection:
    """The target's end of one TCP connection.

    What is called back gets the connection as an argument and holds no reference to
    it: a connection that has ended is freed at once, not by a garbage collection.

    Attributes:
        session: the session that it belongs to, once it is logged in.
        state: its state in the diagram of chapter 8.
        joining: the session that its login is to join.
        output: buffers to be sent, in order.
        awaited_pong: the tag of a ping that waits for its answer.
        budget: bytes that TCP does not take from us, since the peer reads nothing.
        has_more: True while there was no time for all that waits in `stream` and
            `backlog`.
        is_stopped: True while that waits for room in `output`.
        backlog: what is to be said before the next PDU is taken in.
        is_closing: True once TCP is to end after `output` is sent.
        deadline: the time at which `tick` has something to do, or None.
        is_discovery: whether its login is that of a discovery session.
        stat_sn: the number of the next status.
        exp_stat_sn: the first number that the initiator has not acknowledged.
    """

    def __init__(
        self,
        target: Network,
        portal: Portal,
        peer: str,
        handler: Callable[[Connection, Received, float], None],
        now: float,
    ) -> None:
        self.target = target
        self.rules = target.rules
        self.portal = portal
        self.peer = peer
        self.local_host = portal.host
        self.exchange: Exchange | None = None
        self._takes_bad_data = not self.rules.connections.checks_data_digest
        self._on_pdu = self.rules.connections.on_pdu
        self._on_part = self.rules.connections.on_part
        self.awaited_pong: int | None = None
        self.has_received = True
        self.handler = handler
        self.state = ConnectionState.FREE
        self.session: Owner | None = None
        self.joining: Owner | None = None
        self.is_discovery = False
        self.cid = 0
        self.parameters = Parameters()
        self.stream = Stream(DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH)
        self.stream.is_lax = not self.rules.connections.checks_header_digest
        self.digests = NO_DIGESTS
        self.output: list[Buffer] = []
        self.output_size = 0
        limits = target.limits
        self.budget = Budget(limits.connection_bytes, target.budget)
        self.is_scheduled = False
        self.is_closing = False
        self.has_more = False
        self.is_stopped = False
        self.backlog: deque[Job] = deque()
        self.stat_sn = self.exp_stat_sn = self.rules.sessions.first_stat_sn
        self.deadline: float | None = now + limits.login_time
        self.on_deadline: Callable[[Connection, float], None] = _login_timed_out
        self.on_format_error: Callable[[Connection], None] = _say_nothing
        self.watch_output: Callable[[Connection, bytes, bytes], None] | None = None
        self.watch_input: Callable[[Connection, bytes, bytes], None] | None = None
        self.happened(ConnectionEvent.TRANSPORT_OPENED)

    def happened(self, event: ConnectionEvent) -> None:
        """Change the state as an event requires."""
        self.state = connection_after(self.state, event, self)

    def receive(self, data: bytes, now: float) -> None:
        """Process received bytes."""
        self.stream.feed(data)
        self.process(now)

    def process(self, now: float, has_time: Callable[[], bool] = _always) -> None:
        """Process the backlog, then the complete PDUs.

        It stops where there is no room for answers.

        Args:
            now: the time.
            has_time: asked after each step and PDU; False leaves the rest, `has_more`
                then, to a later call, so that other connections get their turn.
        """
        stream, backlog = self.stream, self.backlog
        self.has_more = self.is_stopped = False
        is_watched = self.watch_input is not None or self._on_pdu is not None
        try:
            while not self.is_closing and self.output_size < HIGH_WATER:
                if backlog:
                    self._work_off(backlog[0])
                else:
                    pdu = stream.next_pdu()
                    if pdu is None:
                        if self._on_part is not None:
                            self._on_part(self)
                        return
                    self.has_received = True
                    if pdu.objection or is_watched:
                        self._look_at(pdu)
                    self.handler(self, pdu, now)
                if not has_time():
                    self.has_more = stream.pending > 0 or bool(backlog)
                    return
            self.is_stopped = True
        except HeaderDigestError as error:
            # After a format error the start of the next PDU is unknown (section 7.8).
            log.warning("%s: %s: connection dropped", self, error)
            self._look_at_header(error)
            self.drop()
        except DecodeError as error:
            log.warning("%s: %s: session dropped", self, error)
            self._look_at_header(error)
            self.on_format_error(self)
            self.drop_session()

    def _look_at(self, pdu: Received) -> None:
        """Show a PDU to observers; forgive a wrong digest where a fault says so."""
        if self._on_pdu is not None:
            self._on_pdu(self, pdu.header, bytes(pdu.data), pdu.objection is not None)
        if self._takes_bad_data:
            pdu.objection = None
        if self.watch_input is not None:
            self.watch_input(self, pdu.header, bytes(pdu.data))

    def _look_at_header(self, error: DecodeError) -> None:
        """Act on the header of a PDU that cannot be processed."""
        if self._on_pdu is not None and error.data:
            self._on_pdu(self, error.data, b"", True)

    def _work_off(self, job: Job) -> None:
        """Do a step of the backlog."""
        if not job.step() and self.backlog and self.backlog[0] is job:
            self.backlog.popleft()

    def later(self, job: Job) -> None:
        """Schedule work before the next PDU, in turns and if there is room."""
        if self.is_closing:
            return
        self.backlog.append(job)
        self.is_stopped = True
        self._schedule()

    @property
    def is_full(self) -> bool:
        """True while its pending output exceeds the room for it."""
        return bool(self.backlog) or self.output_size >= HIGH_WATER

    def send(self, header: headers.Header, data: Buffer = b"") -> None:
        """Queue a PDU: lengths, padding and digests are filled in here."""
        if self.rules.twists:
            changed = twisted(self.rules.twists, self, header, bytes(data))
            if changed is None:
                return
            header, data = changed
        length = len(data)
        header.data_segment_length = length
        self.send_packed(header.pack(), data)

    def send_packed(self, packed: bytes, data: Buffer = b"") -> None:
        """Queue a PDU whose header is already encoded."""
        output = self.output
        if self.rules.corruptions:
            wire = corrupted(self.rules.corruptions, packed, bytes(data), self.digests)
            output.append(wire)
            self.output_size += len(wire)
            self._show(packed, data)
            return
        output.append(packed)
        size = BHS_LENGTH
        digests = self.digests
        if digests.header:
            output.append(digest((packed,)))
            size += 4
        length = len(data)
        if length:
            output.append(data)
            padding = _PADDING[length & 3]
            if padding:
                output.append(padding)
            if digests.data:
                output.append(digest((data, padding)))
                size += 4
            size += length + len(padding)
        self.output_size += size
        if self.watch_output is not None or not self.is_scheduled:
            self._show(packed, data)

    def _show(self, packed: bytes, data: Buffer) -> None:
        """Pass a PDU to observers and schedule the output."""
        if self.watch_output is not None:
            self.watch_output(self, packed, bytes(data))
        self._schedule()

    def _schedule(self) -> None:
        """Have the server process this connection."""
        if not self.is_scheduled:
            self.is_scheduled = True
            self.target.ready.append(self)

    def number(self, header: headers.Header, *, advance: bool = True) -> None:
        """Fill in StatSN, ExpCmdSN and MaxCmdSN.

        Args:
            header: a response; it must have these fields.
            advance: whether the PDU carries a status number of its own.
        """
        header.stat_sn = self.stat_sn  # type: ignore[attr-defined]
        if advance:
            self.stat_sn = self.stat_sn + 1 & 0xFFFFFFFF
        self.renumber(header)

    def renumber(self, header: headers.Header) -> None:
        """Update ExpCmdSN and MaxCmdSN of a PDU; its StatSN stays."""
        if self.session is not None:
            window = self.session.window
            header.exp_cmd_sn = window.exp_cmd_sn  # type: ignore[attr-defined]
            header.max_cmd_sn = window.max_cmd_sn  # type: ignore[attr-defined]

    def respond(self, header: headers.Header, data: Buffer = b"") -> None:
        """Number and queue a PDU with a status; keep it if SNACK may request it."""
        self.number(header)
        session, level = self.session, self.parameters.error_recovery_level
        if level and session is not None and self.state.is_full_feature:
            session.keep_status(self, header, data)
        self.send(header, data)

    def reject(self, pdu: Received, reason: RejectReason, *, data_sn: int = 0) -> None:
        """Reject a PDU; its header is returned (RFC 7143 section 11.17)."""
        self.refuse(pdu.header[:BHS_LENGTH], reason, data_sn=data_sn)

    def refuse(self, header: bytes, reason: RejectReason, *, data_sn: int = 0) -> None:
        """Reject a PDU of which only the header is left."""
        log.info("%s: Reject %s of opcode %#04x", self, reason.name, header[0])
        if self.rules.connections.closes_for(header[0] & 0x3F, reason):
            self.drop_session()
            return
        self.respond(headers.Reject(reason=reason, data_sn=data_sn), header)
        if self.session is not None:
            self.rules.connections.after_reject(self, self.session, header)

    def seen_host(self, portal: Portal) -> str:
        """Return a portal's address as this peer can use it."""
        return self.local_host if portal.host in _WILDCARDS else portal.host

    def acknowledge(self, exp_stat_sn: int) -> None:
        """Process an ExpStatSN: earlier PDUs have arrived."""
        if not serial.less_than(self.exp_stat_sn, exp_stat_sn):
            return
        if serial.less_than(self.stat_sn, exp_stat_sn):
            return  # it acknowledges a status that was never sent
        self.exp_stat_sn = exp_stat_sn
        if self.session is not None:
            self.session.status_acknowledged(self)

    @property
    def has_unacknowledged_status(self) -> bool:
        """True while a status is unacknowledged."""
        return self.exp_stat_sn != self.stat_sn

    def ping(self) -> None:
        """Ping the initiator, which also returns an ExpStatSN."""
        if self.session is not None:
            self.session.ping(self)

    def pong(self, tag: int) -> None:
        """Process the answer to a ping."""
        if tag == self.awaited_pong:
            self.awaited_pong = None

    def has_exchange(self, itt: int) -> bool:
        """Tell whether a tag is that of a text negotiation in progress."""
        return self.exchange is not None and self.exchange.itt == itt

    def take_output(self) -> Sequence[Buffer]:
        """Return the pending output, and forget it."""
        output, self.output = self.output, []
        self.output_size = 0
        return output

    def close(self) -> None:
        """End TCP once the output is sent."""
        if not self.is_closing:
            self.is_closing = True
            self.deadline = None
            self.backlog.clear()
            self._schedule()

    def finish(self, *events: ConnectionEvent) -> None:
        """End the connection in order: queued output is still sent.

        Args:
            events: what leads to its end; by default its session is closed.
        """
        if self.state is not ConnectionState.FREE:
            for event in events or (ConnectionEvent.SESSION_CLOSED,):
                self.happened(event)
            self.state = ConnectionState.FREE
        self._leave_login()
        self.close()
        self.target.forget(self)

    def drop(self, event: ConnectionEvent = ConnectionEvent.TRANSPORT_FAILED) -> None:
        """End the connection: it failed (RFC 7143 section 7.14)."""
        self.close()
        self.lost(event)

    def drop_session(self) -> None:
        """End all connections of the session (RFC 7143 section 7.7)."""
        session = self.session
        if session is None or not self.state.is_full_feature:
            self.finish(ConnectionEvent.TRANSPORT_FAILED)
        else:
            session.close()

    def lost(self, event: ConnectionEvent = ConnectionEvent.TRANSPORT_FAILED) -> None:
        """Note that TCP has ended or is about to end, and notify the session."""
        if self.state in _ENDED:
            return
        was_logged_in = self.state.is_full_feature
        if self.joining is not None:
            self.rules.sessions.after_lost_login(self.joining)
        self.happened(event)
        self._leave_login()
        self.deadline = None
        self.backlog.clear()
        self.target.forget(self)
        if self.session is not None and was_logged_in:
            self.session.connection_lost(self, self.target.now)

    def _leave_login(self) -> None:
        """Tell the session that was to be joined that the login has failed."""
        joining, self.joining = self.joining, None
        if joining is not None:
            joining.login_failed(self)

    def start_timer(
        self, deadline: float, action: Callable[[Connection, float], None]
    ) -> None:
        """Have `action` called at `deadline`; a connection has one timer."""
        self.deadline = deadline
        self.on_deadline = action

    def tick(self, now: float) -> None:
        """Run the action if its time has come."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            self.on_deadline(self, now)

    def enter_full_feature(
        self,
        session: Owner,
        parameters: Parameters,
        handler: Callable[[Connection, Received, float], None],
    ) -> None:
        """Continue with a session's work; digests start with the next PDU."""
        self.session = session
        self.joining = None
        self.on_format_error = _say_nothing
        self.parameters = replace(parameters)
        self.happened(ConnectionEvent.LOGIN_ACCEPTED)
        self.handler = handler
        self.digests = self.stream.digests = parameters.digests
        self.stream.limit = parameters.target_max_recv_data_segment_length
        self.deadline = None

    def __str__(self) -> str:
        """The name in the log."""
        session = self.session
        name = f"{session.tsih:#06x}/{self.cid}" if session is not None else "login"
        return f"{self.peer} {name}"
