# SPDX-License-Identifier: GPL-2.0-only
"""Requests that have a number, and what some of them belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from iscsi import headers, text
from iscsi.constants import RESERVED_TAG
from iscsi.errors import NegotiationError

if TYPE_CHECKING:
    from iscsi.negotiation import Negotiator

LONGEST_TEXT: Final = 1 << 16
"""Bytes of text in one exchange; each key that came is remembered until its end."""

Request = (
    headers.NOPOut
    | headers.TaskManagementRequest
    | headers.TextRequest
    | headers.LogoutRequest
)
"""A request that is no SCSI command and has a CmdSN."""


@dataclass(slots=True)
class Exchange:
    """One text negotiation in progress on a connection."""

    itt: int
    negotiator: Negotiator
    target_transfer_tag: int = RESERVED_TAG
    joiner: text.Joiner = field(default_factory=text.Joiner)
    unsent: list[bytes] = field(default_factory=list)
    length: int = 0
    """Bytes of text that it has taken."""

    def add(self, data: bytes, *, continues: bool) -> text.Pairs | None:
        """Take a PDU's text; return all pairs once the last part is here.

        Raises:
            DecodeError: it is malformed.
            NegotiationError: the exchange does not end.
        """
        self.length += len(data)
        if self.length > LONGEST_TEXT:
            raise NegotiationError(f"more than {LONGEST_TEXT} bytes of text")
        return self.joiner.add(data, continues=continues)


class WaitingFunction(Protocol):
    """A task management function on many tasks, while it waits for what it must."""

    deadline: float
    """When it waits no longer."""

    def progress(self) -> None:
        """Act if nothing has to be waited for any more."""

    def expire(self) -> None:
        """Drop the connection whose initiator does not send its data."""
