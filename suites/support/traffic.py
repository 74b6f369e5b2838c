# SPDX-License-Identifier: GPL-2.0-only
"""Ordinary traffic of every kind, for rules about each PDU of a target."""

from typing import Any

import pytest

from initiator.core import advances_stat_sn
from initiator.expect import next_or_drop
from initiator.session import Session
from iscsi.constants import RESERVED_TAG, TMFunction
from iscsi.pdu import PDU, NOPOut, Reject
from iscsi.scsi import cdb

INQUIRY_LENGTH = 96


def converse(session: Session) -> list[PDU]:
    """Make a target send a PDU of each ordinary kind; return all that came.

    A target without task management may send a Reject instead (section 11.17.1).
    """
    session.execute(cdb.test_unit_ready())
    session.execute(cdb.inquiry(allocation_length=INQUIRY_LENGTH), read=INQUIRY_LENGTH)
    session.execute(b"\xff" * 6)
    session.ping(b"odd")
    session.ping(b"", immediate=0)
    session.send_task_management(TMFunction.ABORT_TASK, referenced_task_tag=0x7FFFFFFF)
    session.receive()
    session.logout()
    return session.transcript.received()


def fields_of(pdu: PDU, prefix: str) -> dict[str, Any]:
    """Return the fields of a PDU whose names begin with a prefix."""
    names = [field.name for field in pdu.fields_desc]
    return {name: getattr(pdu, name) for name in names if name.startswith(prefix)}


def reserved_fields(pdu: PDU) -> dict[str, int]:
    """Return the reserved fields of a PDU; all must be 0 (RFC 7143 chapter 11)."""
    fields = fields_of(pdu, "reserved")
    fields.pop("reserved_task_tag", None)
    return fields


def require_room(session: Session, length: int) -> None:
    """Skip the check if the target does not accept a data segment of this length."""
    if session.parameters.target_max_recv_data_segment_length < length:
        pytest.skip(f"not applicable: the target takes no segment of {length} bytes")


def unassigned(session: Session, opcode: int = 0x1B) -> NOPOut:
    """Return a PDU whose opcode is no initiator's, numbered like an immediate one."""
    return session.number(
        NOPOut(opcode=opcode, immediate=1, target_transfer_tag=RESERVED_TAG)
    )


def provoke_reject(session: Session) -> tuple[PDU, Reject]:
    """Send a PDU that must be refused; return it and its Reject.

    A target may drop the connection instead; a check of Rejects is then not applicable.
    """
    bad = unassigned(session)
    session.connection.send(bad, note="unassigned opcode")
    answer = next_or_drop(session.connection)
    if not isinstance(answer, Reject):
        pytest.skip("not applicable: the target drops the connection instead")
    return bad, answer


def stat_sns(received: list[PDU]) -> list[int]:
    """Return the StatSN of each PDU that advances it, in order."""
    return [int(pdu.stat_sn) for pdu in received if advances_stat_sn(pdu)]
