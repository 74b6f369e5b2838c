# SPDX-License-Identifier: GPL-2.0-only
"""Slips: broken rules after which an exchange can continue.

The initiator records a slip and continues. Checks about logins report the errors of a
target's login, which must not disturb other checks. A caller can have the slips of some
clauses judged, which are then raised as errors.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from iscsi.errors import ISCSIError


@dataclass(frozen=True, slots=True)
class Slip:
    """One broken rule that was ignored."""

    clause: str
    """The ID of the requirement that it breaks."""
    error: ISCSIError
    """A description of it, with the PDU or the text key if there is one."""
    connection: int
    """The number of the TCP connection in the transcript."""


class _Every(Container[str]):
    """A container that contains every clause."""

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
    """The slips by clause; a target that repeats itself fills no memory."""

    def note(self, slip: Slip) -> None:
        """Keep a slip.

        Raises:
            ISCSIError: the slip's own error, if its clause is judged.
        """
        self.first.setdefault(slip.clause, slip)
        if slip.clause in self.judged:
            raise slip.error

    def judge(self, clauses: Container[str]) -> None:
        """Have the slips of some clauses judged from now on, including recorded ones.

        Raises:
            ISCSIError: the slip's own error, if one was recorded.
        """
        self.judged = clauses
        for slip in self.first.values():
            if slip.clause in clauses:
                raise slip.error
