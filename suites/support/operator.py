# SPDX-License-Identifier: GPL-2.0-only
"""What a target does by itself, or on an order from its operator."""

from collections.abc import Callable
from typing import Any, TypeVar

from initiator.core import Link
from initiator.session import Session
from iscsi.pdu import PDU, NOPIn
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from targets.model import Special

P = TypeVar("P", bound=PDU)

Operate = Callable[..., None]


def operator(target: TestedTarget) -> Operate:
    """Return a function that gives an order on a session, such as "ping"."""

    def operate(session: Session, order: str, link: Link | None = None) -> None:
        way = link or session.leading
        name = session.options.initiator_name
        target.operate(f"{order} tsih={session.tsih} cid={way.cid} initiator={name}")

    return operate


PINGED = "iqn.2026-11.org.iscsi-assay:pinged"
"""The initiator that wants pings, if a target name sends them by itself."""

PING_SECONDS = 25.0
"""Such a name sends a ping at least every 20 s."""


def pinged_session(target: TestedTarget, open_session: OpenSession) -> Session:
    """Open a session on which the target can send a ping (see `await_ping`)."""
    name = target.running.special.get(Special.PINGING)
    changes: dict[str, Any] = {}
    if name is not None:
        # Every target answers at LUN 0, whichever units it has.
        changes = {"target_name": name, "initiator_name": PINGED, "lun": 0}
    return open_session(**changes)


def await_ping(target: TestedTarget, session: Session) -> NOPIn:
    """Return the target's next ping, which comes on an order or by itself."""
    if Special.PINGING in target.running.special:
        return session.expect(NOPIn, timeout=PING_SECONDS)
    operator(target)(session, "ping")
    return session.expect(NOPIn)
