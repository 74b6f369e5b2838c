# SPDX-License-Identifier: GPL-2.0-only
"""Target port groups of a unit: what they serve, and whom they notify."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.port_groups import AccessState, build_states, parse_report
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi import access
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.device import DeviceServer
from reftarget.scsi.task import Nexus
from tests.reftarget.scsi.disk import HOST, OTHER, TARGET, Disk

FAR = OTHER._replace(target_portal_group_tag=2)
CHANGED = AdditionalSense.ASYMMETRIC_ACCESS_STATE_CHANGED
STANDBY = AdditionalSense.LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE


class TwoPorts(Disk):
    """A unit behind the portal groups 1 and 2."""

    def __init__(self) -> None:
        config = LogicalUnitConfig(0, size=1 << 20)
        self.device = DeviceServer(TARGET, [config], portal_group_tags=(1, 2))
        self.lun, self.now = 0, 0.0
        self.unit = self.device.units[0]
        for nexus in (HOST, OTHER, FAR):
            self.unit.attentions.pending(nexus).clear()

    def states(self, nexus: Nexus = HOST) -> dict[int, int]:
        """Return the state of each group as a nexus sees it."""
        command = cdb.report_target_port_groups(allocation_length=256)
        report = parse_report(self.good(command, nexus=nexus))
        return {group.group: group.state for group in report.groups}

    def set(self, *states: tuple[int, int]) -> None:
        """Set states from HOST."""
        data = build_states(states)
        command = cdb.set_target_port_groups(parameter_list_length=len(data))
        self.good(command, data)

    def new_attentions(self, nexus: Nexus) -> list[AdditionalSense]:
        """Return the unit attentions of a nexus."""
        return self.unit.attentions.pending(nexus)


@pytest.fixture
def disk() -> TwoPorts:
    return TwoPorts()


def test_a_set_state_is_reported_to_all_others(disk: TwoPorts) -> None:
    disk.set((1, AccessState.NON_OPTIMIZED))

    assert disk.states() == {1: AccessState.NON_OPTIMIZED, 2: AccessState.OPTIMIZED}
    assert disk.new_attentions(HOST) == []
    assert disk.new_attentions(OTHER) == [CHANGED]
    assert disk.new_attentions(FAR) == [CHANGED]


def test_an_unchanged_state_is_not_reported(disk: TwoPorts) -> None:
    disk.set((1, AccessState.OPTIMIZED))

    assert disk.new_attentions(OTHER) == []


def test_an_implicit_change_is_reported_to_all(disk: TwoPorts) -> None:
    access.change_implicitly(disk.unit, 2, AccessState.STANDBY)

    assert [disk.new_attentions(nexus) for nexus in (HOST, OTHER, FAR)] == [
        [CHANGED]
    ] * 3


def test_a_state_is_that_of_its_own_port(disk: TwoPorts) -> None:
    disk.set((2, AccessState.STANDBY))
    disk.new_attentions(FAR).clear()

    assert disk.refusal(cdb.read_10(blocks=1), nexus=FAR) is STANDBY
    assert disk.good(cdb.read_10(blocks=1))
    assert disk.states(FAR)[2] == AccessState.STANDBY


def test_an_attention_comes_before_the_state(disk: TwoPorts) -> None:
    disk.set((2, AccessState.STANDBY))

    assert disk.refusal(cdb.read_10(blocks=1), nexus=FAR) is CHANGED
    assert disk.refusal(cdb.read_10(blocks=1), nexus=FAR) is STANDBY


def test_no_state_is_set_of_a_list_that_is_refused(disk: TwoPorts) -> None:
    data = build_states([(1, AccessState.STANDBY), (3, AccessState.STANDBY)])
    command = cdb.set_target_port_groups(parameter_list_length=len(data))

    sense = disk.refused(command, data)

    assert sense.additional is AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
    assert sense.field_pointer is not None
    assert sense.field_pointer.byte == 10
    assert set(disk.states().values()) == {AccessState.OPTIMIZED}


def test_a_list_that_nobody_needs_is_refused(disk: TwoPorts) -> None:
    command = cdb.set_target_port_groups(parameter_list_length=0xFFFFFFFC)

    assert disk.refusal(command) is AdditionalSense.INVALID_FIELD_IN_CDB


def test_tpgs_follows_the_commands() -> None:
    report = cdb.report_target_port_groups.name
    setting = cdb.set_target_port_groups.name
    new_attentions = [
        disk.good(cdb.inquiry(allocation_length=36))[5] >> 4 & 3
        for absent in (set(), {setting}, {report, setting})
        for disk in [Disk(absent=frozenset(absent))]
    ]
    assert new_attentions == [0b11, 0b01, 0b00]


def test_reservations_come_before_states(disk: TwoPorts) -> None:
    assert disk.good(cdb.reserve_6(), nexus=OTHER) == b""

    data = build_states([(1, AccessState.STANDBY)])
    command = cdb.set_target_port_groups(parameter_list_length=len(data))
    assert disk.run(command, data).status is SCSIStatus.RESERVATION_CONFLICT
