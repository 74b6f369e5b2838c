# SPDX-License-Identifier: GPL-2.0-only
"""What a target does of its own accord, on an order from its operator's side."""

from collections.abc import Callable
from typing import TypeVar

from initiator.core import Link
from initiator.session import Session
from iscsi.pdu import PDU
from suites.plugins.targets import TestedTarget

P = TypeVar("P", bound=PDU)

Operate = Callable[..., None]


def operator(target: TestedTarget) -> Operate:
    """Return what gives an order about a session: `operate(session, "ping")`."""

    def operate(session: Session, order: str, link: Link | None = None) -> None:
        way = link or session.leading
        name = session.options.initiator_name
        target.operate(f"{order} tsih={session.tsih} cid={way.cid} initiator={name}")

    return operate
