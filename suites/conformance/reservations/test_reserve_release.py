# SPDX-License-Identifier: GPL-2.0-only
"""RESERVE and RELEASE of SPC-2, and beside persistent ones (SPC-4 section 5.12.3)."""

import time

import pytest

from initiator.expect import expect_drop, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import ALL_PAGES
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.expect import expect_conflict
from suites.support.functions import ask_function
from suites.support.modes import skip_without_sense
from suites.support.reservation_commands import COMMANDS
from suites.support.reservations import Nexus

SIZES = {
    "6": (cdb.reserve_6, cdb.release_6),
    "10": (cdb.reserve_10, cdb.release_10),
}
KEPT_OUT = ["read_10", "write_10", "verify_10"]
ROOM = 255
LET_IN = ["inquiry", "report_luns", "request_sense"]
RELEASED = 2.0
"""Seconds in which a session that has logged out lets go of what it held."""


@pytest.fixture(params=SIZES)
def commands(
    request: pytest.FixtureRequest, session: Session, scratch_disk: Disk
) -> tuple[Layout, Layout]:
    """RESERVE and RELEASE of one size, if the unit has them."""
    _ = scratch_disk
    reserve, release = SIZES[request.param]
    sense = session.execute(release()).sense
    if sense and sense.additional is AdditionalSense.INVALID_COMMAND_OPERATION_CODE:
        pytest.skip("not applicable: the unit does not offer RESERVE and RELEASE")
    return reserve, release


@pytest.mark.requirement("SPC4-5.12.3-03")
@pytest.mark.parametrize("name", KEPT_OUT)
def test_reserve_conflicts_with_commands_of_others(
    new_nexus: object,
    scratch_disk: Disk,
    commands: tuple[Layout, Layout],
    name: str,
) -> None:
    """RESERVE makes the commands of other nexuses conflict, but not its own."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    COMMANDS[name].skip_unless_offered(one, scratch_disk)
    expect_good(one.execute(commands[0]()))

    expect_conflict(COMMANDS[name].send(other, scratch_disk))
    expect_good(COMMANDS[name].send(one, scratch_disk))

    expect_good(one.execute(commands[1]()))


@pytest.mark.requirement("SPC4-5.12.3-03")
def test_reserve_conflicts_with_mode_sense_of_others(
    new_nexus: object, commands: tuple[Layout, Layout]
) -> None:
    """MODE SENSE of other nexuses conflicts with RESERVE (SPC-2 section 5.5.1)."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    skip_without_sense(one, cdb.mode_sense_6)
    expect_good(one.execute(commands[0]()))

    command = cdb.mode_sense_6(page_code=ALL_PAGES, allocation_length=ROOM)
    expect_conflict(other.execute(command, read=ROOM))

    expect_good(one.execute(commands[1]()))


@pytest.mark.requirement("SPC4-5.12.3-03")
@pytest.mark.parametrize("name", LET_IN)
def test_some_commands_do_not_conflict_with_reserve(
    new_nexus: object,
    scratch_disk: Disk,
    commands: tuple[Layout, Layout],
    name: str,
) -> None:
    """INQUIRY, REPORT LUNS and REQUEST SENSE do not conflict with RESERVE."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    expect_good(one.execute(commands[0]()))

    result = COMMANDS[name].send(other, scratch_disk)

    expect_good(one.execute(commands[1]()))
    expect_good(result)


@pytest.mark.requirement("SPC4-5.12.3-03")
def test_reserve_conflicts_with_reserve(
    new_nexus: object, commands: tuple[Layout, Layout]
) -> None:
    """A second RESERVE conflicts, except of the nexus that holds the first."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    expect_good(one.execute(commands[0]()))

    expect_conflict(other.execute(commands[0]()))
    expect_good(one.execute(commands[0]()))

    expect_good(one.execute(commands[1]()))


@pytest.mark.requirement("SPC4-5.12.3-03")
def test_reserve_conflicts_with_persistent_reservations(
    new_nexus: object, commands: tuple[Layout, Layout]
) -> None:
    """PERSISTENT RESERVE IN and OUT of other nexuses conflict with RESERVE."""
    assert callable(new_nexus)
    one, other = new_nexus(), new_nexus()
    expect_good(one.session.execute(commands[0]()))

    read = cdb.persistent_reserve_in_read_keys(allocation_length=64)
    expect_conflict(other.session.execute(read, read=64))
    expect_conflict(other.register(1))

    expect_good(one.session.execute(commands[1]()))


