# SPDX-License-Identifier: GPL-2.0-only
"""Login, Text and Logout (RFC 7143 sections 11.10 to 11.15)."""

from dataclasses import dataclass

from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.headers.layout import Header, at, bits, flag, wire


@wire(Opcode.TEXT_REQUEST)
@dataclass(slots=True)
class TextRequest(Header):
    """Text Request (section 11.10)."""

    immediate: bool = flag(0, 0x40)
    final: bool = flag(1, 0x80, default=True)
    continuation: bool = flag(1, 0x40)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")


@wire(Opcode.TEXT_RESPONSE)
@dataclass(slots=True)
class TextResponse(Header):
    """Text Response (section 11.11)."""

    final: bool = flag(1, 0x80, default=True)
    continuation: bool = flag(1, 0x40)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")


@wire(Opcode.LOGIN_REQUEST)
@dataclass(slots=True)
class LoginRequest(Header):
    """Login Request (section 11.12)."""

    immediate: bool = flag(0, 0x40, default=True)
    transit: bool = flag(1, 0x80)
    continuation: bool = flag(1, 0x40)
    csg: int = bits(1, "B", 2, 2)
    nsg: int = bits(1, "B", 0, 2)
    version_max: int = at(2, "B")
    version_min: int = at(3, "B")
    isid: bytes = at(8, "6s", bytes(6))
    tsih: int = at(14, "H")
    initiator_task_tag: int = at(16, "I")
    cid: int = at(20, "H")
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")


@wire(Opcode.LOGIN_RESPONSE)
@dataclass(slots=True)
class LoginResponse(Header):
    """Login Response (section 11.13)."""

    transit: bool = flag(1, 0x80)
    continuation: bool = flag(1, 0x40)
    csg: int = bits(1, "B", 2, 2)
    nsg: int = bits(1, "B", 0, 2)
    version_max: int = at(2, "B")
    version_active: int = at(3, "B")
    isid: bytes = at(8, "6s", bytes(6))
    tsih: int = at(14, "H")
    initiator_task_tag: int = at(16, "I")
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    status_class: int = at(36, "B")
    status_detail: int = at(37, "B")


@wire(Opcode.LOGOUT_REQUEST)
@dataclass(slots=True)
class LogoutRequest(Header):
    """Logout Request (section 11.14)."""

    immediate: bool = flag(0, 0x40, default=True)
    final: bool = flag(1, 0x80, default=True)
    reason: int = bits(1, "B", 0, 7)
    initiator_task_tag: int = at(16, "I")
    cid: int = at(20, "H")
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")


@wire(Opcode.LOGOUT_RESPONSE)
@dataclass(slots=True)
class LogoutResponse(Header):
    """Logout Response (section 11.15)."""

    final: bool = flag(1, 0x80, default=True)
    response: int = at(2, "B")
    initiator_task_tag: int = at(16, "I")
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    time2wait: int = at(40, "H")
    time2retain: int = at(42, "H")
