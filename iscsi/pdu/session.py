# SPDX-License-Identifier: GPL-2.0-only
"""Login, Text and Logout (RFC 7143 sections 11.10 to 11.15)."""

from typing import Any, ClassVar

from scapy.fields import (
    BitEnumField,
    BitField,
    IntField,
    ShortField,
    StrFixedLenField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
)

from iscsi.constants import RESERVED_TAG, Opcode, Stage
from iscsi.pdu.base import PDU, first_byte, lengths, segments


def _login_flags() -> list[Any]:
    stages = {int(member): member.name for member in Stage}
    return [
        BitField("transit", 0, 1),
        BitField("continuation", 0, 1),
        BitField("reserved2", 0, 2),
        BitEnumField("csg", 0, 2, stages),
        BitEnumField("nsg", 0, 2, stages),
    ]


class TextRequest(PDU):
    """Text Request (RFC 7143 section 11.10)."""

    name = "Text Request"
    opcode_of_class = Opcode.TEXT_REQUEST
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.TEXT_REQUEST, immediate=False),
        BitField("final", 1, 1),
        BitField("continuation", 0, 1),
        BitField("reserved2", 0, 22),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", RESERVED_TAG),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        BitField("reserved3", 0, 128),
        *segments(),
    ]


class TextResponse(PDU):
    """Text Response (RFC 7143 section 11.11)."""

    name = "Text Response"
    opcode_of_class = Opcode.TEXT_RESPONSE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.TEXT_RESPONSE),
        BitField("final", 1, 1),
        BitField("continuation", 0, 1),
        BitField("reserved2", 0, 22),
        *lengths(),
        XLongField("lun", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("target_transfer_tag", RESERVED_TAG),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        BitField("reserved3", 0, 96),
        *segments(),
    ]


class LoginRequest(PDU):
    """Login Request (RFC 7143 section 11.12)."""

    name = "Login Request"
    opcode_of_class = Opcode.LOGIN_REQUEST
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.LOGIN_REQUEST, immediate=True),
        *_login_flags(),
        XByteField("version_max", 0),
        XByteField("version_min", 0),
        *lengths(),
        StrFixedLenField("isid", bytes(6), 6),
        XShortField("tsih", 0),
        XIntField("initiator_task_tag", 0),
        ShortField("cid", 0),
        XShortField("reserved3", 0),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        BitField("reserved4", 0, 128),
        *segments(),
    ]


class LoginResponse(PDU):
    """Login Response (RFC 7143 section 11.13)."""

    name = "Login Response"
    opcode_of_class = Opcode.LOGIN_RESPONSE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.LOGIN_RESPONSE),
        *_login_flags(),
        XByteField("version_max", 0),
        XByteField("version_active", 0),
        *lengths(),
        StrFixedLenField("isid", bytes(6), 6),
        XShortField("tsih", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("reserved3", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        XByteField("status_class", 0),
        XByteField("status_detail", 0),
        XShortField("reserved4", 0),
        XLongField("reserved5", 0),
        *segments(),
    ]

    @property
    def status(self) -> int:
        """Status-Class and Status-Detail as 0xCCDD (section 11.13.5)."""
        return int(self.status_class) << 8 | int(self.status_detail)


class LogoutRequest(PDU):
    """Logout Request (RFC 7143 section 11.14)."""

    name = "Logout Request"
    opcode_of_class = Opcode.LOGOUT_REQUEST
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.LOGOUT_REQUEST, immediate=True),
        BitField("final", 1, 1),
        BitField("reason", 0, 7),
        XShortField("reserved2", 0),
        *lengths(),
        XLongField("reserved3", 0),
        XIntField("initiator_task_tag", 0),
        ShortField("cid", 0),
        XShortField("reserved4", 0),
        IntField("cmd_sn", 0),
        IntField("exp_stat_sn", 0),
        BitField("reserved5", 0, 128),
        *segments(),
    ]


class LogoutResponse(PDU):
    """Logout Response (RFC 7143 section 11.15)."""

    name = "Logout Response"
    opcode_of_class = Opcode.LOGOUT_RESPONSE
    fields_desc: ClassVar[list[Any]] = [
        *first_byte(Opcode.LOGOUT_RESPONSE),
        BitField("final", 1, 1),
        BitField("reserved2", 0, 7),
        XByteField("response", 0),
        XByteField("reserved3", 0),
        *lengths(),
        XLongField("reserved4", 0),
        XIntField("initiator_task_tag", 0),
        XIntField("reserved5", 0),
        IntField("stat_sn", 0),
        IntField("exp_cmd_sn", 0),
        IntField("max_cmd_sn", 0),
        XIntField("reserved6", 0),
        ShortField("time2wait", 0),
        ShortField("time2retain", 0),
        XIntField("reserved7", 0),
        *segments(),
    ]
