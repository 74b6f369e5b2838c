# SPDX-License-Identifier: GPL-2.0-only
"""Basic Header Segments as slotted classes over struct (RFC 7143 chapter 11).

Twins of the layers in `iscsi.pdu`, under the same field names, for callers that cannot
afford 30 µs for a PDU. The layers say where a field stands and what it holds unless it
is set (`iscsi.headers.layout`). Reserved fields are left out: they leave as zero, and
on arrival they are ignored.
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
