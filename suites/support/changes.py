# SPDX-License-Identifier: GPL-2.0-only
"""A unit that is added, changed and removed while the target runs."""

from dataclasses import dataclass

import pytest

from initiator.core import lun_field
from initiator.expect import check
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb, luns
from iscsi.scsi.capacity import Capacity10
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import Disk
from suites.plugins.targets import TestedTarget

SIZE = 8 << 20
"""The size of an added unit, in bytes."""

_ROOM = 0x4000
MOST_ATTENTIONS = 16
"""The maximum number of unit attentions that are read for a nexus."""


@dataclass(slots=True)
class Operator:
    """The operator's orders that change the units of the first target name."""

    target: TestedTarget

    def add(self, lun: int, size: int = SIZE) -> None:
        """Add a unit; the check is not applicable if the target cannot."""
        self._order("add-unit", lun, size=size)

    def remove(self, lun: int) -> None:
        """Remove a unit."""
        self._order("remove-unit", lun)

    def resize(self, lun: int, size: int) -> None:
        """Change the size of a unit, in bytes."""
        self._order("resize-unit", lun, size=size)

    def protect(self, lun: int, *, is_protected: bool) -> None:
        """Set or clear the write protection of a unit."""
        self._order("write-protect", lun, on=int(is_protected))

    def _order(self, verb: str, lun: int, **arguments: int) -> None:
        words = "".join(f" {name}={value}" for name, value in arguments.items())
        name = self.target.running.target.name
        self.target.operate(f"{verb} lun={lun}{words} target={name}")


def skip_unless(target: TestedTarget, *verbs: str) -> None:
    """Skip if the target does not support an order."""
    for verb in verbs:
        if verb not in target.features:
            remedy = target.running.remedies.get(verb, "its kind has no command for it")
            pytest.skip(f"not applicable: no {verb.replace('-', ' ')}: {remedy}")


def free_lun(target: TestedTarget) -> int:
    """Return an unused logical unit number."""
    return max(unit.lun for unit in target.running.target.logical_units) + 1


def listed(session: Session) -> list[int]:
    """Return the LUNs that REPORT LUNS lists."""
    command = cdb.report_luns(allocation_length=_ROOM)
    result = session.execute(command, read=_ROOM)
    check(result.is_good, "GOOD", result)
    return luns.parse_report(result.data)


def disk_of(session: Session, lun: int) -> Disk:
    """Return the data of READ CAPACITY (10)."""
    result = ask(session, lun, cdb.read_capacity_10(), read=8)
    check(result.is_good, "GOOD", result)
    reported = Capacity10.parse(result.data)
    return Disk(lun, reported.block_length, reported.last_lba + 1)


def ask(
    session: Session, lun: int, command: bytes, *, read: int = 0, write: bytes = b""
) -> Result:
    """Send a command to a unit; repeat it while the unit reports unit attentions."""
    for _ in range(MOST_ATTENTIONS):
        result = session.execute(
            command, read=read, write=write or None, lun=lun_field(lun)
        )
        if result.sense is None or result.sense.key != SenseKey.UNIT_ATTENTION:
            break
    return result


def clear(session: Session, lun: int) -> None:
    """Clear the unit attentions that a unit has for a nexus."""
    ask(session, lun, cdb.test_unit_ready())


def attentions(session: Session, lun: int) -> list[AdditionalSense | None]:
    """Return and clear the unit attentions that a unit has for a nexus."""
    reported: list[AdditionalSense | None] = []
    for _ in range(MOST_ATTENTIONS):
        result = session.execute(cdb.test_unit_ready(), lun=lun_field(lun))
        sense = result.sense
        if sense is None or sense.key != SenseKey.UNIT_ATTENTION:
            break
        reported.append(sense.additional)
    return reported


def expect_attention(session: Session, lun: int, additional: AdditionalSense) -> None:
    """Expect a unit attention among those reported."""
    reported = attentions(session, lun)
    words = [one.name if one else "another" for one in reported]
    check(additional in reported, f"UNIT ATTENTION, {additional.name}", words or "none")
