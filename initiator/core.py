# SPDX-License-Identifier: GPL-2.0-only
"""The base of a session: its connections, its numbers, sending and receiving.

`send` fills in the numbers and tags that a PDU leaves open, and changes no field that
the caller has set: all of `pdu.fields` is sent unchanged. `receive` reads each PDU; it
keeps the numbers, answers pings, stores Async Messages and judges StatSN.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from initiator.connection import DEFAULT_TIMEOUT, Connection, Portal
from initiator.deadline import Deadline
from initiator.expect import ConformanceFailure, is_own_ping
from initiator.login import (
    LoginOptions,
    LoginRefused,
    handle_of,
    unasked_response,
)
from initiator.phase import LoginResult, log_in
from initiator.segments import Cut
from initiator.strays import misdirected_connection
from initiator.task import (
    Task,
)
from initiator.transcript import PONG, Transcript
from iscsi.constants import (
    RESERVED_TAG,
    LoginStatus,
    Opcode,
)
from iscsi.errors import (
    ConnectionLost,
    ISCSIError,
    NumberingError,
    PeerTimeout,
)
from iscsi.numbering import CommandNumbers, StatusNumbers
from iscsi.parameters import Parameters
from iscsi.pdu import (
    PDU,
    R2T,
    AsyncMessage,
    DataIn,
    LoginResponse,
    NOPIn,
    NOPOut,
    SCSICommand,
    SCSIResponse,
    TextResponse,
    UnknownPDU,
)
from iscsi.scsi import luns

P = TypeVar("P", bound=PDU)

_TAG_CLAUSES: Mapping[type[PDU], str] = {
    NOPIn: "RFC7143-11.19-01",
    TextResponse: "RFC7143-11.11.3-i01",
    SCSIResponse: "RFC7143-11.4-i01",
}
"""The clauses that require an answer to have the tag of its request."""


@dataclass(slots=True)
class Link:
    """One connection of a session, with its own numbers."""

    cid: int
    connection: Connection
    status: StatusNumbers
    parameters: Parameters
    kept_stat_sn: int | None = None
    """The ExpStatSN in answers to a target's pings, if a check keeps status
    unacknowledged; None if all received status is acknowledged."""


_ADDS = "RFC7143-6.3.1-i04"
_REINSTATES = "RFC7143-6.3.1-i05"
"""The clauses on a login with a session's ISID and TSIH: its CID is new, or in use."""
DISCOVERY_BEGINS_ANYWHERE = "RFC7143-6.3.3-01"
"""The clause that permits a discovery login to begin in the operational stage."""