@pytest.mark.requirement("SPC4-5.12.3-04")
def test_release_of_others_does_nothing(
    new_nexus: object, scratch_disk: Disk, commands: tuple[Layout, Layout]
) -> None:
    """RELEASE of another nexus is GOOD and releases nothing; the holder's does."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    expect_good(one.execute(commands[0]()))

    expect_good(other.execute(commands[1]()))
    expect_conflict(COMMANDS["write_10"].send(other, scratch_disk))

    expect_good(one.execute(commands[1]()))
    expect_good(COMMANDS["write_10"].send(other, scratch_disk))


def _when_released(session: Session, disk: Disk) -> Result:
    """Write until no reservation conflicts, or time is up.

    A logout has its answer before all of the session has been cleared away.
    """
    deadline = time.monotonic() + RELEASED
    while True:
        result = COMMANDS["write_10"].send(session, disk)
        is_kept_out = result.status == SCSIStatus.RESERVATION_CONFLICT
        if not is_kept_out or time.monotonic() > deadline:
            return result


@pytest.mark.requirement("SPC4-5.12.3-04")
def test_reserve_ends_with_its_nexus(
    new_nexus: object, scratch_disk: Disk, commands: tuple[Layout, Layout]
) -> None:
    """The reservation of RESERVE ends when its holder logs out."""
    assert callable(new_nexus)
    one, other = new_nexus().session, new_nexus().session
    expect_good(one.execute(commands[0]()))

    one.logout()
    expect_drop(one.connection)

    expect_good(_when_released(other, scratch_disk))


@pytest.mark.requirement("SPC4-5.12.3-04")
def test_reserve_ends_with_a_reset(
    new_nexus: object, scratch_disk: Disk, commands: tuple[Layout, Layout]
) -> None:
    """The reservation of RESERVE ends with a logical unit reset."""
    assert callable(new_nexus)
    one, other = new_nexus(), new_nexus()
    expect_good(one.session.execute(commands[0]()))

    ask_function(other.session, TMFunction.LOGICAL_UNIT_RESET)
    other.attentions()

    expect_good(COMMANDS["write_10"].send(other.session, scratch_disk))


@pytest.mark.requirement("SPC4-5.12.3-01")
def test_an_unregistered_nexus_cannot_reserve_beside_registrations(
    a: Nexus, unregistered: Nexus, commands: tuple[Layout, Layout]
) -> None:
    """RESERVE and RELEASE of unregistered nexuses conflict beside a registration."""
    expect_good(a.reserve(ReservationType.WRITE_EXCLUSIVE))

    expect_conflict(unregistered.session.execute(commands[0]()))
    expect_conflict(unregistered.session.execute(commands[1]()))


@pytest.mark.requirement("SPC4-5.12.3-02")
def test_holders_may_use_spc_2_reserve(
    a: Nexus, open_session: OpenSession, commands: tuple[Layout, Layout]
) -> None:
    """With CRH, RESERVE and RELEASE of the holder are GOOD, without effect."""
    if not a.capabilities().compatible_reservation_handling:
        pytest.skip("not applicable: the unit does not set CRH")
    kind = ReservationType.EXCLUSIVE_ACCESS
    expect_good(a.reserve(kind))

    expect_good(a.session.execute(commands[0]()))
    expect_good(a.session.execute(commands[1]()))

    reservation = Nexus(open_session()).reservation()
    assert reservation.type is kind


@pytest.mark.requirement("SPC4-5.12.3-05")
def test_without_crh_holders_may_not_use_spc_2_reserve(
    a: Nexus, commands: tuple[Layout, Layout]
) -> None:
    """Without CRH, RESERVE conflicts also for the holder of a reservation."""
    if a.capabilities().compatible_reservation_handling:
        pytest.skip("not applicable: the unit sets CRH")
    expect_good(a.reserve(ReservationType.EXCLUSIVE_ACCESS))

    expect_conflict(a.session.execute(commands[0]()))
