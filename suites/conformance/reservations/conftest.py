# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for persistent reservations; registrations are removed at the end."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from initiator.expect import ConformanceFailure
from initiator.login import LoginRefused
from initiator.session import Session
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.reservations import Nexus

NewNexus = Callable[..., Nexus]

_SWEEPER_KEY = 0x5EE9

KEY_A, KEY_B, KEY_C = 0xA1A1A1A1A1A1A1A1, 0xB2B2B2B2, 0xC3


_LETS_OTHERS_IN = pytest.StashKey[bool]()


@pytest.fixture
def lets_others_in(
    request: pytest.FixtureRequest, target: TestedTarget, disk_lun: int
) -> bool:
    """Whether the target serves the unit to initiators of other names, too.

    This is tested once in a run, and again if the target died of it, since pytest would
    give the error of a session fixture to each later check.
    """
    stash = request.config.stash
    if _LETS_OTHERS_IN not in stash:
        stash[_LETS_OTHERS_IN] = _serves_others(target, disk_lun)
    return stash[_LETS_OTHERS_IN]


def _serves_others(target: TestedTarget, disk_lun: int) -> bool:
    plain = target.options()
    name = f"{plain.initiator_name}.other"
    try:
        with Session(
            target.portal,
            replace(plain, initiator_name=name),
            timeout=target.timeout,
            lun=disk_lun,
        ) as session:
            session.clear_unit_attention()
    except (LoginRefused, ConformanceFailure):
        return False
    return True


@pytest.fixture
def new_nexus(
    open_session: OpenSession,
    session: Session,
    opened: list[Session],
    scratch_disk: Disk,
    *,
    lets_others_in: bool,
) -> Iterator[NewNexus]:
    """Open I_T nexuses to one logical unit; all registrations are removed at the end.

    Each is an initiator of its own if the target admits it: only `test_nexuses` judges
    how a target treats several ISIDs of one name. `new_nexus(key)` also registers it.
    The first plain one uses `session`, since logins take long on some targets.
    """
    numbers = itertools.count(1)
    # The reservation affects other initiators, so no one else may use the unit.
    _ = scratch_disk
    sweeper = Nexus(session)
    _skip_without_reservations(sweeper)
    _sweep(sweeper)

    spare = [session]

    def open_one(key: int = 0, **parameters: Any) -> Nexus:
        if spare and not parameters:
            nexus = Nexus(spare.pop())
        else:
            if lets_others_in:
                name = f"{session.options.initiator_name}.{next(numbers)}"
                parameters = {"initiator_name": name, **parameters}
            nexus = Nexus(open_session(**parameters))
        if key:
            result = nexus.register(key)
            assert result.is_good, f"REGISTER: {result}"
        return nexus

    yield open_one
    try:
        is_swept = _sweep(sweeper)
    except (ISCSIError, ConformanceFailure):
        # The check has restarted the target, or the target has dropped the session.
        is_swept = False
    if not is_swept:
        # Once the others are closed, the target may have room for one more session.
        for one in opened:
            one.end()
        _sweep(Nexus(open_session()))


@pytest.fixture
def a(new_nexus: NewNexus) -> Nexus:
    """A registered nexus."""
    return new_nexus(KEY_A)


@pytest.fixture
def b(new_nexus: NewNexus) -> Nexus:
    """Another registered nexus."""
    return new_nexus(KEY_B)


@pytest.fixture
def c(new_nexus: NewNexus) -> Nexus:
    """A third registered nexus."""
    return new_nexus(KEY_C)


@pytest.fixture
def unregistered(new_nexus: NewNexus) -> Nexus:
    """A nexus that is not registered."""
    return new_nexus()


@pytest.fixture(params=ReservationType, ids=lambda kind: kind.name.lower())
def kind(
    request: pytest.FixtureRequest, new_nexus: NewNexus, session: Session
) -> ReservationType:
    """Every type that the unit reports to support."""
    chosen: ReservationType = request.param
    _ = new_nexus  # an earlier request has shown that there are reservations
    capabilities = Nexus(session).capabilities()
    if capabilities.type_mask_valid and chosen not in capabilities.types:
        pytest.skip(f"not applicable: the unit does not take {chosen.name}")
    return chosen


def _skip_without_reservations(nexus: Nexus) -> None:
    command = cdb.persistent_reserve_in_read_keys(allocation_length=8)
    result = nexus.session.execute(command, read=8)
    sense = result.sense
    if sense and sense.additional is AdditionalSense.INVALID_COMMAND_OPERATION_CODE:
        pytest.skip("not applicable: the unit has no persistent reservations")


def _sweep(nexus: Nexus) -> bool:
    """Remove all registrations and the reservation of every nexus.

    Returns:
        False if registrations are left: a target may fail to replace the key that the
        session has been registered with, and a new session needs no key for REGISTER.
    """
    nexus.attentions()
    for release in (cdb.release_6(), cdb.release_10()):
        nexus.session.execute(release)
    if not nexus.keys().keys:
        return True
    if not nexus.register(_SWEEPER_KEY).is_good:
        nexus.register_anyway(_SWEEPER_KEY)
    nexus.clear()
    nexus.key = 0
    nexus.attentions()
    return not nexus.keys().keys
