# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions and target records (RFC 7143 appendix C)."""

from initiator.expect import ConformanceFailure
from initiator.session import Session
from iscsi import names
from iscsi.errors import DecodeError, ISCSIError
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
    return [names.parse_target_address(value) for value in address_values(pairs)]


def is_well_formed(value: str) -> bool:
    """Tell whether a TargetAddress has the form of section 13.8."""
    try:
        address = names.parse_target_address(value)
    except DecodeError:
        return False
    is_bracketed = value.startswith("[")
    return is_bracketed == (":" in address.host)


def is_served(session: Session) -> bool:
    """Tell whether a session is still served.

    A Discovery session is asked for its targets, a Normal one is pinged.
    """
    try:
        if session.options.is_discovery:
            session.send_targets()
        else:
            session.ping()
    except (ConformanceFailure, ISCSIError):
        return False
    return True
