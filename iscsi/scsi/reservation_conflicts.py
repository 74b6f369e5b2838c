# SPDX-License-Identifier: GPL-2.0-only
"""Which commands pass which reservation (SPC-4 section 5.12.1, SBC-3 section 4.17)."""

from enum import Enum

from iscsi.scsi.persistent_reservations import ReservationType

_START_STOP_UNIT_START = 0x01
_START_STOP_UNIT_POWER_CONDITION = 0xF0
_PREVENT = 0x03


class Access(Enum):
    """How a command touches the unit, as the reservation conflict tables see it."""

    FREE = "neither the medium nor any state that others share"
    """INQUIRY, REPORT LUNS, REQUEST SENSE, READ CAPACITY, LOG SENSE ..."""
    READY = "TEST UNIT READY: free but for RESERVE (6)"
    READ = "reads the medium, or what others share: MODE SENSE, RECEIVE COPY RESULTS"
    """Also REPORT SUPPORTED OPERATION CODES, READ BUFFER, VERIFY, GET LBA STATUS ..."""
    WRITE = "changes the medium, or what others share: MODE SELECT, SEND DIAGNOSTIC"
    """Also SYNCHRONIZE CACHE, EXTENDED COPY, LOG SELECT, SANITIZE ..."""
    START_STOP = "START STOP UNIT: the CDB decides (SBC-3 table 13)"
    REMOVAL = "PREVENT ALLOW MEDIUM REMOVAL: the CDB decides (SBC-3 table 13)"
    RESERVATION = "PERSISTENT RESERVE, RESERVE, RELEASE: the handler decides"

    def of(self, cdb: bytes) -> "Access":
        """Return what this command does, where its CDB decides."""
        if self is Access.START_STOP:
            byte = cdb[4]
            starts = byte & _START_STOP_UNIT_START
            is_free = starts and not byte & _START_STOP_UNIT_POWER_CONDITION
            return Access.FREE if is_free else Access.WRITE
        if self is Access.REMOVAL:
            return Access.WRITE if cdb[4] & _PREVENT else Access.FREE
        return self


class Role(Enum):
    """What an I_T nexus is to a persistent reservation."""

    HOLDER = "holds the reservation"
    REGISTRANT = "is registered, and no holder"
    STRANGER = "is not registered"


# For RESERVATION, the command's handler decides, for every sender.
_NEITHER = frozenset({Access.FREE, Access.READY, Access.RESERVATION})
_READS = _NEITHER | {Access.READ}
_ALL = _READS | {Access.WRITE}

PASSES: dict[ReservationType, dict[Role, frozenset[Access]]] = {
    ReservationType.WRITE_EXCLUSIVE: {
        Role.HOLDER: _ALL,
        Role.REGISTRANT: _READS,
        Role.STRANGER: _READS,
    },
    ReservationType.EXCLUSIVE_ACCESS: {
        Role.HOLDER: _ALL,
        Role.REGISTRANT: _NEITHER,
        Role.STRANGER: _NEITHER,
    },
    ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY: {
        Role.HOLDER: _ALL,
        Role.REGISTRANT: _ALL,
        Role.STRANGER: _READS,
    },
    ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: {
        Role.HOLDER: _ALL,
        Role.REGISTRANT: _ALL,
        Role.STRANGER: _NEITHER,
    },
    # In these types every registrant is a holder.
    ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS: {
        Role.HOLDER: _ALL,
        Role.STRANGER: _READS,
    },
    ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS: {
        Role.HOLDER: _ALL,
        Role.STRANGER: _NEITHER,
    },
}
"""What passes a persistent reservation, by its type and the sender's role."""

PASSES_RESERVE = frozenset({Access.FREE, Access.RESERVATION})
"""What passes another nexus's RESERVE (6) or (10) (SPC-2 table 10)."""


def passes(kind: ReservationType, role: Role, access: Access, cdb: bytes) -> bool:
    """Tell whether a command passes a persistent reservation."""
    return access.of(cdb) in PASSES[kind][role]
