# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Data-Out, SCSI Data-In and R2T (RFC 7143 sections 11.7 and 11.8)."""

from iscsi import pdu
from iscsi.headers.layout import FROM_LAYER, Header, header_of


@header_of(pdu.DataOut)
class DataOut(Header):
    """SCSI Data-Out (section 11.7)."""

    final: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER
    data_sn: int = FROM_LAYER
    buffer_offset: int = FROM_LAYER


@header_of(pdu.DataIn)
class DataIn(Header):
    """SCSI Data-In (section 11.7)."""

    final: bool = FROM_LAYER
    acknowledge: bool = FROM_LAYER
    overflow: bool = FROM_LAYER
    underflow: bool = FROM_LAYER
    status_present: bool = FROM_LAYER
    status: int = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    data_sn: int = FROM_LAYER
    buffer_offset: int = FROM_LAYER
    residual_count: int = FROM_LAYER


@header_of(pdu.R2T)
class R2T(Header):
    """Ready To Transfer (section 11.8)."""

    final: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    r2t_sn: int = FROM_LAYER
    buffer_offset: int = FROM_LAYER
    desired_data_transfer_length: int = FROM_LAYER
