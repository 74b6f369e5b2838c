# SPDX-License-Identifier: GPL-2.0-only
"""The PDUs of RFC 7143 chapter 11 as Scapy layers, one flat class each."""

from iscsi.pdu.ahs import AHS, BidirectionalReadLength, ExtendedCDB
from iscsi.pdu.base import PDU
from iscsi.pdu.command import (
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
)
from iscsi.pdu.control import SNACK, AsyncMessage, NOPIn, NOPOut, Reject, UnknownPDU
from iscsi.pdu.data import R2T, DataIn, DataOut
from iscsi.pdu.decode import BY_OPCODE, decode
from iscsi.pdu.session import (
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    TextRequest,
    TextResponse,
)

__all__ = [
    "AHS",
    "BY_OPCODE",
    "PDU",
    "R2T",
    "SNACK",
    "AsyncMessage",
    "BidirectionalReadLength",
    "DataIn",
    "DataOut",
    "ExtendedCDB",
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
    "UnknownPDU",
    "decode",
]
