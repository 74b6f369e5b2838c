# SPDX-License-Identifier: GPL-2.0-only
"""Commands that represent the classes of the reservation conflict tables.

Commands for which the standards leave a choice to the device server are left out: TEST
UNIT READY and MODE SENSE (ALLOW COMMANDS of REPORT CAPABILITIES).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest

from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense
from suites.plugins.sessions import Disk

_ROOM = 252


@dataclass(frozen=True, slots=True)
class Probe:
    """A command that does no harm on a scratch disk."""

    access: Access
    send: Callable[[Session, Disk], Result]

    def skip_unless_offered(self, session: Session, disk: Disk) -> None:
        """Skip the check if the unit does not support the command."""
        sense = self.send(session, disk).sense
        if sense and sense.additional in (
            AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
            AdditionalSense.INVALID_FIELD_IN_CDB,
        ):
            pytest.skip("not applicable: the unit does not offer the command")


def _unit_query(layout: Layout, room: int = _ROOM, **fields: int) -> Probe:
    """Return a command that addresses the unit, not the medium."""

    def send(session: Session, _disk: Disk) -> Result:
        return session.execute(layout(allocation_length=room, **fields), read=room)

    return Probe(Access.FREE, send)


def _capacity(session: Session, _disk: Disk) -> Result:
    return session.execute(cdb.read_capacity_10(), read=8)


def _reads(layout: Layout) -> Probe:
    def send(session: Session, disk: Disk) -> Result:
        return session.execute(layout(lba=0, blocks=1), read=disk.block_size)

    return Probe(Access.READ, send)


def _touches(layout: Layout, access: Access) -> Probe:
    """Return a command without data."""

    def send(session: Session, _disk: Disk) -> Result:
        return session.execute(layout(lba=0, blocks=1))

    return Probe(access, send)


def _writes(layout: Layout) -> Probe:
    def send(session: Session, disk: Disk) -> Result:
        return session.execute(layout(lba=0, blocks=1), write=bytes(disk.block_size))

    return Probe(Access.WRITE, send)


def _compares(session: Session, disk: Disk) -> Result:
    # The comparison may fail: the check only asks whether the command is admitted.
    data = bytes(2 * disk.block_size)
    return session.execute(cdb.compare_and_write(lba=0, blocks=1), write=data)


COMMANDS: Mapping[str, Probe] = MappingProxyType(
    {
        "inquiry": _unit_query(cdb.inquiry),
        "report_luns": _unit_query(cdb.report_luns),
        "request_sense": _unit_query(cdb.request_sense),
        "read_capacity_10": Probe(Access.FREE, _capacity),
        "read_6": _reads(cdb.read_6),
        "read_10": _reads(cdb.read_10),
        "read_12": _reads(cdb.read_12),
        "read_16": _reads(cdb.read_16),
        "verify_10": _touches(cdb.verify_10, Access.READ),
        "pre_fetch_10": _touches(cdb.pre_fetch_10, Access.READ),
        "write_6": _writes(cdb.write_6),
        "write_10": _writes(cdb.write_10),
        "write_12": _writes(cdb.write_12),
        "write_16": _writes(cdb.write_16),
        "write_and_verify_10": _writes(cdb.write_and_verify_10),
        "write_same_10": _writes(cdb.write_same_10),
        "compare_and_write": Probe(Access.WRITE, _compares),
        "orwrite": _writes(cdb.orwrite),
        "synchronize_cache_10": _touches(cdb.synchronize_cache_10, Access.WRITE),
    }
)
"""The commands, by their names in tests."""
