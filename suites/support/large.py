# SPDX-License-Identifier: GPL-2.0-only
"""Two blocks of a large unit whose addresses share their lower bits."""

import pytest

from initiator.expect import expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.provisioning import Extent, build_unmap
from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_unless_zeros, skip_without
from suites.support.media import Medium

_ROOM = 32


def open_large(open_session: OpenSession, target: TestedTarget) -> Medium:
    """Return the large unit of the target, with a session of its own.

    Args:
        open_session: the fixture.
        target: the target, which offers `large-lun`.
    """
    unit = target.running.target.find_large()
    assert unit is not None
    session = open_session(lun=unit.lun)
    command = cdb.read_capacity_16(allocation_length=_ROOM)
    result = session.execute(command, read=_ROOM)
    expect_good(result)
    capacity = Capacity16.parse(result.data)
    return Medium(session, Disk(unit.lun, capacity.block_length, capacity.last_lba + 1))


def skip_unless_reached(medium: Medium, high: int) -> None:
    """Skip where the unit ends before a block."""
    if medium.disk.blocks <= high:
        pytest.skip(f"not applicable: the unit has no block {high}")


def expect_unmapped_alone(medium: Medium, high: int, low: int) -> None:
    """Unmap a block; expect that another one keeps its data.

    Args:
        medium: the unit; the check is skipped where unmapped blocks may keep data.
        high: the block that is unmapped.
        low: the other one.
    """
    __tracebackhide__ = True
    skip_unless_zeros(medium.session)
    skip_without(medium.session, cdb.unmap)
    below, above = medium.blocks(1, seed=13), medium.blocks(1, seed=14)
    medium.write(low, below)
    medium.write(high, above)
    data = build_unmap([Extent(high, 1)])

    command = cdb.unmap(parameter_list_length=len(data))
    expect_good(medium.session.execute(command, write=data))

    zeros = bytes(medium.disk.block_size)
    expect_data(medium.read(high, 1), zeros, above, what="the block that was unmapped")
    expect_data(medium.read(low, 1), below, what=f"block {low} as it was")
