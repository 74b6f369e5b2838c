# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a virtual machine, built from the sources that the user gives."""

import re
from dataclasses import replace

from targets import layout
from targets.errors import LabError, TargetSpecError
from targets.kind import DISCOVERY_CHAP, Options
from targets.lab import FEATURES, LabRecipe, chosen_kernel
from targets.model import LogicalUnit, More, Special
from targets.scst import options as ours
from targets.scst import source
from targets.scst.build import Mode
from targets.scst.config import Configurator
from targets.scst.serve import Served

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, persistent=True, backing="block"),
)
_LARGE = LogicalUnit(3, 3 << 40, scratch=True, persistent=True, thin=True)
_DISK1, _DISK2, _MUTUAL = layout.targets("scst", (*_UNITS, _LARGE))
_HIGH = layout.high("scst")
_OWN = [one for one in layout.IDENTITIES if one.initiator_name is None]
_GUARDED = layout.one_way("scst", _MUTUAL.logical_units, _OWN)
_SPECIAL = {
    Special.ALIAS: "SCST of the lab",
    Special.MOVED: layout.target_name("scst", "moved"),
    Special.MOVED_FOR_GOOD: layout.target_name("scst", "moved-for-good"),
    Special.PINGING: layout.target_name("scst", "pinging"),
}
_WITH_NAMES = (3, 8)
"""The first version with an alias and redirects; older ones lack the attributes."""
_NAMES = frozenset({Special.ALIAS, Special.MOVED, Special.MOVED_FOR_GOOD})

# The daemon listens at one port of two addresses. It supports one connection a session
# and only ERL 0, restricts no target name and binds no CHAP name to an initiator.
_FEATURES = FEATURES | {
    "alias",
    "further-identity",
    "large-lun",
    "no-lun-0",
    "pings",
    "redirect",
    "several-portals",
    "translated-ports",
}

# For users who boot the machine themselves: also a unit that stores no data.
_BY_HAND = (
    *_UNITS[:2],
    LogicalUnit(2, layout.LUN_SIZE, backing="null"),
    replace(_UNITS[2], lun=3),
)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version; without any, those of the newest."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return _WITH_NAMES if numbers is None else (int(numbers[1]), int(numbers[2]))


def recipe(options: Options) -> LabRecipe:
    """Return the recipe of SCST.

    Raises:
        TargetSpecError: there are no sources; the message says how to get them.
    """
    try:
        folder = source.find(ours.SOURCE.of(options))
        version = source.open_source(folder).version
    except LabError as error:
        raise TargetSpecError(str(error)) from error
    lacks_names = _numbers(version) < _WITH_NAMES
    special = {
        what: value
        for what, value in _SPECIAL.items()
        if not (lacks_names and what in _NAMES)
    }
    chap = layout.CHAP if DISCOVERY_CHAP.of(options) else None
    served = Served(
        folder,
        chosen_kernel(options),
        Mode(ours.MODE.of(options)),
        Configurator(ours.CONFIG.of(options)),
        More(special, chap),
        in_vm=ours.IN_VM.of(options),
    )
    return LabRecipe(
        kind="scst",
        description="SCST in a virtual machine",
        targets=(_DISK1, _DISK2, _HIGH, _GUARDED, _MUTUAL),
        features=_FEATURES - {"alias", "redirect"} if lacks_names else _FEATURES,
        special=special,
        discovery_chap=chap,
        guest=served.guest,
        kernel=served.kernel,
        version=lambda release: f"SCST {served.built.version}, Linux {release}",
        by_hand=layout.targets("scst", _BY_HAND)[:1],
    )
