# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Data-Out, SCSI Data-In and R2T (RFC 7143 sections 11.7 and 11.8)."""

from dataclasses import dataclass

from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.headers.layout import Header, at, flag, wire


@wire(Opcode.DATA_OUT)
@dataclass(slots=True)
class DataOut(Header):
    """SCSI Data-Out (section 11.7)."""

    final: bool = flag(1, 0x80, default=True)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    exp_stat_sn: int = at(28, "I")
    data_sn: int = at(36, "I")
    buffer_offset: int = at(40, "I")


@wire(Opcode.DATA_IN)
@dataclass(slots=True)
class DataIn(Header):
    """SCSI Data-In (section 11.7)."""

    final: bool = flag(1, 0x80, default=True)
    acknowledge: bool = flag(1, 0x40)
    overflow: bool = flag(1, 0x04)
    underflow: bool = flag(1, 0x02)
    status_present: bool = flag(1, 0x01)
    status: int = at(3, "B")
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I", RESERVED_TAG)
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    data_sn: int = at(36, "I")
    buffer_offset: int = at(40, "I")
    residual_count: int = at(44, "I")


@wire(Opcode.R2T)
@dataclass(slots=True)
class R2T(Header):
    """Ready To Transfer (section 11.8)."""

    final: bool = flag(1, 0x80, default=True)
    lun: int = at(8, "Q")
    initiator_task_tag: int = at(16, "I")
    target_transfer_tag: int = at(20, "I")
    stat_sn: int = at(24, "I")
    exp_cmd_sn: int = at(28, "I")
    max_cmd_sn: int = at(32, "I")
    r2t_sn: int = at(36, "I")
    buffer_offset: int = at(40, "I")
    desired_data_transfer_length: int = at(44, "I")
