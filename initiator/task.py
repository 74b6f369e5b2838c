# SPDX-License-Identifier: GPL-2.0-only
"""One SCSI task: its command, its data in both directions, and its result."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from iscsi.constants import RESERVED_TAG, SCSIResponseCode
from iscsi.errors import DecodeError, UnexpectedPDU
from iscsi.parameters import Parameters
from iscsi.pdu import (
    PDU,
    R2T,
    BidirectionalReadLength,
    DataIn,
    DataOut,
    SCSICommand,
    SCSIResponse,
)
from iscsi.scsi import sense as scsi_sense
from iscsi.scsi.sense import Sense
from iscsi.scsi.status import SCSIStatus

_SENSE = "RFC7143-11.4.7-i01"
"""The clause about the sense data of a SCSI Response."""

SMALL_SEGMENT = 64
MOST_PDUS = 4096
"""The maximum number of PDUs of a task: one for each `SMALL_SEGMENT` bytes of its data,
and this many more."""


@dataclass(slots=True)
class Result:
    """The result of a SCSI task."""

    response: int
    """The iSCSI service response (RFC 7143 section 11.4.3)."""
    status: int
    data: bytes
    """The data read, in the order of its buffer offsets."""
    sense_bytes: bytes
    underflow: bool
    overflow: bool
    residual_count: int
    final: SCSIResponse | DataIn
    """The PDU that carried the status."""
    data_ins: list[DataIn]
    r2ts: list[R2T]

    @property
    def is_good(self) -> bool:
        """True for a completed command with status GOOD."""
        return self.response == SCSIResponseCode.COMPLETED and (
            self.status == SCSIStatus.GOOD
        )

    @property
    def sense(self) -> Sense | None:
        """The sense data as far as it is present, or None.

        Raises:
            DecodeError: the bytes after SenseLength are not sense data (RFC 7143,
                11.4.7).
        """
        return self._read_sense()[0]

    @property
    def sense_error(self) -> DecodeError | None:
        """The errors in sense data that can nevertheless be read."""
        try:
            return self._read_sense()[1]
        except DecodeError:
            return None

    def _read_sense(self) -> tuple[Sense | None, DecodeError | None]:
        if not self.sense_bytes:
            return None, None
        try:
            parsed, error = scsi_sense.read(self.sense_bytes)
        except DecodeError as unreadable:
            unreadable.requirement = unreadable.requirement or _SENSE
            raise
        if error is not None:
            error.requirement = error.requirement or _SENSE
        return parsed, error

    def __str__(self) -> str:
        """Return a text with status and sense."""
        try:
            name = SCSIStatus(self.status).name.replace("_", " ")
        except ValueError:
            name = f"status {self.status:#04x}"
        if self.response != SCSIResponseCode.COMPLETED:
            name = f"service response {self.response:#04x}, {name}"
        if not self.sense_bytes:
            return name
        try:
            return f"{name} ({self.sense})"
        except DecodeError as error:
            return f"{name} ({error}: {self.sense_bytes[:32].hex(' ')})"


@dataclass(slots=True)
class Task:
    """A SCSI command that was sent, and the PDUs received for it so far."""

    command: SCSICommand
    data_out: bytes = b""
    sent_unsolicited: int = 0
    """Bytes that were sent unasked, as immediate data and unsolicited Data-Out."""
    data_ins: list[DataIn] = field(default_factory=list)
    r2ts: list[R2T] = field(default_factory=list)
    answered_r2ts: int = 0
    final: SCSIResponse | DataIn | None = None
    others: list[PDU] = field(default_factory=list)
    """PDUs with this task's tag that are not allowed for a SCSI command."""
    _received: int = 0

    @property
    def initiator_task_tag(self) -> int:
        """The Initiator Task Tag."""
        return int(self.command.initiator_task_tag)

    @property
    def expected_data_in(self) -> int:
        """How many bytes the command may return (sections 11.2.2.4 and 11.3.4)."""
        for segment in self.command.ahs or ():
            if isinstance(segment, BidirectionalReadLength):
                return int(segment.bidirectional_read_expected_data_transfer_length)
        return int(self.command.expected_data_transfer_length) * bool(self.command.read)

    def take(self, pdu: PDU) -> None:
        """Take a PDU with this task's tag.

        Raises:
            UnexpectedPDU: more data comes than the command expects, or more PDUs than
                data of that length can need.
        """
        self._bound(pdu)
        if isinstance(pdu, DataIn):
            self.data_ins.append(pdu)
            if pdu.status_present:
                self.final = pdu
        elif isinstance(pdu, R2T):
            self.r2ts.append(pdu)
        elif isinstance(pdu, SCSIResponse):
            self.final = pdu
        else:
            self.others.append(pdu)

    def restart(self) -> None:
        """Discard the received PDUs: the task starts again (section 7.2.2)."""
        self.final = None
        self.data_ins, self.r2ts, self.answered_r2ts = [], [], 0
        self._received = 0

    def _bound(self, pdu: PDU) -> None:
        """Raise an error for PDUs with which a target could fill the memory."""
        expected = self.expected_data_in
        if isinstance(pdu, DataIn):
            self._received += len(pdu.data)
            if self._received > expected:
                raise UnexpectedPDU(
                    f"{self._received} bytes of Data-In where {expected} are expected",
                    requirement="RFC7143-11.7.6-i01",
                    pdu=pdu,
                    field="Buffer Offset",
                )
        count = len(self.data_ins) + len(self.r2ts) + len(self.others)
        most = (expected + len(self.data_out)) // SMALL_SEGMENT + MOST_PDUS
        if count >= most:
            raise UnexpectedPDU(
                f"{count} PDUs for a task of {expected + len(self.data_out)} bytes",
                pdu=pdu,
            )

    @property
    def is_done(self) -> bool:
        """True once its status has arrived."""
        return self.final is not None

    @property
    def is_supplied(self) -> bool:
        """True once all data has been sent, unasked or for R2Ts."""
        sent = self.sent_unsolicited
        for r2t in sorted(self.r2ts[: self.answered_r2ts], key=_offset):
            if _offset(r2t) > sent:
                return False
            sent = max(sent, _offset(r2t) + int(r2t.desired_data_transfer_length))
        return sent >= len(self.data_out)

    def unanswered(self) -> Iterator[R2T]:
        """Yield the R2Ts without an answer so far, and count them as answered."""
        while self.answered_r2ts < len(self.r2ts):
            self.answered_r2ts += 1
            yield self.r2ts[self.answered_r2ts - 1]

    def result(self) -> Result:
        """Return the result.

        Raises:
            ValueError: its status has not arrived yet.
        """
        final = self.final
        if final is None:
            raise ValueError("the task has no status yet")
        is_response = isinstance(final, SCSIResponse)
        return Result(
            response=int(final.response) if is_response else 0,
            status=int(final.status),
            data=assemble(self.data_ins),
            sense_bytes=final.sense if is_response else b"",
            underflow=bool(final.underflow),
            overflow=bool(final.overflow),
            residual_count=int(final.residual_count),
            final=final,
            data_ins=self.data_ins,
            r2ts=self.r2ts,
        )


