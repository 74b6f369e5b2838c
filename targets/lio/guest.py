# SPDX-License-Identifier: GPL-2.0-only
"""LIO, the target in the Linux kernel, set up through configfs alone."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from targets.model import Backing, LogicalUnit, Target
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
"""The first portal group's."""
OTHER_PORTALS = (Endpoint(3262),)
"""Those of the second group, which the first target name alone has."""


def guest(targets: Sequence[Target]) -> Guest:
    """Return a guest that serves target names through LIO.

    The first name has a second portal group, with the same logical units.

    Raises:
        LabError: a unit has a backing that LIO does not have here.
    """
    calls = script(_HERE / "setup.sh", _calls(targets))
    return Guest("lio", MODULES, calls, (*PORTALS, *OTHER_PORTALS))


def _calls(targets: Sequence[Target]) -> Iterator[str]:
    """Yield the calls of the set-up script's functions."""
    numbers = itertools.count()
    for target in targets:
        units = [_words(unit, next(numbers)) for unit in target.logical_units]
        yield from (call("unit", *words) for words in units)
        yield from _group(target, 1, PORTALS, units)
        if target is targets[0]:
            yield from _group(target, 2, OTHER_PORTALS, units)


def _words(unit: LogicalUnit, number: int) -> tuple[object, ...]:
    """Return what the script is told of a unit."""
    if unit.backing not in _DRIVERS:
        raise LabError(f"LIO is not set up here for a unit of {unit.backing}")
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
        for name, value in {
            "userid": chap.user,
            "password": chap.secret,
            "userid_mutual": chap.mutual_user,
            "password_mutual": chap.mutual_secret,
        }.items():
            if value:
                yield call("credential", name, value)
    yield from (call("lun", *words) for words in units)
    yield "enable"
