# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY between the units of a target, and what it leaves to fetch."""

from dataclasses import replace
from typing import cast

import pytest

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi import sense as sense_data
from iscsi.scsi.copy_results import (
    CopyManagerStatus,
    CopyStatus,
    OperatingParameters,
    parse_failure_details,
)
from iscsi.scsi.extended_copy import (
    CSCD,
    THIS_LOGICAL_UNIT,
    CopyHeader,
    ListIDUsage,
    Segment,
    build_parameter_list,
    naa,
)
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.vpd import Designator, DesignatorType
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.device import DeviceServer
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Task, completed

TARGET = "iqn.2001-04.com.example:target"
A, B = (Nexus(f"iqn.2001-04.com.example:{n}", bytes(6), TARGET, 1) for n in "ab")
BLOCKS = 8192
LIMITS = OperatingParameters(16, 16, 960)
GOOD = SCSIStatus.GOOD
LENGTH_ERROR = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
UNREACHABLE = AdditionalSense.UNREACHABLE_COPY_TARGET
NOT_REACHABLE = AdditionalSense.COPY_TARGET_DEVICE_NOT_REACHABLE
WRONG_TYPE = AdditionalSense.INCORRECT_COPY_TARGET_DEVICE_TYPE
THIRD_PARTY = AdditionalSense.THIRD_PARTY_DEVICE_FAILURE
OUT_OF_RANGE = AdditionalSense.NO_ADDITIONAL_SENSE_INFORMATION


