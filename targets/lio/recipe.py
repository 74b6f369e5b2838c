# SPDX-License-Identifier: GPL-2.0-only
"""The Linux kernel's target (LIO) in a virtual machine."""

from functools import partial

from targets import layout
from targets.kind import DISCOVERY_CHAP, Options
from targets.lab import FEATURES, LabRecipe, chosen_kernel
from targets.lio import guest
from targets.model import LogicalUnit, More, Special

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(2, layout.LUN_SIZE, scratch=True, backing="memory"),
    LogicalUnit(3, layout.LUN_SIZE, scratch=True, persistent=True, backing="block"),
    LogicalUnit(4, 3 << 40, scratch=True, persistent=True, thin=True),
)
_DISK1, _DISK2, _MUTUAL = layout.targets("lio", _UNITS)
_HIGH = layout.high("lio")
# A CHAP name belongs to one initiator.
_OWN = [one for one in layout.IDENTITIES if one.initiator_name is not None]
_GUARDED = layout.one_way("lio", _MUTUAL.logical_units, _OWN)
_TARGETS = (_DISK1, _DISK2, _HIGH, _GUARDED, _MUTUAL)
_SPECIAL = {
    # LIO's own defaults.
    Special.ALIAS: "LIO Target",
    Special.FORBIDDEN: layout.target_name("lio", "forbidden"),
    Special.PINGING: layout.target_name("lio", "pinging"),
}
# A portal group has one lock for all its logins (np_login_sem).
TRAITS = frozenset({"one-login-at-a-time"})
_FEATURES = (
    FEATURES
    | TRAITS
    | {
        "acl",
        "alias",
        "identities",
        "large-lun",
        "no-lun-0",
        "pings",
        "several-portals",
        "several-groups",
        "translated-ports",
        "multi-connection",
        "erl1",
        "erl2",
    }
)


def recipe(options: Options) -> LabRecipe:
    """Return the recipe of LIO."""
    chap = layout.CHAP if DISCOVERY_CHAP.of(options) else None
    return LabRecipe(
        kind="lio",
        description="LIO, the Linux kernel's target, in a virtual machine",
        targets=_TARGETS,
        features=_FEATURES,
        special=_SPECIAL,
        discovery_chap=chap,
        guest=partial(guest.guest, more=More(_SPECIAL, chap)),
        kernel=chosen_kernel(options),
        other_portals=guest.OTHER_PORTALS,
        version=lambda version: f"Linux {version}",
    )
