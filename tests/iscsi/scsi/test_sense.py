# SPDX-License-Identifier: GPL-2.0-only
"""Sense data: vectors by hand from SPC-4, and what it says comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey, parse, read


def test_fixed_format_is_laid_out_as_the_standard_says() -> None:
    sense = Sense.of(
        SenseKey.ILLEGAL_REQUEST,
        AdditionalSense.INVALID_FIELD_IN_CDB,
        information=0x01020304,
        field_pointer=FieldPointer(2, 5),
    )

    assert sense.build() == bytes.fromhex("f0000501020304 0a 00000000 24 00 00 cd0002")


def test_descriptor_format_is_laid_out_as_the_standard_says() -> None:
    sense = Sense.of(
        SenseKey.MISCOMPARE,
        AdditionalSense.MISCOMPARE_DURING_VERIFY_OPERATION,
        information=0x1122334455667788,
    )

    assert sense.build(descriptor=True) == bytes.fromhex(
        "720e1d00 0000000c 000a8000 1122334455667788"
    )


def test_progress_is_sense_key_specific_of_not_ready() -> None:
    sense = Sense.of(
        SenseKey.NOT_READY,
        AdditionalSense.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS,
        progress=0x8000,
    )

    assert sense.build()[15:] == bytes.fromhex("808000")
    assert parse(sense.build()).progress == 0x8000


def test_information_too_large_for_the_fixed_format_is_not_valid() -> None:
    data = Sense(SenseKey.MEDIUM_ERROR, information=2**32).build()

    assert data[0] == 0x70
    assert parse(data).information is None


@given(
    st.sampled_from(SenseKey),
    st.sampled_from(AdditionalSense),
    st.none() | st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_sense_comes_back_from_either_format(
    key: SenseKey,
    additional: AdditionalSense,
    information: int | None,
    is_descriptor: bool,
) -> None:
    sense = Sense.of(key, additional, information=information)

    parsed = parse(sense.build(descriptor=is_descriptor))

    assert parsed.key is key
    assert parsed.additional is additional
    assert parsed.information == information
    assert parsed.is_descriptor_format is is_descriptor


@given(st.integers(0, 0xFFFF), st.none() | st.integers(0, 7), st.booleans())
def test_field_pointer_comes_back(byte: int, bit: int | None, in_cdb: bool) -> None:
    pointer = FieldPointer(byte, bit, in_cdb=in_cdb)

    for is_descriptor in (False, True):
        data = Sense(SenseKey.ILLEGAL_REQUEST, field_pointer=pointer).build(
            descriptor=is_descriptor
        )
        assert parse(data).field_pointer == pointer


def test_fixed_format_cut_short_reads_as_zeros() -> None:
    assert parse(bytes.fromhex("7000060000000000")).asc == 0


def test_unknown_additional_sense_has_no_name() -> None:
    assert parse(bytes.fromhex("72058034 00000000")).additional is None


def test_deferred_error_is_distinguished() -> None:
    assert parse(Sense(SenseKey.MEDIUM_ERROR, is_deferred=True).build()).is_deferred


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00",
        "7e00",
        "70",
        "7200000000000004",
        "720000000000000400",
        "70000c0000000000",
    ],
)
def test_what_is_no_sense_data_is_refused(data: str) -> None:
    with pytest.raises(DecodeError):
        parse(bytes.fromhex(data))


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except DecodeError:
        return
    assert data[0] & 0x7F in range(0x70, 0x74)


def test_additional_sense_codes_are_unique() -> None:
    assert len({entry.value for entry in AdditionalSense}) == len(
        AdditionalSense.__members__
    )


def test_descriptors_are_found_by_type_if_complete() -> None:
    information = bytes.fromhex("000a8000 0000000000000007")
    invalid = bytes.fromhex("000a0000 0000000000000009")
    command_specific = bytes.fromhex("010a0000 0000000000000008")
    pointer = bytes.fromhex("02060000 c8000200")
    short, unknown = bytes.fromhex("0002ffff"), bytes.fromhex("8001ff")
    descriptors = information + invalid + command_specific + pointer + short + unknown
    header = bytes([0x72, 5, 0x24, 0, 0, 0, 0, len(descriptors)])

    sense = parse(header + descriptors)

    assert sense == Sense(
        SenseKey.ILLEGAL_REQUEST,
        0x24,
        0,
        information=7,
        command_specific=8,
        field_pointer=FieldPointer(2, 0),
        is_descriptor_format=True,
    )


def test_command_specific_information_stands_in_both_formats() -> None:
    sense = Sense(SenseKey.COPY_ABORTED, 0x0D, 2, command_specific=0x0102)

    assert sense.build()[8:12] == bytes.fromhex("00000102")
    assert sense.build(descriptor=True)[8:] == bytes.fromhex(
        "010a0000 0000000000000102"
    )


def test_sense_in_words_names_what_the_table_has() -> None:
    named = Sense.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_OCCURRED)
    unnamed = Sense(SenseKey.HARDWARE_ERROR, 0x99, 0x01)

    assert str(named) == "UNIT ATTENTION, POWER ON OCCURRED 29h/01h"
    assert str(unnamed) == "HARDWARE ERROR 99h/01h"
    assert unnamed.additional is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("70000500", Sense(SenseKey.ILLEGAL_REQUEST, is_code_cut_off=True)),
        ("f0000601", Sense(SenseKey.UNIT_ATTENTION, is_code_cut_off=True)),
        (
            "7205",
            Sense(
                SenseKey.ILLEGAL_REQUEST,
                is_descriptor_format=True,
                is_code_cut_off=True,
            ),
        ),
        ("72022904", Sense(SenseKey.NOT_READY, 0x29, 0x04, is_descriptor_format=True)),
        (
            "72022904 0000000c 000a",
            Sense(SenseKey.NOT_READY, 0x29, 0x04, is_descriptor_format=True),
        ),
    ],
)
def test_sense_that_is_cut_short_is_read_as_far_as_it_goes(
    data: str, expected: Sense
) -> None:
    parsed, error = read(bytes.fromhex(data))

    assert parsed == expected
    assert error is not None
    assert "were expected" in str(error)


@pytest.mark.parametrize("data", ["70000500", "70000500 0000000a 00000000 2000"])
def test_a_code_that_is_cut_off_may_be_any(data: str) -> None:
    parsed, error = read(bytes.fromhex(data))

    is_complete = error is None
    assert parsed.is_or_is_cut_off(AdditionalSense.INVALID_COMMAND_OPERATION_CODE)
    assert (
        parsed.is_or_is_cut_off(AdditionalSense.INVALID_FIELD_IN_CDB) is not is_complete
    )


@pytest.mark.parametrize("data", ["", "70", "7000", "00000500"])
def test_what_has_no_sense_key_cannot_be_read(data: str) -> None:
    with pytest.raises(DecodeError):
        read(bytes.fromhex(data))


def test_complete_sense_has_no_error() -> None:
    sense = Sense.of(
        SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_COMMAND_OPERATION_CODE
    )

    assert read(sense.build()) == (sense, None)
