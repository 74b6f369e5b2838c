# SPDX-License-Identifier: GPL-2.0-only
"""What a script asks for in a line: send a PDU, get its answer, as Scapy's `sr1`."""

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

    What comes before it and answers something else is in the transcript. What it has
    left open of tags and numbers is filled in, as by `Session.send`.

    Args:
        session: a session that has logged in.
        pdu: the PDU, an initiator's.
        link: the connection; None for the leading one.
        timeout: seconds; None for the session's own.

    Raises:
        ConnectionLost: the connection is gone.
        DecodeError: what comes is no PDU.
        ConformanceFailure: what comes is not a target's to send.
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
