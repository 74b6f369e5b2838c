# SPDX-License-Identifier: GPL-2.0-only
"""Faults of single fields: one field is wrong in one situation.

A field is one of a kind of PDU, or of a format of parameter data and sense data. The
faults are made from their layouts and are no rows of the table of faults. The field
ledger (docs/field-ledger.md) says which check judges each of them.
`field:SCSIResponse.status@after-data-in` is the name of one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from iscsi import pdu
from iscsi.constants import BHS_LENGTH
from iscsi.headers.layout import field_bits
from iscsi.scsi.formats import (
    AUTOMATIC,
    FORMATS,
    Format,
    parts,
    sense_parts,
    with_flipped_bit,
)
from iscsi.situations import KINDS, History
from reftarget.scsi.rules import AdmissionRules
from reftarget.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iscsi.scsi.formats import Part
    from iscsi.situations import Kind
    from reftarget.twist import Corruption, Wire

PREFIX: Final = "field:"
_ALL: Final[Mapping[str, Kind | Format]] = {**KINDS, **FORMATS}


def names() -> list[str]:
    """Return the name of every fault of a field, in the order of the layouts."""
    return [
        f"{PREFIX}{name}.{field}@{situation}"
        for name, kind in _ALL.items()
        for situation, field in product(kind.situations, kind.fields)
    ]


def named(name: str) -> Variant:
    """Return the fault of a name.

    Raises:
        ValueError: there is no such kind, field or situation; the message says which.
    """
    kind_name, _, field_name = name.removeprefix(PREFIX).partition(".")
    field, _, situation = field_name.partition("@")
    kind = _ALL.get(kind_name)
    if kind is None:
        known_names = ", ".join(_ALL)
        raise ValueError(f"no PDU or format {kind_name!r}; there are {known_names}")
    if field not in kind.fields:
        raise ValueError(f"{kind_name} has the fields {', '.join(kind.fields)}")
    if situation not in kind.situations:
        raise ValueError(f"{kind_name} is sent {', '.join(kind.situations)}")
    says = f"{field} of {kind_name} is wrong ({situation})"
    if isinstance(kind, Format):
        rules = _rules(kind_name, field, situation)
        return Variant(name=name, says=says, rules=rules)
    return Variant(name=name, says=says, corrupt=_corrupt(kind, field, situation))


def _rules(name: str, field: str, situation: str) -> AdmissionRules:
    """Return the rules that show one field of a format wrong in one situation."""

    def corrupt(data: bytes, layout: Iterable[Part]) -> bytes:
        for part in layout:
            if part.name == name and part.situation == situation:
                data = with_flipped_bit(data, part, field)
        return data

    if situation == AUTOMATIC:
        return AdmissionRules(
            sense_data=lambda data: corrupt(data, [*sense_parts(data)])
        )
    return AdmissionRules(
        parameter_data=lambda command, data: corrupt(data, [*parts(command, data)])
    )


def _corrupt(kind: Kind, field: str, situation: str) -> Corruption:
    """Return a change of the lowest bit of one field in one situation."""
    bits = field_bits(kind.layer)[field]
    mask = 1 << (BHS_LENGTH * 8 - bits.end)
    opcode = int(kind.layer.opcode_of_class or 0)
    history = History()

    def corrupt(wire: Wire) -> Wire:
        packet = pdu.decode(wire.header[:BHS_LENGTH])
        before = history.note(packet)
        if wire.header[0] & 0x3F != opcode:
            return wire
        if kind.situation(packet, before) != situation:
            return wire
        number = int.from_bytes(wire.header[:BHS_LENGTH], "big") ^ mask
        header = number.to_bytes(BHS_LENGTH, "big") + wire.header[BHS_LENGTH:]
        return replace(wire, header=header)

    return corrupt
