# SPDX-License-Identifier: GPL-2.0-only
"""What may happen to a PDU on its way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from iscsi import headers

if TYPE_CHECKING:
    Twisted = tuple[headers.Header, bytes] | None


class Sender(Protocol):
    """What a twist can ask of the connection that sends the PDU."""

    @property
    def is_discovery(self) -> bool:
        """Whether the connection is that of a discovery session, or will be."""


Twist = Callable[[Sender, headers.Header, bytes], "Twisted"]
"""From a PDU's header and data to what is sent instead; None: nothing."""
