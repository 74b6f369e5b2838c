# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the target in the Linux kernel, set up only through configfs."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from targets.model import NO_MORE, Backing, Chap, LogicalUnit, More, Special, Target
from vmlab.errors import LabError
from vmlab.guest import Endpoint, Guest, call, script

MODULES = (
    "target_core_mod",
    "target_core_file",
    "target_core_iblock",
    "iscsi_target_mod",
    "loop",
)

_DRIVERS: Mapping[Backing, str] = MappingProxyType(
    {"file": "fileio", "memory": "rd_mcp", "block": "iblock"}
)
_HERE = Path(__file__).parent

PORTALS = (Endpoint(3260), Endpoint(3261))
"""The port of the first portal group."""
OTHER_PORTALS = (Endpoint(3262),)
"""The ports of the second portal group, which only the first target name has."""


PINGED = "iqn.2026-11.org.iscsi-assay:pinged"
"""The initiator to whose connections pings are sent soon
(`suites.support.operator`)."""

_PING_SECONDS = 3
"""The least value that LIO accepts."""


def guest(targets: Sequence[Target], more: More = NO_MORE) -> Guest:
    """Return a guest that serves target names through LIO.

    The first name has a second portal group, with the same logical units; its ports are
    a target port group of their own (SPC-4 section 5.15).

    Raises:
        LabError: a unit has a backing that is not supported with LIO here.
    """
    calls = script(_HERE / "setup.sh", _calls(targets, more))
    return Guest("lio", MODULES, calls, (*PORTALS, *OTHER_PORTALS))


def _calls(targets: Sequence[Target], more: More) -> Iterator[str]:
    """Yield the calls of the set-up script's functions."""
    numbers = itertools.count()
    first: list[tuple[object, ...]] = []
    for target in targets:
        units = [_words(unit, next(numbers)) for unit in target.logical_units]
        yield from (call("unit", *words) for words in units)
        yield from _group(target, 1, PORTALS, units)
        if target is targets[0]:
            first = units[:1]
            yield from _group(target, 2, OTHER_PORTALS, units)
    if Special.FORBIDDEN in more.special:
        yield call("group", more.special[Special.FORBIDDEN], 1, 0, *PORTALS)
        yield "close_to_others"
        yield "enable"
    if Special.PINGING in more.special:
        yield call("group", more.special[Special.PINGING], 1, 0, *PORTALS)
        yield from (call("lun", *words) for words in first)
        yield call("initiator", PINGED)
        yield from (call("mapped", words[1]) for words in first)
        yield call("its_pings", _PING_SECONDS)
        yield "enable"
    if more.discovery_chap is not None:
        for name, value in _credentials(more.discovery_chap):
            yield call("discovery", name, value)


def _words(unit: LogicalUnit, number: int) -> tuple[object, ...]:
    """Return the script's arguments for a unit."""
    if unit.backing not in _DRIVERS:
        raise LabError(f"the lab cannot set LIO up for a unit of {unit.backing}")
    driver = _DRIVERS[unit.backing]
    return (f"disk{number}", unit.lun, driver, unit.size, unit.block_size)


def _group(
    target: Target,
    tag: int,
    portals: Sequence[Endpoint],
    units: Sequence[tuple[object, ...]],
) -> Iterator[str]:
    chap = target.chap
    yield call("group", target.name, tag, int(chap is not None), *portals)
    if chap is not None:
        for name, value in _credentials(chap):
            yield call("credential", name, value)
    yield from (call("lun", *words) for words in units)
    if tag != 1:
        yield from (call("own_ports", *words) for words in units)
    for one in target.identities:
        if one.initiator_name is None:
            raise LabError(f"{target.name}: LIO has one CHAP name for all initiators")
        yield call("initiator", one.initiator_name)
        for name, value in _credentials(Chap(one.credentials)):
            yield call("its_credential", name, value)
    yield "enable"


def _credentials(chap: Chap) -> Iterator[tuple[str, str]]:
    """Yield LIO's files for names and secrets, with their contents."""
    yield "userid", chap.credentials.name
    yield "password", chap.credentials.password
    if chap.mutual is not None:
        yield "userid_mutual", chap.mutual.name
        yield "password_mutual", chap.mutual.password
