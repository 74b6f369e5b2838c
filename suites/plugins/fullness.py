# SPDX-License-Identifier: GPL-2.0-only
"""Handles targets without resources for another session (RFC 7143 section 11.13.5)."""

from dataclasses import dataclass

import pytest

from initiator.expect import ConformanceFailure
from initiator.transcript import Direction, Transcript
from iscsi import text
from iscsi.constants import LoginStatus, Stage
from iscsi.errors import ISCSIError
from iscsi.pdu import PDU, LoginRequest, LoginResponse


def is_full(answer: PDU | None) -> bool:
    """Tell whether a PDU refuses a login for lack of resources."""
    return (
        isinstance(answer, LoginResponse)
        and answer.status == LoginStatus.OUT_OF_RESOURCES
    )


def skip_if_full(
    failure: ISCSIError | ConformanceFailure, transcript: Transcript | None
) -> None:
    """Skip a check of several sessions if the target allows only one at a time.

    A login that joins or replaces a session needs no further session.

    Args:
        failure: the result of the check.
        transcript: its transcript.

    Raises:
        pytest.skip.Exception: a further session was refused with 0302.
    """
    if isinstance(failure, ConformanceFailure):
        answer = failure.offending
    else:
        answer = getattr(failure, "response", None)
    if transcript is None or not is_full(answer):
        return
    *before, last = _logins(transcript)
    had = {login.identity for login in before if login.is_complete}
    if had and last.is_of_a_session and last.identity not in had:
        pytest.skip("not applicable: the target takes no further session")


@dataclass(slots=True)
class _Login:
    """The login of one connection."""

    identity: tuple[object, ...]
    """InitiatorName, TargetName, ISID and portal, which name a session."""
    is_of_a_session: bool
    """Whether the TSIH is 0: the login joins no session."""
    is_complete: bool = False


def _logins(transcript: Transcript) -> list[_Login]:
    """Return the logins of all connections, in the order in which they began."""
    logins: dict[int, _Login] = {}
    for entry in transcript.entries:
        pdu, number = entry.pdu, entry.connection
        if isinstance(pdu, LoginRequest) and entry.direction is Direction.SENT:
            keys = dict(text.read(pdu.data)[0])
            names = keys.get("InitiatorName", ""), keys.get("TargetName", "")
            identity = *names, pdu.isid, transcript.connections[number][1]
            logins.setdefault(number, _Login(identity, pdu.tsih == 0))
        elif isinstance(pdu, LoginResponse) and number in logins:
            is_over = pdu.transit and pdu.nsg == Stage.FULL_FEATURE
            logins[number].is_complete |= bool(is_over and pdu.status_class == 0)
    return list(logins.values())
