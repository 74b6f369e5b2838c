# SPDX-License-Identifier: GPL-2.0-only
"""Async Message, SNACK, Reject and NOP (RFC 7143 sections 11.9, 11.16 to 11.19)."""

from dataclasses import dataclass

from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.headers.layout import Header, at, bits, flag, wire


@wire(Opcode.ASYNC_MESSAGE)
@dataclass(slots=True)
class AsyncMessage(Header):
    """Asynchronous Message (section 11.9)."""

    final: bool = flag(1, 0x80, default=True)
    lun: int = at(8, "Q")
    reserved_task_tag: int = at(16, "I", RESERVED_TAG)
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    async_event: int = at(36, "B")
    async_vcode: int = at(37, "B")
    parameter1: int = at(38, "H")
    parameter2: int = at(40, "H")
    parameter3: int = at(42, "H")


@wire(Opcode.SNACK)
@dataclass(slots=True)
class SNACK(Header):
    """SNACK Request (section 11.16)."""

    final: bool = flag(1, 0x80, default=True)
    type: int = bits(1, "B", 0, 4)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I", RESERVED_TAG)
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    exp_stat_sn: int = at(28, "I")
    beg_run: int = at(40, "I")
    run_length: int = at(44, "I")


@wire(Opcode.REJECT)
@dataclass(slots=True)
class Reject(Header):
    """Reject (section 11.17)."""

    final: bool = flag(1, 0x80, default=True)
    reason: int = at(2, "B")
    reserved_task_tag: int = at(16, "I", RESERVED_TAG)
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    data_sn: int = at(36, "I")


@wire(Opcode.NOP_OUT)
@dataclass(slots=True)
class NOPOut(Header):
    """NOP-Out (section 11.18)."""

    immediate: bool = flag(0, 0x40)
    final: bool = flag(1, 0x80, default=True)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    cmd_sn: int = at(24, "I")
    exp_stat_sn: int = at(28, "I")


@wire(Opcode.NOP_IN)
@dataclass(slots=True)
class NOPIn(Header):
    """NOP-In (section 11.19)."""

    final: bool = flag(1, 0x80, default=True)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I", RESERVED_TAG)
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
