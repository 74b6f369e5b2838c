# SPDX-License-Identifier: GPL-2.0-only
"""LUNs in their forms, and REPORT LUNS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi import luns
from iscsi.scsi.luns import LUNForm


@pytest.mark.parametrize(
    ("lun", "form", "expected"),
    [
        (0, None, "0000000000000000"),
        (5, None, "0005000000000000"),
        (255, None, "00ff000000000000"),
        (256, None, "4100000000000000"),
        (16383, None, "7fff000000000000"),
        (16384, None, "d200400000000000"),
        (5, LUNForm.FLAT, "4005000000000000"),
        (5, LUNForm.EXTENDED_FLAT, "d200000500000000"),
        (luns.REPORT_LUNS_WELL_KNOWN, None, "c101000000000000"),
    ],
)
def test_lun_is_written_in_its_form(
    lun: int, form: LUNForm | None, expected: str
) -> None:
    raw = luns.encode(lun, form)

    assert raw == bytes.fromhex(expected)
    assert luns.decode(raw) == lun
    assert luns.decode(int.from_bytes(raw, "big")) == lun


@pytest.mark.parametrize(
    ("lun", "form"),
    [(256, LUNForm.PERIPHERAL), (2**14, LUNForm.FLAT), (2**24, None), (-1, None)],
)
def test_number_too_large_for_the_form_is_refused(
    lun: int, form: LUNForm | None
) -> None:
    with pytest.raises(ValueError, match=f"LUN {lun}"):
        luns.encode(lun, form)


@pytest.mark.parametrize(
    "raw",
    ["0105000000000000", "0005000100000000", "8000000000000000", "ffffffffffffffff"],
)
def test_lun_of_several_levels_is_no_small_number(raw: str) -> None:
    assert luns.decode(bytes.fromhex(raw)) == int(raw, 16)


@pytest.mark.parametrize("raw", ["0000000000000001", "0000000000ffffff"])
def test_a_deeper_level_is_no_single_level_lun(raw: str) -> None:
    data = bytes.fromhex(raw)

    assert luns.decode(data) >= 2**24
    assert luns.encode(luns.decode(data)) == data


@given(st.lists(st.integers(0, 2**24 - 1)))
def test_report_comes_back(numbers: list[int]) -> None:
    assert luns.parse_report(luns.build_report(numbers)) == numbers


@pytest.mark.parametrize(
    "data", ["", "0000000800000000", "0000000700000000" + "00" * 8]
)
def test_report_cut_short_is_refused(data: str) -> None:
    with pytest.raises(DecodeError):
        luns.parse_report(bytes.fromhex(data))
