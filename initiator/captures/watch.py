# SPDX-License-Identifier: GPL-2.0-only
"""Follows the PDUs of a recorded connection and marks broken requirements.

It can begin anywhere, and assumes that earlier PDUs were right.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from initiator.core import advances_stat_sn
from iscsi import serial, text
from iscsi.constants import (
    DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH,
    RESERVED_TAG,
    LoginStatus,
    Stage,
)
from iscsi.errors import DecodeError, NegotiationError
from iscsi.framing import NO_DIGESTS, Digests, Frame
from iscsi.keys import KEYS
from iscsi.negotiation import conclude
from iscsi.pdu import (
    PDU,
    R2T,
    SNACK,
    DataIn,
    LoginRequest,
    LoginResponse,
    SCSICommand,
    SCSIResponse,
    TextRequest,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A broken requirement, and how it is broken."""

    requirement: str
    what: str

    def __str__(self) -> str:
        return f"{self.requirement}: {self.what}"


@dataclass(slots=True)
class Watch:
    """The known state of a connection."""

    digests: Digests = NO_DIGESTS
    _offers: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, str] = field(default_factory=dict)
    _stat_sn: int | None = None
    """The next expected StatSN."""
    _exp_cmd_sn: int | None = None
    _segment_limit: int | None = None
    """The initiator's MaxRecvDataSegmentLength; None if its login was not seen."""
    _data_sn: dict[int, int] = field(default_factory=dict)
    """The next DataSN or R2TSN of each task whose command was seen."""
    _in_login: bool = False

    def see(self, pdu: PDU, frame: Frame, *, to_target: bool) -> Iterator[Mark]:
        """Process a PDU; yield the requirements that it breaks."""
        yield from self._see_digests(frame)
        if to_target:
            self._see_request(pdu)
        else:
            yield from self._see_answer(pdu)

    def _see_digests(self, frame: Frame) -> Iterator[Mark]:
        if not frame.is_header_digest_right:
            yield Mark("RFC7143-13.1-04", "the header digest does not match")
        if not frame.is_data_digest_right:
            yield Mark("RFC7143-13.1-04", "the data digest does not match")

    def _see_request(self, pdu: PDU) -> None:
        if isinstance(pdu, LoginRequest):
            if not self._in_login:
                self._in_login, self._stat_sn = True, None
                self._offers, self._answers = {}, {}
                self._segment_limit = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
            self._offers.update(_pairs(pdu))
        elif isinstance(pdu, TextRequest):
            limit = _pairs(pdu).get("MaxRecvDataSegmentLength")
            if limit is not None and limit.isdigit():
                # The capture does not show when the new limit applies: keep the longer
                # one.
                self._segment_limit = max(self._segment_limit or 0, int(limit))
        elif isinstance(pdu, SCSICommand):
            self._data_sn[pdu.initiator_task_tag] = 0
        elif isinstance(pdu, SNACK):
            # PDUs that are repeated for a SNACK break no requirement.
            self._data_sn.clear()
            self._stat_sn = None

    def _see_answer(self, pdu: PDU) -> Iterator[Mark]:
        yield from self._see_numbers(pdu)
        if isinstance(pdu, LoginResponse):
            yield from self._see_login(pdu)
        elif isinstance(pdu, DataIn | R2T):
            yield from self._see_data(pdu)
        if isinstance(pdu, SCSIResponse):
            self._data_sn.pop(pdu.initiator_task_tag, None)

    def _see_login(self, pdu: LoginResponse) -> Iterator[Mark]:
        answers = _pairs(pdu)
        self._answers.update(answers)
        for name, answered in answers.items():
            if name in KEYS and name in self._offers:
                try:
                    conclude(KEYS[name], self._offers[name], answered)
                except NegotiationError as error:
                    yield Mark("RFC7143-13-i03", str(error))
        if pdu.status != LoginStatus.SUCCESS:
            self._in_login = False
        elif pdu.transit and pdu.nsg == Stage.FULL_FEATURE:
            self._in_login = False
            agreed = {
                name: self._answers.get(name) == "CRC32C"
                for name in ("HeaderDigest", "DataDigest")
            }
            self.digests = Digests(agreed["HeaderDigest"], agreed["DataDigest"])
            limit = self._offers.get("MaxRecvDataSegmentLength", "")
            if limit.isdigit():
                self._segment_limit = int(limit)

    def _see_numbers(self, pdu: PDU) -> Iterator[Mark]:
        fields = pdu.fields
        if "stat_sn" in fields and not (
            isinstance(pdu, DataIn) and not pdu.status_present
        ):
            if self._stat_sn is not None and pdu.stat_sn != self._stat_sn:
                yield Mark(
                    "RFC7143-4.2.2.2-01",
                    f"StatSN {pdu.stat_sn} instead of {self._stat_sn}",
                )
            step = 1 if advances_stat_sn(pdu) else 0
            self._stat_sn = serial.add(pdu.stat_sn, step)
        if "exp_cmd_sn" not in fields or "max_cmd_sn" not in fields:
            return
        if serial.less_than(pdu.max_cmd_sn, serial.add(pdu.exp_cmd_sn, -1)):
            yield Mark(
                "RFC7143-4.2.2.1-12",
                f"MaxCmdSN {pdu.max_cmd_sn} lies below ExpCmdSN {pdu.exp_cmd_sn} - 1",
            )
        before = self._exp_cmd_sn
        if before is not None and serial.less_than(pdu.exp_cmd_sn, before):
            yield Mark(
                "RFC7143-11.4.10-i01",
                f"ExpCmdSN goes back from {before} to {pdu.exp_cmd_sn}",
            )
        self._exp_cmd_sn = pdu.exp_cmd_sn

    def _see_data(self, pdu: DataIn | R2T) -> Iterator[Mark]:
        tag = pdu.initiator_task_tag
        expected = self._data_sn.get(tag)
        number = pdu.data_sn if isinstance(pdu, DataIn) else pdu.r2t_sn
        has_data = not isinstance(pdu, DataIn) or bool(pdu.data)
        if expected is not None and has_data:
            if number != expected:
                yield Mark(
                    "RFC7143-4.2.2.4-01", f"number {number} instead of {expected}"
                )
            self._data_sn[tag] = serial.add(number, 1)
        if isinstance(pdu, R2T):
            if pdu.target_transfer_tag == RESERVED_TAG:
                yield Mark("RFC7143-11.8.5-01", "an R2T with TTT 0xffffffff")
            return
        limit = self._segment_limit
        if limit is not None and len(pdu.data) > limit:
            yield Mark(
                "RFC7143-11.7.1-02",
                f"{len(pdu.data)} bytes where the initiator takes {limit}",
            )
        if pdu.status_present and not pdu.final:
            yield Mark("RFC7143-11.7.3-03", "status without F")
        if pdu.status_present:
            self._data_sn.pop(tag, None)


def _pairs(pdu: PDU) -> dict[str, str]:
    """Return the pairs of a text; none if the text is incomplete or malformed."""
    with suppress(DecodeError):
        return dict(text.decode(bytes(pdu.data)))
    return {}
