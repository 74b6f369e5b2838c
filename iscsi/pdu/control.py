# SPDX-License-Identifier: GPL-2.0-only
"""Async Message, SNACK, Reject and NOP (RFC 7143 sections 11.9 and 11.16 to 11.19)."""

from typing import Any, ClassVar

from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    IntField,
    ShortField,
    StrFixedLenField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
)

from iscsi.constants import (
    BHS_LENGTH,
    RESERVED_TAG,
    AsyncEvent,
    Opcode,
    RejectReason,
    SNACKType,
)
from iscsi.pdu.base import PDU, first_byte, lengths, segments
from iscsi.pdu.command import sense_of


class AsyncMessage(PDU):
    """Asynchronous Message, which the target sends unasked (RFC 7143 section 11.9)."""

    name = "Asynchronous Message"
    opcode_of_class = Opcode.ASYNC_MESSAGE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.ASYNC_MESSAGE),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("reserved_task_tag", RESERVED_TAG),
        XIntField("reserved3", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        ByteEnumField(
            "async_event", 0, {int(event): event.name for event in AsyncEvent}
        ),
        XByteField("async_vcode", 0),
        ShortField("parameter1", 0),
        ShortField("parameter2", 0),
        ShortField("parameter3", 0),
        XIntField("reserved4", 0),
        *segments(),
    ]

    @property
    def sense(self) -> bytes:
        """The sense data, without its length field (section 11.9.4)."""
        return sense_of(self.data)


class SNACK(PDU):
    """SNACK Request: asks to repeat PDUs, or acknowledges them (section 11.16)."""

    name = "SNACK Request"
    opcode_of_class = Opcode.SNACK
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.SNACK),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 3),
        BitEnumField("type", 0, 4, {int(kind): kind.name for kind in SNACKType}),
        XShortField("reserved3", 0),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", RESERVED_TAG),
        XIntField("target_transfer_tag", RESERVED_TAG),
        XIntField("reserved4", 0),
        IntField("exp_stat_sn", 0),
        XLongField("reserved5", 0),
        IntField("beg_run", 0),
        IntField("run_length", 0),
        *segments(),
    ]


class Reject(PDU):
    """Reject: the target refuses a PDU (RFC 7143 section 11.17)."""

    name = "Reject"
    opcode_of_class = Opcode.REJECT
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.REJECT),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 7),
        ByteEnumField(
            "reason", 0, {int(reason): reason.name for reason in RejectReason}
        ),
        XByteField("reserved3", 0),
        *lengths(),
        XLongField("reserved4", 0),
        XIntField("reserved_task_tag", RESERVED_TAG),
        XIntField("reserved5", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        IntField("data_sn", 0),
        XLongField("reserved6", 0),
        *segments(),
    ]

    @property
    def rejected_header(self) -> bytes:
        """The header of the refused PDU (section 11.17.4)."""
        return bytes(self.data)[:BHS_LENGTH]


class NOPOut(PDU):
    """NOP-Out: a ping, or the answer to one (RFC 7143 section 11.18)."""

    name = "NOP-Out"
    opcode_of_class = Opcode.NOP_OUT
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.NOP_OUT, immediate=False),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", RESERVED_TAG),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        BitField("reserved3", 0, 128),
        *segments(),
    ]


class NOPIn(PDU):
    """NOP-In: the answer to a ping, or a ping (RFC 7143 section 11.19)."""

    name = "NOP-In"
    opcode_of_class = Opcode.NOP_IN
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.NOP_IN),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", RESERVED_TAG),
        XIntField("target_transfer_tag", RESERVED_TAG),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        BitField("reserved3", 0, 96),
        *segments(),
    ]


class UnknownPDU(PDU):
    """A PDU with an unassigned opcode: only the frame (section 11.2.1)."""

    name = "Unknown PDU"
    fields_desc: ClassVar[list[Any]] = [
        BitField("reserved1", 0, 1),
        BitField("immediate", 0, 1),
        BitField("opcode", 0x3E, 6),
        BitField("final", 1, 1),
        BitField("specific1", 0, 23),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        StrFixedLenField("specific2", bytes(BHS_LENGTH - 20), BHS_LENGTH - 20),
        *segments(),
    ]
