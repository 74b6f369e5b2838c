# SPDX-License-Identifier: GPL-2.0-only
"""Async Message, SNACK, Reject and NOP (RFC 7143 sections 11.9, 11.16 to 11.19)."""

from iscsi import pdu
from iscsi.headers.layout import FROM_LAYER, Header, header_of


@header_of(pdu.AsyncMessage)
class AsyncMessage(Header):
    """Asynchronous Message (section 11.9)."""

    final: bool = FROM_LAYER
    lun: int = FROM_LAYER
    reserved_task_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    async_event: int = FROM_LAYER
    async_vcode: int = FROM_LAYER
    parameter1: int = FROM_LAYER
    parameter2: int = FROM_LAYER
    parameter3: int = FROM_LAYER


@header_of(pdu.SNACK)
class SNACK(Header):
    """SNACK Request (section 11.16)."""

    final: bool = FROM_LAYER
    type: int = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER
    beg_run: int = FROM_LAYER
    run_length: int = FROM_LAYER


@header_of(pdu.Reject)
class Reject(Header):
    """Reject (section 11.17)."""

    final: bool = FROM_LAYER
    reason: int = FROM_LAYER
    reserved_task_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    data_sn: int = FROM_LAYER


@header_of(pdu.NOPOut)
class NOPOut(Header):
    """NOP-Out (section 11.18)."""

    immediate: bool = FROM_LAYER
    final: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER


@header_of(pdu.NOPIn)
class NOPIn(Header):
    """NOP-In (section 11.19)."""

    final: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
