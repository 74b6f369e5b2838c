# SPDX-License-Identifier: GPL-2.0-only
"""The struct headers agree with the Scapy layers on every field."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi import headers, pdu
from iscsi.constants import BHS_LENGTH
from iscsi.headers.layout import header_of

EVERY_HEADER = pytest.mark.parametrize(
    "opcode", headers.BY_OPCODE, ids=lambda opcode: headers.BY_OPCODE[opcode].__name__
)
BYTES = st.binary(min_size=BHS_LENGTH, max_size=BHS_LENGTH)


def test_each_layer_has_a_twin_of_the_same_name() -> None:
    twins = {opcode: cls.__name__ for opcode, cls in headers.BY_OPCODE.items()}

    assert twins == {opcode: cls.__name__ for opcode, cls in pdu.BY_OPCODE.items()}


@EVERY_HEADER
@given(noise=BYTES)
def test_parsing_random_bytes_agrees_on_every_field(opcode: int, noise: bytes) -> None:
    first = bytes([noise[0] & 0xC0 | opcode])
    wire = first + noise[1:4] + bytes(1) + noise[5:]

    twin = headers.BY_OPCODE[opcode].parse(wire)

    layer = pdu.decode(wire)
    observed = {item.name: getattr(twin, item.name) for item in fields(twin)}
    assert observed == {name: getattr(layer, name) for name in observed}


@EVERY_HEADER
@given(noise=BYTES)
def test_packing_gives_the_layers_bytes(opcode: int, noise: bytes) -> None:
    twin = headers.BY_OPCODE[opcode].parse(noise)
    values = {item.name: getattr(twin, item.name) for item in fields(twin)}

    packed = twin.pack()

    layer = pdu.BY_OPCODE[opcode](**values, padding=b"")
    assert packed == bytes(layer)[:BHS_LENGTH]


@EVERY_HEADER
def test_defaults_are_the_layers_defaults(opcode: int) -> None:
    assert headers.BY_OPCODE[opcode]().pack() == bytes(pdu.BY_OPCODE[opcode]())


@EVERY_HEADER
def test_every_field_that_is_not_reserved_has_a_twin(opcode: int) -> None:
    layer = {item.name for item in pdu.BY_OPCODE[opcode].fields_desc}
    twin = {item.name for item in fields(headers.BY_OPCODE[opcode])}

    left_out = {name for name in layer - twin if not name.startswith("reserved")}

    assert left_out == {"opcode", "ahs", "data", "padding"}


def test_parsing_starts_at_the_offset_given() -> None:
    wire = headers.R2T(r2t_sn=7, desired_data_transfer_length=512).pack()

    assert headers.R2T.parse(b"\xff" * 5 + wire, 5).r2t_sn == 7


@pytest.mark.parametrize("kind", [int, bool])
def test_a_field_of_another_name_or_width_is_refused(kind: type) -> None:
    name = "final" if kind is int else "r2t_sn"
    wrong = type("Wrong", (headers.Header,), {"__annotations__": {name: kind}})
    unknown = type("Unknown", (headers.Header,), {"__annotations__": {"fianl": bool}})

    with pytest.raises(TypeError, match=f"R2T has no field {name}"):
        header_of(pdu.R2T)(wrong)
    with pytest.raises(TypeError, match="R2T has no field fianl"):
        header_of(pdu.R2T)(unknown)