class Bench:
    """LUN 0 and 1 of 512 byte blocks, 2 of 4096, 3 that cannot be written."""

    def __init__(self) -> None:
        size = BLOCKS * 512
        self.device = DeviceServer(
            TARGET,
            [
                LogicalUnitConfig(0, size),
                LogicalUnitConfig(1, size),
                LogicalUnitConfig(2, size, 4096),
                LogicalUnitConfig(3, size, read_only=True),
            ],
        )
        for nexus in (A, B):
            for lun in self.device.luns:
                self.send(cdb.test_unit_ready(), lun=lun, nexus=nexus)

    def send(
        self, command: bytes, data: bytes = b"", *, lun: int = 0, nexus: Nexus = A
    ) -> Outcome:
        task = Task(nexus, lun, command, TaskAttribute.SIMPLE, len(data))
        outcome = self.device.start(task, 0.0)
        if isinstance(outcome, DataOutNeeded):
            outcome = outcome.finish(data)
        return completed(outcome)

    def refusal(self, outcome: Outcome, key: SenseKey) -> AdditionalSense | None:
        assert outcome.status is SCSIStatus.CHECK_CONDITION
        sense = sense_data.parse(outcome.sense)
        assert sense.key is key
        return sense.additional

    def copy(self, data: bytes, *, lun: int = 0, nexus: Nexus = A) -> Outcome:
        command = cdb.extended_copy(parameter_list_length=len(data))
        return self.send(command, data, lun=lun, nexus=nexus)

    def receive(
        self, layout: Layout, identifier: int = 0, *, nexus: Nexus = A
    ) -> bytes | AdditionalSense | None:
        outcome = self.send(
            layout(list_identifier=identifier, allocation_length=1024), nexus=nexus
        )
        if outcome.status is GOOD:
            return bytes(cast("bytes", outcome.data_in))
        return self.refusal(outcome, SenseKey.ILLEGAL_REQUEST)

    def fill(self, lun: int, lba: int, blocks: int) -> bytes:
        unit = self.device.units[lun]
        size = unit.block_size
        data = b"".join(
            (lba + number).to_bytes(8, "big") * (size // 8) for number in range(blocks)
        )
        unit.write(lba, data)
        return data

    def read(self, lun: int, lba: int, blocks: int) -> bytes:
        return bytes(self.device.units[lun].read(lba, blocks))

    def cscd(self, lun: int) -> CSCD:
        unit = self.device.units[lun]
        return naa(unit.naa, block_length=unit.block_size)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_copy_within_a_unit(bench: Bench) -> None:
    data = bench.fill(0, 0, 2048)

    outcome = bench.copy(
        build_parameter_list(
            [bench.cscd(0)], [Segment(0, 0, 2048, 0, BLOCKS - 2048)], list_identifier=1
        )
    )

    assert outcome.status is GOOD
    assert bench.read(0, BLOCKS - 2048, 2048) == data


def test_copy_between_units_that_are_not_asked(bench: Bench) -> None:
    data = bench.fill(0, 8, 16)
    segments = [Segment(0, 1, 8, 8, 100), Segment(0, 1, 8, 16, 200)]

    outcome = bench.copy(
        build_parameter_list([bench.cscd(0), bench.cscd(1)], segments), lun=3
    )

    assert outcome.status is GOOD
    assert bench.read(1, 100, 8) + bench.read(1, 200, 8) == data


@pytest.mark.parametrize(
    ("blocks", "by_destination"),
    [(16, False), (2, True)],
    ids=["source", "destination"],
)
def test_copy_between_block_sizes(
    bench: Bench, blocks: int, by_destination: bool
) -> None:
    data = bench.fill(0, 0, 16)
    segment = Segment(0, 1, blocks, 0, 5, destination_count=by_destination)

    outcome = bench.copy(
        build_parameter_list([bench.cscd(0), bench.cscd(2)], [segment])
    )

    assert outcome.status is GOOD
    assert bench.read(2, 5, 2) == data


@pytest.mark.parametrize("distance", [-700, 700])
def test_overlapping_blocks_are_copied_completely(bench: Bench, distance: int) -> None:
    data = bench.fill(0, 1000, 5000)

    segment = Segment(THIS_LOGICAL_UNIT, THIS_LOGICAL_UNIT, 5000, 1000, 1000 + distance)
    outcome = bench.copy(build_parameter_list([], [segment]))

    assert outcome.status is GOOD
    assert bench.read(0, 1000 + distance, 5000) == data


def test_fields_that_do_not_identify_the_unit_are_ignored(bench: Bench) -> None:
    data = bench.fill(0, 0, 1)
    cscd = replace(bench.cscd(0), is_null=True, lu_id_type=3)

    outcome = bench.copy(build_parameter_list([cscd], [Segment(0, 0, 1, 0, 1)]))

    assert outcome.status is GOOD
    assert bench.read(0, 1, 1) == data


def test_empty_list_is_good(bench: Bench) -> None:
    assert bench.copy(b"").status is GOOD
    assert bench.copy(CopyHeader().build()).status is GOOD


def one(bench: Bench, **changes: int) -> bytes:
    """Return a list of one CSCD and one segment, with changes to its header."""
    data = build_parameter_list([bench.cscd(0)], [Segment(0, 0, 1, 0, 1)])
    header = replace(CopyHeader.parse(data), **changes)  # type: ignore[arg-type]
    return header.build() + data[16:]


@pytest.mark.parametrize("length", [1, 15, 16, 47, 48, 75])
def test_list_cut_short_is_a_length_error(bench: Bench, length: int) -> None:
    outcome = bench.copy(one(bench)[:length])

    assert bench.refusal(outcome, SenseKey.ILLEGAL_REQUEST) is LENGTH_ERROR


def test_list_beyond_the_limit_is_refused_before_its_data(bench: Bench) -> None:
    command = cdb.extended_copy(
        parameter_list_length=17 + LIMITS.maximum_descriptor_list_length
    )

    assert bench.refusal(bench.send(command), SenseKey.ILLEGAL_REQUEST) is LENGTH_ERROR


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"list_id_usage": 0b01}, IN_LIST),
        ({"list_id_usage": ListIDUsage.NONE, "list_identifier": 1}, IN_LIST),
        (
            {"segment_length": 0, "inline_length": 28},
            AdditionalSense.INLINE_DATA_LENGTH_EXCEEDED,
        ),
        ({"cscd_length": 31, "segment_length": 0}, IN_LIST),
        ({"segment_length": 27}, IN_LIST),
    ],
)
def test_header_refused(
    bench: Bench, changes: dict[str, int], wanted: AdditionalSense
) -> None:
    outcome = bench.copy(one(bench, **changes))

    assert bench.refusal(outcome, SenseKey.ILLEGAL_REQUEST) is wanted


