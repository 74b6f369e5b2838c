# SPDX-License-Identifier: GPL-2.0-only
"""Slips: rules that a target breaks in a way that an exchange can go on after.

An initiator notes a slip and goes on: what a target does wrong in its login is a
finding of the checks about that, and must not keep others from what they are about.
Whoever drives the exchange may have the slips of some clauses judged: they are raised.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from iscsi.errors import ISCSIError


@dataclass(frozen=True, slots=True)
class Slip:
    """One broken rule that was passed over."""

    clause: str
    """The ID of the requirement that it breaks."""
    error: ISCSIError
    """What was seen, in words, with the PDU or the text key where there is one."""
    connection: int
    """The number of the TCP connection in the transcript."""


class _Every(Container[str]):
    """Holds whatever is asked for."""

    def __contains__(self, _clause: object) -> bool:
        return True


EVERY_CLAUSE: Container[str] = _Every()
"""Has the slips of all clauses judged."""


@dataclass(slots=True)
class Slips:
    """The slips of one transcript: the first one against each clause."""

    judged: Container[str] = frozenset()
    """The clauses whose slips end an exchange."""
    first: dict[str, Slip] = field(default_factory=dict)
    """By clause: a target that repeats itself fills no memory."""

    def note(self, slip: Slip) -> None:
        """Keep a slip.

        Raises:
            ISCSIError: its clause is judged; the slip's own error.
        """
        self.first.setdefault(slip.clause, slip)
        if slip.clause in self.judged:
            raise slip.error

    def judge(self, clauses: Container[str]) -> None:
        """Have the slips of some clauses judged from now on, and those noted before.

        Raises:
            ISCSIError: there is one; the slip's own error.
        """
        self.judged = clauses
        for slip in self.first.values():
            if slip.clause in clauses:
                raise slip.error
