# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY (LID1) and the status of copies (SPC-4 sections 6.4, 6.23, 6.24)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.task import Result
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.copy_results import CopyManagerStatus, CopyStatus, OperatingParameters
from iscsi.scsi.extended_copy import (
    CSCD,
    ListIDUsage,
    Segment,
    build_parameter_list,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.vpd import Designator
from suites.support.applicability import (
    skip_if_unknown,
    skip_unless_reported,
    skip_without,
)
from suites.support.copying import cscd_of, is_aborted, send_copy
from suites.support.expect import expect_sense
from suites.support.media import Medium

ROOM = 4096
LIST_LENGTH = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
TOO_MANY = {
    "cscds": AdditionalSense.TOO_MANY_TARGET_DESCRIPTORS,
    "segments": AdditionalSense.TOO_MANY_SEGMENT_DESCRIPTORS,
}
UNKNOWN = {
    "cscd": AdditionalSense.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE,
    "segment": AdditionalSense.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE,
}
FROM, TO, COUNT = 2, 16, 4
MOST_BLOCKS = 0xFFFF
"""What a segment descriptor can count."""
UNUSED_TYPE = 0xBF
RESERVED_LIST = 0x77


@pytest.fixture
def medium(medium: Medium) -> Medium:
    """A disk that can copy its blocks."""
    skip_without(medium.session, cdb.extended_copy)
    return medium


@pytest.fixture
def itself(medium: Medium) -> CSCD:
    """A CSCD descriptor of the unit, by one of its designators."""
    return cscd_of(medium.session, medium.disk.block_size)


def copy(medium: Medium, data: bytes) -> Result:
    """Send EXTENDED COPY with a parameter list."""
    return send_copy(medium.session, data)


def segment(
    *, source: int = 0, destination: int = 0, source_lba: int = FROM
) -> Segment:
    """Return a segment from one place of the first CSCD to another."""
    return Segment(source, destination, COUNT, source_lba, TO)


def longest(medium: Medium) -> int:
    """Return how many blocks a segment within the unit can have."""
    limit = limits_of(medium).maximum_segment_length // medium.disk.block_size
    # A segment counts in 16 bits, and has as much room again and a block to go to.
    ends = (MOST_BLOCKS, (medium.disk.blocks - 1) // 2, *([limit] if limit else []))
    return min(ends)


def limits_of(medium: Medium) -> OperatingParameters:
    """Return the copy manager's limits; skip if it does not report them."""
    layout = cdb.receive_copy_operating_parameters
    skip_without(medium.session, layout)
    result = medium.session.execute(layout(allocation_length=ROOM), read=ROOM)
    expect_good(result)
    try:
        return OperatingParameters.parse(result.data)
    except DecodeError as error:
        check(False, "complete operating parameters", str(error))
        raise


def status_of(medium: Medium, list_identifier: int) -> Result:
    """Return the status of a copy; skip if the unit does not report it."""
    layout = cdb.receive_copy_status
    command = layout(list_identifier=list_identifier, allocation_length=ROOM)
    result = medium.session.execute(command, read=ROOM)
    skip_if_unknown(result, layout)
    return result


def expect_not_copied(medium: Medium, result: Result, before: bytes) -> None:
    """Expect that a copy failed and did not change its destination."""
    check(is_aborted(result), "COPY ABORTED or ILLEGAL REQUEST", result)
    expect_data(medium.read(TO, COUNT), before, what="the blocks as they were")


@pytest.mark.requirement("SPC4-6.4-01")
def test_blocks_are_copied(medium: Medium, itself: CSCD) -> None:
    """Block to block segments copy their blocks; the neighbours are unchanged."""
    size = medium.disk.block_size
    source, around = medium.blocks(COUNT, seed=1), medium.blocks(COUNT + 2, seed=2)
    medium.write(FROM, source)
    medium.write(TO - 1, around)

    expect_good(copy(medium, build_parameter_list([itself], [segment()])))

    expected = around[:size] + source + around[-size:]
    read_back = medium.read(TO - 1, COUNT + 2)
    expect_data(read_back, expected, what="the copy, and the neighbours as they were")


@pytest.mark.requirement("SPC4-6.4-01")
def test_the_longest_segment_is_copied(medium: Medium, itself: CSCD) -> None:
    """A segment of the greatest length that the unit reports is copied to its end."""
    count = longest(medium)
    if count <= COUNT:
        pytest.skip("not applicable: no segment is longer than a few blocks")
    # At each power of two, where a copy that is cut or goes in steps may err.
    places = sorted(
        {0, count - 1, *(1 << bit for bit in range(count.bit_length() - 1))}
    )
    for place in places:
        medium.write(place, medium.blocks(1, seed=place % 97 + 1))
        medium.write(count + place, medium.blocks(1, seed=0))
    behind = medium.blocks(1, seed=98)
    medium.write(2 * count, behind)
    segment = Segment(0, 0, count, 0, count)

    expect_good(copy(medium, build_parameter_list([itself], [segment])))

    for place in places:
        expected = medium.blocks(1, seed=place % 97 + 1)
        expect_data(medium.read(count + place, 1), expected, what=f"block {place}")
    expect_data(medium.read(2 * count, 1), behind, what="the block behind as it was")


@pytest.mark.requirement("SPC4-6.4-02")
def test_an_empty_list_copies_nothing(medium: Medium) -> None:
    """EXTENDED COPY with PARAMETER LIST LENGTH 0 ends GOOD."""
    expect_good(medium.session.execute(cdb.extended_copy(parameter_list_length=0)))


@pytest.mark.requirement("SPC4-6.4-03")
@pytest.mark.parametrize("lost", ["header", "descriptors"])
def test_a_list_cut_short_is_refused(medium: Medium, itself: CSCD, lost: str) -> None:
    """The unit refuses a list that ends within its header or its descriptors."""
    before = medium.blocks(COUNT, seed=3)
    medium.write(TO, before)
    parameter_list = build_parameter_list([itself], [segment()])
    cut = parameter_list[:15] if lost == "header" else parameter_list[:-1]

    result = copy(medium, cut)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, LIST_LENGTH)
    expect_data(medium.read(TO, COUNT), before, what="the blocks as they were")


@pytest.mark.requirement("SPC4-6.4-04")
@pytest.mark.parametrize("what", TOO_MANY)
def test_too_many_descriptors_are_refused(
    medium: Medium, itself: CSCD, what: str
) -> None:
    """The unit refuses more descriptors than its operating parameters allow."""
    limits = limits_of(medium)
    maximum = {
        "cscds": limits.maximum_cscd_count,
        "segments": limits.maximum_segment_count,
    }[what]
    cscds = [itself] * (maximum + 1 if what == "cscds" else 1)
    segments = [segment()] * (maximum + 1 if what == "segments" else 1)

    result = copy(medium, build_parameter_list(cscds, segments))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, TOO_MANY[what], LIST_LENGTH)


