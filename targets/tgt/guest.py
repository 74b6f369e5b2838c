# SPDX-License-Identifier: GPL-2.0-only
"""The Linux SCSI target framework: tgtd in user space, set up by tgtadm."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from targets.model import Target
from vmlab.guest import DIED, Endpoint, Guest, call, script

FIRST_LUN = 1
"""LUN 0 is tgtd's controller, not a disk."""

PACKAGES = (
    *("tgt", "libaio1", "libibverbs1", "librdmacm1"),
    *("libnl-3-200", "libnl-route-3-200"),
)

_HERE = Path(__file__).parent

PORTALS = (Endpoint(3260), Endpoint(3261))


def guest(targets: Sequence[Target]) -> Guest:
    """Return a guest that serves target names through tgtd."""
    units = [unit for target in targets for unit in target.logical_units]
    return Guest(
        "tgt",
        ("loop",) if any(unit.backing == "block" for unit in units) else (),
        script(_HERE / "setup.sh", _calls(targets), DIED=DIED),
        PORTALS,
        programs=("tgtd", "tgtadm"),
        packages=PACKAGES,
    )


def _calls(targets: Sequence[Target]) -> Iterator[str]:
    """Yield the calls of the set-up script's functions."""
    yield call("start", *PORTALS)
    for chap in dict.fromkeys(one.chap for one in targets if one.chap is not None):
        yield call("account", chap.credentials.name, chap.credentials.password)
        if chap.mutual is not None:
            yield call("account", chap.mutual.name, chap.mutual.password)
    disks = itertools.count()
    for number, target in enumerate(targets, 1):
        yield call("target", number, target.name)
        for unit in target.logical_units:
            words = (f"disk{next(disks)}", unit.backing, unit.size, unit.block_size)
            yield call("unit", number, unit.lun, *words)
        if target.chap is not None:
            yield call("ask", number, target.chap.credentials.name)
            if target.chap.mutual is not None:
                yield call("ask", number, target.chap.mutual.name, "--outgoing")
        yield call("open", number)