def assemble(data_ins: list[DataIn]) -> bytes:
    """Return the data of Data-In PDUs, each part at its buffer offset."""
    end = max((pdu.buffer_offset + len(pdu.data) for pdu in data_ins), default=0)
    if end > sum(len(pdu.data) for pdu in data_ins):
        # If there is a gap: a wild offset from the target must not exhaust our memory.
        return b"".join(
            bytes(pdu.data)
            for pdu in sorted(data_ins, key=lambda pdu: pdu.buffer_offset)
        )
    image = bytearray(end)
    for pdu in data_ins:
        image[pdu.buffer_offset : pdu.buffer_offset + len(pdu.data)] = pdu.data
    return bytes(image)


@dataclass(frozen=True, slots=True)
class UnsolicitedPlan:
    """The unsolicited data of a write (RFC 7143 sections 13.10 and 13.11)."""

    immediate: int
    """Bytes in the command's own data segment."""
    separate: int
    """Bytes in Data-Out PDUs after it."""


def plan_unsolicited(parameters: Parameters, length: int) -> UnsolicitedPlan:
    """Return as much unsolicited data as the parameters allow for a write."""
    limit = min(parameters.unsolicited_limit, length)
    immediate = 0
    if parameters.immediate_data:
        immediate = min(limit, parameters.target_max_recv_data_segment_length)
    separate = 0 if parameters.initial_r2t else limit - immediate
    return UnsolicitedPlan(immediate, separate)


def data_outs(
    data: bytes,
    *,
    offset: int,
    size: int,
    initiator_task_tag: int,
    target_transfer_tag: int = RESERVED_TAG,
    lun: int = 0,
    **fields: Any,
) -> list[DataOut]:
    """Return one sequence of Data-Out PDUs.

    Args:
        data: the bytes of the sequence.
        offset: their offset in the command's buffer.
        size: the maximum bytes in a PDU.
        initiator_task_tag: the command's tag.
        target_transfer_tag: the R2T's tag, or the reserved one for unsolicited data.
        lun: the R2T's LUN field.
        **fields: further fields of each PDU.
    """
    starts = range(0, len(data), size) if data else range(1)
    return [
        DataOut(
            **{
                "final": int(start + size >= len(data)),
                "lun": lun,
                "initiator_task_tag": initiator_task_tag,
                "target_transfer_tag": target_transfer_tag,
                "data_sn": number,
                "buffer_offset": offset + start,
                "data": data[start : start + size],
                **fields,
            }
        )
        for number, start in enumerate(starts)
    ]


def _offset(r2t: R2T) -> int:
    return int(r2t.buffer_offset)
