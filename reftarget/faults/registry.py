# SPDX-License-Identifier: GPL-2.0-only
"""The table of faults, and the rules of a target with some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reftarget.faults import fields
from reftarget.faults.access import ACCESS
from reftarget.faults.allegiance import ALLEGIANCE
from reftarget.faults.answers import ANSWERS
from reftarget.faults.authentication import AUTHENTICATION
from reftarget.faults.buffers import BUFFERS
from reftarget.faults.combined import COMBINED
from reftarget.faults.commands import COMMANDS
from reftarget.faults.connections import CONNECTIONS
from reftarget.faults.copies import COPIES
from reftarget.faults.devices import DEVICES
from reftarget.faults.fencing import FENCING
from reftarget.faults.fixed import FIXED
from reftarget.faults.functions import FUNCTIONS
from reftarget.faults.identity import IDENTITY
from reftarget.faults.logins import LOGINS
from reftarget.faults.media import MEDIA
from reftarget.faults.misreading import MISREADING
from reftarget.faults.primary import PRIMARY
from reftarget.faults.recovery import RECOVERY
from reftarget.faults.reservations import RESERVATIONS
from reftarget.faults.responses import RESPONSES
from reftarget.faults.robustness_table import ROBUSTNESS_FAULTS
from reftarget.faults.sessions import SESSIONS
from reftarget.faults.speech import SPEECH
from reftarget.faults.tasks import TASKS
from reftarget.faults.texts import TEXTS
from reftarget.faults.transfers import TRANSFERS
from reftarget.faults.twists import TWISTS
from reftarget.faults.units import UNITS
from reftarget.faults.upkeep import UPKEEP
from reftarget.faults.wire import WIRE
from reftarget.rules import RULES
from reftarget.variants import Variant, VariantError, apply_variants, by_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reftarget.rules import Rules


class UnknownFaultError(VariantError):
    """There is no fault with a name."""


_ROWS: Final = (
    *COMMANDS,
    *CONNECTIONS,
    *TRANSFERS,
    *LOGINS,
    *MISREADING,
    *AUTHENTICATION,
    *SESSIONS,
    *TEXTS,
    *FUNCTIONS,
    *FENCING,
    *RECOVERY,
    *WIRE,
    *TASKS,
    *ALLEGIANCE,
    *IDENTITY,
    *PRIMARY,
    *ACCESS,
    *DEVICES,
    *MEDIA,
    *UPKEEP,
    *UNITS,
    *COPIES,
    *BUFFERS,
    *RESERVATIONS,
    *TWISTS,
    *ANSWERS,
    *RESPONSES,
    *FIXED,
    *SPEECH,
    *COMBINED,
)

FAULTS: Final = by_name(_ROWS)
"""Every fault by its name. A further table of an area is named in `_ROWS`."""


def rules_with(names: Iterable[str], others: Iterable[Variant] = ()) -> Rules:
    """Return the rules of a target with these faults.

    Args:
        names: the faults.
        others: other changes of the rules, such as habits.

    Raises:
        UnknownFaultError: there is no fault of one of the names.
        VariantError: two of them cannot be on at once.
    """
    rows = [_row(name) for name in dict.fromkeys(names)]
    return apply_variants(RULES, [*rows, *others])


def _row(name: str) -> Variant:
    """Return the fault with a name: a row of the table, or one of a single field."""
    if name.startswith(fields.PREFIX):
        try:
            return fields.named(name)
        except ValueError as error:
            raise UnknownFaultError(f"--fault: {name}: {error}") from None
    row = FAULTS.get(name) or ROBUSTNESS_FAULTS.get(name)
    if row is None:
        raise UnknownFaultError(f"--fault: there is no {name!r}")
    return row
