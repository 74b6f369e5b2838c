# SPDX-License-Identifier: GPL-2.0-only
"""The positions of a connection from which the robustness suite sends.

A position is reached by correct PDUs; `suites.support.place` has those that are sent
there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest

from initiator.connection import Connection
from initiator.login import LoginExchange, LoginOptions
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import text
from iscsi.address import Portal
from iscsi.constants import Stage
from iscsi.errors import ISCSIError
from iscsi.pdu import (
    R2T,
    TextRequest,
    TextResponse,
)
from iscsi.scsi import cdb
from suites.support.place import Place

AT_ONCE: Mapping[str, str] = MappingProxyType(
    {"DefaultTime2Wait": "0", "DefaultTime2Retain": "0"}
)
"""Keys with which a target keeps nothing of a lost connection."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The known facts about a target before a position is reached.

    Attributes:
        portal: its portal.
        options: the options of a plain login, with an ISID of its own.
        chap: the login options for the name that requires CHAP; None if none does.
        discovery: the changed login options of Discovery sessions.
        lun: the attacked unit.
        block_size: bytes in its blocks.
        may_overwrite: whether it may be written to.
        timeout: the time limit of an answer, in seconds.
    """

    portal: Portal
    options: LoginOptions
    chap: LoginOptions | None
    discovery: Mapping[str, Any]
    lun: int
    block_size: int
    may_overwrite: bool
    timeout: float

    def connect(self, transcript: Transcript) -> Connection:
        """Open a TCP connection."""
        return Connection(self.portal, transcript, timeout=self.timeout)


class OutOfReach(Exception):
    """A target cannot reach a position; one line that says why."""


Reach = Callable[[TargetFacts, Transcript], Place]


def before_login(facts: TargetFacts, transcript: Transcript) -> Place:
    """Send nothing."""
    return Place(facts.connect(transcript), block_size=facts.block_size)


def _begun(
    facts: TargetFacts,
    transcript: Transcript,
    options: LoginOptions,
    pairs: text.Pairs,
    **fields: Any,
) -> LoginExchange:
    connection = facts.connect(transcript)
    try:
        login = LoginExchange(connection, isid=options.isid)
        login.request([*options.names(), *pairs], **fields)
    except ISCSIError:
        connection.reset()
        raise
    return login


def _first_request(
    facts: TargetFacts, transcript: Transcript, pairs: text.Pairs, **fields: Any
) -> Place:
    login = _begun(facts, transcript, facts.options, pairs, **fields)
    return Place(login.connection, login=login, block_size=facts.block_size)


def locked(facts: TargetFacts, transcript: Transcript) -> Place:
    """Send nothing yet, to the name that requires a secret."""
    if facts.chap is None:
        raise OutOfReach("no target name asks for CHAP")
    connection = facts.connect(transcript)
    login = LoginExchange(connection, isid=facts.options.isid)
    place = Place(connection, login=login, block_size=facts.block_size)
    place.is_locked = True
    return place


def security(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in the security stage, with AuthMethod offered."""
    pairs = [("AuthMethod", "CHAP,None")]
    return _first_request(facts, transcript, pairs, csg=Stage.SECURITY)


