# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours that can be switched on, each naming the requirement it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iscsi.digest import Buffer
    from iscsi.headers import Header
    from reftarget.connection import Connection


class Faults:
    """The faults that are on."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = frozenset(names)
        self.outgoing: list[str] = []

    def transform(
        self, connection: Connection, header: Header, data: Buffer
    ) -> tuple[Header, Buffer] | None:
        """Bend a PDU on its way out; None swallows it."""
        return header, data


class UnknownFaultError(Exception):
    """A fault that there is none of."""


FAULTS: dict[str, object] = {}
