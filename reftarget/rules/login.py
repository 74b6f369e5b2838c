# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of the Login Phase (RFC 7143 sections 6 and 11.12 to 11.13)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from iscsi import text
from iscsi.constants import DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH, LoginStatus
from iscsi.login import LoginStages
from reftarget.refusal import Refusal
from reftarget.ruleset import RuleSet
from reftarget.scsi.task import Nexus


class OtherPDU(StrEnum):
    """What is done about a PDU that is no Login Request."""

    DROP = "drop the connection"
    REFUSE = "refuse the login"
    IGNORE = "ignore it"


class OtherTask(Protocol):
    """What a hook may do with a task of a session."""

    def abandon(self) -> None:
        """Drop the task without a response."""


class OtherSession(Protocol):
    """What a hook may see of a session, and do with it."""

    @property
    def nexus(self) -> Nexus:
        """Its I_T nexus."""

    @property
    def is_discovery(self) -> bool:
        """Whether it is a discovery session."""

    @property
    def has_connections(self) -> bool:
        """Whether a connection of it is open."""

    @property
    def tasks(self) -> Collection[OtherTask]:
        """Its tasks in progress."""

    def close(self) -> None:
        """End it with its connections and tasks."""


def other_pdu(is_first: bool) -> OtherPDU:
    """Return what is done about a PDU that is no Login Request (section 4.2.4).

    Args:
        is_first: it is the first PDU of its connection.
    """
    return OtherPDU.DROP if is_first else OtherPDU.REFUSE


def cid(value: int) -> int:
    """Return the CID of a connection: the one given (section 11.12.7)."""
    return value


def judges_version(exchange: int) -> bool:
    """Whether a request's version counts: that of the first (section 11.12.4.2)."""
    return exchange == 1


def exchanges(configured: int) -> int:
    """Return how many exchanges a login may have (section 6.2)."""
    return configured


def recovered_stages(_csg: int) -> LoginStages | None:
    """Return the stages after a transition out of order; None: it is refused (6.3)."""
    return None


def may_transit(_exchange: int) -> bool:
    """Whether a login may leave its stage when asked to: at once (section 6.3).

    Args:
        _exchange: the number of the exchange, from 1.
    """
    return True


def part(data: bytes, _continues: bool) -> bytes:
    """Return the text of one request, which continues if C=1 (section 6.1)."""
    return data


def objection_to_text(_data: bytes) -> str:
    """Return why a text is refused: for no reason but its pairs (section 6.1)."""
    return ""


def understood(pairs: text.Pairs, _initiator_name: str) -> text.Pairs:
    """Return the pairs of a text as they are taken: as they are (section 6.1).

    Args:
        pairs: what the initiator says.
        _initiator_name: its name.

    Raises:
        Refusal: they are not taken at all.
    """
    return pairs


def unasked_answers(_pairs: text.Pairs) -> text.Pairs:
    """Return answers to pairs beside those of the negotiation: none (section 6.2)."""
    return []


def answers(_offered: text.Pairs, answered: text.Pairs) -> text.Pairs:
    """Return the answers to an offer that are sent: all of them (section 6.2).

    Args:
        _offered: the pairs of the initiator.
        answered: the answers to them, optional ones included.
    """
    return answered


def negotiated(pairs: text.Pairs, _seen: AbstractSet[str]) -> text.Pairs:
    """Return the pairs that are negotiated: repeated ones, too (section 6.3).

    The negotiation refuses those. `_seen` has the keys of the texts before.
    """
    return pairs


def own_offers(_seen: Container[str], _is_leading: bool) -> text.Pairs:
    """Return what the target offers unasked: nothing.

    Args:
        _seen: the keys that the initiator has offered.
        _is_leading: whether the connection is the first one of its session.
    """
    return []


def after_response(_send: Callable[[], None]) -> None:
    """Do nothing after a Login Response: there is one a request (section 6.3).

    Args:
        _send: sends the response once more, with numbers of its own.
    """


def session_type(value: str | None) -> str | None:
    """Return what SessionType says; None: it is refused (section 13.23)."""
    kind = "Normal" if value is None else value
    return kind if kind in {"Normal", "Discovery"} else None


