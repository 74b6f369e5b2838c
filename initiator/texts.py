# SPDX-License-Identifier: GPL-2.0-only
"""Joins the text of a target's responses; malformed text is a slip."""

from initiator.connection import Connection
from iscsi.pdu import LoginResponse, TextResponse
from iscsi.text import Joiner, Pairs, read


class Reader:
    """Reads the texts of one connection, in any parts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._joiner = Joiner()

    def add(self, response: LoginResponse | TextResponse) -> Pairs | None:
        """Take a response; return all pairs once the last part of a text has arrived.

        Raises:
            DecodeError: the text is longer than any legal one.
        """
        joined = self._joiner.join(
            bytes(response.data), continues=bool(response.continuation)
        )
        return None if joined is None else read_text(self.connection, joined)


def read_text(connection: Connection, data: bytes) -> Pairs:
    """Return the pairs of a text; record malformed items as slips."""
    pairs, errors = read(data)
    for error in errors:
        connection.slip(error)
    return pairs
