# SPDX-License-Identifier: GPL-2.0-only
"""Sequence numbers of commands and of status (RFC 7143 section 4.2.2).

A session numbers its commands (CmdSN) over all connections; the target opens a window
by ExpCmdSN and MaxCmdSN. A connection numbers its responses (StatSN); the initiator
acknowledges by ExpStatSN. All arithmetic is serial (`iscsi.serial`).
"""

from dataclasses import dataclass
from enum import Enum

from iscsi import serial


class Place(Enum):
    """The position of a command's number in the target's window (section 4.2.2.1)."""

    NEXT = "next"
    AHEAD = "ahead"  # inside the window, with a gap before it
    OUTSIDE = "outside"  # the target ignores it silently


@dataclass(slots=True)
class CommandWindow:
    """The command window that a target gives to one session."""

    exp_cmd_sn: int
    size: int
    """How many commands it accepts from ExpCmdSN on; 0 closes the window."""

    @property
    def max_cmd_sn(self) -> int:
        """The last number inside the window: ExpCmdSN - 1 when it is closed."""
        return serial.add(self.exp_cmd_sn, self.size - 1)

    def place(self, cmd_sn: int) -> Place:
        """Return the position of a non-immediate command's number."""
        if cmd_sn == self.exp_cmd_sn and self.size > 0:
            return Place.NEXT
        distance = serial.distance(self.exp_cmd_sn, cmd_sn)
        if not 0 <= distance < self.size:
            return Place.OUTSIDE
        return Place.AHEAD if distance else Place.NEXT

    def missing_before(self, cmd_sn: int) -> int:
        """Return how many numbers lie between ExpCmdSN and that of a request.

        An immediate request has the number of the next command, which may lie one
        beyond MaxCmdSN. A number further away counts as no gap: 0.
        """
        distance = serial.distance(self.exp_cmd_sn, cmd_sn)
        return distance if 0 < distance <= self.size else 0

    def advance(self) -> None:
        """Advance past the command that was next."""
        self.exp_cmd_sn = serial.add(self.exp_cmd_sn, 1)

    def step_back(self) -> None:
        """Count the command that was next as not received: it was rejected (7.3)."""
        self.exp_cmd_sn = serial.add(self.exp_cmd_sn, -1)


@dataclass(slots=True)
class CommandNumbers:
    """An initiator's CmdSN, and the window that the target gives it."""

    cmd_sn: int
    """The number of the next non-immediate command."""
    exp_cmd_sn: int
    max_cmd_sn: int

    def take(self) -> int:
        """Return the number for a non-immediate command and advance."""
        number = self.cmd_sn
        self.cmd_sn = serial.add(number, 1)
        return number

    @property
    def is_open(self) -> bool:
        """True while the next command lies inside the target's window."""
        return serial.less_or_equal(self.cmd_sn, self.max_cmd_sn)

    def update(self, exp_cmd_sn: int, max_cmd_sn: int) -> None:
        """Apply a target's ExpCmdSN and MaxCmdSN by section 4.2.2.1.

        If MaxCmdSN is below ExpCmdSN - 1, both are ignored; otherwise each is used
        only if it is greater than the present one.
        """
        if serial.less_than(max_cmd_sn, serial.add(exp_cmd_sn, -1)):
            return
        if serial.less_than(self.max_cmd_sn, max_cmd_sn):
            self.max_cmd_sn = max_cmd_sn
        if serial.less_than(self.exp_cmd_sn, exp_cmd_sn):
            self.exp_cmd_sn = exp_cmd_sn


@dataclass(slots=True)
class StatusNumbers:
    """An initiator's view of one connection's StatSN (section 4.2.2.2)."""

    exp_stat_sn: int = 0
    is_known: bool = False
    """False until the first response: its StatSN may be any number."""

    def receive(self, stat_sn: int) -> int:
        """Process the StatSN of a response that advances it.

        Returns:
            Its distance from the expected one: 0 is right, more is a gap, less is a
            repetition. ExpStatSN advances only if it is right.
        """
        if not self.is_known:
            self.is_known = True
            self.exp_stat_sn = stat_sn
        distance = serial.distance(self.exp_stat_sn, stat_sn)
        if distance == 0:
            self.follow(stat_sn)
        return distance

    def follow(self, stat_sn: int) -> None:
        """Continue from a StatSN, whether or not it was expected."""
        self.exp_stat_sn = serial.add(stat_sn, 1)