class SessionCore:
    """A session with one or several connections.

    Attributes:
        options: how the leading connection logged in.
        login: the result of that login.
        links: the connections by CID.
        numbers: CmdSN and the window.
        lun: the default logical unit of commands.
        cut: how each new connection splits PDUs into TCP segments.
        async_messages: the received Async Messages, in order.
        judges_stat_sn: False ignores gaps in StatSN, for recovery checks.
        answers_pings: False leaves the target's pings unanswered.
    """

    def __init__(
        self,
        portal: Portal,
        options: LoginOptions,
        *,
        transcript: Transcript | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        lun: int = 0,
        cut: Cut = Cut.WHOLE,
    ) -> None:
        """Connect and log in.

        Raises:
            LoginRefused, PeerError, NegotiationError, DecodeError: as `log_in`.
            ConnectionLost, PeerTimeout: as `Connection` and `log_in`.
            TypeError: an argument has the wrong type.
        """
        if not isinstance(options, LoginOptions):
            raise TypeError(
                f"options: {options!r} is no LoginOptions, such as "
                "LoginOptions(target_name='iqn.2026-01.org.example:disk')"
            )
        self.portal = portal
        self.options = options
        self.transcript = Transcript() if transcript is None else transcript
        self.timeout = timeout
        self.lun = lun
        self.cut = cut
        self.links: dict[int, Link] = {}
        self.async_messages: list[AsyncMessage] = []
        self.judges_stat_sn = True
        self.answers_pings = True
        self._tags = itertools.count(0x10)
        self._tasks: dict[int, Task] = {}
        self.login = self._connect(options)
        self.numbers: CommandNumbers = self.login.numbers

    # Connections -----------------------------------------------------------------

    @property
    def tsih(self) -> int:
        """The handle by which later logins join or reinstate the session.

        Raises:
            PeerError: as `handle_of`.
        """
        return handle_of(self.login.response)

    @property
    def leading(self) -> Link:
        """The first connection that is still open."""
        return next(iter(self.links.values()))

    @property
    def connection(self) -> Connection:
        """The TCP connection of the leading link."""
        return self.leading.connection

    @property
    def parameters(self) -> Parameters:
        """The negotiated parameters of the leading connection."""
        return self.leading.parameters

    @property
    def is_open(self) -> bool:
        """True while a connection is up."""
        return any(link.connection.is_open for link in self.links.values())

    def add_connection(self, cid: int, portal: Portal | None = None) -> Link:
        """Log another connection in to this session.

        Raises:
            LoginRefused, ISCSIError: as for the first.
        """
        # The leading connection has already negotiated every session-wide key (section
        # 13).
        per_connection = ("HeaderDigest", "DataDigest", "MaxRecvDataSegmentLength")
        keys = {k: v for k, v in self.options.keys.items() if k in per_connection}
        options = replace(
            self.options, tsih=self.tsih, cid=cid, keys=keys, cmd_sn=self.numbers.cmd_sn
        )
        is_known = cid in self.links
        try:
            result = self._connect(options, portal)
        except LoginRefused as refusal:
            # If the session still exists, the target has refused to join or reinstate
            # it.
            if refusal.status == LoginStatus.SESSION_DOES_NOT_EXIST:
                refusal.requirement = _REINSTATES if is_known else _ADDS
            raise
        self.numbers.update(result.numbers.exp_cmd_sn, result.numbers.max_cmd_sn)
        link = self.links[cid]
        for name in (
            "initial_r2t",
            "immediate_data",
            "max_burst_length",
            "first_burst_length",
            "error_recovery_level",
            "max_outstanding_r2t",
        ):
            setattr(link.parameters, name, getattr(self.parameters, name))
        return link

    def _connect(
        self, options: LoginOptions, portal: Portal | None = None
    ) -> LoginResult:
        try:
            return self._attempt(options, portal)
        except LoginRefused as refusal:
            is_plain = options.credentials is None and not options.passes_security
            is_blamed = refusal.status == LoginStatus.INITIATOR_ERROR
            if not (options.is_discovery and is_plain and is_blamed):
                raise
            refusal.requirement = refusal.requirement or DISCOVERY_BEGINS_ANYWHERE
            try:
                result = self._attempt(replace(options, passes_security=True), portal)
            except ISCSIError:
                raise refusal from None
            self.links[options.cid].connection.slip(refusal)
            return result

    def _attempt(self, options: LoginOptions, portal: Portal | None) -> LoginResult:
        connection = Connection(
            portal or self.portal, self.transcript, timeout=self.timeout
        )
        connection.cut = self.cut
        try:
            result = log_in(connection, options)
        except BaseException:
            # Also errors that a caller's test raises, such as at a time limit.
            connection.close()
            raise
        self.links[options.cid] = Link(
            options.cid, connection, result.status, result.parameters
        )
        return result

    def close(self) -> None:
        """Close every connection without a logout."""
        for link in self.links.values():
            link.connection.close()

    # Sending ---------------------------------------------------------------------

    @property
    def cmd_sn(self) -> int:
        """The number of the next non-immediate command."""
        return self.numbers.cmd_sn

    @property
    def exp_cmd_sn(self) -> int:
        """The target's ExpCmdSN, as last received."""
        return self.numbers.exp_cmd_sn

    @property
    def max_cmd_sn(self) -> int:
        """The target's MaxCmdSN, as last received."""
        return self.numbers.max_cmd_sn

    def new_tag(self) -> int:
        """Return an unused Initiator Task Tag."""
        return next(self._tags)

    def number(self, pdu: P, link: Link | None = None) -> P:
        """Fill in the tag, the numbers and the LUN that a PDU leaves open.

        A field is open until it is set, to any value. A non-immediate PDU with an open
        CmdSN uses the next one.
        """
        way = link or self.leading
        names = {field.name for field in pdu.fields_desc}
        open_fields = names - set(pdu.fields)
        if "initiator_task_tag" in open_fields:
            pdu.initiator_task_tag = self.new_tag()
        if "lun" in open_fields and isinstance(pdu, SCSICommand):
            pdu.lun = lun_field(self.lun)
        if "cmd_sn" in open_fields:
            pdu.cmd_sn = self.numbers.cmd_sn if pdu.immediate else self.numbers.take()
        if "exp_stat_sn" in open_fields:
            pdu.exp_stat_sn = way.status.exp_stat_sn
        return pdu

    def send(self, pdu: P, link: Link | None = None, **how: Any) -> P:
        """Number a PDU (see `number`), send it and return it.

        Args:
            pdu: the PDU.
            link: the connection to use; None for the leading one.
            **how: as `Connection.send`: header_digest, data_digest, note.
        """
        way = link or self.leading
        self.number(pdu, way)
        way.connection.send(pdu, **how)
        return pdu

    # Receiving -------------------------------------------------------------------

    def receive(
        self,
        link: Link | None = None,
        *,
        timeout: float | None = None,
        with_unsolicited: bool = False,
    ) -> PDU:
        """Return the next PDU, and update the numbers.

        Args:
            link: the connection to read; None for the leading one.
            timeout: seconds.
            with_unsolicited: also return NOP-Ins and Async Messages that the target
                sends unasked; else they are answered or stored.

        Raises:
            NumberingError: StatSN is not the expected one, and its clause is judged.
            ConnectionLost, PeerTimeout, DigestError, DecodeError: as `Connection`.
        """
        way = link or self.leading
        # One deadline also covers PDUs that are answered or stored: a target may send
        # them without end.
        deadline = Deadline(self.patience(way, timeout))
        while True:
            pdu = way.connection.receive(deadline.left)
            self._account(pdu, way)
            if isinstance(pdu, LoginResponse):
                way.connection.slip(unasked_response(pdu))
                deadline.check("nothing but Login Responses")
                continue
            if isinstance(pdu, AsyncMessage):
                self.async_messages.append(pdu)
            elif not is_own_ping(pdu):
                return pdu
            elif self.answers_pings and pdu.target_transfer_tag != RESERVED_TAG:
                self._answer_ping(pdu, way)
            if with_unsolicited:
                return pdu
            deadline.check("nothing but PDUs of the target's own accord")

    def patience(self, link: Link | None = None, timeout: float | None = None) -> float:
        """Return the time limit of an answer: a timeout, or that of the connection."""
        return (link or self.leading).connection.timeout if timeout is None else timeout

    def _account(self, pdu: PDU, link: Link) -> None:
        if pdu.opcode < Opcode.NOP_IN:
            raise ConformanceFailure(
                "the opcode of a target",
                pdu,
                self.transcript,
                requirement="RFC7143-11.2.1.2-02",
                field="opcode",
            )
        if isinstance(pdu, UnknownPDU):
            # The layout of an unassigned opcode is unknown, so it has no numbers.
            return
        self.numbers.update(pdu.exp_cmd_sn, pdu.max_cmd_sn)
        if not advances_stat_sn(pdu):
            return
        expected = link.status.exp_stat_sn
        if link.status.receive(pdu.stat_sn) and self.judges_stat_sn:
            link.connection.slip(
                NumberingError(
                    f"StatSN {pdu.stat_sn} on {type(pdu).__name__} "
                    f"where {expected} was expected",
                    requirement="RFC7143-4.2.2.2-i01",
                    pdu=pdu,
                    field="StatSN",
                )
            )
            link.status.follow(pdu.stat_sn)

    def _answer_ping(self, ping: NOPIn, link: Link) -> None:
        fixed_stat_sn = link.kept_stat_sn
        self.send(
            NOPOut(
                immediate=1,
                initiator_task_tag=RESERVED_TAG,
                target_transfer_tag=ping.target_transfer_tag,
                lun=ping.lun,
                data=bytes(ping.data),
                exp_stat_sn=link.status.exp_stat_sn
                if fixed_stat_sn is None
                else fixed_stat_sn,
            ),
            link,
            note=PONG,
        )

    def expect(
        self,
        kind: type[P],
        *,
        of: PDU | None = None,
        is_answer: bool = False,
        link: Link | None = None,
        timeout: float | None = None,
    ) -> P:
        """Return the next PDU, which must be of a kind.

        Args:
            kind: its class.
            of: the request that it answers, whose task tag it must have.
            is_answer: True to skip a PDU of that kind that the target sends unasked.
            link: the connection to read; None for the leading one.
            timeout: seconds.

        Raises:
            ConformanceFailure: another PDU came, or none in time.
        """
        __tracebackhide__ = True
        expected = kind.__name__
        if of is not None:
            expected += f" for ITT {of.initiator_task_tag:#x}"
        deadline = Deadline(self.patience(link, timeout))
        is_tagged = of is not None and of.initiator_task_tag != RESERVED_TAG
        is_any = kind in (NOPIn, AsyncMessage) and not (is_answer or is_tagged)
        try:
            pdu = self.receive(link, timeout=deadline.left, with_unsolicited=is_any)
            while is_unasked(pdu) and not isinstance(pdu, kind):
                # An unsolicited PDU may arrive at any time; `receive` has already
                # handled it.
                deadline.check("nothing but PDUs of the target's own accord")
                pdu = self.receive(link, timeout=deadline.left, with_unsolicited=True)
        except (ConnectionLost, PeerTimeout) as error:
            raise self.missing(expected, error, of) from error
        is_right = isinstance(pdu, kind) and (
            of is None or pdu.initiator_task_tag == of.initiator_task_tag
        )
        if not is_right:
            raise unexpected(expected, pdu, kind, self.transcript)
        assert isinstance(pdu, kind)
        return pdu

    def missing(
        self,
        expected: str,
        error: ConnectionLost | PeerTimeout,
        request: PDU | None,
    ) -> ConformanceFailure:
        """Return the failure for a missing answer.

        Args:
            expected: the expected answer.
            error: how the wait ended.
            request: the request, if it is known.
        """
        if request is not None and isinstance(error, PeerTimeout):
            connections = [one.connection for one in self.links.values()]
            tag = int(request.initiator_task_tag)
            connection = misdirected_connection(tag, connections, self.transcript)
            if connection is not None:
                return ConformanceFailure(
                    f"{expected} on the connection of its request",
                    f"it arrived on connection c{connection.number}",
                    self.transcript,
                    requirement="RFC7143-4.2.5.1-01",
                )
        return ConformanceFailure(expected, error, self.transcript)

    def expect_silence(self, after: PDU, link: Link | None = None) -> None:
        """Expect no answer to a PDU: the answer to a later ping must come first.

        Raises:
            ConformanceFailure: another PDU came before the ping's answer.
        """
        __tracebackhide__ = True
        ping = self.send(NOPOut(immediate=1, data=b"silence?"), link)
        try:
            pdu = self.receive(link)
        except (ConnectionLost, PeerTimeout) as error:
            raise ConformanceFailure(
                f"no answer to {type(after).__name__}, and the connection still works",
                error,
                self.transcript,
            ) from error
        is_pong = isinstance(pdu, NOPIn) and (
            pdu.initiator_task_tag == ping.initiator_task_tag
        )
        if not is_pong:
            raise ConformanceFailure(
                f"no answer to {type(after).__name__}", pdu, self.transcript
            )


