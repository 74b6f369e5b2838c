# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions and target records (RFC 7143 appendix C)."""

from ipaddress import ip_address

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


def expect_served(session: Session, which: str) -> None:
    """Expect that a session is still served.

    A Discovery session is asked for its targets, a Normal one is pinged.

    Raises:
        ConformanceFailure: it is not.
    """
    __tracebackhide__ = True
    refusal = _refusal_of_service(session)
    if refusal is not None:
        actual: object = refusal
        if isinstance(refusal, ConformanceFailure):
            actual = refusal.offending or refusal.actual
        raise ConformanceFailure(f"{which} is served", actual, session.transcript)


def expect_not_served(session: Session, which: str) -> None:
    """Expect that a session is gone (see `expect_served`).

    Raises:
        ConformanceFailure: it is still served.
    """
    __tracebackhide__ = True
    if _refusal_of_service(session) is None:
        answer = session.transcript.received()[-1]
        raise ConformanceFailure(f"{which} is gone", answer, session.transcript)


def _refusal_of_service(session: Session) -> ConformanceFailure | ISCSIError | None:
    try:
        if session.options.is_discovery:
            session.send_targets()
        else:
            session.ping()
    except (ConformanceFailure, ISCSIError) as refusal:
        return refusal
    return None