def objection_to_discovery(_csg: int, _is_first_portal: bool) -> Refusal | None:
    """Return why a discovery login is refused: for nothing (sections 6.3.3 and C)."""
    return None


def has_room(count: int, maximum: int, is_known: bool) -> bool:
    """Whether a connection may join a session (sections 6.3.1 and 13.2).

    Args:
        count: its connections.
        maximum: MaxConnections.
        is_known: it takes the place of one with the same CID (section 6.3.4).
    """
    return is_known or count < maximum


def is_same_identity(of_session: str, value: str) -> bool:
    """Whether a connection has the session's identity (section 9.2)."""
    return of_session == value


def before_session(
    _others: Collection[OtherSession], _nexus: Nexus, _is_discovery: bool
) -> None:
    """Do nothing to other sessions before there is a new one (section 6.3.1).

    Args:
        _others: every session of the target.
        _nexus: the I_T nexus of the new one.
        _is_discovery: whether it will be a discovery session.
    """


def first_cmd_sn(value: int) -> int:
    """Return the number of the first command: that of the login (section 11.12.8)."""
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRules(RuleSet):
    """The decisions of the Login Phase."""

    # PDUs
    other_pdu: Callable[[bool], OtherPDU] = other_pdu
    cid: Callable[[int], int] = cid
    judges_version: Callable[[int], bool] = judges_version
    exchanges: Callable[[int], int] = exchanges
    recovered_stages: Callable[[int], LoginStages | None] = recovered_stages
    may_transit: Callable[[int], bool] = may_transit
    longest_part: int = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
    """Bytes of text in one Login Response (sections 6.1 and 6.3)."""
    answers: Callable[[text.Pairs, text.Pairs], text.Pairs] = answers
    declares_length: bool = True
    """MaxRecvDataSegmentLength is declared where it is not the default (13.12)."""
    after_response: Callable[[Callable[[], None]], None] = after_response
    sends_refusals: bool = True
    """A login that is refused ends with a Login Response (section 7.12)."""
    refusal_closes: bool = True
    """A login that is refused ends with its connection (section 11.13.5)."""
    # text
    part: Callable[[bytes, bool], bytes] = part
    answer_to_part: bytes = b""
    """The text of the response to a request with C=1 (section 6.2)."""
    objection_to_text: Callable[[bytes], str] = objection_to_text
    understood: Callable[[text.Pairs, str], text.Pairs] = understood
    unasked_answers: Callable[[text.Pairs], text.Pairs] = unasked_answers
    checks_stage: bool = True
    """Keys that have no place in the stage are refused (section 6.3)."""
    ignores_misplaced: bool = False
    """Keys of another stage are passed over instead of refused (section 6.3)."""
    negotiated: Callable[[text.Pairs, AbstractSet[str]], text.Pairs] = negotiated
    own_offers: Callable[[Container[str], bool], text.Pairs] = own_offers
    waits_for_answers: bool = False
    """A stage lasts while an offer of ours, which only a variant makes, has no answer
    yet (section 6.2)."""
    takes_any_answer: bool = False
    """A wrong answer to an offer of ours is taken (section 6.2.1)."""
    # admission
    missing_name: LoginStatus = LoginStatus.MISSING_PARAMETER
    """The status where InitiatorName or TargetName is missing (section 11.13.5)."""
    session_type: Callable[[str | None], str | None] = session_type
    objection_to_discovery: Callable[[int, bool], Refusal | None] = (
        objection_to_discovery
    )
    can_join: bool = True
    """A connection may be added to a session (section 6.3.1)."""
    unknown_tsih_is_new: bool = False
    """A TSIH that no session has means a new session (section 6.3.1)."""
    has_room: Callable[[int, int, bool], bool] = has_room
    is_same_identity: Callable[[str, str], bool] = is_same_identity
    before_session: Callable[[Collection[OtherSession], Nexus, bool], None] = (
        before_session
    )
    reinstates: bool = True
    """A new session takes the place of one of the same nexus (section 6.3.5)."""
    first_cmd_sn: Callable[[int], int] = first_cmd_sn
