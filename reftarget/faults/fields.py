# SPDX-License-Identifier: GPL-2.0-only
"""Faults of single fields: one field of one kind of PDU is wrong in one situation.

They are made from the layouts of the PDUs and are no rows of the table of faults. The
field ledger (docs/field-ledger.md) says which check judges each of them.
`field:SCSIResponse.status@after-data-in` is the name of one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from iscsi import pdu
from iscsi.constants import BHS_LENGTH
from iscsi.headers.layout import field_bits
from iscsi.situations import KINDS, History
from reftarget.variants import Variant

if TYPE_CHECKING:
    from iscsi.situations import Kind
    from reftarget.twist import Spoil, Wire

PREFIX: Final = "field:"


def names() -> list[str]:
    """Return the name of every fault of a field, in the order of the layouts."""
    return [
        f"{PREFIX}{name}.{field}@{situation}"
        for name, kind in KINDS.items()
        for situation, field in product(kind.situations, kind.fields)
    ]


def named(name: str) -> Variant:
    """Return the fault of a name.

    Raises:
        ValueError: there is no such kind, field or situation; the message says which.
    """
    kind_name, _, rest = name.removeprefix(PREFIX).partition(".")
    field, _, situation = rest.partition("@")
    kind = KINDS.get(kind_name)
    if kind is None:
        raise ValueError(f"no PDU {kind_name!r}; there are {', '.join(KINDS)}")
    if field not in kind.fields:
        raise ValueError(f"{kind_name} has the fields {', '.join(kind.fields)}")
    if situation not in kind.situations:
        raise ValueError(f"{kind_name} is sent {', '.join(kind.situations)}")
    return Variant(
        name=name,
        says=f"{field} of {kind_name} is wrong ({situation})",
        spoil=_spoil(kind, field, situation),
    )


def _spoil(kind: Kind, field: str, situation: str) -> Spoil:
    """Return a change of the lowest bit of one field in one situation."""
    bits = field_bits(kind.layer)[field]
    mask = 1 << (BHS_LENGTH * 8 - bits.end)
    opcode = int(kind.layer.opcode_of_class or 0)
    history = History()

    def spoil(wire: Wire) -> Wire:
        packet = pdu.decode(wire.header[:BHS_LENGTH])
        before = history.note(packet)
        if wire.header[0] & 0x3F != opcode:
            return wire
        if kind.situation(packet, before) != situation:
            return wire
        number = int.from_bytes(wire.header[:BHS_LENGTH], "big") ^ mask
        header = number.to_bytes(BHS_LENGTH, "big") + wire.header[BHS_LENGTH:]
        return replace(wire, header=header)

    return spoil
