# SPDX-License-Identifier: GPL-2.0-only
"""A TCP connection that carries PDUs: blocking, bounded, recorded, without verdicts.

PDUs are sent unchanged. Received bytes are split into PDUs and recorded; an error is
raised only if the stream becomes unreadable.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator

from initiator.deadline import Deadline
from initiator.segments import Cut, pieces
from initiator.slips import Slip
from initiator.transcript import Direction, Entry, Event, Transcript
from initiator.waits import LOOK_SECONDS, take_look
from iscsi.address import Portal
from iscsi.digest import digest
from iscsi.errors import (
    ConnectionLost,
    DigestError,
    ISCSIError,
    NotConnected,
    PeerTimeout,
)
from iscsi.framing import NO_DIGESTS, Decoder, Digests, Frame, framed
from iscsi.pdu import PDU

DEFAULT_TIMEOUT = 5.0
"""The default time limit of a wait, in seconds."""

_CHUNK = 1 << 18

_GAP = 0.001
"""The pause in seconds before the last piece of a PDU that is cut."""

TASK_TAG = slice(16, 20)
"""The offset of the Initiator Task Tag in a header (RFC 7143 section 11.2.1.8)."""


class Connection:
    """One TCP connection to a portal.

    Attributes:
        digests: the digests in use, both ways; change it when full-feature phase is
            reached.
        timeout: the default time limit of a wait, in seconds.
        number: its number in the transcript.
        cut: how each PDU is split into TCP segments.
        is_open: False once either end has closed it.
    """

    def __init__(
        self,
        portal: Portal,
        transcript: Transcript | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Open the connection.

        Raises:
            NotConnected: no program listens there, or the address is unknown.
            PeerTimeout: no answer came in time.
            TypeError: the argument is not a portal.
        """
        if not isinstance(portal, Portal):
            raise TypeError(
                f"portal: {portal!r} is no Portal, such as Portal('127.0.0.1', 3260)"
            )
        self.portal = portal
        self.transcript = Transcript() if transcript is None else transcript
        self.timeout = timeout
        self._decoder = Decoder()
        self._lost: ConnectionLost | None = None
        self.cut = Cut.WHOLE
        self._held: bytearray | None = None
        self.is_open = True
        self._is_half_closed = False
        take_look()
        try:
            self._socket = socket.create_connection((portal.host, portal.port), timeout)
        except TimeoutError as error:
            raise PeerTimeout(f"{portal} does not answer", waited=timeout) from error
        except OSError as error:
            raise NotConnected(
                f"cannot connect to {portal}: {error.strerror or error}"
            ) from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends = self._socket.getsockname()[:2], self._socket.getpeername()[:2]
        except OSError as error:
            # A peer that dies may reset a connection that it has just accepted.
            self._socket.close()
            raise NotConnected(
                f"cannot connect to {portal}: it resets the connection at once"
            ) from error
        self.number = self.transcript.add_connection(*ends)
        self._event(Event.CONNECTED, str(portal))

    @property
    def digests(self) -> Digests:
        """The digests in use, both ways."""
        return self._decoder.digests

    @digests.setter
    def digests(self, digests: Digests) -> None:
        self._decoder.digests = digests

    def send(
        self,
        pdu: PDU,
        *,
        header_digest: bool | bytes | None = None,
        data_digest: bool | bytes | None = None,
        note: str = "",
    ) -> None:
        """Send a PDU unchanged.

        Args:
            pdu: the PDU; only fields still None are filled in.
            header_digest: None for what was negotiated, True or False to force it,
                bytes to send those.
            data_digest: likewise.
            note: a note for the transcript.

        Raises:
            ConnectionLost: the connection has ended.
        """
        header, data = pdu.segments()
        use_header = self.digests.header if header_digest is None else header_digest
        use_data = self.digests.data if data_digest is None else data_digest
        frame = framed(header, data, header_digest=use_header, data_digest=use_data)
        self._record(Direction.SENT, frame, note)
        first, *others = pieces(frame.wire, self.cut)
        self._send(first)
        # In one piece the PDU would be sent; the next receive finds that the connection
        # ended.
        with contextlib.suppress(ConnectionLost):
            for number, piece in enumerate(others, 1):
                if number == len(others) and self.cut is not Cut.TRICKLE:
                    self._pause()
                self._send(piece)

    def send_bytes(self, data: bytes, note: str = "") -> None:
        """Send raw bytes.

        Raises:
            ConnectionLost: the connection has ended.
        """
        self._record(Direction.SENT, data, note)
        self._send(data)

    def send_pieces(self, pdu: PDU, cuts: list[int], pause: float = 0.0) -> None:
        """Send a PDU in several TCP segments, cut at the given offsets.

        Raises:
            ConnectionLost: the connection has ended.
        """
        header, data = pdu.segments()
        frame = framed(
            header,
            data,
            header_digest=self.digests.header,
            data_digest=self.digests.data,
        )
        self._record(Direction.SENT, frame, f"cut at {cuts}")
        wire = frame.wire
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            self._send(wire[start:end])
            if pause:
                time.sleep(pause)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Buffer outgoing bytes, and send them in one piece at the end.

        This happens only if `cut` is JOINED; nothing may be received meanwhile.

        Raises:
            ConnectionLost: the connection has ended.
        """
        if self.cut is not Cut.JOINED:
            yield
            return
        self._held = buffer = bytearray()
        try:
            yield
        finally:
            self._held = None
        self._send(bytes(buffer))

    def receive(self, timeout: float | None = None) -> PDU:
        """Return the next PDU; a digest that does not match is a slip.

        Raises:
            PeerTimeout: no PDU came in time.
            ConnectionLost: the target closed or reset the connection.
            DigestError: a digest does not match, and its clause is judged.
            DecodeError: the bytes do not form a PDU.
        """
        deadline = Deadline(self.timeout if timeout is None else timeout)
        is_over = False
        while (frame := self._decoder.next_frame()) is None:
            if self._lost is not None:
                raise self._lost
            # The timeout also ends the wait for a PDU of which bytes still arrive.
            if is_over or not self._fill(deadline.left):
                waited = f"within {deadline.seconds:g} s{self._describe_pending()}"
                self._event(Event.SILENCE, f"no PDU {waited}")
                raise PeerTimeout(
                    f"no PDU {waited}",
                    waited=deadline.seconds,
                    part=len(self._decoder.pending),
                )
            is_over = deadline.is_over
        pdu = self._record(Direction.RECEIVED, frame, "").decoded()
        if not frame.is_header_digest_right:
            self.slip(_digest_error("header digest", pdu, "RFC7143-13.1-04"))
        if not frame.is_data_digest_right:
            self.slip(_digest_error("data digest", pdu, _clause_of(frame)))
        return pdu

    def _describe_pending(self) -> str:
        """Describe the bytes of a PDU that is incomplete."""
        part = self._decoder.pending
        return f", only {len(part)} bytes of one: {part[:8]!r}" if part else ""

    def next_arrived(self, opcode: int) -> PDU | None:
        """Return the next PDU if it has arrived whole and has an opcode, else None.

        The method does not wait. `receive` reports the end of the connection.
        """
        while True:
            head = self._decoder.pending[:1]
            if head and head[0] & 0x3F != opcode:
                return None
            frame = self._decoder.next_frame()
            if frame is not None:
                return self._record(Direction.RECEIVED, frame, "").decoded()
            if self._lost is not None or not self._has_bytes():
                return None
            self._fill(0.0)

    def arrived_tag(self) -> int | None:
        """Return the Initiator Task Tag of a PDU that has arrived but was not read.

        The PDU stays in the buffer. The result is None if its header is incomplete.
        """
        if not self._decoder.pending and self._lost is None and self._has_bytes():
            self._fill(0.0)
        tag = self._decoder.pending[TASK_TAG]
        return (
            int.from_bytes(tag, "big")
            if len(tag) == TASK_TAG.stop - TASK_TAG.start
            else None
        )

    def _has_bytes(self) -> bool:
        """Tell whether bytes can be read at once, without reading them."""
        try:
            self._socket.settimeout(0.0)
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _pause(self) -> None:
        """Let a piece arrive on its own, and read what the target sends meanwhile.

        A target that refuses a header may answer and close before the rest comes.
        """
        with contextlib.suppress(OSError, ValueError):
            if select.select([self._socket], [], [], _GAP)[0]:
                self._fill(0.0)

    def slip(self, error: ISCSIError) -> None:
        """Record a slip: a broken rule that is ignored.

        Raises:
            ISCSIError: the error itself, if its clause is judged.
        """
        self._event(Event.SLIP, f"{error} ({error.requirement})")
        self.transcript.slips.note(Slip(error.requirement, error, self.number))

    def has_frame(self) -> bool:
        """Tell whether received bytes are left that do not form a complete PDU."""
        return bool(self._decoder.pending)

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait for the target to close; return False if it does not do so in time.

        FIN and RST are equivalent. PDUs that come meanwhile are recorded and ignored.
        """
        deadline = Deadline(self.timeout if timeout is None else timeout)
        is_over = False
        while self._lost is None:
            while (frame := self._decoder.next_frame()) is not None:
                self._record(Direction.RECEIVED, frame, "while closing")
            # A target that keeps sending has not closed the connection.
            if is_over or not self._fill(deadline.left):
                return self._lost is not None
            is_over = deadline.is_over
        return True

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it with FIN."""
        if self.is_open:
            self.is_open = False
            self._event(Event.FIN_SENT)
        self._socket.close()

    def reset(self) -> None:
        """Close it with RST: the target sees an unexpected end."""
        if self.is_open:
            self.is_open = False
            self._event(Event.RST_SENT)
            with contextlib.suppress(OSError):
                self._socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        self._socket.close()

    def shutdown_write(self) -> None:
        """Send FIN; later PDUs can still be received."""
        self._event(Event.HALF_CLOSED)
        self._is_half_closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _fill(self, wait: float) -> bool:
        """Read the bytes that have arrived; return False on a timeout."""
        deadline = Deadline(wait)
        while True:
            longest = LOOK_SECONDS if take_look() else wait
            try:
                self._socket.settimeout(max(deadline.within(longest), 1e-6))
                chunk = self._socket.recv(_CHUNK)
                break
            except TimeoutError:
                if deadline.is_over:
                    return False
            except OSError as error:
                self._set_lost(reset=True, why=error.strerror or str(error))
                return True
        if chunk:
            self._decoder.feed(chunk)
        else:
            self._set_lost(reset=False, why="FIN")
        return True

    def _send(self, data: bytes) -> None:
        if self._held is not None:
            self._held += data
            return
        if not self.is_open and self._lost is not None:
            raise self._lost
        if self._is_half_closed:
            raise ConnectionLost("the initiator has closed its side of the connection")
        take_look()
        try:
            self._socket.settimeout(self.timeout)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise PeerTimeout(
                "the target accepts no more data", waited=self.timeout
            ) from error
        except OSError as error:
            why = error.strerror or str(error)
            raise self._set_lost(reset=True, why=why) from error

    def _set_lost(self, *, reset: bool, why: str) -> ConnectionLost:
        """Record that the connection has ended; return the first reason for it."""
        self.is_open = False
        if self._lost is None:
            pending = len(self._decoder.pending)
            within = (
                f" in the middle of a PDU, {pending} bytes into it" if pending else ""
            )
            event = Event.RST_RECEIVED if reset else Event.FIN_RECEIVED
            self._event(event, f"{why}{within}")
            self._lost = ConnectionLost(
                f"the target closed the connection ({why}){within}", reset=reset
            )
        return self._lost

    def _event(self, event: Event, note: str = "") -> None:
        self.transcript.add(
            Entry(time.time(), self.number, Direction.EVENT, note=note, event=event)
        )

    def _record(self, direction: Direction, what: Frame | bytes, note: str) -> Entry:
        entry = Entry(
            time.time(),
            self.number,
            direction,
            raw=what if isinstance(what, bytes) else b"",
            frame=what if isinstance(what, Frame) else None,
            note=note,
        )
        self.transcript.add(entry)
        return entry


def _clause_of(frame: Frame) -> str:
    """Return the clause that a wrong data digest breaks: it may lack the padding."""
    length = int.from_bytes(frame.header[5:8], "big")
    is_unpadded = frame.data_digest == digest([frame.data[:length]])
    return "RFC7143-11.2.3-i01" if is_unpadded else "RFC7143-13.1-04"


def _digest_error(name: str, pdu: PDU, requirement: str) -> DigestError:
    return DigestError(
        f"wrong {name} on {type(pdu).__name__}",
        requirement=requirement,
        pdu=pdu,
        field=name,
    )


__all__ = ["DEFAULT_TIMEOUT", "NO_DIGESTS", "Connection", "Portal"]
