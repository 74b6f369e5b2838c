# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY and RECEIVE COPY RESULTS data, both ways."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi.copy_results import (
    CopyManagerStatus,
    CopyStatus,
    OperatingParameters,
    build_failure_details,
    build_third_party_copy_page,
    parse_failure_details,
)
from iscsi.scsi.extended_copy import (
    CSCD,
    CopyHeader,
    ListIDUsage,
    Segment,
    build_parameter_list,
    naa,
    split_cscds,
    split_segments,
)
from iscsi.scsi.vpd import Designator

NAA = bytes.fromhex("3123456789abcdef")
LIMITS = OperatingParameters(16, 32, 1408, 1 << 20, descriptor_types=(0x02, 0xE4))


def bits(width: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**width - 1)


def test_cscd_has_its_fields_in_place() -> None:
    wire = naa(NAA, block_length=0x1000).build()

    assert wire.hex() == (
        "e4000000 01030008 3123456789abcdef 000000000000000000000000 00001000".replace(
            " ", ""
        )
    )


@given(
    st.builds(
        CSCD,
        st.builds(Designator, bits(4), st.binary(max_size=20), bits(2), bits(4)),
        bits(24),
        st.booleans(),
        st.booleans(),
        bits(5),
        bits(2),
        bits(16),
    )
)
def test_cscd_round_trips(cscd: CSCD) -> None:
    assert CSCD.parse(cscd.build()) == cscd


def test_segment_has_its_fields_in_place() -> None:
    wire = Segment(1, 2, 2048, 3, 4, destination_count=True).build()

    assert wire.hex() == (
        "02020018 00010002 00000800 0000000000000003 0000000000000004".replace(" ", "")
    )


@given(
    st.builds(
        Segment,
        bits(16),
        bits(16),
        bits(16),
        bits(64),
        bits(64),
        st.booleans(),
        st.booleans(),
    )
)
def test_segment_round_trips(segment: Segment) -> None:
    assert Segment.parse(segment.build()) == segment


@pytest.mark.parametrize(
    ("parse", "wire", "field"),
    [
        (
            CSCD.parse,
            naa(NAA).build()[:31],
            "identification descriptor CSCD descriptor",
        ),
        (CSCD.parse, b"\xe0" + bytes(31), "DESCRIPTOR TYPE CODE"),
        (CSCD.parse, b"\xe4" + bytes(6) + b"\x15" + bytes(24), "DESIGNATOR LENGTH"),
        (Segment.parse, bytes(27), "block to block segment descriptor"),
        (Segment.parse, bytes(28), "DESCRIPTOR TYPE CODE"),
        (Segment.parse, b"\x02" + bytes(27), "DESCRIPTOR LENGTH"),
        (split_cscds, bytes(33), "CSCD DESCRIPTOR LIST LENGTH"),
        (split_segments, b"\x02\0\0", "SEGMENT DESCRIPTOR LIST LENGTH"),
        (split_segments, b"\x02\0\0\x05" + bytes(4), "SEGMENT DESCRIPTOR LIST LENGTH"),
        (parse_failure_details, bytes(59), "AVAILABLE DATA"),
    ],
)
def test_malformed_data_is_refused(
    parse: Callable[[bytes], object], wire: bytes, field: str
) -> None:
    with pytest.raises(DecodeError) as error:
        parse(wire)

    assert error.value.field == field


def test_parameter_list_says_its_lengths() -> None:
    cscds = [naa(NAA), naa(NAA)]
    segments = [Segment(0, 1, 8)]

    wire = build_parameter_list(
        cscds,
        segments,
        list_identifier=9,
        list_id_usage=ListIDUsage.DISCARD,
        inline=b"abc",
    )

    header = CopyHeader.parse(wire)
    assert wire[:2] == b"\x09\x10"
    assert header == CopyHeader(9, ListIDUsage.DISCARD, 0, False, 64, 28, 3)
    assert header.total == len(wire)
    assert [CSCD.parse(each) for each in split_cscds(wire[16:80])] == cscds
    assert [Segment.parse(each) for each in split_segments(wire[80:108])] == segments


def test_copy_status_round_trips() -> None:
    status = CopyStatus(CopyManagerStatus.FAILED, 3, 2048, 1, held_data_discarded=True)
    wire = status.build()

    assert wire.hex() == "000000088200030100000800"
    assert CopyStatus.parse(wire) == status


def test_operating_parameters_round_trip() -> None:
    wire = LIMITS.build()

    assert len(wire) == 44 + 2
    assert wire[:4] == b"\0\0\0\x2a"
    assert (wire[4], wire[8:12].hex(), wire[43:].hex()) == (1, "00100020", "0202e4")
    assert OperatingParameters.parse(wire) == LIMITS


def test_failure_details_round_trip() -> None:
    wire = build_failure_details(2, b"\x70\0\x0a")

    assert wire[:4] == (len(wire) - 4).to_bytes(4, "big")
    assert (wire[56], wire[58:60]) == (2, b"\0\x03")
    assert parse_failure_details(wire) == (2, b"\x70\0\x0a")


def test_third_party_copy_page_is_a_chain_of_padded_descriptors() -> None:
    page = build_third_party_copy_page(LIMITS, {0x83: [0], 0x84: [0, 3, 4]})

    collected = {}
    offset = 0
    while offset < len(page):
        kind = int.from_bytes(page[offset : offset + 2], "big")
        length = int.from_bytes(page[offset + 2 : offset + 4], "big")
        assert length % 4 == 0
        collected[kind] = page[offset + 4 : offset + 4 + length]
        offset += 4 + length
    assert collected[0x0001] == b"\x08\x83\x01\x00\x84\x03\x00\x03\x04\0\0\0"
    assert len(collected[0x0004]) == 0x1C
    assert collected[0x0008] == b"\x02\x02\xe4\0"
    assert collected[0x000C] == b"\0\x02\xf8\0"
    assert len(collected[0x8001]) == 0x20
