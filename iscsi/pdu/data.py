# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Data-Out, SCSI Data-In and R2T (RFC 7143 sections 11.7 and 11.8)."""

from typing import Any, ClassVar

from scapy.fields import (
    BitField,
    IntField,
    XByteField,
    XIntField,
    XLongField,
)

from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.pdu.base import PDU, first_byte, lengths, segments


class DataOut(PDU):
    """SCSI Data-Out: data of a write (RFC 7143 section 11.7)."""

    name = "SCSI Data-Out"
    opcode_of_class = Opcode.DATA_OUT
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.DATA_OUT),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", RESERVED_TAG),
        XIntField("reserved3", 0),
        IntField("exp_stat_sn", 0),
        XIntField("reserved4", 0),
        IntField("data_sn", 0),
        IntField("buffer_offset", 0),
        XIntField("reserved5", 0),
        *segments(),
    ]


class DataIn(PDU):
    """SCSI Data-In: data of a read, perhaps with its status (section 11.7)."""

    name = "SCSI Data-In"
    opcode_of_class = Opcode.DATA_IN
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.DATA_IN),
        BitField("final", 1, 1),
        BitField("acknowledge", 0, 1),
        BitField("reserved2", 0, 3),
        BitField("overflow", 0, 1),
        BitField("underflow", 0, 1),
        BitField("status_present", 0, 1),
        XByteField("reserved3", 0),
        XByteField("status", 0),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", RESERVED_TAG),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        IntField("data_sn", 0),
        IntField("buffer_offset", 0),
        IntField("residual_count", 0),
        *segments(),
    ]


class R2T(PDU):
    """Ready To Transfer: the target requests data (RFC 7143 section 11.8)."""

    name = "Ready To Transfer"
    opcode_of_class = Opcode.R2T
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.R2T),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        IntField("r2t_sn", 0),
        IntField("buffer_offset", 0),
        IntField("desired_data_transfer_length", 0),
        *segments(),
    ]
