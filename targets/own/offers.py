# SPDX-License-Identifier: GPL-2.0-only
"""The features of a target from its file, and the lines of it that would add others."""

from collections.abc import Mapping
from dataclasses import dataclass

from targets.model import (
    Chap,
    Credentials,
    Identity,
    LogicalUnit,
    Portal,
    Special,
    Target,
    discovery_features,
)
from targets.own.file import PortalTable, TargetFile, TargetTable, UnitTable
from targets.own.hooks import Hooks


@dataclass(frozen=True, slots=True)
class Offer:
    """The contents of a target file, for `targets.model.RunningTarget`."""

    portals: tuple[Portal, ...]
    other_portals: tuple[Portal, ...]
    targets: tuple[Target, ...]
    special: Mapping[Special, str]
    features: frozenset[str]
    remedies: Mapping[str, str]
    """For each missing feature, the line of the file that would provide it."""
    discovery_chap: Chap | None


def offer_of(file: TargetFile, hooks: Hooks) -> Offer:
    """Return the contents of a target file as an offer.

    Args:
        file: the file.
        hooks: its commands.
    """
    first_group = file.portal[0].group
    group_portals = [one for one in file.portal if one.group == first_group]
    other_portals = [one for one in file.portal if one.group != first_group]
    targets = tuple(_target(one) for one in file.ordered)
    special = _special(file)
    chap = file.discovery.chap
    lines = {
        **_lines(file, hooks, group_portals, other_portals, targets),
        **hooks.lines(),
    }
    return Offer(
        portals=tuple(one.portal for one in group_portals),
        other_portals=tuple(one.portal for one in other_portals),
        targets=targets,
        special=special,
        features=frozenset(row for row, (is_there, _) in lines.items() if is_there),
        remedies={
            feature: f"{what} in {hooks.file} would change that"
            for feature, (is_there, what) in lines.items()
            if not is_there
        },
        discovery_chap=None if chap is None else chap.chap,
    )


def _lines(
    file: TargetFile,
    hooks: Hooks,
    group_portals: list[PortalTable],
    other_portals: list[PortalTable],
    targets: tuple[Target, ...],
) -> dict[str, tuple[bool, str]]:
    """Return for each feature whether the file provides it, and the line for it."""
    first = targets[0]
    units = first.logical_units
    opened = [one for one in targets if one.chap is None]
    chaps = [one for one in targets if one.chap is not None]
    chap = chaps[0].chap if chaps else None
    identities = chaps[0].identities if chaps else ()
    special = file.special
    asked = file.discovery.chap
    discovery = discovery_features(None if asked is None else asked.chap)
    return {
        "chap": (chap is not None, "a [target.chap] with user and secret"),
        "chap-mutual": (
            any(one.chap is not None and one.chap.mutual is not None for one in chaps),
            "mutual_user and mutual_secret in a [target.chap]",
        ),
        "discovery-chap": (
            "discovery-chap" in discovery,
            "a [discovery.chap] with user and secret",
        ),
        "discovery-chap-mutual": (
            "discovery-chap-mutual" in discovery,
            "mutual_user and mutual_secret in a [discovery.chap]",
        ),
        "identities": (
            any(one.initiator_name is not None for one in identities),
            "a [[target.identity]] with an `initiator` in the first name with CHAP",
        ),
        "further-identity": (
            any(one.initiator_name is None for one in identities),
            "a [[target.identity]] without `initiator` in the first name with CHAP",
        ),
        "no-lun-0": (
            any(one.lacks_lun_0 for one in opened),
            "`no_lun_0 = true` in a [[target]] without CHAP",
        ),
        "large-lun": (
            first.find_large() is not None,
            "a [[target.unit]] with `may_be_written = true` and a `size` above 4G",
        ),
        "pings": (
            "ping" in hooks.verbs or special.pinging is not None,
            "`ping = [...]` in [hooks.operator], or `pinging` in [special],",
        ),
        "several-targets": (len(opened) > 1, "a second [[target]] without CHAP"),
        "several-luns": (len(units) > 1, "a second [[target.unit]] of the first name"),
        "several-portals": (
            len(group_portals) > 1,
            "a second [[portal]] of the first group",
        ),
        "several-groups": (bool(other_portals), "a [[portal]] with another `group`"),
        "translated-ports": (
            any(one.is_translated for one in file.portal),
            "`known_as` in a [[portal]]",
        ),
        "ipv6": (
            any(":" in one.portal.host for one in group_portals),
            "a [[portal]] with an IPv6 address",
        ),
        "writes": (
            first.find_scratch() is not None,
            "`may_be_written = true` in a [[target.unit]] of the first name",
        ),
        "read-only-lun": (
            first.find_protected() is not None,
            "a [[target.unit]] with `read_only = true` and `may_be_written = true`",
        ),
        "alias": (file.ordered[0].alias is not None, "`alias` in the first [[target]]"),
        "acl": (special.forbidden is not None, "`forbidden` in [special]"),
        "redirect": (
            special.moved is not None and special.moved_for_good is not None,
            "`moved` and `moved_for_good` in [special]",
        ),
        "reset-authorization": (special.guarded is not None, "`guarded` in [special]"),
        "architecture": (file.sends_architecture, "`sends_architecture = true`"),
        "own-kernel": (file.own_kernel, "`own_kernel = true`"),
    }


def _target(table: TargetTable) -> Target:
    return Target(
        table.name,
        tuple(_unit(one) for one in table.unit),
        None if table.chap is None else table.chap.chap,
        tuple(
            Identity(Credentials.of(one.user, one.secret), one.initiator)
            for one in table.identity
        ),
        table.no_lun_0,
    )


def _unit(table: UnitTable) -> LogicalUnit:
    return LogicalUnit(
        table.lun,
        table.bytes,
        writable=not table.read_only,
        scratch=table.may_be_written,
        persistent=table.keeps_data,
        removable=table.removable,
        thin=table.thin,
    )


def _special(file: TargetFile) -> dict[Special, str]:
    table = file.special
    names = {
        Special.ALIAS: file.ordered[0].alias,
        Special.FORBIDDEN: table.forbidden,
        Special.MOVED: table.moved,
        Special.MOVED_FOR_GOOD: table.moved_for_good,
        Special.GUARDED: table.guarded,
        Special.PINGING: table.pinging,
    }
    return {place: name for place, name in names.items() if name is not None}
