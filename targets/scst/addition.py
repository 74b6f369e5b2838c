# SPDX-License-Identifier: GPL-2.0-only
"""SCST as an addition to a kernel that the lab builds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from targets.scst import patches
from targets.scst.patches import Way
from targets.scst.source import Source, open_source
from vmlab.build import sources
from vmlab.versions import KernelVersion

_FRAGMENT = Path(__file__).parent / "kernel.config"


@dataclass(frozen=True)
class ForKernel:
    """SCST in a kernel, or a kernel prepared for SCST (see `vmlab.build.addition`)."""

    folder: Path
    """The folder of its sources."""
    way: Way | None = None
    """How SCST is added to the kernel; None to choose."""

    @cached_property
    def _source(self) -> Source:
        return open_source(self.folder)

    def digest(self) -> str:
        """Return the hash of its sources and of the way."""
        return f"{self._source.digest()} {self.way}"

    def patches(self, tree: Path, folder: Path) -> Sequence[Path]:
        """Return SCST's patches for a kernel; a generated patch is written to a folder.

        Raises:
            LabError: the way does not support this kernel.
        """
        version = sources.version(tree)
        plan = patches.choose(self._source, version, self.way)
        if plan.way is not Way.IN_TREE:
            return plan.patches
        folder.mkdir()
        patch = folder / "scst-in-tree.patch"
        patches.generate(self._source, version, tree, patch)
        return (patch,)

    def fragments(self, version: KernelVersion) -> Sequence[str]:
        """Return the kernel options that SCST needs."""
        plan = patches.choose(self._source, version, self.way)
        return (_FRAGMENT.read_text(), "\n".join(plan.options))

    def describe(self, version: KernelVersion) -> str:
        """Return SCST's version and how it is added to a kernel."""
        plan = patches.choose(self._source, version, self.way)
        return f"SCST {self._source.version} ({plan.way})"