@pytest.mark.requirement("SPC4-6.4-05")
@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_descriptors_are_refused(
    medium: Medium, itself: CSCD, what: str
) -> None:
    """The unit refuses an undefined DESCRIPTOR TYPE CODE."""
    parameter_list = bytearray(build_parameter_list([itself], [segment()]))
    place = {"cscd": 16, "segment": 16 + 32}[what]
    parameter_list[place] = UNUSED_TYPE

    result = copy(medium, bytes(parameter_list))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, UNKNOWN[what])


@pytest.mark.requirement("SPC4-6.4-06")
def test_a_missing_unit_is_not_copied(medium: Medium, itself: CSCD) -> None:
    """The unit does not copy from a CSCD that designates no unit."""
    before = medium.blocks(COUNT, seed=4)
    medium.write(TO, before)
    named = itself.designator
    other = bytes(byte ^ 0x5A for byte in named.designator[1:])
    nobody = Designator(
        named.type, named.designator[:1] + other, named.association, named.code_set
    )
    cscds = [CSCD(nobody, medium.disk.block_size), itself]

    result = copy(medium, build_parameter_list(cscds, [segment(destination=1)]))

    expect_not_copied(medium, result, before)


@pytest.mark.requirement("SPC4-6.4-07")
@pytest.mark.parametrize("what", ["unlisted-cscd", "beyond-the-end"])
def test_an_impossible_segment_aborts_the_copy(
    medium: Medium, itself: CSCD, what: str
) -> None:
    """The unit copies no segment of an unlisted CSCD or beyond the end."""
    before = medium.blocks(COUNT, seed=5)
    medium.write(TO, before)
    wrong = {
        "unlisted-cscd": segment(source=3),
        "beyond-the-end": segment(source_lba=medium.disk.blocks - 1),
    }[what]

    result = copy(medium, build_parameter_list([itself], [wrong]))

    expect_not_copied(medium, result, before)


@pytest.mark.requirement("SPC4-6.24-01")
def test_the_status_of_a_copy_is_held(medium: Medium, itself: CSCD) -> None:
    """RECEIVE COPY STATUS reports how a copy with a list identifier ended."""
    status_of(medium, RESERVED_LIST)
    data = build_parameter_list(
        [itself], [segment()], list_identifier=7, list_id_usage=ListIDUsage.HOLD
    )
    expect_good(copy(medium, data))

    result = status_of(medium, 7)

    if not result.is_good:
        # A target without this service action refuses it in the same way as an unknown
        # list.
        skip_unless_reported(medium.session, cdb.receive_copy_status)
    expect_good(result)
    reported = CopyStatus.parse(result.data)
    check(reported.status == CopyManagerStatus.COMPLETED, "completed", reported)
    check(reported.segments_processed == 1, "one segment processed", reported)


@pytest.mark.requirement("SPC4-6.24-02")
def test_an_unknown_copy_has_no_status(medium: Medium) -> None:
    """The unit refuses RECEIVE COPY STATUS of an unused list identifier."""
    result = status_of(medium, RESERVED_LIST)

    in_cdb = AdditionalSense.INVALID_FIELD_IN_CDB
    expect_sense(result, SenseKey.ILLEGAL_REQUEST, in_cdb)


@pytest.mark.requirement("SPC4-6.23-01")
def test_limits_are_reported(medium: Medium) -> None:
    """RECEIVE COPY OPERATING PARAMETERS reports limits that allow a copy."""
    limits = limits_of(medium)
    layout = cdb.receive_copy_operating_parameters
    data = medium.session.execute(layout(allocation_length=ROOM), read=ROOM).data

    reported = int.from_bytes(data[:4], "big")
    check(len(data) == 4 + reported, f"{4 + reported} bytes", len(data))
    counts = (limits.maximum_cscd_count, limits.maximum_segment_count)
    check(all(counts), "a CSCD and a segment at least", counts)
    types = limits.descriptor_types
    check(list(types) == sorted(set(types)), "ascending descriptor types", types)
