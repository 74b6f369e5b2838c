# SPDX-License-Identifier: GPL-2.0-only
"""Faults of single fields: one field is wrong in one situation.

A field is one of a kind of PDU, or of a format of parameter data and sense data. The
faults are generated from their layouts and are not rows of the table of faults. The
field ledger (docs/field-ledger.md) says which check judges each of them.
`field:SCSIResponse.status@after-data-in` is the name of one.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Final, TypeVar

from iscsi import pdu, serial
from iscsi.constants import BHS_LENGTH, RESERVED_TAG
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
    from collections.abc import Callable, Iterable, Mapping

    from iscsi.scsi.formats import Part
    from iscsi.situations import Kind
    from reftarget.twist import Corruption, Wire

_T = TypeVar("_T")

PREFIX: Final = "field:"
_ALL: Final[Mapping[str, Kind | Format]] = {**KINDS, **FORMATS}

_WRONG: Final[Mapping[str, Callable[[pdu.PDU], int]]] = {
    "*.max_cmd_sn@*": lambda packet: serial.add(packet.exp_cmd_sn, -2),
    "LoginResponse.tsih@last": lambda _packet: 0,
    "R2T.target_transfer_tag@*": lambda _packet: RESERVED_TAG,
    "NOPIn.target_transfer_tag@ping": lambda _packet: RESERVED_TAG,
    "SCSIResponse.response@check-condition": lambda _packet: 2,
}
"""What is wrong in fields of PDUs whose neighbouring value is right, too."""

_WRONG_BITS: Final[Mapping[str, int]] = {
    "StandardInquiry.vendor@*": 7,
    "StandardInquiry.product@*": 7,
    "StandardInquiry.revision@*": 7,
    "UnitSerialNumber.product_serial_number@*": 7,
    "VersionDescriptor.version_descriptor@*": 15,
    "*Sense.response_code@request-sense": 6,
}
"""Which bit, from the lowest, is wrong in fields of formats whose lowest may have any
value: no ASCII, no known standard, no sense data."""


def names() -> list[str]:
    """Return the name of every fault of a field, in the order of the layouts."""
    return [
        f"{PREFIX}{name}.{field}@{situation}"
        for name, kind in _ALL.items()
        for situation, field in product(kind.situations, kind.fields)
    ]


def named(name: str) -> Variant:
    """Return the fault with a name.

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
    bit = _named(_WRONG_BITS, f"{name}.{field}@{situation}") or 0

    def corrupt(data: bytes, layout: Iterable[Part]) -> bytes:
        for part in layout:
            if part.name == name and part.situation == situation:
                data = with_flipped_bit(data, part, field, bit)
        return data

    if situation == AUTOMATIC:
        return AdmissionRules(
            sense_data=lambda data: corrupt(data, [*sense_parts(data)])
        )
    return AdmissionRules(
        parameter_data=lambda command, data: corrupt(data, [*parts(command, data)])
    )


def _corrupt(kind: Kind, field: str, situation: str) -> Corruption:
    """Return a change of one field in one situation: to a wrong value or of a bit."""
    bits = field_bits(kind.layer)[field]
    shift = BHS_LENGTH * 8 - bits.end
    wrong = _named(_WRONG, f"{kind.layer.__name__}.{field}@{situation}")
    opcode = int(kind.layer.opcode_of_class or 0)
    history = History()

    def corrupt(wire: Wire) -> Wire:
        packet = pdu.decode(wire.header[:BHS_LENGTH])
        before = history.note(packet)
        if wire.header[0] & 0x3F != opcode:
            return wire
        if kind.situation(packet, before) != situation:
            return wire
        change = 1 if wrong is None else getattr(packet, field) ^ wrong(packet)
        number = int.from_bytes(wire.header[:BHS_LENGTH], "big") ^ change << shift
        header = number.to_bytes(BHS_LENGTH, "big") + wire.header[BHS_LENGTH:]
        return replace(wire, header=header)

    return corrupt


def _named(table: Mapping[str, _T], name: str) -> _T | None:
    """Return what a table has for the first of its patterns that a name matches."""
    return next((one for key, one in table.items() if fnmatchcase(name, key)), None)
