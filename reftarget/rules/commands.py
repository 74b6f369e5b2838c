# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about requests and their numbers (RFC 7143 sections 4.2.2.1, 11.2)."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Protocol

from iscsi import headers
from iscsi.constants import RejectReason
from iscsi.numbering import CommandWindow, Place
from reftarget.ruleset import RuleSet


class NumberedRequest(Protocol):
    """What a hook may see of a request that has a number, and change."""

    cmd_sn: int
    immediate: bool


class Numbering(Protocol):
    """What a hook may see of a session's numbers, and change."""

    @property
    def window(self) -> CommandWindow:
        """The command window."""

    @property
    def held(self) -> dict[int, Any]:
        """What waits for the numbers before it, by CmdSN."""

    def receive_ahead(self, cmd_sn: int) -> None:
        """Count a number ahead as received, once those before it are."""


class Answering(Protocol):
    """What a hook may do with the connection that a command came on."""

    def refuse(self, header: bytes, reason: RejectReason) -> None:
        """Send a Reject."""

    def finish(self) -> None:
        """Close the connection."""


def place(window: CommandWindow, held: Container[int], cmd_sn: int) -> Place:
    """Return where a numbered request lies (section 4.2.2.1).

    One that is held already is outside: its number is used up.
    """
    position = window.place(cmd_sn)
    if position is Place.AHEAD and cmd_sn in held:
        return Place.OUTSIDE
    return position


def misplaced(_session: Numbering, _request: NumberedRequest, place: Place) -> Place:
    """Return what is done with a request that is not next: what its place says."""
    return place


def immediate_commands(configured: int) -> int:
    """Return how many immediate commands are taken at a time (section 4.2.2.1)."""
    return configured


def objection_to_request(_header: bytes, _is_immediate: bool) -> RejectReason | None:
    """Return why a well-formed request is rejected: for no reason.

    Reserved bits are ignored (chapter 11), immediate requests are served (4.2.2.1).
    """
    return None


def before_command(
    _connection: Answering, _header: headers.SCSICommand, _is_retry: bool
) -> bool:
    """Do nothing before a command is looked at; return True if it is done with.

    Args:
        _connection: the connection that it came on.
        _header: its header.
        _is_retry: a command with its tag and number is in progress.
    """
    return False


def extended_cdb(segment: bytes) -> bytes:
    """Return the part of a CDB that an AHS adds (section 11.2.2.3)."""
    return segment


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRules(RuleSet):
    """The decisions about requests and their numbers."""

    place: Callable[[CommandWindow, Container[int], int], Place] = place
    misplaced: Callable[[Numbering, NumberedRequest, Place], Place] = misplaced
    immediate_commands: Callable[[int], int] = immediate_commands
    objection_to_request: Callable[[bytes, bool], RejectReason | None] = (
        objection_to_request
    )
    before_command: Callable[[Answering, headers.SCSICommand, bool], bool] = (
        before_command
    )
    extended_cdb: Callable[[bytes], bytes] = extended_cdb
    applies_read_length: bool = True
    """A bidirectional command reads what its AHS says (section 11.2.2.4)."""
