# SPDX-License-Identifier: GPL-2.0-only
"""iSCSI names, initiator session IDs and target addresses.

RFC 7143 sections 4.2.7, 11.12.5 and 13.8.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

from iscsi.constants import ISCSI_PORT
from iscsi.errors import DecodeError

MAX_NAME_LENGTH = 223
"""The maximum length of an iSCSI name, in bytes (section 4.2.7.1)."""

_IQN = re.compile(
    r"iqn\.[0-9]{4}-(0[1-9]|1[0-2])\.[a-z0-9]([a-z0-9.\-]*[a-z0-9])?(:.*)?"
)
_EUI = re.compile(r"eui\.[0-9A-Fa-f]{16}")
_NAA = re.compile(r"naa\.([0-9A-Fa-f]{32}|[0-9A-Fa-f]{16})")
# The ASCII characters that the stringprep profile of RFC 3722 permits.
_ASCII_ALLOWED = re.compile(r"[a-z0-9.:\-]*")


def is_iscsi_name(name: str) -> bool:
    """Tell whether a name has one of the three forms of section 4.2.7.

    Only the ASCII rules of the stringprep profile are checked.
    """
    if len(name.encode()) > MAX_NAME_LENGTH:
        return False
    if _EUI.fullmatch(name) or _NAA.fullmatch(name):
        return True
    ascii_part = "".join(char for char in name if char.isascii())
    return bool(_IQN.fullmatch(name) and _ASCII_ALLOWED.fullmatch(ascii_part))


class ISIDType(IntEnum):
    """The T field: who has assigned the rest of an ISID."""

    OUI = 0
    ENTERPRISE_NUMBER = 1
    RANDOM = 2
    RESERVED = 3


def isid(kind: ISIDType, authority: int, qualifier: int = 0) -> bytes:
    """Return the six bytes of an initiator session ID.

    Args:
        kind: the T field.
        authority: for OUI 22 bits, for an enterprise number or a random value 24.
        qualifier: the value that the authority assigns, 16 bits (for OUI 24 bits: D and
            C).
    """
    if kind is ISIDType.OUI:
        return bytes([kind << 6 | authority >> 16 & 0x3F]) + (
            (authority & 0xFFFF) << 24 | qualifier & 0xFFFFFF
        ).to_bytes(5, "big")
    return bytes([kind << 6]) + (
        (authority & 0xFFFFFF) << 16 | qualifier & 0xFFFF
    ).to_bytes(5, "big")


@dataclass(frozen=True, slots=True)
class TargetAddress:
    """The value of TargetAddress (section 13.8)."""

    host: str
    port: int = ISCSI_PORT
    portal_group_tag: int | None = None

    def __str__(self) -> str:
        """The form on the wire; IPv6 addresses are in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        tag = "" if self.portal_group_tag is None else f",{self.portal_group_tag}"
        return f"{host}:{self.port}{tag}"


_ADDRESS = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:,\s]+)(:(?P<port>\d{1,5}))?(,(?P<tag>\d{1,5}))?"
)


def parse_target_address(value: str) -> TargetAddress:
    """Return the parts of a TargetAddress value.

    Raises:
        DecodeError: it does not have the form of section 13.8.
    """
    match = _ADDRESS.fullmatch(value)
    if match is None:
        raise DecodeError(f"{value!r} is not a TargetAddress", field="TargetAddress")
    port = int(match["port"] or ISCSI_PORT)
    tag = None if match["tag"] is None else int(match["tag"])
    if not 0 < port <= 0xFFFF or (tag or 0) > 0xFFFF:
        raise DecodeError(f"{value!r} has a number out of range", field="TargetAddress")
    return TargetAddress(match["host"].strip("[]"), port, tag)
