# SPDX-License-Identifier: GPL-2.0-only
"""What passes between the iSCSI layer and the device server."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from iscsi.constants import TaskAttribute
from iscsi.scsi.status import SCSIStatus


class Nexus(NamedTuple):
    """One I_T nexus; equal fields are the same nexus (RFC 7143 section 4.4.1).

    A tuple, since each command looks its nexus up: it hashes faster than a dataclass.
    """

    initiator_name: str
    isid: bytes
    target_name: str
    target_portal_group_tag: int


@dataclass(slots=True)
class Task:
    """A command as it arrives."""

    nexus: Nexus
    lun: int
    cdb: bytes
    attribute: TaskAttribute
    expected_data_out: int = 0
    """Bytes the initiator says it has for us."""
    protocol_level: int = 0
    """iSCSIProtocolLevel of the session; INQUIRY shows it (RFC 7144 section 4.2)."""
    in_allegiance: bool = False
    """Whether the unit is in auto contingent allegiance."""


class Outcome(NamedTuple):
    """What a command came to.

    A tuple, since each command makes one: a frozen dataclass takes twice the time.
    """

    status: SCSIStatus
    data_in: bytes | memoryview | Sequence[bytes | memoryview] = b""
    sense: bytes = b""


Steps = Generator[None, None, Outcome]
"""A command that takes long: each `next` does some milliseconds' worth of it."""


@dataclass(slots=True)
class DataOutNeeded:
    """The device server wants this many bytes, then a call of finish with them.

    The data is good for the length of that call: steps that follow keep copies.
    """

    length: int
    finish: Callable[[bytes | memoryview], Outcome | Steps]


GOOD = Outcome(SCSIStatus.GOOD)
RESERVATION_CONFLICT = Outcome(SCSIStatus.RESERVATION_CONFLICT)


def completed(execution: Outcome | Steps) -> Outcome:
    """Do all that is left of a command; return what it came to."""
    if isinstance(execution, Outcome):
        return execution
    while True:
        try:
            next(execution)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def truncated(data: bytes, allocation_length: int) -> Outcome:
    """Return GOOD with as much data as the allocation length allows."""
    return Outcome(SCSIStatus.GOOD, data[:allocation_length])
