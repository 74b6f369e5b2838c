# SPDX-License-Identifier: GPL-2.0-only
"""Data of commands, both ways (RFC 7143 sections 4.2.5.2, 11.7 and 11.8).

Out: immediate data, unsolicited Data-Out, then R2Ts for what is missing. In:
`reftarget.data_in`.

A `Transfer` is the data of a command. Its task is in the layer above
(`reftarget.command`), which defines five of its methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import headers
from iscsi.scsi.status import SCSIStatus
from reftarget import conditions, ranges
from reftarget.scsi.task import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iscsi.digest import Buffer
    from reftarget.budget import Budget
    from reftarget.connection import Connection
    from reftarget.ranges import Ranges
    from reftarget.rules import Rules
    from reftarget.scsi.task import Steps

TASK_SET_FULL: Final = Outcome(SCSIStatus.TASK_SET_FULL)


@dataclass(slots=True)
class Sequence:
    """The Data-Out that answers one R2T."""

    missing: Ranges
    data_sn: int = 0
    is_damaged: bool = False
    """Whether a PDU of it was lost or corrupted."""


@dataclass(slots=True)
class Sent:
    """A Data-In or R2T that may be requested again."""

    header: headers.DataIn | headers.R2T
    length: int = 0


class Keeper(Protocol):
    """Stores sent PDUs of which the initiator may request a repetition."""

    @property
    def is_keeping(self) -> bool:
        """Whether anything is kept."""

    def keep_sent(
        self, transfer: Transfer, header: headers.DataIn | headers.R2T, length: int = 0
    ) -> None:
        """Keep a Data-In or R2T."""


class Clock(Protocol):
    """A source of the time."""

    @property
    def now(self) -> float:
        """The time of the event that is being handled."""


class Owner(Protocol):
    """The interface of the session for the data of a command."""

    @property
    def target(self) -> Clock:
        """The target that contains it."""

    @property
    def rules(self) -> Rules:
        """The decisions of the target."""

    @property
    def budget(self) -> Budget:
        """Bytes that are kept for the session."""

    @property
    def connections(self) -> Mapping[int, Connection]:
        """Its connections, by CID."""

    @property
    def recovery(self) -> Keeper:
        """The data that it keeps for retransmission."""

    def next_transfer_tag(self) -> int:
        """Return a Target Transfer Tag that is not in use."""

    def check_aborts(self) -> None:
        """Carry out the aborts that need not wait any more."""


class Transfer(ABC):
    """The data of one command, both ways.

    Attributes:
        connection: where the command is allegiant; None while that connection is lost.
        request: the header of the command.
        itt: its Initiator Task Tag.
        read_length: bytes of Data-In that the initiator expects.
        write_length: bytes of Data-Out that the initiator has.
        wanted: bytes of Data-Out that the device server takes.
        presented: bytes of Data-Out that the device server would have taken.
        received: bytes of immediate data.
        reserved: bytes of the session's budget that it has taken.
        data_expected_at: when data for it was asked for, or came, the last time.
        missing: the part of Data-Out that is neither here nor asked for.
        awaits_unsolicited: True until the F bit of unsolicited data has come.
        unsolicited: the unsolicited Data-Out that is expected, once some has come.
        sequences: R2Ts that are out, by Target Transfer Tag.
        failure: the outcome of the command once the initiator has sent its data.
        data_sn: the number of the next Data-In or R2T.
        sent: Data-In and R2T PDUs that SNACK may ask for again, by DataSN.
        acknowledged_sn: the first of them that is not acknowledged.
        is_kept: whether SNACK may ask for what was sent, where anything is kept.
        is_aborting: True while an abort waits for data that is on its way.
        steps: what is left to be done of the command, while it is being executed.
    """

    __slots__ = (
        "acknowledged_sn",
        "awaits_unsolicited",
        "buffer",
        "connection",
        "data_expected_at",
        "data_sn",
        "failure",
        "immediate_data",
        "is_aborting",
        "is_kept",
        "is_over",
        "is_started",
        "itt",
        "missing",
        "parameters",
        "presented",
        "read_length",
        "received",
        "request",
        "reserved",
        "sent",
        "sequences",
        "session",
        "snack_tag",
        "steps",
        "unsolicited",
        "wanted",
        "write_length",
    )

    session: Owner

    def __init__(self, connection: Connection, request: headers.SCSICommand) -> None:
        self.connection: Connection | None = connection
        self.parameters = connection.parameters
        self.request = request
        self.itt = request.initiator_task_tag
        length = request.expected_data_transfer_length
        self.write_length = length if request.write else 0
        self.read_length = length if request.read else 0
        self.wanted = 0
        self.presented = 0
        self.received = 0
        self.reserved = 0
        self.data_expected_at = connection.target.now
        self.missing: Ranges = [(0, length)] if request.write and length else []
        self.buffer: bytearray | None = None
        self.immediate_data: bytes | memoryview = b""
        self.awaits_unsolicited = request.write and not request.final
        self.unsolicited: Sequence | None = None
        self.sequences: dict[int, Sequence] = {}
        self.failure: Outcome | None = None
        self.data_sn = 0
        self.snack_tag = 0
        self.sent: list[Sent] = []
        self.acknowledged_sn = 0
        self.is_kept = True
        self.is_aborting = False
        self.is_started = False
        self.is_over = False
        self.steps: Steps | None = None

    @abstractmethod
    def take_data(self, data: Buffer) -> None:
        """Continue the command, since all of its data has arrived."""

    @abstractmethod
    def conclude(self, outcome: Outcome) -> None:
        """Send data and status."""

    @abstractmethod
    def keep_answer(
        self,
        connection: Connection,
        data: Buffer,
        header: headers.SCSIResponse | headers.DataIn,
        status_data: Buffer,
    ) -> None:
        """Keep the sent PDUs if SNACK may request them again.

        Args:
            connection: where it was sent.
            data: all Data-In of the command.
            header: that with its status.
            status_data: the data of that PDU.
        """

    @abstractmethod
    def enter_task_set(self) -> None:
        """Become a task that others may have to wait for."""

    @property
    def awaits_data_out(self) -> bool:
        """True while requested or announced Data-Out has not arrived."""
        return not self.is_over and (bool(self.sequences) or self.awaits_unsolicited)

    def reserve(self, count: int) -> bool:
        """Reserve room for so much data; return False if there is not enough."""
        more = max(0, count - self.reserved)
        if not self.session.budget.take(more):
            return False
        self.reserved += more
        self.data_expected_at = self.session.target.now
        return True

    def keep_data(self) -> None:
        """Copy immediate data that must survive this turn, if there is room for it."""
        if self.immediate_data:
            if self.reserve(len(self.immediate_data)):
                self.store(0, self.immediate_data)
            else:
                self.failure = self.failure or TASK_SET_FULL
            self.immediate_data = b""

    def store(self, offset: int, data: Buffer) -> None:
        """Keep Data-Out until it is complete."""
        buffer = self.buffer
        if buffer is None:
            buffer = self.buffer = bytearray()
        end = offset + len(data)
        if len(buffer) < end:
            # The buffer grows with the data that arrives, not with the announced
            # length.
            room = min(2 * end, max(end, self.wanted))
            buffer.extend(bytes(room - len(buffer)))
        # A view avoids a copy: a bytearray would copy the data once more.
        memoryview(buffer)[offset:end] = data
        ranges.take(self.missing, offset, end)

    def conclude_after_data(self, outcome: Outcome) -> None:
        """Conclude, unless data is still on its way (RFC 7143 section 11.4.2)."""
        self.failure = outcome
        is_coming = self.awaits_unsolicited or self.sequences
        rules = self.session.rules
        if is_coming and rules.transfers.waits_for_data:
            self.keep_data()
            self.enter_task_set()
        else:
            self.conclude(outcome)


def want(command: Transfer, length: int) -> None:
    """Request as many bytes of data as the device server needs."""
    command.presented = length
    wanted = command.wanted = min(length, command.write_length)
    data = command.immediate_data
    if not command.awaits_unsolicited:
        if len(data) >= wanted and command.buffer is None:
            command.immediate_data = b""
            command.take_data(data[:wanted])
            return
        if command.request.write and command.received >= wanted and not data:
            command.take_data(memoryview(command.buffer or b"")[:wanted])
            return
    if not command.reserve(wanted):
        command.conclude_after_data(TASK_SET_FULL)
        return
    command.keep_data()
    rules = command.session.rules
    command.missing = rules.transfers.asked_for(command.missing, wanted)
    ranges.drop_beyond(command.missing, wanted)
    command.enter_task_set()
    proceed(command)


def proceed(command: Transfer) -> None:
    """Request the missing data, or finish if none is missing."""
    if command.is_aborting and not command.awaits_data_out:
        command.session.check_aborts()
    if command.is_over:
        return
    is_waiting = command.awaits_unsolicited or not command.is_started
    if command.is_aborting or is_waiting or command.steps is not None:
        return
    rules = command.session.rules.transfers
    if command.failure is not None:
        is_crc = command.failure is conditions.PROTOCOL_SERVICE_CRC_ERROR
        if rules.concludes(is_crc):
            command.conclude_after_data(command.failure)
        return
    if not command.missing and not command.sequences:
        buffer = command.buffer
        command.take_data(memoryview(buffer or b"")[: command.wanted])
        return
    connection = command.connection
    if connection is None:
        return  # the command continues once it is reassigned
    parameters = connection.parameters
    most = rules.outstanding(parameters.max_outstanding_r2t)
    while command.missing and len(command.sequences) < most:
        start, end = rules.burst(*command.missing[0], parameters.max_burst_length)
        ranges.take(command.missing, start, end)
        _send_r2t(command, connection, start, end)


def _send_r2t(command: Transfer, connection: Connection, start: int, end: int) -> None:
    tag = command.session.next_transfer_tag()
    command.sequences[tag] = Sequence([(start, end)])
    r2t = headers.R2T(
        lun=command.request.lun,
        initiator_task_tag=command.itt,
        target_transfer_tag=tag,
        r2t_sn=command.data_sn,
        buffer_offset=start,
        desired_data_transfer_length=end - start,
    )
    command.data_sn += 1
    connection.number(r2t, advance=False)
    recovery = command.session.recovery
    if recovery.is_keeping:
        recovery.keep_sent(command, r2t)
    connection.send(r2t)
