# SPDX-License-Identifier: GPL-2.0-only
"""What sessions and connections ask of the target above them (`reftarget.target`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iscsi import headers
    from iscsi.parameters import Parameters
    from reftarget.budget import Budget
    from reftarget.commands import Command
    from reftarget.config import Config, TargetConfig
    from reftarget.connection import Connection
    from reftarget.events import Events
    from reftarget.rules import Rules
    from reftarget.scsi.device import DeviceServer
    from reftarget.scsi.task import Nexus
    from reftarget.session import Session
    from reftarget.taskset import TaskSet


class Node(Protocol):
    """A target node: a name, its logical units and their task sets."""

    @property
    def config(self) -> TargetConfig:
        """How it is configured."""

    @property
    def device(self) -> DeviceServer:
        """Its logical units."""

    def task_set(self, lun: int) -> TaskSet[Command]:
        """Return the task set of a logical unit."""

    def sessions(self) -> list[Session]:
        """Return the normal sessions with this node."""

    def nexus_lost(self, nexus: Nexus) -> None:
        """Tell units and task sets that a session has ended."""


class Admitted(Protocol):
    """What is known of an initiator that may log in."""

    @property
    def node(self) -> Node | None:
        """The node that it logs in to."""

    @property
    def nexus(self) -> Nexus:
        """The I_T nexus."""

    @property
    def is_discovery(self) -> bool:
        """Whether it asks for a discovery session."""


class Host(Protocol):
    """All there is behind the portals."""

    @property
    def config(self) -> Config:
        """How the target is configured."""

    @property
    def rules(self) -> Rules:
        """The decisions that it makes."""

    @property
    def random(self) -> Callable[[int], bytes]:
        """Returns random bytes."""

    @property
    def now(self) -> float:
        """The time of the event that is being handled."""

    @property
    def budget(self) -> Budget:
        """Bytes that are kept for all peers."""

    @property
    def events(self) -> Events:
        """What the target says of its own accord."""

    @property
    def ready(self) -> list[Connection]:
        """Connections that have output or want to close."""

    @property
    def connections(self) -> dict[Connection, None]:
        """All connections."""

    @property
    def sessions(self) -> Mapping[int, Session]:
        """All sessions, by TSIH."""

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All target nodes, by name."""

    def forget(self, connection: Connection) -> None:
        """Take a connection out of the books: its life is over."""

    def new_session(
        self,
        connection: Connection,
        admission: Admitted,
        request: headers.LoginRequest,
        parameters: Parameters,
        user: str,
    ) -> Session:
        """Return a fresh session, in place of one of the same identity if there is."""

    def session_ended(self, session: Session) -> None:
        """Forget a session; its nexus is lost (RFC 7143 section 6.3.5.1)."""
