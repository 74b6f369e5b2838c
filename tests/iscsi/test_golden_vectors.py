# SPDX-License-Identifier: GPL-2.0-only
"""PDUs of independent stacks, and of the RFC's own layouts, through our layers."""

import json
from pathlib import Path
from typing import Any

import pytest

from iscsi import headers
from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.framing import Decoder, Digests, Frame, encode
from iscsi.pdu import PDU, BidirectionalReadLength, ExtendedCDB, decode
from tests.iscsi.tshark_fields import TABLE, UNSHOWN

FOLDER = Path(__file__).parents[1] / "vectors"
FILES = sorted(FOLDER.glob("*.json"))
LISTED: list[tuple[str, dict[str, Any]]] = [
    (f"{path.stem}-{number}", vector)
    for path in FILES
    for number, vector in enumerate(json.loads(path.read_text())["vectors"])
]
ALL = [vector for _name, vector in LISTED]
VECTORS = [pytest.param(vector, id=name) for name, vector in LISTED]
SENT_BY_PEERS = frozenset(Opcode) - {
    Opcode.NOP_OUT,
    Opcode.NOP_IN,
    Opcode.SNACK,
    Opcode.ASYNC_MESSAGE,
    Opcode.REJECT,
}
"""The rest is written down by hand below."""


def frame_of(vector: dict[str, Any]) -> Frame:
    """Return the only frame in a vector's bytes."""
    decoder = Decoder(digests=Digests(vector["header_digest"], vector["data_digest"]))
    decoder.feed(bytes.fromhex(vector["hex"]))
    (frame,) = decoder
    assert decoder.pending == b""
    return frame


def test_the_files_hold_what_four_stacks_say() -> None:
    stems = {path.stem for path in FILES}
    opcodes = {int(vector["hex"][:2], 16) & 0x3F for vector in ALL}

    assert stems >= {"libiscsi-tgt", "libiscsi-istgt", "qemu-tgt", "qemu-istgt"}
    assert opcodes >= SENT_BY_PEERS
    assert any(vector["header_digest"] for vector in ALL)


@pytest.mark.parametrize("vector", VECTORS)
def test_fields_are_those_that_tshark_saw(vector: dict[str, Any]) -> None:
    frame = frame_of(vector)
    pdu = decode(frame.header, frame.data)

    opcode = Opcode(pdu.opcode)
    reported = {own: vector["tshark"].get(name) for own, name in TABLE[opcode].items()}
    displayed = {own: value for own, value in reported.items() if value is not None}
    assert {own: int(getattr(pdu, own)) for own in displayed} == displayed
    silent = {"stat_sn"} if opcode is Opcode.DATA_IN else set()
    assert reported.keys() - displayed.keys() <= UNSHOWN.get(opcode, set()) | silent


@pytest.mark.parametrize("vector", VECTORS)
def test_bytes_come_back(vector: dict[str, Any]) -> None:
    frame = frame_of(vector)
    pdu = decode(frame.header, frame.data)
    rebuilt = type(pdu)(**{name: getattr(pdu, name) for name in pdu.fields})

    for one in (pdu, rebuilt):
        wire = encode(
            *one.segments(),
            header_digest=vector["header_digest"],
            data_digest=vector["data_digest"],
        )
        assert wire.hex() == vector["hex"]
    assert frame.is_header_digest_right
    assert frame.is_data_digest_right


@pytest.mark.parametrize("vector", VECTORS)
def test_the_struct_twins_agree(vector: dict[str, Any]) -> None:
    frame = frame_of(vector)
    pdu = decode(frame.header, frame.data)

    twin = headers.BY_OPCODE[Opcode(pdu.opcode)].parse(frame.header, 0)

    assert twin.pack()[:48] == frame.header[:48]
    table = TABLE[Opcode(pdu.opcode)]
    assert {
        name: int(getattr(twin, name)) for name in table if hasattr(twin, name)
    } == {name: int(getattr(pdu, name)) for name in table if hasattr(twin, name)}


