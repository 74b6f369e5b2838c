# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about the PDUs of a connection (RFC 7143 sections 4.3, 7.8, 11.17)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from iscsi import headers
from iscsi.constants import Opcode, RejectReason
from reftarget.rules.commands import Numbering
from reftarget.ruleset import RuleSet


class Responder(Protocol):
    """What a hook may do with a connection."""

    def respond(self, header: headers.Header) -> None:
        """Number and send a response."""


def closes_for(_opcode: int, _reason: RejectReason) -> bool:
    """Whether the session is closed instead of a Reject: it is not (section 7.14).

    Args:
        _opcode: the opcode of the request.
        _reason: what is wrong with it.
    """
    return False


def after_reject(_connection: Responder, _session: Numbering, _header: bytes) -> None:
    """Do nothing after a Reject (sections 7.3 and 11.17).

    Args:
        _connection: the connection that it was sent on.
        _session: the session of the connection.
        _header: the header of the PDU that was rejected.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRules(RuleSet):
    """The decisions about the PDUs of a connection."""

    closes_for: Callable[[int, RejectReason], bool] = closes_for
    checks_header_digest: bool = True
    """A PDU whose header digest does not match ends the connection (7.8)."""
    checks_data_digest: bool = True
    """Data whose digest does not match is not used (section 7.8)."""
    after_reject: Callable[[Responder, Numbering, bytes], None] = after_reject
    discovery_opcodes: frozenset[int] = frozenset(
        {Opcode.TEXT_REQUEST, Opcode.LOGOUT_REQUEST}
    )
    """What a discovery session takes: SendTargets and its logout (section 4.3)."""
    answers_untagged: bool = False
    """A NOP-Out with the reserved tag is answered (section 11.19.4)."""
    on_pdu: Callable[[Any, bytes, bytes, bool], None] | None = None
    """What is done with a PDU before it is handled, by the connection, its header
    segments, its data, and whether a digest or the length is wrong: nothing."""
    on_part: Callable[[Any], None] | None = None
    """What is done with a part of a PDU whose rest has not come: nothing."""
    on_late_bytes: Callable[[], None] | None = None
    """What is done with bytes behind a logout, beside dropping them: nothing."""
