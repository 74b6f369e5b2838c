# SPDX-License-Identifier: GPL-2.0-only
"""Login, Text and Logout (RFC 7143 sections 11.10 to 11.15)."""

from iscsi import pdu
from iscsi.headers.layout import FROM_LAYER, Header, header_of


@header_of(pdu.TextRequest)
class TextRequest(Header):
    """Text Request (section 11.10)."""

    immediate: bool = FROM_LAYER
    final: bool = FROM_LAYER
    continuation: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER


@header_of(pdu.TextResponse)
class TextResponse(Header):
    """Text Response (section 11.11)."""

    final: bool = FROM_LAYER
    continuation: bool = FROM_LAYER
    lun: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    target_transfer_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER


@header_of(pdu.LoginRequest)
class LoginRequest(Header):
    """Login Request (section 11.12)."""

    immediate: bool = FROM_LAYER
    transit: bool = FROM_LAYER
    continuation: bool = FROM_LAYER
    csg: int = FROM_LAYER
    nsg: int = FROM_LAYER
    version_max: int = FROM_LAYER
    version_min: int = FROM_LAYER
    isid: bytes = FROM_LAYER
    tsih: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    cid: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER


@header_of(pdu.LoginResponse)
class LoginResponse(Header):
    """Login Response (section 11.13)."""

    transit: bool = FROM_LAYER
    continuation: bool = FROM_LAYER
    csg: int = FROM_LAYER
    nsg: int = FROM_LAYER
    version_max: int = FROM_LAYER
    version_active: int = FROM_LAYER
    isid: bytes = FROM_LAYER
    tsih: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    status_class: int = FROM_LAYER
    status_detail: int = FROM_LAYER


@header_of(pdu.LogoutRequest)
class LogoutRequest(Header):
    """Logout Request (section 11.14)."""

    immediate: bool = FROM_LAYER
    final: bool = FROM_LAYER
    reason: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    cid: int = FROM_LAYER
    cmd_sn: int = FROM_LAYER
    exp_stat_sn: int = FROM_LAYER


@header_of(pdu.LogoutResponse)
class LogoutResponse(Header):
    """Logout Response (section 11.15)."""

    final: bool = FROM_LAYER
    response: int = FROM_LAYER
    initiator_task_tag: int = FROM_LAYER
    stat_sn: int = FROM_LAYER
    exp_cmd_sn: int = FROM_LAYER
    max_cmd_sn: int = FROM_LAYER
    time2wait: int = FROM_LAYER
    time2retain: int = FROM_LAYER