# PDUs that no available peer sends, made by hand from chapter 11 of RFC 7143.
HAND_MADE = {
    "SNACK": (
        (
            "10800000 00000000 0000000000000000 ffffffff ffffffff 00000000 00000007"
            "0000000000000000 0000000a 00000003"
        ),
        {"type": 0, "beg_run": 10, "run_length": 3, "exp_stat_sn": 7, "final": 1},
    ),
    "R-Data SNACK": (
        (
            "10830000 00000000 0000000000000000 00000005 00000009 00000000 00000007"
            "0000000000000000 00000000 00000000"
        ),
        {"type": 3, "initiator_task_tag": 5, "target_transfer_tag": 9},
    ),
    "Async Message": (
        (
            "32800000 00000000 0001000000000000 ffffffff 00000000 00000010 00000011"
            "00000012 01000000 00020014 00000000"
        ),
        {
            "async_event": 1,
            "parameter2": 2,
            "parameter3": 20,
            "stat_sn": 16,
            "reserved_task_tag": RESERVED_TAG,
            "lun": 1 << 48,
        },
    ),
    "Reject": (
        (
            "3f800400 00000000 0000000000000000 ffffffff 00000000 00000010 00000011"
            "00000012 00000003 0000000000000000"
        ),
        {"reason": 4, "stat_sn": 16, "max_cmd_sn": 18, "data_sn": 3},
    ),
    "NOP-Out": (
        (
            "40800000 00000000 0001000000000000 00000005 ffffffff 00000010 00000011"
            "00000000000000000000000000000000"
        ),
        {"immediate": 1, "cmd_sn": 16, "exp_stat_sn": 17, "initiator_task_tag": 5},
    ),
    "NOP-In": (
        (
            "20800000 00000000 0001000000000000 ffffffff 00000009 00000010 00000011"
            "00000012 000000000000000000000000"
        ),
        {"target_transfer_tag": 9, "stat_sn": 16, "lun": 1 << 48},
    ),
    "R2T": (
        (
            "31800000 00000000 0002000000000000 00000005 00000009 00000010 00000011"
            "00000012 00000001 00002000 00001000"
        ),
        {"r2t_sn": 1, "buffer_offset": 8192, "desired_data_transfer_length": 4096},
    ),
    "Text Request": (
        (
            "44c00000 00000000 0000000000000000 00000005 00000009 00000010 00000011"
            "00000000000000000000000000000000"
        ),
        {"immediate": 1, "final": 1, "continuation": 1, "target_transfer_tag": 9},
    ),
    "Text Response": (
        (
            "24400000 00000000 0000000000000000 00000005 00000009 00000010 00000011"
            "00000012 000000000000000000000000"
        ),
        {"final": 0, "continuation": 1, "stat_sn": 16, "exp_cmd_sn": 17},
    ),
    "priority and status qualifier": (
        (
            "0181a000 00000000 0000000000000000 00000005 00000000 00000010 00000011"
            "00000000000000000000000000000000"
        ),
        {"priority": 10, "attribute": 1, "reserved3": 0},
    ),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_layouts_of_the_rfc(name: str) -> None:
    text, fields = HAND_MADE[name]
    wire = bytes.fromhex(text.replace(" ", ""))
    assert len(wire) == 48

    pdu = decode(wire)

    assert {field: getattr(pdu, field) for field in fields} == fields
    assert bytes(pdu) == wire
    assert bytes(type(pdu)(**{f: getattr(pdu, f) for f in pdu.fields})) == wire


def test_additional_header_segments() -> None:
    """Sections 11.2.2.3 and 11.2.2.4: a CDB of 20 bytes, 0x200 bytes to read."""
    extended = bytes.fromhex("0005 01 00 a1a2a3a4".replace(" ", ""))
    bidirectional = bytes.fromhex("0005 02 00 00000200".replace(" ", ""))
    header = bytearray(bytes(48))
    header[0], header[1], header[4] = 0x01, 0xE1, 4
    wire = bytes(header) + extended + bidirectional

    pdu: PDU = decode(wire)

    first, second = pdu.ahs
    assert isinstance(first, ExtendedCDB)
    assert bytes(first.extended_cdb) == b"\xa1\xa2\xa3\xa4"
    assert isinstance(second, BidirectionalReadLength)
    assert second.bidirectional_read_expected_data_transfer_length == 512
    assert bytes(pdu) == wire
