# SPDX-License-Identifier: GPL-2.0-only
"""Spoils: what a fault does to the bytes of the PDUs that a target sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iscsi.constants import Opcode
from iscsi.digest import digest

if TYPE_CHECKING:
    from reftarget.twist import Wire

_RESERVED_BIT = 0x80
_TRANSIT = 0x80
_TOTAL_AHS_LENGTH = 4


def _opcode(wire: Wire) -> int:
    return wire.header[0] & 0x3F


def _flipped(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)


def flip_header_digest(wire: Wire) -> Wire:
    """Spoil the header digest, where it is used."""
    return replace(wire, header_digest=_flipped(wire.right_header_digest))


def flip_data_digest(wire: Wire) -> Wire:
    """Spoil the data digest, where it is used."""
    return replace(wire, data_digest=_flipped(wire.right_data_digest))


def leave_padding_out_of_digest(wire: Wire) -> Wire:
    """Compute the data digest without the padding."""
    if not wire.right_data_digest:
        return wire
    return replace(wire, data_digest=digest((wire.data,)))


def pad_with_ones(wire: Wire) -> Wire:
    """Pad with ones."""
    return replace(wire, padding=b"\xff" * len(wire.padding))


def set_reserved_bit(wire: Wire) -> Wire:
    """Set the first bit of the header, which is reserved."""
    header = bytes([wire.header[0] | _RESERVED_BIT]) + wire.header[1:]
    return replace(wire, header=header)


def omit_padding_of_pings(wire: Wire) -> Wire:
    """Leave out the padding of NOP-In; its digest covers it."""
    if _opcode(wire) != Opcode.NOP_IN:
        return wire
    return replace(wire, padding=b"", data_digest=wire.right_data_digest)


def add_segment_to_logins(wire: Wire) -> Wire:
    """Add a header segment to the responses of a login that goes on."""
    if _opcode(wire) != Opcode.LOGIN_RESPONSE or wire.header[1] & _TRANSIT:
        return wire
    before, after = (
        wire.header[:_TOTAL_AHS_LENGTH],
        wire.header[_TOTAL_AHS_LENGTH + 1 :],
    )
    return replace(wire, header=before + b"\1" + after + bytes(4))


def respond_as_initiator(wire: Wire) -> Wire:
    """Send SCSI Responses under the opcode of a SCSI Command."""
    if _opcode(wire) != Opcode.SCSI_RESPONSE:
        return wire
    return replace(wire, header=bytes([Opcode.SCSI_COMMAND]) + wire.header[1:])


def digest_logins(wire: Wire) -> Wire:
    """Add a header digest to the PDU that agrees on it.

    Plain logins, whose only response has T=1, are spared.
    """
    if b"HeaderDigest=CRC32C" not in wire.data:
        return wire
    return replace(wire, header_digest=digest((wire.header,)))