def challenged(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in the security stage, with the target's challenge unanswered."""
    if facts.chap is None:
        raise OutOfReach("no target name asks for CHAP")
    pairs = [("AuthMethod", "CHAP")]
    login = _begun(facts, transcript, facts.chap, pairs, csg=Stage.SECURITY)
    login.request([("CHAP_A", "5")], csg=Stage.SECURITY)
    place = Place(login.connection, login=login, block_size=facts.block_size)
    place.is_locked = True
    return place


def operational(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in the operational stage."""
    return _first_request(facts, transcript, [], csg=Stage.OPERATIONAL)


def login_cut(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in the middle of a login text that is incomplete (C bit)."""
    fields = {"csg": Stage.OPERATIONAL, "continuation": 1}
    return _first_request(facts, transcript, [], **fields)


def _session(
    facts: TargetFacts, transcript: Transcript, keys: Mapping[str, str] = AT_ONCE
) -> Session:
    offered = {**facts.options.keys, **AT_ONCE, **keys}
    return _open(facts, transcript, replace(facts.options, keys=offered))


def _open(facts: TargetFacts, transcript: Transcript, options: LoginOptions) -> Session:
    session = Session(
        facts.portal,
        options,
        transcript=transcript,
        timeout=facts.timeout,
        lun=facts.lun,
    )
    session.judges_stat_sn = False
    return session


def _inside(facts: TargetFacts, session: Session) -> Place:
    return Place(
        session.connection,
        session=session,
        link=session.leading,
        block_size=facts.block_size,
        may_overwrite=facts.may_overwrite,
    )


def full_feature(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in full-feature phase."""
    return _inside(facts, _session(facts, transcript))


def digests(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in full-feature phase with both digests."""
    keys = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
    return _inside(facts, _session(facts, transcript, keys))


def discovery(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in a Discovery session."""
    changes = {**facts.discovery, "is_discovery": True, "target_name": None}
    options = replace(facts.options, **changes)
    return _inside(facts, _open(facts, transcript, options))


def text_cut(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be in the middle of an incomplete text (C bit), in full-feature phase."""
    session = _session(facts, transcript)
    request = TextRequest(final=0, continuation=1, data=b"SendTargets=")
    session.send(request)
    try:
        response = session.receive()
    except ISCSIError as error:
        session.close()
        raise OutOfReach(f"a continued text is refused: {error}") from error
    if not isinstance(response, TextResponse):
        session.close()
        raise OutOfReach(
            f"a continued text is answered by {type(response).__name__}, not by a "
            "Text Response"
        )
    return _inside(facts, session)


def r2t_open(facts: TargetFacts, transcript: Transcript) -> Place:
    """Have an unanswered R2T outstanding."""
    if not facts.may_overwrite:
        raise OutOfReach("no unit may be written to")
    keys = {"InitialR2T": "Yes", "ImmediateData": "No"}
    session = _session(facts, transcript, keys)
    session.clear_unit_attention()
    blocks = 16
    data = bytes(blocks * facts.block_size)
    session.start(cdb.write_10(lba=0, blocks=blocks), write=data, immediate_data=0)
    response = session.receive()
    if not isinstance(response, R2T):
        session.close()
        raise OutOfReach(
            f"a write is answered by {type(response).__name__}, not by R2T"
        )
    place = _inside(facts, session)
    place.r2t = response
    return place


def logged_out(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be behind a logout, on the connection that it has ended."""
    session = _session(facts, transcript)
    place = _inside(facts, session)
    session.logout()
    place.session = None
    return place


def second_connection(facts: TargetFacts, transcript: Transcript) -> Place:
    """Be on the second connection of a session."""
    session = _session(facts, transcript, {"MaxConnections": "2"})
    place = _inside(facts, session)
    link = session.add_connection(2)
    place.link, place.connection = link, link.connection
    return place


POSITIONS: Mapping[str, Reach] = MappingProxyType(
    {
        "before-login": before_login,
        "security": security,
        "challenged": challenged,
        "operational": operational,
        "login-cut": login_cut,
        "full-feature": full_feature,
        "digests": digests,
        "discovery": discovery,
        "text-cut": text_cut,
        "r2t-open": r2t_open,
        "logged-out": logged_out,
        "second-connection": second_connection,
    }
)
"""Every position, by its name in checks."""

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "challenged": ("chap",),
        "digests": ("header-digest", "data-digest"),
        "second-connection": ("multi-connection",),
        "r2t-open": ("writes",),
    }
)
"""The features that a position needs."""


def at(position: str, *values: str) -> object:
    """Return a parameter set for a check: a position, its features, other values."""
    return pytest.param(
        position,
        *values,
        id="-".join((position, *values)),
        marks=[pytest.mark.needs(name) for name in NEEDS.get(position, ())],
    )
