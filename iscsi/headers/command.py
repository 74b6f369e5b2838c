# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Command and Response, Task Management (RFC 7143 sections 11.3 to 11.6)."""

from dataclasses import dataclass

from iscsi.constants import RESERVED_TAG, Opcode, TaskAttribute
from iscsi.headers.layout import Header, at, bits, flag, wire


@wire(Opcode.SCSI_COMMAND)
@dataclass(slots=True)
class SCSICommand(Header):
    """SCSI Command (section 11.3)."""

    immediate: bool = flag(0, 0x40)
    final: bool = flag(1, 0x80, default=True)
    read: bool = flag(1, 0x40)
    write: bool = flag(1, 0x20)
    attribute: int = bits(1, "B", 0, 3, TaskAttribute.SIMPLE)
    priority: int = bits(2, "B", 4, 4)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    expected_data_transfer_length: int = at(20, "I")
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")
    cdb: bytes = at(32, "16s", b"")


@wire(Opcode.SCSI_RESPONSE)
@dataclass(slots=True)
class SCSIResponse(Header):
    """SCSI Response (section 11.4)."""

    final: bool = flag(1, 0x80, default=True)
    bidirectional_overflow: bool = flag(1, 0x10)
    bidirectional_underflow: bool = flag(1, 0x08)
    overflow: bool = flag(1, 0x04)
    underflow: bool = flag(1, 0x02)
    response: int = at(2, "B")
    status: int = at(3, "B")
    status_qualifier: int = at(8, "H")
    initiator_task_tag: int = at(16, "I")
    snack_tag: int = at(20, "I")
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    exp_data_sn: int = at(36, "I")
    bidirectional_read_residual_count: int = at(40, "I")
    residual_count: int = at(44, "I")


@wire(Opcode.TASK_MANAGEMENT_REQUEST)
@dataclass(slots=True)
class TaskManagementRequest(Header):
    """Task Management Function Request (section 11.5)."""

    immediate: bool = flag(0, 0x40, default=True)
    final: bool = flag(1, 0x80, default=True)
    function: int = bits(1, "B", 0, 7)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    referenced_task_tag: int = at(20, "I", RESERVED_TAG)
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")
    ref_cmd_sn: int = at(32, "I")
    exp_data_sn: int = at(36, "I")


@wire(Opcode.TASK_MANAGEMENT_RESPONSE)
@dataclass(slots=True)
class TaskManagementResponse(Header):
    """Task Management Function Response (section 11.6; RFC 7144 section 6.4)."""

    final: bool = flag(1, 0x80, default=True)
    response: int = at(2, "B")
    additional_response_information: int = bits(8, "I", 8, 24)
    initiator_task_tag: int = at(16, "I")
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
