# SPDX-License-Identifier: GPL-2.0-only
"""tshark's dissector, written by others, reads in our PDUs what we put in."""

import random
from typing import Any

import pytest
from scapy.fields import BitField

from iscsi.constants import Opcode
from iscsi.pdu import BY_OPCODE, PDU
from tests.iscsi.tshark_fields import EXCUSED, TABLE, UNSHOWN, dissect
from tests.tools import require

SEEDS = range(6)
# tshark selects the dissector by these fields, so they keep their values.
FIXED = {"opcode", "total_ahs_length", "data_segment_length"}
# The values by which tshark accepts the kind of PDU; other fields take any number.
LEGAL: dict[str, tuple[int, ...]] = {
    "response": (0, 1),
    "version_max": (0,),
    "version_min": (0,),
    "version_active": (0,),
    "csg": (0, 1),
    "nsg": (3,),
    "function": tuple(range(1, 9)),
    "attribute": tuple(range(5)),
    "async_event": (1, 2, 3, 4),
    "type": (0,),
    "reason": (2, 3, 4, 5, 6, 7, 9, 10, 12),
    "status_present": (1,),
}


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name.lower())
def test_every_field_is_mapped_or_excused(opcode: Opcode) -> None:
    names = {field.name for field in BY_OPCODE[opcode].fields_desc}

    unknown = {
        name
        for name in names - TABLE[opcode].keys() - EXCUSED.keys()
        if not name.startswith("reserved")
    }

    assert unknown == set()


def width(pdu: type[PDU], name: str) -> int:
    field = next(field for field in pdu.fields_desc if field.name == name)
    return int(field.size if isinstance(field, BitField) else field.sz * 8)


def build(opcode: Opcode, seed: int) -> PDU:
    """Return a PDU with a value of its own in each field that is compared."""
    cls, dice = BY_OPCODE[opcode], random.Random(f"{opcode}-{seed}")  # noqa: S311  # no secret
    names = {field.name for field in cls.fields_desc}
    values: dict[str, Any] = {}
    for name in sorted(TABLE[opcode].keys() & names - FIXED):
        allowed = LEGAL.get(name)
        if opcode is Opcode.LOGOUT_REQUEST and name == "reason":
            allowed = (0, 1, 2)
        values[name] = (
            dice.choice(allowed) if allowed else dice.getrandbits(width(cls, name))
        )
    if opcode is Opcode.LOGIN_RESPONSE:
        values |= {"status_class": dice.randrange(4), "status_detail": 1}
    if opcode is Opcode.SCSI_RESPONSE:
        values["status"] = dice.choice((0x00, 0x02, 0x08, 0x18, 0x28))
    if "continuation" in values:
        # tshark does not dissect a PDU with both bits set, which is an error.
        exclusive = "transit" if "transit" in values else "final"
        values["continuation"] = 1 - values[exclusive]
    if opcode is Opcode.SCSI_COMMAND:
        values |= {"final": 1, "read": 1 - values["write"]}
    if opcode in (Opcode.LOGIN_REQUEST, Opcode.LOGIN_RESPONSE):
        values["data"] = b"Key=value\0"
    if opcode is Opcode.LOGIN_REQUEST:
        values["immediate"] = 1
    if opcode is Opcode.DATA_IN:
        values["data"] = bytes(dice.randrange(1, 40))
    return cls(**values)


@pytest.mark.integration
def test_tshark_reads_what_we_wrote() -> None:
    require("tshark")
    pdus = [build(opcode, seed) for opcode in Opcode for seed in SEEDS]

    output = dissect([(bytes(pdu), pdu.opcode < Opcode.NOP_IN) for pdu in pdus])

    for pdu, fields in zip(pdus, output, strict=True):
        table = TABLE[Opcode(pdu.opcode)]
        # The bytes contain the computed fields.
        sent = type(pdu)(bytes(pdu))
        displayed = {
            name: fields[peers] for name, peers in table.items() if peers in fields
        }
        assert displayed == {name: int(getattr(sent, name)) for name in displayed}
        assert table.keys() - displayed.keys() <= UNSHOWN.get(Opcode(pdu.opcode), set())
