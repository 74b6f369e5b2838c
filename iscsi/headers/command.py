# SPDX-License-Identifier: GPL-2.0-only
"""SCSI Command and Response, Task Management (RFC 7143 sections 11.3 to 11.6)."""

from iscsi import pdu
from iscsi.headers.layout import FROM_LAYER, Header, header_of


@header_of(pdu.SCSICommand)
class SCSICommand(Header):
    """SCSI Command (section 11.3)."""

    immediate: bool = FROM_LAYER
    final: bool = FROM_LAYER
    read: bool = FROM_LAYER
    write: bool = FROM_LAYER
    attribute: int = FROM_LAYER
    priority: int = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    expected_data_transfer_length: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER
    cdb: bytes = FROM_LAYER


@header_of(pdu.SCSIResponse)
class SCSIResponse(Header):
    """SCSI Response (section 11.4)."""

    final: bool = FROM_LAYER
    bidirectional_overflow: bool = FROM_LAYER
    bidirectional_underflow: bool = FROM_LAYER
    overflow: bool = FROM_LAYER
    underflow: bool = FROM_LAYER
    response: int = FROM_LAYER
    status: int = FROM_LAYER
    status_qualifier: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    snack_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    exp_data_sn: int = FROM_LAYER
    bidirectional_read_residual_count: int = FROM_LAYER
    residual_count: int = FROM_LAYER


@header_of(pdu.TaskManagementRequest)
class TaskManagementRequest(Header):
    """Task Management Function Request (section 11.5)."""

    immediate: bool = FROM_LAYER
    final: bool = FROM_LAYER
    function: int = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    referenced_task_tag: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER
    ref_cmd_sn: int = FROM_LAYER
    exp_data_sn: int = FROM_LAYER


@header_of(pdu.TaskManagementResponse)
class TaskManagementResponse(Header):
    """Task Management Function Response (section 11.6; RFC 7144 section 6.4)."""

    final: bool = FROM_LAYER
    response: int = FROM_LAYER
    additional_response_information: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
