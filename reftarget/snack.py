# SPDX-License-Identifier: GPL-2.0-only
"""SNACK: retransmission that the initiator requests (RFC 7143 section 11.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers
from iscsi.constants import RESERVED_TAG, RejectReason, SNACKType

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.connection import Connection
    from reftarget.session import Session
    from reftarget.stream import Received


def receive(
    connection: Connection, session: Session, pdu: Received, _now: float
) -> None:
    """Process a SNACK."""
    snack = headers.SNACK.parse(pdu.header)
    connection.acknowledge(snack.exp_stat_sn)
    act = _ACTIONS.get(snack.type)
    is_taken = session.recovery.is_keeping and connection.rules.recovery.takes_snack
    if act is None or not is_taken:
        connection.reject(pdu, RejectReason.PROTOCOL_ERROR)
        return
    act(connection, session, snack, pdu)


def _on_status(
    connection: Connection, session: Session, snack: headers.SNACK, pdu: Received
) -> None:
    if snack.initiator_task_tag != RESERVED_TAG:
        connection.reject(pdu, RejectReason.INVALID_PDU_FIELD)
        return
    reason = session.recovery.resend_status(connection, snack.beg_run, snack.run_length)
    if reason is not None and connection.rules.recovery.rejects_unsent:
        connection.reject(pdu, reason)


def _on_data(
    connection: Connection, session: Session, snack: headers.SNACK, pdu: Received
) -> None:
    task = session.recovery.find(snack.initiator_task_tag)
    rules = connection.rules.recovery
    is_foreign = task is not None and task[0].connection is not connection
    if task is None or (is_foreign and rules.snack_keeps_allegiance):
        connection.reject(pdu, RejectReason.PROTOCOL_ERROR)
        return
    command, data = task
    begin, total = snack.beg_run, len(command.sent)
    if begin == snack.run_length == 0:
        begin = command.acknowledged_sn
    end = rules.end_of_run(begin, snack.run_length, total)
    if begin < command.acknowledged_sn or end > total or begin >= total:
        if rules.rejects_unsent:
            connection.reject(pdu, RejectReason.PROTOCOL_ERROR, data_sn=total)
        return
    session.recovery.resend_data(connection, command, data, range(begin, end))


def _on_data_ack(
    connection: Connection, session: Session, snack: headers.SNACK, pdu: Received
) -> None:
    is_known = session.recovery.acknowledge_data(
        snack.target_transfer_tag, snack.beg_run
    )
    if snack.run_length or not is_known:
        connection.reject(pdu, RejectReason.INVALID_DATA_ACK)


def _on_r_data(
    connection: Connection, session: Session, snack: headers.SNACK, pdu: Received
) -> None:
    tag = snack.target_transfer_tag
    if tag in (0, RESERVED_TAG) or snack.beg_run or snack.run_length:
        connection.reject(pdu, RejectReason.INVALID_PDU_FIELD)
    elif not session.recovery.resegment(connection, snack.initiator_task_tag, tag):
        connection.reject(pdu, RejectReason.PROTOCOL_ERROR)


_ACTIONS: Final[
    dict[int, Callable[[Connection, Session, headers.SNACK, Received], None]]
] = {
    SNACKType.DATA_R2T: _on_data,
    SNACKType.STATUS: _on_status,
    SNACKType.DATA_ACK: _on_data_ack,
    SNACKType.R_DATA: _on_r_data,
}
