# SPDX-License-Identifier: GPL-2.0-only
"""Media that can be removed (SBC-3 sections 4.3, 5.9 and 5.25)."""

from collections.abc import Callable

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import OpenSession
from suites.support.applicability import skip_without
from suites.support.expect import expect_sense
from suites.support.functions import ask_function

PREVENTED = AdditionalSense.MEDIUM_REMOVAL_PREVENTED
ABSENT = (
    AdditionalSense.MEDIUM_NOT_PRESENT,
    AdditionalSense.MEDIUM_NOT_PRESENT_TRAY_CLOSED,
    AdditionalSense.MEDIUM_NOT_PRESENT_TRAY_OPEN,
)
CHANGED = AdditionalSense.NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED
NEEDING = [
    cdb.test_unit_ready(),
    cdb.read_10(lba=0, blocks=1),
    cdb.read_capacity_10(),
    cdb.synchronize_cache_10(),
]
NEEDING_NAMES = ["test-unit-ready", "read", "read-capacity", "synchronize-cache"]
ROOM = 512
RESETS = [TMFunction.LOGICAL_UNIT_RESET, TMFunction.TARGET_WARM_RESET]

Nexuses = Callable[[], Session]


def prevent(session: Session, *, prevents: bool = True) -> None:
    """Prevent the removal of the medium, or allow it."""
    command = cdb.prevent_allow_medium_removal(prevent=int(prevents))
    expect_good(session.execute(command))


def eject(session: Session) -> Result:
    """Eject the medium."""
    return session.execute(cdb.start_stop_unit(loej=1, start=0))


def load(session: Session) -> Result:
    """Load the medium."""
    return session.execute(cdb.start_stop_unit(loej=1, start=1))


def settle(session: Session) -> Result:
    """Return the result of TEST UNIT READY when no unit attention is left."""
    result = session.execute(cdb.test_unit_ready())
    for _attempt in range(8):
        if not (result.sense and result.sense.key == SenseKey.UNIT_ATTENTION):
            break
        result = session.execute(cdb.test_unit_ready())
    return result


@pytest.mark.requirement("SBC3-5.9-01")
def test_removal_is_prevented_and_allowed(removable: Nexuses) -> None:
    """The unit ejects no medium while PREVENT is 01b, and ejects it after 00b."""
    session = removable()
    prevent(session)

    refused = eject(session)

    expect_sense(refused, SenseKey.ILLEGAL_REQUEST, PREVENTED)
    expect_good(session.execute(cdb.test_unit_ready()))
    prevent(session, prevents=False)
    expect_good(eject(session))


@pytest.mark.requirement("SBC3-5.9-02")
def test_prevention_ends_with_its_nexus(removable: Nexuses) -> None:
    """The unit allows the removal when the nexus that prevents it logs out."""
    one, other = removable(), removable()
    prevent(one)
    expect_sense(eject(other), SenseKey.ILLEGAL_REQUEST, PREVENTED)

    one.logout()

    expect_good(eject(other))


@pytest.mark.requirement("SBC3-5.9-02")
def test_prevention_ends_with_its_lost_nexus(
    removable: Nexuses, open_session: OpenSession
) -> None:
    """The unit allows the removal when the nexus that prevents it is lost."""
    one, other = removable(), removable()
    prevent(one)

    # The same name and ISID again: the new session reinstates the old one.
    one.connection.close()
    options = one.options
    open_session(lun=one.lun, initiator_name=options.initiator_name, isid=options.isid)

    expect_good(eject(other))


@pytest.mark.requirement("SBC3-5.9-03")
def test_each_nexus_prevents_for_itself(removable: Nexuses) -> None:
    """The unit ejects the medium only when each preventing nexus allows it."""
    one, other = removable(), removable()
    prevent(one)
    prevent(other)

    prevent(one, prevents=False)

    expect_sense(eject(one), SenseKey.ILLEGAL_REQUEST, PREVENTED)
    prevent(other, prevents=False)
    expect_good(eject(one))


@pytest.mark.requirement("SBC3-5.9-04")
@pytest.mark.parametrize("reset", RESETS, ids=lambda one: one.name.lower())
def test_prevention_ends_with_a_reset(removable: Nexuses, reset: TMFunction) -> None:
    """The unit allows the removal after a logical unit reset."""
    one, other = removable(), removable()
    prevent(one)

    answer = ask_function(one, reset)

    if answer.response:
        pytest.skip(f"not applicable: the target does not carry out {reset.name}")
    settle(other)
    expect_good(eject(other))


@pytest.mark.requirement("SBC3-4.3-01")
@pytest.mark.parametrize("command", NEEDING, ids=NEEDING_NAMES)
def test_without_a_medium_nothing_is_ready(removable: Nexuses, command: bytes) -> None:
    """A unit without medium reports that; it answers INQUIRY."""
    session = removable()
    if command[0] == cdb.synchronize_cache_10.opcode:
        skip_without(session, cdb.synchronize_cache_10)
    expect_good(eject(session))
    settle(session)

    result = session.execute(command, read=ROOM)

    expect_sense(result, SenseKey.NOT_READY, *ABSENT)
    expect_good(session.execute(cdb.inquiry(allocation_length=36), read=36))


@pytest.mark.requirement("SBC3-4.3-02")
def test_a_new_medium_is_reported(removable: Nexuses) -> None:
    """The unit reports a loaded medium to the nexuses that did not load it."""
    one, other = removable(), removable()
    expect_good(eject(one))
    settle(other)
    expect_good(load(one))

    result = other.execute(cdb.test_unit_ready())

    expect_sense(result, SenseKey.UNIT_ATTENTION, CHANGED)
    ready = settle(one)
    check(ready.is_good, "GOOD for TEST UNIT READY", ready)
