# SPDX-License-Identifier: GPL-2.0-only
"""SCST: its sources, its patches for kernels, its build, its guest and its set-up."""

from targets import lab
from targets.kind import DISCOVERY_CHAP, Build, Kind, Options
from targets.lab import KERNEL, Machine
from targets.scst import recipe
from targets.scst.addition import ForKernel
from targets.scst.options import CONFIG, IN_VM, MODE, SOURCE, SOURCE_FOR_KERNEL, WAY
from targets.scst.patches import Way


def _addition(options: Options) -> ForKernel | None:
    """Return SCST as an addition to a kernel, or None without `--scst-source`."""
    source, way = SOURCE_FOR_KERNEL.of(options), WAY.of(options)
    if source is None:
        return None
    return ForKernel(source, None if way is None else Way(way))


KINDS = (
    Kind(
        "scst",
        "SCST in a virtual machine, from its sources (--scst-source)",
        recipe.recipe,
        (SOURCE, MODE, CONFIG, KERNEL, DISCOVERY_CHAP),
        (*lab.PROGRAMS, "make", "gcc"),
        lab.PACKAGES,
        build=Build(
            (SOURCE_FOR_KERNEL, WAY),
            _addition,
            {"source": SOURCE, "way": WAY, "mode": MODE},
            required=frozenset({"source"}),
        ),
    ),
)
MACHINES = (
    Machine(
        "scst",
        "a machine that serves SCST",
        recipe.recipe,
        (SOURCE, MODE, CONFIG, KERNEL, IN_VM),
    ),
)