def test_limits_are_those_reported(bench: Bench) -> None:
    wire = bench.receive(cdb.receive_copy_operating_parameters)
    assert isinstance(wire, bytes)
    limits = OperatingParameters.parse(wire)
    cscd, segment = bench.cscd(0), Segment(0, 0, 1, 0, 1)
    most_cscds, most_segments = limits.maximum_cscd_count, limits.maximum_segment_count

    def refused(cscds: int, segments: int) -> AdditionalSense | None:
        data = build_parameter_list([cscd] * cscds, [segment] * segments)
        return bench.refusal(bench.copy(data), SenseKey.ILLEGAL_REQUEST)

    full = build_parameter_list([cscd] * most_cscds, [segment] * most_segments)
    assert limits.maximum_descriptor_list_length == len(full) - 16
    assert bench.copy(full).status is GOOD
    assert refused(most_cscds + 1, 1) is AdditionalSense.TOO_MANY_TARGET_DESCRIPTORS
    assert refused(1, most_segments + 1) is (
        AdditionalSense.TOO_MANY_SEGMENT_DESCRIPTORS
    )
    assert refused(most_cscds + 1, most_segments + 1) is LENGTH_ERROR


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (
            {"type_code": 0xE0},
            AdditionalSense.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE,
        ),
        ({"designator": Designator(3, bytes(21))}, IN_LIST),
    ],
)
def test_cscd_refused(
    bench: Bench, changes: dict[str, int], wanted: AdditionalSense
) -> None:
    cscd = replace(bench.cscd(0), **changes)  # type: ignore[arg-type]  # any of them

    outcome = bench.copy(build_parameter_list([cscd], [Segment(0, 0, 1, 0, 1)]))

    assert bench.refusal(outcome, SenseKey.ILLEGAL_REQUEST) is wanted


@pytest.mark.parametrize(
    ("segment", "wanted"),
    [
        (
            Segment(0, 0, 1, type_code=0x03),
            AdditionalSense.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE,
        ),
        (Segment(0, 0, 1, descriptor_length=20), IN_LIST),
    ],
)
def test_segment_refused(
    bench: Bench, segment: Segment, wanted: AdditionalSense
) -> None:
    data = segment.build()[: segment.descriptor_length + 4]
    header = CopyHeader(cscd_length=32, segment_length=len(data))

    outcome = bench.copy(header.build() + bench.cscd(0).build() + data)

    assert bench.refusal(outcome, SenseKey.ILLEGAL_REQUEST) is wanted


