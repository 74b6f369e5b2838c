# SPDX-License-Identifier: GPL-2.0-only
"""START STOP UNIT (SBC-3 section 5.25)."""

from collections.abc import Callable, Iterator

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import Disk
from suites.support.applicability import skip_without
from suites.support.expect import expect_sense

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
STOPPED = AdditionalSense.LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED
ACTIVE, IDLE, STANDBY, LU_CONTROL = 0x1, 0x2, 0x3, 0x7
RESERVED = [0x4, 0x6, 0xF]
MEDIUM_NOT_PRESENT = 0x3A

Nexuses = Callable[[], Session]


@pytest.fixture
def unit(session: Session, scratch_disk: Disk) -> Iterator[Session]:
    """A unit that may be stopped; it is started again at the end."""
    _ = scratch_disk
    skip_without(session, cdb.start_stop_unit)
    yield session
    session.execute(cdb.start_stop_unit(power_condition=ACTIVE))
    session.execute(cdb.start_stop_unit(start=1))


def is_ejected(result: Result) -> bool:
    """Tell whether a command found no medium."""
    return result.sense is not None and result.sense.asc == MEDIUM_NOT_PRESENT


@pytest.mark.requirement("SBC3-5.25-02")
def test_a_stopped_unit_is_not_ready(unit: Session) -> None:
    """A stopped unit requires a start before it reads its medium."""
    expect_good(unit.execute(cdb.start_stop_unit(start=0)))

    result = unit.execute(cdb.test_unit_ready())
    read = unit.execute(cdb.read_10(lba=0, blocks=1), read=512)
    expect_good(unit.execute(cdb.start_stop_unit(start=1)))

    expect_sense(result, SenseKey.NOT_READY, STOPPED)
    expect_sense(read, SenseKey.NOT_READY, STOPPED)
    expect_good(unit.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("SBC3-5.25-03")
@pytest.mark.parametrize("power_condition", RESERVED, ids=hex)
def test_reserved_power_conditions_are_refused(
    unit: Session, power_condition: int
) -> None:
    """The unit refuses a reserved POWER CONDITION."""
    command = cdb.start_stop_unit(power_condition=power_condition, start=1)

    result = unit.execute(command)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.25-04")
@pytest.mark.parametrize("power_condition", [ACTIVE, IDLE, STANDBY, LU_CONTROL])
def test_power_conditions_move_no_medium(
    removable: Nexuses, power_condition: int
) -> None:
    """With a POWER CONDITION the unit ignores START and LOEJ."""
    session = removable()
    command = cdb.start_stop_unit(power_condition=power_condition, loej=1, start=0)

    result = session.execute(command)
    readiness = session.execute(cdb.test_unit_ready())
    session.execute(cdb.start_stop_unit(power_condition=ACTIVE))

    # A unit need not support power conditions.
    is_refused = result.sense is not None and result.sense.additional == IN_CDB
    check(result.is_good or is_refused, ["GOOD", "INVALID FIELD IN CDB"], result)
    check(not is_ejected(readiness), "the medium where it was", readiness)


@pytest.mark.requirement("SBC3-5.25-05")
@pytest.mark.parametrize("start", [0, 1])
def test_stopping_moves_no_medium(removable: Nexuses, start: int) -> None:
    """Without LOEJ, starting and stopping do not move the medium."""
    session = removable()

    expect_good(session.execute(cdb.start_stop_unit(start=start)))

    result = session.execute(cdb.test_unit_ready())
    check(not is_ejected(result), "the medium where it was", result)