def is_unasked(pdu: PDU) -> bool:
    """Tell whether a PDU is unsolicited."""
    return isinstance(pdu, AsyncMessage) or is_own_ping(pdu)


def unexpected(
    expected: str, pdu: PDU, kind: type[PDU], transcript: Transcript
) -> ConformanceFailure:
    """Return the failure for a PDU of another kind, or for another task.

    An answer of the right kind with a tag of no request breaks the clause on its tag.
    An answer to another request is legal, so it accuses no clause by itself.
    """
    clause = None
    if isinstance(pdu, kind) and not _was_sent(transcript, pdu.initiator_task_tag):
        clause = _TAG_CLAUSES.get(kind)
        if isinstance(pdu, NOPIn) and pdu.target_transfer_tag != RESERVED_TAG:
            clause = "RFC7143-11.19-05"
    return ConformanceFailure(
        expected,
        pdu,
        transcript,
        requirement=clause,
        field="Initiator Task Tag" if clause else "",
    )


def _was_sent(transcript: Transcript, tag: int) -> bool:
    return any(
        "initiator_task_tag" in {field.name for field in pdu.fields_desc}
        and pdu.initiator_task_tag == tag
        for pdu in transcript.sent()
    )


def lun_field(lun: int) -> int:
    """Return the LUN field of a PDU for a logical unit number."""
    return int.from_bytes(luns.encode(lun), "big")


def advances_stat_sn(pdu: PDU) -> bool:
    """Tell whether a PDU's StatSN counts (RFC 7143 section 4.2.2.2 and chapter 11)."""
    if isinstance(pdu, DataIn):
        return bool(pdu.status_present)
    if isinstance(pdu, R2T):
        return False
    if isinstance(pdu, NOPIn):
        return bool(pdu.initiator_task_tag != RESERVED_TAG)
    return True
