# SPDX-License-Identifier: GPL-2.0-only
"""What passes between the iSCSI layer and the device server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from iscsi.constants import TaskAttribute
from iscsi.scsi.status import SCSIStatus


@dataclass(frozen=True, slots=True)
class Nexus:
    """One I_T nexus; equal fields are the same nexus (RFC 7143 section 4.4.1)."""

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to."""

    status: SCSIStatus
    data_in: bytes | memoryview | Sequence[bytes | memoryview] = b""
    sense: bytes = b""


@dataclass(slots=True)
class DataOutNeeded:
    """The device server wants this many bytes, then a call of finish with them."""

    length: int
    finish: Callable[[bytes | memoryview], Outcome]


GOOD = Outcome(SCSIStatus.GOOD)
RESERVATION_CONFLICT = Outcome(SCSIStatus.RESERVATION_CONFLICT)


def truncated(data: bytes, allocation_length: int) -> Outcome:
    """Return GOOD with as much data as the allocation length allows."""
    return Outcome(SCSIStatus.GOOD, data[:allocation_length])
