# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Command and SCSI Response (RFC 7143 sections 11.3 and 11.4)."""

from typing import Any, ClassVar

from scapy.fields import (
    BitEnumField,
    BitField,
    ByteField,
    IntField,
    StrFixedLenField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
)

from iscsi.constants import Opcode, TaskAttribute
from iscsi.pdu.base import PDU, first_byte, lengths, segments


class SCSICommand(PDU):
    """SCSI Command: a CDB to a logical unit (RFC 7143 section 11.3)."""

    name = "SCSI Command"
    opcode_of_class = Opcode.SCSI_COMMAND
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.SCSI_COMMAND, immediate=False),
        BitField("final", 1, 1),
        BitField("read", 0, 1),
        BitField("write", 0, 1),
        BitField("reserved2", 0, 2),
        BitEnumField(
            "attribute",
            int(TaskAttribute.SIMPLE),
            3,
            {int(member): member.name for member in TaskAttribute},
        ),
        BitField("priority", 0, 4),  # RFC 7144 section 5.1.1
        BitField("reserved3", 0, 12),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        IntField("expected_data_transfer_length", 0),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        StrFixedLenField("cdb", b"", 16),
        *segments(),
    ]


class SCSIResponse(PDU):
    """SCSI Response: the status of a command (RFC 7143 section 11.4)."""

    name = "SCSI Response"
    opcode_of_class = Opcode.SCSI_RESPONSE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.SCSI_RESPONSE),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 2),
        BitField("bidirectional_overflow", 0, 1),
        BitField("bidirectional_underflow", 0, 1),
        BitField("overflow", 0, 1),
        BitField("underflow", 0, 1),
        BitField("reserved3", 0, 1),
        XByteField("response", 0),
        XByteField("status", 0),
        *lengths(),
        XShortField("status_qualifier", 0),  # RFC 7144 section 5.2.1
        XShortField("reserved4", 0),
        XIntField("reserved5", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("snack_tag", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        IntField("exp_data_sn", 0),
        IntField("bidirectional_read_residual_count", 0),
        IntField("residual_count", 0),
        *segments(),
    ]

    @property
    def sense(self) -> bytes:
        """The sense data, without its length field (section 11.4.7)."""
        return sense_of(self.data)


def sense_of(data: bytes) -> bytes:
    """Return the sense data in a data segment that starts with SenseLength."""
    length = int.from_bytes(data[:2], "big")
    return bytes(data[2 : 2 + length])


class TaskManagementRequest(PDU):
    """Task Management Function Request (RFC 7143 section 11.5)."""

    name = "Task Management Function Request"
    opcode_of_class = Opcode.TASK_MANAGEMENT_REQUEST
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.TASK_MANAGEMENT_REQUEST, immediate=True),
        BitField("final", 1, 1),
        BitField("function", 0, 7),
        XShortField("reserved2", 0),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("referenced_task_tag", 0xFFFFFFFF),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        IntField("ref_cmd_sn", 0),
        IntField("exp_data_sn", 0),
        XLongField("reserved3", 0),
        *segments(),
    ]


class TaskManagementResponse(PDU):
    """Task Management Function Response (RFC 7143 section 11.6)."""

    name = "Task Management Function Response"
    opcode_of_class = Opcode.TASK_MANAGEMENT_RESPONSE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.TASK_MANAGEMENT_RESPONSE),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 7),
        ByteField("response", 0),
        BitField("reserved3", 0, 8),
        *lengths(),
        # RFC 7144 section 6.4 defines this field as the answer of the query functions.
        BitField("additional_response_information", 0, 24),
        BitField("reserved4", 0, 40),
        XIntField("initiator_task_tag", 0),
        XIntField("reserved5", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        XIntField("reserved6", 0),
        XLongField("reserved7", 0),
        *segments(),
    ]
