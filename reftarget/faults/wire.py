# SPDX-License-Identifier: GPL-2.0-only
"""The faults that corrupt the bytes of the PDUs that a target sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iscsi.constants import Opcode
from iscsi.digest import digest
from reftarget.faults.row import Fault

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
    """Add a header segment to the responses of a login that continues."""
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


WIRE: Final = (
    Fault(
        name="header-digest-is-wrong",
        breaks=("RFC7143-13.1-02", "RFC7143-13.1-01", "RFC7143-13.1-04"),
        says="Sends header digests that do not match.",
        corrupt=flip_header_digest,
    ),
    Fault(
        name="data-digest-is-wrong",
        breaks=("RFC7143-13.1-04",),
        says="Sends data digests that do not match.",
        also="no data is accepted while digests are used",
        corrupt=flip_data_digest,
    ),
    Fault(
        name="data-digest-leaves-padding-out",
        breaks=("RFC7143-11.2.3-i01", "RFC7143-13.1-03"),
        says="Leaves the padding out of the data digest.",
        corrupt=leave_padding_out_of_digest,
    ),
    Fault(
        name="padding-is-not-zero",
        breaks=("RFC7143-11.1-01",),
        says="Pads data segments with bytes other than 0.",
        corrupt=pad_with_ones,
    ),
    Fault(
        name="reserved-bits-are-set",
        breaks=("RFC7143-11-01",),
        says="Sets the reserved first bit of every PDU.",
        corrupt=set_reserved_bit,
    ),
    Fault(
        name="ping-answer-is-not-padded",
        breaks=("RFC7143-11.1-i01",),
        says="Leaves out the padding of answers to pings.",
        also="what follows a ping is out of step",
        corrupt=omit_padding_of_pings,
    ),
    Fault(
        name="login-response-has-an-ahs",
        breaks=("RFC7143-11.2-i01", "RFC7143-11.2.1.5-01"),
        says="Puts an additional header segment into Login Responses on the way.",
        corrupt=add_segment_to_logins,
    ),
    Fault(
        name="response-has-an-initiators-opcode",
        breaks=("RFC7143-11.2.1.2-02",),
        says="Sends SCSI Responses under the opcode of a SCSI Command.",
        also="no answer has an opcode of a target",
        corrupt=respond_as_initiator,
    ),
    Fault(
        name="login-response-has-a-digest",
        breaks=("RFC7143-13.1-i01",),
        says="Puts a header digest into the Login Response that agrees on it.",
        also="no login that offers digests completes",
        corrupt=digest_logins,
    ),
)
