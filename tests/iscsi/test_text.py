# SPDX-License-Identifier: GPL-2.0-only
import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi import text
from iscsi.errors import DecodeError

KEYS = st.from_regex(r"[A-Z][A-Za-z0-9.+@_-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
PAIRS = st.lists(st.tuples(KEYS, VALUES), max_size=6)


@given(PAIRS)
def test_pairs_survive_the_wire(pairs: text.Pairs) -> None:
    assert text.decode(text.encode(pairs)) == pairs


@given(PAIRS, st.integers(1, 50))
def test_text_survives_being_cut(pairs: text.Pairs, size: int) -> None:
    parts = text.split(text.encode(pairs), size)
    joiner = text.Joiner()

    matches = [joiner.add(part, continues=True) for part in parts[:-1]]

    assert matches == [None] * (len(parts) - 1)
    assert joiner.add(parts[-1], continues=False) == pairs
    assert joiner.is_empty


def test_order_and_repetition_are_kept() -> None:
    assert text.decode(b"B=1\0A=2\0B=3\0") == [("B", "1"), ("A", "2"), ("B", "3")]


def test_only_the_first_equals_sign_parts_key_and_value() -> None:
    assert text.decode(b"CHAP_C=0b==\0") == [("CHAP_C", "0b==")]


def test_padding_counted_into_the_segment_is_let_pass() -> None:
    assert text.decode(b"A=1\0\0\0") == [("A", "1")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"A=1", "does not end with NUL"),
        (b"A1\0", "holds no '='"),
        (b"A=1\0\0B=2\0", "holds no '='"),
        (b"A=\xff\0", "not UTF-8"),
    ],
)
def test_malformed_text_is_refused_with_its_reason(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        text.decode(data)


def test_text_without_end_is_bounded() -> None:
    joiner = text.Joiner(limit=100)
    joiner.add(bytes(100), continues=True)

    with pytest.raises(DecodeError, match="longer than 100"):
        joiner.add(b"x", continues=True)


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("10", 10), ("0x0A", 10), ("0Xff", 255), ("0x000001", 1)],
)
def test_numbers_are_decimal_or_hexadecimal(value: str, number: int) -> None:
    assert text.parse_number(value) == number


@pytest.mark.parametrize("value", ["", "010", "-1", "1 ", "0x", "0xg", "1e3", "ten"])
def test_other_numbers_are_refused(value: str) -> None:
    with pytest.raises(DecodeError):
        text.parse_number(value)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ("0x00ff", b"\0\xff"),
        ("0xfff", b"\x0f\xff"),
        ("0bAP8=", b"\0\xff"),
        ("0BAP8=", b"\0\xff"),
        ("255", b"\xff"),
        ("0", b"\0"),
    ],
)
def test_binary_values_have_three_forms(value: str, data: bytes) -> None:
    assert text.parse_binary(value) == data


@pytest.mark.parametrize("value", ["0x", "0xzz", "0bA", "0b*", str(2**64), "abc"])
def test_other_binary_values_are_refused(value: str) -> None:
    with pytest.raises(DecodeError):
        text.parse_binary(value)


def test_binary_values_are_bounded() -> None:
    assert text.parse_binary("0x" + "00" * 8, max_length=8) == bytes(8)
    with pytest.raises(DecodeError, match="9 bytes"):
        text.parse_binary("0x" + "00" * 9, max_length=8)


@given(st.binary(min_size=1, max_size=60))
def test_binary_forms_are_inverse(data: bytes) -> None:
    assert text.parse_binary(text.format_hex(data)) == data
    assert text.parse_binary(text.format_base64(data)) == data
    assert text.format_base64(data)[2:] == base64.b64encode(data).decode()


@pytest.mark.parametrize("parse", [text.parse_boolean])
@pytest.mark.parametrize("value", ["yes", "YES", "1", ""])
def test_other_booleans_are_refused(parse: Callable[[str], bool], value: str) -> None:
    with pytest.raises(DecodeError):
        parse(value)


def test_lists_keep_their_order() -> None:
    assert text.parse_list("CRC32C,None") == ["CRC32C", "None"]
    assert text.parse_list("") == []


@pytest.mark.parametrize(
    ("name", "is_label"),
    [
        ("HeaderDigest", True),
        ("X-com.example.a_b@c+1", True),
        ("X#NodeArchitecture", True),
        ("headerDigest", False),
        ("1Key", False),
        ("Key Name", False),
        ("K" * 63, True),
        ("K" * 64, False),
    ],
)
def test_standard_labels(name: str, is_label: bool) -> None:
    assert text.is_standard_label(name) is is_label