@pytest.mark.parametrize(
    ("segment", "wanted"),
    [
        (Segment(0, 9, 1), UNREACHABLE),
        (Segment(9, 0, 1), UNREACHABLE),
        (Segment(4, 0, 1), NOT_REACHABLE),  # a unit of another target
        (Segment(5, 0, 1), NOT_REACHABLE),  # no designator that identifies the unit
        (Segment(6, 0, 1), WRONG_TYPE),  # another block size
        (Segment(7, 0, 1), WRONG_TYPE),  # a tape
        (Segment(0, 1, 2, 0, BLOCKS - 1), OUT_OF_RANGE),
        (Segment(0, 1, 2, BLOCKS - 1, 0), OUT_OF_RANGE),
        (Segment(0, 1, 0, 0, BLOCKS + 1), OUT_OF_RANGE),
        (Segment(0, 2, 9), AdditionalSense.UNEXPECTED_INEXACT_SEGMENT),
        (Segment(0, 3, 1), THIRD_PARTY),  # write protected
    ],
)
def test_copy_is_aborted_at_the_segment(
    bench: Bench, segment: Segment, wanted: AdditionalSense
) -> None:
    data = bench.fill(0, 0, 4)
    cscds = [
        *(bench.cscd(lun) for lun in range(4)),
        naa(bytes(8)),
        CSCD(Designator(DesignatorType.EUI_64, bench.device.units[0].naa)),
        replace(bench.cscd(0), block_length=4096),
        replace(bench.cscd(0), device_type=1),
    ]
    segments = [Segment(0, 1, 4, 0, 4000), segment, Segment(0, 1, 4, 0, 5000)]

    outcome = bench.copy(build_parameter_list(cscds, segments, list_identifier=7))

    assert bench.refusal(outcome, SenseKey.COPY_ABORTED) is wanted
    assert sense_data.parse(outcome.sense).command_specific == 1
    assert bench.read(1, 4000, 4) == data
    assert bench.read(1, 5000, 4) == bytes(2048)
    status = bench.receive(cdb.receive_copy_status, 7)
    assert isinstance(status, bytes)
    assert CopyStatus.parse(status) == CopyStatus(CopyManagerStatus.FAILED, 1, 2, 1)
    details = bench.receive(cdb.receive_copy_failure_details, 7)
    assert isinstance(details, bytes)
    assert parse_failure_details(details) == (
        SCSIStatus.CHECK_CONDITION,
        outcome.sense,
    )


def test_copy_respects_the_reservation_of_each_unit(bench: Bench) -> None:
    data = build_parameter_list(
        [bench.cscd(0), bench.cscd(1)], [Segment(0, 1, 1)], list_identifier=1
    )
    bench.send(cdb.reserve_6(), lun=1, nexus=B)

    refused = bench.copy(data, nexus=A)

    assert bench.refusal(refused, SenseKey.COPY_ABORTED) is THIRD_PARTY
    assert bench.copy(data, nexus=B).status is GOOD
    bench.send(cdb.reserve_6(), lun=0, nexus=B)
    assert bench.copy(data, nexus=A).status is SCSIStatus.RESERVATION_CONFLICT


def test_status_of_a_copy_is_held_for_its_nexus(bench: Bench) -> None:
    data = build_parameter_list(
        [bench.cscd(0)], [Segment(0, 0, 3, 0, 100)], list_identifier=1
    )
    assert bench.receive(cdb.receive_copy_status, 1) is IN_CDB
    bench.copy(data)

    wire = bench.receive(cdb.receive_copy_status, 1)

    assert isinstance(wire, bytes)
    assert CopyStatus.parse(wire) == CopyStatus(CopyManagerStatus.COMPLETED, 1, 2, 1)
    assert bench.receive(cdb.receive_copy_failure_details, 1) == bytes(4)
    assert bench.receive(cdb.receive_copy_status, 2) is IN_CDB
    assert bench.receive(cdb.receive_copy_status, 1, nexus=B) is IN_CDB
    bench.device.nexus_lost(A)
    bench.send(cdb.test_unit_ready())  # the unit attention of the lost nexus
    assert bench.receive(cdb.receive_copy_status, 1) is IN_CDB


@pytest.mark.parametrize("usage", [ListIDUsage.DISCARD, ListIDUsage.NONE])
def test_nothing_is_held_where_nothing_is_wanted(
    bench: Bench, usage: ListIDUsage
) -> None:
    identifier = 0 if usage is ListIDUsage.NONE else 1
    bench.copy(
        build_parameter_list(
            [bench.cscd(0)],
            [Segment(0, 0, 1, 0, 1)],
            list_identifier=identifier,
            list_id_usage=usage,
        )
    )

    assert bench.receive(cdb.receive_copy_status, identifier) is IN_CDB


def test_reset_forgets_what_was_held(bench: Bench) -> None:
    bench.copy(
        build_parameter_list(
            [bench.cscd(0)], [Segment(0, 0, 1, 0, 1)], list_identifier=1
        )
    )

    bench.device.logical_unit_reset(0)
    bench.send(cdb.test_unit_ready())

    assert bench.receive(cdb.receive_copy_status, 1) is IN_CDB
