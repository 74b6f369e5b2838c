# SPDX-License-Identifier: GPL-2.0-only
"""Error recovery (RFC 7143 chapter 7 and section 11.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iscsi import headers
from iscsi.constants import RejectReason

if TYPE_CHECKING:
    from iscsi.digest import Buffer
    from reftarget.commands import Command
    from reftarget.connection import Connection
    from reftarget.session import Session
    from reftarget.stream import Received


@dataclass(slots=True)
class Sent:
    """A PDU of a command that may be asked for again."""

    header: headers.Header
    length: int


class Recovery:
    """What a session keeps in order to say it again."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def keep_status(
        self, connection: Connection, header: headers.Header, data: Buffer
    ) -> None:
        """Keep a response until it is acknowledged."""

    def keep_r2t(self, command: Command, r2t: headers.R2T) -> None:
        """Keep an R2T until it is answered."""

    def keep_data(self, command: Command, header: headers.DataIn, length: int) -> None:
        """Keep what a Data-In was."""

    def keep_answer(self, command: Command, data: Buffer) -> None:
        """Keep a finished command's data until its status is acknowledged."""

    def status_acknowledged(self, connection: Connection) -> None:
        """Let go of what the initiator has."""

    def connection_failed(self, connection: Connection) -> None:
        """End what cannot outlive a connection."""
        for command in list(self.session.commands.values()):
            if command.connection is connection:
                command.abandon()

    def connection_expired(self, cid: int) -> None:
        """End what waited for a connection's return."""

    def terminate_tasks(self, cid: int) -> None:
        """End the tasks of a connection that logs out."""
        for command in list(self.session.commands.values()):
            if command.connection is not None and command.connection.cid == cid:
                command.abandon()

    def has_orphans(self, cid: int) -> bool:
        """Tell whether tasks wait for reassignment."""
        return False

    def logged_out_for_recovery(self, cid: int) -> None:
        """Make a connection's tasks ready to be reassigned."""


def receive(connection: Connection, pdu: Received, _now: float) -> None:
    """Take a SNACK."""
    connection.reject(pdu, RejectReason.COMMAND_NOT_SUPPORTED)
