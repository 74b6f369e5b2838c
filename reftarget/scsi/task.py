# SPDX-License-Identifier: GPL-2.0-only
"""The values between the iSCSI layer and the device server."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from iscsi.constants import TaskAttribute
from iscsi.scsi.status import SCSIStatus


class Nexus(NamedTuple):
    """One I_T nexus; equal fields are the same nexus (RFC 7143 section 4.4.1).

    It is a tuple, since each command looks up its nexus, and a tuple hashes faster than
    a dataclass.
    """

    initiator_name: str
    isid: bytes
    target_name: str
    target_portal_group_tag: int


@dataclass(slots=True)
class Task:
    """A received command."""

    nexus: Nexus
    lun: int
    cdb: bytes
    attribute: TaskAttribute
    expected_data_out: int = 0
    """Bytes that the initiator wants to write."""
    protocol_level: int = 0
    """iSCSIProtocolLevel of the session; INQUIRY shows it (RFC 7144 section 4.2)."""
    in_allegiance: bool = False
    """Whether the unit is in auto contingent allegiance."""


class Outcome(NamedTuple):
    """The result of a command.

    It is a tuple, since each command creates one, and a frozen dataclass takes twice
    the time.
    """

    status: SCSIStatus
    data_in: bytes | memoryview | Sequence[bytes | memoryview] = b""
    sense: bytes = b""


Steps = Generator[None, None, Outcome]
"""A command that takes long: each `next` runs a few milliseconds of it."""


@dataclass(slots=True)
class DataOutNeeded:
    """The device server needs this many bytes, and then a call of finish with them.

    The data is valid during that call; later steps keep copies.
    """

    length: int
    finish: Callable[[bytes | memoryview], Outcome | Steps]


GOOD = Outcome(SCSIStatus.GOOD)
RESERVATION_CONFLICT = Outcome(SCSIStatus.RESERVATION_CONFLICT)


def completed(execution: Outcome | Steps) -> Outcome:
    """Run all remaining steps of a command; return its result."""
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
