# SPDX-License-Identifier: GPL-2.0-only
"""PDUs that a target must refuse, and PDUs with every reserved bit set."""

from collections.abc import Mapping

import pytest
from scapy.fields import BitField

from initiator.expect import next_or_drop
from initiator.session import Session
from iscsi.constants import LogoutReason, Opcode, SNACKType, TMFunction
from iscsi.pdu import (
    PDU,
    SNACK,
    DataOut,
    LogoutRequest,
    NOPOut,
    Reject,
    SCSICommand,
    TaskManagementRequest,
    TextRequest,
)
from iscsi.scsi import cdb

_INITIATOR_OPCODES = range(0x20)
_VENDOR_OPCODES = frozenset({0x1C, 0x1D, 0x1E})

UNASSIGNED = sorted({*_INITIATOR_OPCODES} - {*Opcode} - _VENDOR_OPCODES)
"""The unassigned initiator opcodes (section 11.2.1.2)."""

_REPEATED = b"MaxRecvDataSegmentLength=4096\0" * 2
_NO_TAG = 0x5A5A5A5A

REFUSED: Mapping[str, PDU] = {
    "text-with-a-key-twice": TextRequest(data=_REPEATED),
    "text-of-no-exchange": TextRequest(target_transfer_tag=_NO_TAG),
    "logout-for-a-reserved-reason": LogoutRequest(reason=99, cid=1),
}
"""Requests that take a CmdSN and must be refused."""

UNDUE: Mapping[str, PDU] = {
    "status-snack": SNACK(type=SNACKType.STATUS, beg_run=0x5A5A5A, run_length=1),
    "data-snack": SNACK(
        type=SNACKType.DATA_R2T, initiator_task_tag=_NO_TAG, beg_run=0, run_length=1
    ),
    "r-data-snack": SNACK(
        type=SNACKType.R_DATA, initiator_task_tag=_NO_TAG, target_transfer_tag=1
    ),
    "data-ack": SNACK(
        type=SNACKType.DATA_ACK, target_transfer_tag=_NO_TAG, beg_run=1, run_length=0
    ),
}
"""SNACK Requests for PDUs that were never sent."""

STRAY = DataOut(initiator_task_tag=_NO_TAG, target_transfer_tag=_NO_TAG, data=b"stray")
"""Data-Out that belongs to no task."""

SERVED: Mapping[str, PDU] = {
    "ping": NOPOut(immediate=1, data=b"x"),
    "scsi-command": SCSICommand(cdb=cdb.test_unit_ready()),
    "task-management": TaskManagementRequest(
        function=TMFunction.ABORT_TASK, referenced_task_tag=0x7FFFFFFD
    ),
    "text": TextRequest(data=b"X-org.iscsi-assay.unknown=1\0"),
    "logout": LogoutRequest(reason=LogoutReason.CLOSE_SESSION),
}
"""Requests that the target serves."""

_LUN_IS_RESERVED = (NOPOut, TextRequest)


def provoke_reject_of(
    session: Session, request: PDU, **fields: int
) -> tuple[PDU, Reject]:
    """Send a request that must be refused; return it and its Reject.

    A target may drop the connection instead; a check of Rejects is then not applicable.
    """
    bad = request.copy()
    for name, value in fields.items():
        setattr(bad, name, value)
    session.send(bad)
    answer = next_or_drop(session.connection)
    if not isinstance(answer, Reject):
        pytest.skip("not applicable: the target does not answer it by a Reject")
    session.leading.status.receive(answer.stat_sn)
    return bad, answer


def with_reserved_bits(request: PDU) -> PDU:
    """Return a request with each reserved bit set."""
    changed = request.copy()
    for field in changed.fields_desc:
        is_reserved = field.name.startswith("reserved") or (
            field.name == "lun" and isinstance(changed, _LUN_IS_RESERVED)
        )
        if is_reserved:
            bits = field.size if isinstance(field, BitField) else field.sz * 8
            setattr(changed, field.name, (1 << bits) - 1)
    return changed
