# SPDX-License-Identifier: GPL-2.0-only
"""Every PDU: built, dissected, built again; and every lie a tester may tell."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.fields import BitField, StrFixedLenField

from iscsi.errors import DecodeError
from iscsi.pdu import BY_OPCODE, PDU, NOPOut, SCSICommand, UnknownPDU, decode

LAYERS = list(BY_OPCODE.values())
SKIPPED = {
    "opcode",
    "total_ahs_length",
    "data_segment_length",
    "ahs",
    "padding",
    "data",
}


def fill(cls: type[PDU], seed: int, data: bytes) -> PDU:
    dice = random.Random(seed)  # noqa: S311  # no secret
    values: dict[str, object] = {"data": data}
    for field in cls.fields_desc:
        if field.name in SKIPPED:
            continue
        if isinstance(field, StrFixedLenField):
            values[field.name] = dice.randbytes(int(field.sz))
        else:
            bits = field.size if isinstance(field, BitField) else field.sz * 8
            values[field.name] = dice.getrandbits(int(bits))
    return cls(**values)


@pytest.mark.parametrize("cls", [*LAYERS, UnknownPDU], ids=lambda cls: cls.__name__)
@given(seed=st.integers(0, 2**32), data=st.binary(max_size=70))
def test_what_is_built_is_dissected_and_built_again(
    cls: type[PDU], seed: int, data: bytes
) -> None:
    pdu = fill(cls, seed, data)
    wire = bytes(pdu)

    tcp_segments = decode(*pdu.segments())

    assert type(tcp_segments) is cls
    assert bytes(tcp_segments) == wire
    assert len(wire) == 48 + len(data) + -len(data) % 4
    assert bytes(tcp_segments.data) == data
    assert {f: getattr(tcp_segments, f) for f in pdu.fields} == pdu.fields
    assert (
        bytes(cls(**{f: getattr(tcp_segments, f) for f in tcp_segments.fields})) == wire
    )


@given(st.binary(min_size=48, max_size=48), st.binary(max_size=40))
def test_any_bytes_are_some_pdu(header: bytes, data: bytes) -> None:
    header = header[:4] + bytes(4) + header[8:]

    assert bytes(decode(header, data))[:48] == header


def test_a_header_that_is_too_short_is_refused() -> None:
    with pytest.raises(DecodeError, match="47 bytes where 48 were expected"):
        decode(bytes(47))


def test_lengths_may_be_false() -> None:
    pdu = NOPOut(data=b"four", data_segment_length=0x123456, total_ahs_length=7)

    header, data = pdu.segments()

    assert header[4:8] == b"\x07\x12\x34\x56"
    assert data == b"four"


def test_padding_may_be_anything() -> None:
    assert NOPOut(data=b"x", padding=b"").segments()[1] == b"x"
    assert NOPOut(data=b"x", padding=b"\xff" * 7).segments()[1] == b"x" + b"\xff" * 7


@pytest.mark.parametrize("cls", LAYERS, ids=lambda cls: cls.__name__)
def test_each_layer_has_the_opcode_of_its_table(cls: type[PDU]) -> None:
    assert cls.opcode_of_class is not None
    assert BY_OPCODE[cls.opcode_of_class] is cls
    assert cls().opcode == cls.opcode_of_class


def test_a_copy_is_as_free_as_the_original() -> None:
    original = SCSICommand(cdb=b"\1")
    copy = original.copy()
    copy.cmd_sn = 7

    assert "cmd_sn" not in original.fields
    assert copy.cdb == original.cdb
