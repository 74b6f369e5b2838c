# SPDX-License-Identifier: GPL-2.0-only
"""What the target says unasked: pings and Async Messages (RFC 7143 section 11.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iscsi import headers
    from reftarget.connection import Connection
    from reftarget.session import Session
    from reftarget.target import ReferenceTarget


class Events:
    """Sends what nobody asked for."""

    def __init__(self, target: ReferenceTarget) -> None:
        self.target = target

    def pong(self, connection: Connection, answer: headers.NOPOut, now: float) -> None:
        """Take the answer to a ping."""

    def start_pings(self, connection: Connection, now: float) -> None:
        """Ping an idle connection from time to time, if so configured."""

    def announce_drop(self, session: Session, cid: int) -> None:
        """Tell a session's other connections that one has been dropped."""
