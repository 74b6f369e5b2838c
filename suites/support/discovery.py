# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions and target records (RFC 7143 appendix C)."""

from ipaddress import ip_address

from initiator.expect import clause
from iscsi import names
from iscsi.errors import DecodeError
from iscsi.names import TargetAddress
from iscsi.text import Pairs


def target_names(pairs: Pairs) -> list[str]:
    """Return the values of TargetName, in order."""
    return [value for key, value in pairs if key == "TargetName"]


def address_values(pairs: Pairs) -> list[str]:
    """Return the values of TargetAddress, in order."""
    return [value for key, value in pairs if key == "TargetAddress"]


def addresses(pairs: Pairs) -> list[TargetAddress]:
    """Return the addresses.

    Raises:
        DecodeError: one is malformed.
    """
    with clause("RFC7143-13.8-i01"):
        return [names.parse_target_address(value) for value in address_values(pairs)]


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_well_formed(value: str) -> bool:
    """Tell whether a TargetAddress has the form of section 13.8."""
    try:
        address = names.parse_target_address(value)
    except DecodeError:
        return False
    is_bracketed = value.startswith("[")
    return is_bracketed == (":" in address.host)
