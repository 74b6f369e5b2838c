# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours that can be switched on, each naming the requirement it breaks.

Two kinds: a *bend* overrides one decision where it is made (`Faults.bends`), a *twist*
changes a PDU on its way out (`reftarget.faults.changes`). With none on, neither costs
anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from iscsi.constants import Opcode
from iscsi.digest import digest
from reftarget.faults.allegiance import ALLEGIANCE
from reftarget.faults.answers import ANSWERS
from reftarget.faults.bends import BENDS, Bend
from reftarget.faults.consequences import CONSEQUENCES
from reftarget.faults.copies import COPIES
from reftarget.faults.devices import DEVICES
from reftarget.faults.logins import LOGINS
from reftarget.faults.media import MEDIA
from reftarget.faults.primary import PRIMARY
from reftarget.faults.reservations import RESERVATIONS
from reftarget.faults.responses import RESPONSES
from reftarget.faults.row import Fault
from reftarget.faults.speech import SPEECH
from reftarget.faults.states import STATES
from reftarget.faults.tasks import TASKS
from reftarget.faults.transfers import TRANSFERS
from reftarget.faults.twists import TWISTS
from reftarget.faults.upkeep import UPKEEP
from reftarget.rules import RULES, AllegianceRules
from reftarget.scsi.rules.identity import IdentityRules, version_descriptors
from reftarget.variants import VariantError, by_name, lay_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from enum import StrEnum

    from iscsi.digest import Buffer
    from iscsi.framing import Digests
    from iscsi.headers import Header
    from reftarget.rules import Rules
    from reftarget.ruleset import RuleSet
    from reftarget.twist import Sender


_Bend = TypeVar("_Bend", bound="StrEnum")


class UnknownFaultError(VariantError):
    """A fault that there is none of."""


_OF_BENDS: Final[Mapping[str, RuleSet | tuple[RuleSet, ...]]] = {
    Bend.OFFERS_NO_ACA: (
        IdentityRules(normaca=False),
        AllegianceRules(is_offered=False),
    ),
    Bend.SHOWS_NO_LEVEL: IdentityRules(
        version_descriptors=lambda _level: version_descriptors(0)
    ),
    Bend.NAMES_ANOTHER_DEVICE: IdentityRules(
        device_name=lambda _target: "iqn.2001-04.com.example:another"
    ),
    Bend.NAMES_ANOTHER_PORT: IdentityRules(
        port_name=lambda target, tag: f"{target},p,{tag}"
    ),
}
"""What bends of the iSCSI layer replace in the device server."""


def _bent(table: Mapping[_Bend, tuple[str, str]]) -> Iterator[Fault]:
    """Return the rows of a table of bends."""
    for bend, (requirement, says) in table.items():
        name = str(bend)
        breaks = (requirement, *CONSEQUENCES.get(name, ()))
        yield Fault(name=name, breaks=breaks, says=says, rules=_OF_BENDS.get(name, ()))


_ROWS: Final = (
    *_bent(BENDS),
    *ALLEGIANCE,
    *COPIES,
    *DEVICES,
    *_bent(LOGINS),
    *MEDIA,
    *PRIMARY,
    *RESERVATIONS,
    *_bent(STATES),
    *TASKS,
    *_bent(TRANSFERS),
    *UPKEEP,
    *TWISTS,
    *ANSWERS,
    *RESPONSES,
    *SPEECH,
)

FAULTS: Final = by_name(_ROWS)
"""Every fault by its name. A further table of an area is named in `_ROWS`."""


def rules_with(names: Iterable[str]) -> Rules:
    """Return the rules of a target with these faults.

    Raises:
        UnknownFaultError: there is no fault of one of the names.
        VariantError: two of them cannot be on at once.
    """
    rows = []
    for name in dict.fromkeys(names):
        if name not in FAULTS:
            raise UnknownFaultError(f"--fault: there is no {name!r}")
        rows.append(FAULTS[name])
    return lay_over(RULES, rows)


_ON_THE_WIRE: Final = frozenset(
    {
        Bend.SPOILS_HEADER_DIGEST,
        Bend.SPOILS_DATA_DIGEST,
        Bend.OMITS_DATA_DIGEST_PADDING,
        Bend.PADS_WITH_ONES,
        Bend.SETS_RESERVED_BITS,
        Bend.OMITS_PADDING,
        Bend.ADDS_SEGMENTS,
        Bend.SPEAKS_AS_INITIATOR,
        Bend.DIGESTS_LOGINS,
    }
)


class Faults:
    """The faults that are on.

    Attributes:
        is_clean: True if there are none.
        spoils_wire: True if PDUs are spoilt as bytes (`spoil`).
        twists: what is done to each PDU on its way out.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Switch on the faults of these names.

        Raises:
            UnknownFaultError: there is no fault of one of the names.
        """
        self.names = frozenset(names)
        for name in self.names:
            if name not in FAULTS:
                raise UnknownFaultError(f"--fault: there is no {name!r}")
        self.is_clean = not self.names
        self.spoils_wire = bool(self.names & _ON_THE_WIRE)
        self.twists = [
            fault.twist
            for name, fault in FAULTS.items()
            if name in self.names and fault.twist is not None
        ]

    def bends(self, bend: StrEnum) -> bool:
        """Tell whether a decision is to be made the wrong way."""
        return bend in self.names

    def transform(
        self, sender: Sender, header: Header, data: Buffer
    ) -> tuple[Header, bytes] | None:
        """Twist a PDU on its way out; None swallows it."""
        body = bytes(data)
        for twist in self.twists:
            twisted = twist(sender, header, body)
            if twisted is None:
                return None
            header, body = twisted
        return header, body

    def spoil(self, header: bytes, data: bytes, digests: Digests) -> bytes:
        """Return the wire bytes of a PDU, wrong as told."""
        if self.bends(Bend.SETS_RESERVED_BITS):
            header = bytes([header[0] | 0x80]) + header[1:]
        fill = b"\xff" if self.bends(Bend.PADS_WITH_ONES) else b"\0"
        padded = data + fill * (-len(data) % 4)
        header_digest = digest((header,)) if digests.header else b""
        covered = data if self.bends(Bend.OMITS_DATA_DIGEST_PADDING) else padded
        data_digest = digest((covered,)) if digests.data and data else b""
        if self.bends(Bend.SPOILS_HEADER_DIGEST):
            header_digest = _flipped(header_digest)
        if self.bends(Bend.SPOILS_DATA_DIGEST):
            data_digest = _flipped(data_digest)
        opcode = header[0] & 0x3F
        if opcode == Opcode.NOP_IN and self.bends(Bend.OMITS_PADDING):
            padded = data
        if opcode == Opcode.SCSI_RESPONSE and self.bends(Bend.SPEAKS_AS_INITIATOR):
            header = bytes([Opcode.SCSI_COMMAND]) + header[1:]
        # Plain logins, whose only response has T=1, are spared.
        if b"HeaderDigest=CRC32C" in data and self.bends(Bend.DIGESTS_LOGINS):
            header_digest = digest((header,))
        is_on_the_way = opcode == Opcode.LOGIN_RESPONSE and not header[1] & 0x80
        if is_on_the_way and self.bends(Bend.ADDS_SEGMENTS):
            header = header[:4] + b"\1" + header[5:] + bytes(4)
        return header + header_digest + padded + data_digest


def _flipped(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)
