# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY (LID1) from one logical unit to another (SPC-4 section 6.4)."""

from dataclasses import dataclass

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.login import LoginRefused
from iscsi.scsi import cdb
from iscsi.scsi.extended_copy import CSCD, Segment, build_parameter_list
from iscsi.scsi.persistent_reservations import ReservationType
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_without
from suites.support.changes import disk_of
from suites.support.copying import cscd_of, is_aborted, send_copy
from suites.support.media import Medium
from suites.support.reservations import Nexus

FROM, TO, COUNT = 2, 16, 4
KEY = 0xC0B1
RETRIES = 60.0
"""Seconds that a copy may take: a copy manager may retry while a unit is reserved."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two logical units whose blocks have the same length."""

    first: Medium
    second: Medium
    cscds: tuple[CSCD, CSCD]

    def parameter_list(self) -> bytes:
        """Return the list that copies blocks of the first unit to the second."""
        return build_parameter_list(self.cscds, [Segment(0, 1, COUNT, FROM, TO)])


@pytest.fixture
def pair(medium: Medium, target: TestedTarget, open_session: OpenSession) -> Pair:
    """The scratch unit and another one that may be overwritten, too."""
    others = [
        unit
        for unit in target.running.target.logical_units
        if unit.lun != medium.disk.lun
        and unit.scratch
        and unit.writable
        and not unit.removable
    ]
    if not others:
        pytest.skip("not applicable: only one logical unit may be overwritten")
    skip_without(medium.session, cdb.extended_copy)
    session = open_session(lun=others[0].lun)
    other = Medium(session, disk_of(session, others[0].lun))
    if other.disk.block_size != medium.disk.block_size:
        pytest.skip("not applicable: the blocks of the units differ in length")
    cscds = tuple(cscd_of(one.session, one.disk.block_size) for one in (medium, other))
    if cscds[0].designator.designator == cscds[1].designator.designator:
        pytest.skip("not applicable: both units have the same designator")
    return Pair(medium, other, (cscds[0], cscds[1]))


@pytest.mark.requirement("SPC4-6.4-08")
@pytest.mark.parametrize("receiver", ["source", "destination"])
def test_blocks_are_copied_to_the_other_unit(pair: Pair, receiver: str) -> None:
    """The blocks go to the unit that the segment names; the other units keep theirs."""
    source, before = pair.first.blocks(COUNT, seed=1), pair.first.blocks(COUNT, seed=2)
    pair.first.write(FROM, source)
    pair.first.write(TO, before)
    pair.second.write(TO, before)
    sender = pair.first if receiver == "source" else pair.second

    result = send_copy(sender.session, pair.parameter_list())

    if is_aborted(result):
        # A copy manager need not reach other units, but then it copies nothing.
        expect_data(pair.second.read(TO, COUNT), before, what="the blocks as they were")
        pytest.skip("not applicable: the copy manager does not reach the other unit")
    expect_good(result)
    expect_data(pair.second.read(TO, COUNT), source, what="the copy")
    expect_data(
        pair.first.read(TO, COUNT), before, what="the first unit's blocks as they were"
    )


@pytest.mark.requirement("SPC4-6.4-09")
def test_reserved_blocks_are_not_overwritten(
    pair: Pair, target: TestedTarget, open_session: OpenSession
) -> None:
    """A copy to a unit that another nexus has reserved fails and changes no block."""
    skip_without(pair.second.session, cdb.persistent_reserve_out_register)
    result = send_copy(pair.first.session, pair.parameter_list())
    if is_aborted(result):
        pytest.skip("not applicable: the copy manager does not reach the other unit")
    before = pair.second.blocks(COUNT, seed=3)
    pair.second.write(TO, before)
    name = f"{target.options().initiator_name}.holder"
    lun = pair.second.disk.lun
    try:
        holder = Nexus(open_session(lun=lun, initiator_name=name))
    except LoginRefused:
        pytest.skip("not applicable: the target admits no initiator of another name")
    expect_good(holder.register(KEY))
    try:
        expect_good(holder.reserve(ReservationType.WRITE_EXCLUSIVE))

        result = send_copy(pair.first.session, pair.parameter_list(), patience=RETRIES)

        check(not result.is_good, "no status GOOD", result)
        expect_data(
            Medium(holder.session, pair.second.disk).read(TO, COUNT),
            before,
            what="the reserved blocks as they were",
        )
    finally:
        holder.clear()
        pair.second.session.clear_unit_attention()
