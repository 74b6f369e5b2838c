# SPDX-License-Identifier: GPL-2.0-only
"""Basic Header Segments as slotted classes over struct (RFC 7143 chapter 11).

They mirror the layers in `iscsi.pdu`, with the same field names, for callers that
cannot spend 30 µs on a PDU. The layers define the position and the default of each
field (`iscsi.headers.layout`). Reserved fields are left out: they are sent as zero, and
ignored when received.
"""

from iscsi.headers.command import (
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
)
from iscsi.headers.control import SNACK, AsyncMessage, NOPIn, NOPOut, Reject
from iscsi.headers.data import R2T, DataIn, DataOut
from iscsi.headers.layout import Header
from iscsi.headers.session import (
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    TextRequest,
    TextResponse,
)

__all__ = [
    "BY_OPCODE",
    "R2T",
    "SNACK",
    "AsyncMessage",
    "DataIn",
    "DataOut",
    "Header",
    "LoginRequest",
    "LoginResponse",
    "LogoutRequest",
    "LogoutResponse",
    "NOPIn",
    "NOPOut",
    "Reject",
    "SCSICommand",
    "SCSIResponse",
    "TaskManagementRequest",
    "TaskManagementResponse",
    "TextRequest",
    "TextResponse",
]

_CLASSES: tuple[type[Header], ...] = (
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    DataOut,
    DataIn,
    R2T,
    AsyncMessage,
    TextRequest,
    TextResponse,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    SNACK,
    Reject,
    NOPOut,
    NOPIn,
)

BY_OPCODE: dict[int, type[Header]] = {int(cls.opcode): cls for cls in _CLASSES}
"""The header of each opcode."""
