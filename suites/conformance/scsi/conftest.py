# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for commands to the medium."""

from collections.abc import Callable, Iterator

import pytest

from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.mode import Page
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_without
from suites.support.media import Medium
from suites.support.modes import (
    Setting,
    changeable_of,
    changed,
    select,
    sense_page,
    values_of,
)
from suites.support.pages import standard_of

Nexuses = Callable[[], Session]


@pytest.fixture
def medium(session: Session, scratch_disk: Disk) -> Medium:
    """A disk whose data the checks may overwrite."""
    return Medium(session, scratch_disk)


@pytest.fixture
def removable(
    open_session: OpenSession,
    opened: list[Session],
    target: TestedTarget,
    scratch_disk: Disk,
) -> Iterator[Nexuses]:
    """Open nexuses to a unit whose medium can be removed; it is loaded at the end."""
    units = target.running.target.logical_units
    luns = [unit.lun for unit in units if unit.removable and unit.scratch]
    lun = (luns or [scratch_disk.lun])[0]
    names = iter(range(1, 100))

    def open_one() -> Session:
        name = f"{target.options().initiator_name}.removable{next(names)}"
        return open_session(lun=lun, initiator_name=name)

    keeper = open_one()
    if not standard_of(keeper).is_removable:
        pytest.skip("not applicable: the medium of the unit cannot be removed")
    skip_without(keeper, cdb.prevent_allow_medium_removal)
    skip_without(keeper, cdb.start_stop_unit)
    yield open_one
    # Once the others are closed, the target may have room for a session more.
    for one in opened:
        one.end()
    last = open_one_anyway(open_session, lun)
    last.execute(cdb.prevent_allow_medium_removal(prevent=0))
    for command in (cdb.start_stop_unit(loej=1, start=1), cdb.start_stop_unit(start=1)):
        last.execute(command)


def open_one_anyway(open_session: OpenSession, lun: int) -> Session:
    """Open a session to a unit, whether or not it is ready."""
    session = open_session(lun=lun, clears_unit_attention=False)
    session.execute(cdb.test_unit_ready())
    return session


@pytest.fixture
def setting(session: Session, scratch_disk: Disk) -> Iterator[Setting]:
    """Change fields of the control page: `setting(swp=1)`; they are restored."""
    # Other initiators would notice the change, so the unit must be ours.
    _ = scratch_disk
    before = sense_page(session)
    mask = values_of(changeable_of(session))

    def change(**values: int) -> Result:
        for field in values:
            if not mask[field]:
                pytest.skip(f"not applicable: {field.upper()} cannot be changed")
        return select(session, changed(before, **values))

    yield change
    select(session, Page(before.code, before.body))
