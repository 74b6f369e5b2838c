# SPDX-License-Identifier: GPL-2.0-only
"""What a login asks of the target above it (`reftarget.target`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reftarget import session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iscsi import headers
    from iscsi.parameters import Parameters
    from reftarget.connection import Connection
    from reftarget.scsi.task import Nexus
    from reftarget.session import Node, Session


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


class Host(session.Host, Protocol):
    """All there is behind the portals."""

    @property
    def random(self) -> Callable[[int], bytes]:
        """Returns random bytes."""

    @property
    def sessions(self) -> Mapping[int, Session]:
        """All sessions, by TSIH."""

    def new_session(
        self,
        connection: Connection,
        admission: Admitted,
        request: headers.LoginRequest,
        parameters: Parameters,
        user: str,
    ) -> Session:
        """Return a fresh session, in place of one of the same identity if there is."""
