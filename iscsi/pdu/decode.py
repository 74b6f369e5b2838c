# SPDX-License-Identifier: GPL-2.0-only
"""From the bytes of one PDU to its layer."""

from iscsi.constants import BHS_LENGTH
from iscsi.errors import DecodeError
from iscsi.pdu.base import PDU
from iscsi.pdu.command import (
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
)
from iscsi.pdu.control import SNACK, AsyncMessage, NOPIn, NOPOut, Reject, UnknownPDU
from iscsi.pdu.data import R2T, DataIn, DataOut
from iscsi.pdu.session import (
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    TextRequest,
    TextResponse,
)

_CLASSES: tuple[type[PDU], ...] = (
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

BY_OPCODE: dict[int, type[PDU]] = {
    int(cls.opcode_of_class): cls for cls in _CLASSES if cls.opcode_of_class is not None
}
"""The layer of each opcode."""


def decode(header: bytes, data: bytes = b"") -> PDU:
    """Return the PDU made of its header segments and its padded data segment.

    Args:
        header: the Basic Header Segment and any additional ones, without digest.
        data: the data segment with its padding, without digest.

    Raises:
        DecodeError: the header is shorter than 48 bytes.
    """
    if len(header) < BHS_LENGTH:
        raise DecodeError(
            f"a header of {len(header)} bytes where {BHS_LENGTH} were expected",
            field="BHS",
            data=bytes(header),
        )
    layer = BY_OPCODE.get(header[0] & 0x3F, UnknownPDU)
    return layer(bytes(header) + bytes(data))
