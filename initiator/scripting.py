# SPDX-License-Identifier: GPL-2.0-only
"""One-line requests for scripts: send a PDU, get its answer, like Scapy's `sr1`."""

from initiator.core import Link, SessionCore
from initiator.deadline import Deadline
from iscsi.errors import PeerTimeout
from iscsi.pdu import PDU


def sr1(
    session: SessionCore,
    pdu: PDU,
    *,
    link: Link | None = None,
    timeout: float | None = None,
) -> PDU | None:
    """Send a PDU and return its first answer; None on a timeout.

    Earlier PDUs that answer other requests are in the transcript. Tags and numbers that
    are not set are filled in, as by `Session.send`.

    Args:
        session: a session that has logged in.
        pdu: the PDU, an initiator's.
        link: the connection; None for the leading one.
        timeout: seconds; None for the session's own.

    Raises:
        ConnectionLost: the connection has ended.
        DecodeError: the received bytes do not form a PDU.
        ConformanceFailure: a target must not send the received PDU.
    """
    deadline = Deadline(session.patience(link, timeout))
    session.send(pdu, link)
    while True:
        try:
            answer = session.receive(link, timeout=deadline.left)
        except PeerTimeout:
            return None
        if answer.answers(pdu):
            return answer
        if deadline.is_over:
            return None
