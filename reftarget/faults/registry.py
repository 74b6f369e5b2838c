# SPDX-License-Identifier: GPL-2.0-only
"""Wrong behaviours that can be switched on, each naming the requirement it breaks.

Two kinds: a *bend* overrides one decision where it is made (`Faults.bends`), a *twist*
changes a PDU on its way out (`reftarget.faults.changes`). With none on, neither costs
anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from reftarget.faults import wire
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

    from reftarget.rules import Rules
    from reftarget.ruleset import RuleSet
    from reftarget.twist import Spoil


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


_SPOILS: Final[Mapping[str, Spoil]] = {
    Bend.SPOILS_HEADER_DIGEST: wire.flip_header_digest,
    Bend.SPOILS_DATA_DIGEST: wire.flip_data_digest,
    Bend.OMITS_DATA_DIGEST_PADDING: wire.leave_padding_out_of_digest,
    Bend.PADS_WITH_ONES: wire.pad_with_ones,
    Bend.SETS_RESERVED_BITS: wire.set_reserved_bit,
    Bend.OMITS_PADDING: wire.omit_padding_of_pings,
    Bend.ADDS_SEGMENTS: wire.add_segment_to_logins,
    Bend.SPEAKS_AS_INITIATOR: wire.respond_as_initiator,
    Bend.DIGESTS_LOGINS: wire.digest_logins,
}
"""What bends do to the bytes of PDUs."""


def _bent(table: Mapping[_Bend, tuple[str, str]]) -> Iterator[Fault]:
    """Return the rows of a table of bends."""
    for bend, (requirement, says) in table.items():
        name = str(bend)
        breaks = (requirement, *CONSEQUENCES.get(name, ()))
        yield Fault(
            name=name,
            breaks=breaks,
            says=says,
            rules=_OF_BENDS.get(name, ()),
            spoil=_SPOILS.get(name),
        )


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


class Faults:
    """The faults that are on.

    Attributes:
        is_clean: True if there are none.
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

    def bends(self, bend: StrEnum) -> bool:
        """Tell whether a decision is to be made the wrong way."""
        return bend in self.names
