# SPDX-License-Identifier: GPL-2.0-only
"""A session in full-feature phase: every request an initiator makes, and its answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from initiator.connection import TASK_TAG
from initiator.core import Link, SessionCore, is_unasked, lun_field, unexpected
from initiator.deadline import WHOLE_EXCHANGE, Deadline
from initiator.expect import ConformanceFailure
from initiator.task import (
    Result,
    Task,
    UnsolicitedPlan,
    data_outs,
    plan_unsolicited,
)
from initiator.texts import Reader
from iscsi import text as iscsi_text
from iscsi.constants import (
    RESERVED_TAG,
    LogoutReason,
    TaskAttribute,
    TMFunction,
)
from iscsi.errors import (
    ConnectionLost,
    ISCSIError,
    PeerTimeout,
    UnexpectedPDU,
)
from iscsi.pdu import (
    AHS,
    PDU,
    R2T,
    BidirectionalReadLength,
    ExtendedCDB,
    LogoutRequest,
    LogoutResponse,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
)
from iscsi.scsi import cdb
from iscsi.text import Pairs

_MAX_TEXT_ROUNDS = 256
_MAX_UNIT_ATTENTIONS = 16


class Session(SessionCore):
    """A session with one or several connections, and the requests on it.

    As a context manager it logs out and closes at the end.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Log out if that is still possible, and close every connection."""
        try:
            with suppress(ISCSIError, ConformanceFailure, StopIteration):
                if self.connection.is_open:
                    self.logout(timeout=1.0)
        finally:
            self.close()

    # SCSI tasks ------------------------------------------------------------------

    def command(
        self,
        cdb: bytes,
        *,
        read: int = 0,
        write: bytes | None = None,
        immediate_data: int | None = None,
        unsolicited: int | None = None,
        link: Link | None = None,
        **fields: Any,
    ) -> tuple[SCSICommand, UnsolicitedPlan]:
        """Return the PDU of a command and the plan of its unsolicited data.

        Args:
            cdb: the CDB; bytes beyond the 16th are sent in an extended-CDB segment.
            read: the expected bytes; if `write` is given, too, the command is
                bidirectional.
            write: the data to write, or None.
            immediate_data: bytes of it in the command's PDU; None for as much as the
                parameters allow.
            unsolicited: bytes of it in Data-Out PDUs right after the command; None
                likewise.
            link: the connection; None for the leading one.
            **fields: fields of the PDU to set.

        Raises:
            TypeError: the CDB or the data is not bytes.
        """
        for name, value in (("cdb", cdb), ("write", b"" if write is None else write)):
            if not isinstance(value, bytes):
                raise TypeError(f"{name}: {value!r:.80} is not of type bytes")
        data = write or b""
        plan = plan_unsolicited((link or self.leading).parameters, len(data))
        if immediate_data is not None:
            plan = replace(plan, immediate=immediate_data)
            if unsolicited is None and plan.separate:
                limit = min(self.parameters.unsolicited_limit, len(data))
                plan = replace(plan, separate=max(0, limit - immediate_data))
        if unsolicited is not None:
            plan = replace(plan, separate=unsolicited)
        values: dict[str, Any] = {
            "read": int(read > 0),
            "write": int(write is not None),
            "final": int(plan.separate == 0),
            "attribute": int(TaskAttribute.SIMPLE),
            "expected_data_transfer_length": read if write is None else len(data),
            "cdb": cdb[:16].ljust(16, b"\0"),
            "data": data[: plan.immediate],
        }
        segments: list[AHS] = []
        if len(cdb) > 16:
            segments.append(ExtendedCDB(extended_cdb=cdb[16:]))
        if read and write is not None:
            length = BidirectionalReadLength()
            length.bidirectional_read_expected_data_transfer_length = read
            segments.append(length)
        if segments:
            values["ahs"] = segments
        return SCSICommand(**{**values, **fields}), plan

    def start(
        self,
        cdb: bytes,
        *,
        read: int = 0,
        write: bytes | None = None,
        link: Link | None = None,
        **how: Any,
    ) -> Task:
        """Send a command and its unsolicited data, without waiting (see `command`)."""
        pdu, plan = self.command(cdb, read=read, write=write, link=link, **how)
        self.send(pdu, link)
        task = Task(pdu, write or b"", plan.immediate)
        self._tasks[task.initiator_task_tag] = task
        if plan.separate:
            self.send_unsolicited(task, plan.separate, link)
        return task

    def send_unsolicited(
        self, task: Task, length: int, link: Link | None = None, **fields: Any
    ) -> None:
        """Send a sequence of unsolicited Data-Out PDUs for a task."""
        start = task.sent_unsolicited
        sequence = data_outs(
            task.data_out[start : start + length],
            offset=start,
            size=(link or self.leading).parameters.target_max_recv_data_segment_length,
            initiator_task_tag=task.initiator_task_tag,
            lun=int(task.command.lun),
            **fields,
        )
        task.sent_unsolicited += length
        for pdu in sequence:
            self.send(pdu, link)

    def answer_r2t(
        self, task: Task, r2t: R2T, link: Link | None = None, **fields: Any
    ) -> None:
        """Send the sequence of Data-Out PDUs that an R2T requests.

        Args:
            task: the write.
            r2t: the R2T.
            link: the connection; None for the leading one.
            **fields: fields of each PDU to set.
        """
        if r2t.target_transfer_tag == RESERVED_TAG:
            # Data with this tag is unsolicited data: it answers no R2T.
            raise ConformanceFailure(
                "an R2T with a tag",
                r2t,
                self.transcript,
                requirement="RFC7143-11.8.5-01",
                field="Target Transfer Tag",
            )
        start = int(r2t.buffer_offset)
        end = start + int(r2t.desired_data_transfer_length)
        values: dict[str, Any] = {
            "initiator_task_tag": task.initiator_task_tag,
            "target_transfer_tag": int(r2t.target_transfer_tag),
            "lun": int(r2t.lun),
        }
        sequence = data_outs(
            task.data_out[start:end],
            offset=start,
            size=(link or self.leading).parameters.target_max_recv_data_segment_length,
            **{**values, **fields},
        )
        for pdu in sequence:
            self.send(pdu, link)

    def finish(
        self, task: Task, link: Link | None = None, *, timeout: float | None = None
    ) -> Result:
        """Send a task the data that it requests until its status arrives.

        PDUs for other tasks are kept for them. The whole task lasts at most
        `WHOLE_EXCHANGE` times the wait for one PDU.

        Raises:
            ConformanceFailure: a PDU came that belongs to no task, or none in time.
        """
        __tracebackhide__ = True
        wait = self.patience(link, timeout)
        exchange_deadline = Deadline(WHOLE_EXCHANGE * wait)
        while not task.is_done:
            self._answer_r2ts(task, link)
            self.route(link, timeout=exchange_deadline.within(wait), waiting_for=task)
            if exchange_deadline.is_over and not task.is_done:
                actual = f"the task has not ended after {exchange_deadline.seconds:g} s"
                raise ConformanceFailure("an end of the task", actual, self.transcript)
        self._tasks.pop(task.initiator_task_tag, None)
        result = task.result()
        if result.sense_error is not None:
            (link or self.leading).connection.slip(result.sense_error)
        return result

    def supply(self, task: Task, link: Link | None = None) -> None:
        """Send a task all the data that it requests, without waiting for its status.

        The whole transfer takes at most `WHOLE_EXCHANGE` times the wait for one PDU.

        Raises:
            ConformanceFailure: as `finish`.
        """
        __tracebackhide__ = True
        wait = self.patience(link, None)
        exchange_deadline = Deadline(WHOLE_EXCHANGE * wait)
        while not (task.is_supplied or task.is_done):
            self.route(link, timeout=exchange_deadline.within(wait), waiting_for=task)
            self._answer_r2ts(task, link)
            if exchange_deadline.is_over and not task.is_supplied:
                actual = f"data is wanted after {exchange_deadline.seconds:g} s"
                raise ConformanceFailure("R2Ts for all data", actual, self.transcript)

    def _answer_r2ts(self, task: Task, link: Link | None) -> None:
        for r2t in task.unanswered():
            self.answer_r2t(task, r2t, link)

    def route(
        self,
        link: Link | None = None,
        *,
        timeout: float | None = None,
        waiting_for: Task | None = None,
        with_unsolicited: bool = False,
    ) -> PDU:
        """Receive one PDU and hand it to the task with its tag.

        Args:
            link: the connection; None for the leading one.
            timeout: seconds.
            waiting_for: the task that an error names.
            with_unsolicited: also return after a PDU that the target sends unasked (see
                `receive`), which no task gets.

        Raises:
            ConformanceFailure: it belongs to no task, or none came in time.
        """
        __tracebackhide__ = True
        expected = "an answer to a SCSI command"
        if waiting_for is not None:
            expected += f" with ITT {waiting_for.initiator_task_tag:#x}"
        try:
            pdu = self.receive(link, timeout=timeout, with_unsolicited=with_unsolicited)
        except (ConnectionLost, PeerTimeout) as error:
            request = None if waiting_for is None else waiting_for.command
            raise self.missing(expected, error, request) from error
        if with_unsolicited and is_unasked(pdu):
            return pdu
        names = {field.name for field in pdu.fields_desc}
        tag = pdu.initiator_task_tag if "initiator_task_tag" in names else None
        task = self._tasks.get(tag) if tag is not None else None
        if task is None:
            raise unexpected(expected, pdu, SCSIResponse, self.transcript)
        task.take(pdu)
        return pdu

    def restart_task(self, task: Task) -> None:
        """Discard the PDUs received for a task, which starts again (section 7.2.2)."""
        task.restart()
        self._tasks[task.initiator_task_tag] = task

    def execute(
        self,
        cdb: bytes,
        *,
        read: int = 0,
        write: bytes | None = None,
        link: Link | None = None,
        timeout: float | None = None,
        **how: Any,
    ) -> Result:
        """Send a command and return its result (see `command` and `finish`)."""
        __tracebackhide__ = True
        task = self.start(cdb, read=read, write=write, link=link, **how)
        return self.finish(task, link, timeout=timeout)

    def clear_unit_attention(self) -> None:
        """Send TEST UNIT READY until the logical unit has nothing more to report.

        If the unit never answers GOOD, the method returns without an error.

        Raises:
            ConformanceFailure, ISCSIError: as `execute`.
        """
        for _attempt in range(_MAX_UNIT_ATTENTIONS):
            if self.execute(cdb.test_unit_ready()).is_good:
                return

    # Other requests --------------------------------------------------------------

    def ping(
        self, data: bytes = b"", *, link: Link | None = None, **fields: Any
    ) -> NOPIn:
        """Send a NOP-Out that requests an answer; return the answer."""
        __tracebackhide__ = True
        request = self.send(NOPOut(**{"immediate": 1, "data": data, **fields}), link)
        deadline = Deadline(self.patience(link))
        expected = f"NOP-In for ITT {request.initiator_task_tag:#x}"
        while True:
            pdu = self.expect(NOPIn, link=link, timeout=deadline.left)
            if pdu.initiator_task_tag == request.initiator_task_tag:
                return pdu
            if deadline.is_over:
                raise ConformanceFailure(expected, None, self.transcript)
            if pdu.initiator_task_tag != RESERVED_TAG:
                raise unexpected(expected, pdu, NOPIn, self.transcript)

    def task_management(
        self,
        function: TMFunction,
        *,
        of: PDU | None = None,
        lun: int | None = None,
        link: Link | None = None,
        **fields: Any,
    ) -> TaskManagementResponse:
        """Send a task management request; return its response.

        Args:
            function: the function.
            of: the command concerned, whose tag and CmdSN are referenced.
            lun: the logical unit; None for this session's.
            link: the connection; None for the leading one.
            **fields: fields of the PDU to set.
        """
        __tracebackhide__ = True
        request = self.send_task_management(
            function, of=of, lun=lun, link=link, **fields
        )
        deadline = Deadline(self.patience(link))
        while True:
            try:
                deadline.check("no response")
                pdu = self.receive(link, timeout=deadline.left)
            except (ConnectionLost, PeerTimeout) as error:
                expected = "Task Management Function Response"
                raise self.missing(expected, error, request) from error
            if isinstance(pdu, TaskManagementResponse):
                if pdu.initiator_task_tag == request.initiator_task_tag:
                    return pdu
            elif not isinstance(pdu, Reject) and (
                task := self._tasks.get(pdu.initiator_task_tag)
            ):
                task.take(pdu)
                continue
            raise ConformanceFailure(
                "Task Management Function Response", pdu, self.transcript
            )

    def send_task_management(
        self,
        function: TMFunction,
        *,
        of: PDU | None = None,
        lun: int | None = None,
        link: Link | None = None,
        **fields: Any,
    ) -> TaskManagementRequest:
        """Send a task management request without waiting (see `task_management`)."""
        values: dict[str, Any] = {"function": int(function), "immediate": 1}
        if function not in (
            TMFunction.TARGET_WARM_RESET,
            TMFunction.TARGET_COLD_RESET,
        ):
            values["lun"] = lun_field(self.lun if lun is None else lun)
        if of is not None:
            values["referenced_task_tag"] = int(of.initiator_task_tag)
            values["ref_cmd_sn"] = int(of.cmd_sn)
            values["lun"] = int(of.lun)
        return self.send(TaskManagementRequest(**{**values, **fields}), link)

    def text(
        self,
        pairs: Sequence[tuple[str, str]] | Mapping[str, str],
        *,
        link: Link | None = None,
        **fields: Any,
    ) -> Pairs:
        """Complete a text negotiation; return all pairs received.

        Raises:
            ConformanceFailure: another PDU came, or none in time.
            UnexpectedPDU: the target never ends the exchange.
            DecodeError: the text is longer than any legal one.
        """
        __tracebackhide__ = True
        items = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs)
        # Text that does not fit one request continues in the next (C bit, section 6.2).
        size = (link or self.leading).parameters.target_max_recv_data_segment_length
        parts = iscsi_text.split(iscsi_text.encode(items), size)
        reader = Reader((link or self.leading).connection)
        received: Pairs = []
        request = TextRequest(**self._text_part(parts, 0), **fields)
        wait = self.patience(link)
        exchange_deadline = Deadline(WHOLE_EXCHANGE * wait)
        for number in range(1, _MAX_TEXT_ROUNDS):
            self.send(request, link)
            answer = self.expect(
                TextResponse,
                of=request,
                link=link,
                timeout=exchange_deadline.within(wait),
            )
            received += reader.add(answer) or []
            if answer.final:
                return received
            request = TextRequest(
                **self._text_part(parts, number),
                initiator_task_tag=request.initiator_task_tag,
                target_transfer_tag=answer.target_transfer_tag,
                lun=answer.lun,
                immediate=request.immediate,
            )
        raise UnexpectedPDU(
            f"the text has not ended after {_MAX_TEXT_ROUNDS} responses"
        )

    @staticmethod
    def _text_part(parts: list[bytes], number: int) -> dict[str, Any]:
        """Return data and bits of one request of a text that may be split."""
        is_last = number >= len(parts) - 1
        return {
            "data": parts[number] if number < len(parts) else b"",
            "final": int(is_last),
            "continuation": int(not is_last),
        }

    def send_targets(self, value: str = "All") -> Pairs:
        """Return the answer of SendTargets (RFC 7143 appendix C)."""
        __tracebackhide__ = True
        return self.text([("SendTargets", value)])

    def logout(
        self,
        reason: LogoutReason = LogoutReason.CLOSE_SESSION,
        *,
        cid: int | None = None,
        link: Link | None = None,
        timeout: float | None = None,
        **fields: Any,
    ) -> LogoutResponse:
        """Log out and return the response; other PDUs before it are ignored.

        Raises:
            ConformanceFailure: the request is rejected, or nothing answers it in time.
        """
        __tracebackhide__ = True
        way = link or self.leading
        request = self.send(
            LogoutRequest(
                **{
                    "reason": int(reason),
                    "cid": way.cid if cid is None else cid,
                    "immediate": 1,
                    **fields,
                }
            ),
            way,
        )
        tag = int(request.initiator_task_tag)
        header_tag = tag.to_bytes(4, "big")
        for pdu in self._remaining(way, timeout):
            if isinstance(pdu, LogoutResponse) and pdu.initiator_task_tag == tag:
                return pdu
            if isinstance(pdu, Reject) and pdu.rejected_header[TASK_TAG] == header_tag:
                raise ConformanceFailure("Logout Response", pdu, self.transcript)
        raise ConformanceFailure("Logout Response", None, self.transcript)

    def _remaining(self, link: Link, timeout: float | None) -> Iterator[PDU]:
        deadline = Deadline(self.patience(link, timeout))
        try:
            while True:
                yield self.receive(link, timeout=deadline.left)
                deadline.check("other PDUs, and no response")
        except (ConnectionLost, PeerTimeout) as error:
            raise ConformanceFailure(
                "Logout Response", error, self.transcript
            ) from error
