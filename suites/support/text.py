# SPDX-License-Identifier: GPL-2.0-only
"""Text Requests in full-feature phase, and the effects of values in them."""

from typing import Any

import pytest

from initiator.deadline import WHOLE_EXCHANGE, Deadline
from initiator.expect import check, next_or_drop
from initiator.session import Session
from iscsi import text
from iscsi.errors import ConnectionLost
from iscsi.pdu import PDU, Reject, TextRequest, TextResponse
from suites.plugins.sessions import Disk
from suites.support.data import read

SEGMENT_LENGTH = "MaxRecvDataSegmentLength"

SMALL = 512
"""The least legal MaxRecvDataSegmentLength, in bytes."""

LARGE = 65536
"""A MaxRecvDataSegmentLength that a READ of KIBIBYTES fits into."""

UNKNOWN = ("X-org.iscsi-assay.unknown", "1")
"""A pair that no target knows."""

MANY_UNKNOWN = [(f"X-org.iscsi-assay.key{number:02}", "1") for number in range(24)]
"""Pairs whose answers, each NotUnderstood, do not fit into SMALL bytes."""

_READ_LENGTH = 8192


def request(*pairs: tuple[str, str], **fields: Any) -> TextRequest:
    """Return a Text Request with these pairs."""
    return TextRequest(data=text.encode(pairs), **fields)


def ask(session: Session, *pairs: tuple[str, str], **fields: Any) -> TextResponse:
    """Send a Text Request and return its response."""
    __tracebackhide__ = True
    sent = session.send(request(*pairs, **fields))
    return session.expect(TextResponse, of=sent)


def go_on(
    session: Session, answer: TextResponse, data: bytes = b"", **fields: Any
) -> TextResponse:
    """Send the next Text Request of an exchange and return its response.

    Args:
        session: where the exchange continues.
        answer: the response before.
        data: the text.
        **fields: fields of the request to set.
    """
    __tracebackhide__ = True
    values = {
        "initiator_task_tag": answer.initiator_task_tag,
        "target_transfer_tag": answer.target_transfer_tag,
        "lun": answer.lun,
        "data": data,
    }
    sent = session.send(TextRequest(**{**values, **fields}))
    return session.expect(TextResponse, of=sent)


def complete_text(session: Session, answer: TextResponse) -> text.Pairs:
    """Request the rest of a text that a response begins; return its pairs.

    A target may split a text anywhere, and a response with C=1 does not end it (6.1).
    """
    __tracebackhide__ = True
    joiner = text.Joiner()
    exchange_deadline = Deadline(WHOLE_EXCHANGE * session.patience())
    while True:
        pairs = joiner.add(bytes(answer.data), continues=bool(answer.continuation))
        if pairs is not None:
            return pairs
        exchange_deadline.check("the end of a continued text")
        answer = go_on(session, answer)


def answer_or_drop(session: Session) -> PDU | None:
    """Return the next PDU of a session, or None if the target dropped it.

    Raises:
        PeerTimeout: neither happened in time.
    """
    try:
        return session.receive()
    except ConnectionLost:
        return None


def text_responses(session: Session) -> list[TextResponse]:
    """Return the Text Responses among the received PDUs."""
    received = session.transcript.received()
    return [pdu for pdu in received if isinstance(pdu, TextResponse)]


def longest_data_in(session: Session, disk: Disk) -> int:
    """Read 8 KiB and return the length of the longest Data-In."""
    __tracebackhide__ = True
    result = read(session, disk, _READ_LENGTH)
    return max(len(pdu.data) for pdu in result.data_ins)


def expect_still_small(session: Session, disk: Disk) -> None:
    """Expect that Data-In carries at most SMALL bytes, or that the connection ended.

    Raises:
        ConformanceFailure: a longer one came.
    """
    __tracebackhide__ = True
    if not session.is_open:
        return
    longest = longest_data_in(session, disk)
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


def declare(session: Session, *pairs: tuple[str, str]) -> None:
    """Send pairs that a target may refuse in any way; read its answer.

    The next request has the CmdSN that the target then expects (section 7.3).
    """
    session.send(request(*pairs))
    answer = next_or_drop(session.connection)
    if answer is not None:
        session.leading.status.receive(answer.stat_sn)
        session.numbers.cmd_sn = int(answer.exp_cmd_sn)


def provoke_text_reject(
    session: Session, *pairs: tuple[str, str]
) -> tuple[TextRequest, Reject]:
    """Send pairs that must be refused; return the request and its Reject.

    The next request has the CmdSN that the target then expects. If the target drops the
    connection it keeps no value, and the check is not applicable.
    """
    bad = session.send(request(*pairs))
    try:
        answer = session.receive()
    except ConnectionLost:
        pytest.skip("not applicable: the target drops the connection instead")
    if not isinstance(answer, Reject):
        pytest.skip("not applicable: the target does not refuse the text")
    session.numbers.cmd_sn = int(answer.exp_cmd_sn)
    return bad, answer
