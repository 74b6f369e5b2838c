# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a machine: from its sources and a kernel to what is booted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vmlab import headers
from vmlab.build import external, inside
from vmlab.guests import scst
from vmlab.guests.model import Export, Guest
from vmlab.kernel import Kernel, of_debian
from vmlab.scst import admin, build
from vmlab.scst.build import Mode
from vmlab.scst.config import Configurator
from vmlab.scst.source import open_source


@dataclass
class Served:
    """SCST beside a kernel; nothing is built before it is asked for."""

    folder: Path
    """Where its sources are."""
    chosen: Kernel | None = None
    """The kernel; None for Debian's."""
    mode: Mode = Mode.RELEASE
    by: Configurator = Configurator.SYSFS
    """By what it is set up."""
    in_vm: bool = False
    """Whether a machine builds it, as it does beside a kernel that one has built."""

    @cached_property
    def _plain(self) -> Kernel:
        return self.chosen or of_debian()

    @cached_property
    def built(self) -> build.Built:
        """Its modules and its daemon; no modules where the kernel has them itself."""
        kernel = self._plain
        has_own = any((kernel.root / "lib").rglob("scst.ko"))
        with inside.chosen(in_vm=self.in_vm or kernel.in_vm) as builder:
            return build.build(
                open_source(self.folder),
                headers.of(kernel),
                self.mode,
                has_modules=not has_own,
                builder=builder,
            )

    def kernel(self) -> Kernel:
        """Return the kernel with SCST's modules."""
        added = self.built.modules
        return external.with_modules(self._plain, added) if added else self._plain

    def guest(self, exports: Sequence[Export]) -> Guest:
        """Return the guest that serves target names.

        Raises:
            LabError: it is to be set up by scstadmin, and the sources have none.
        """
        daemon = self.built.daemon
        if self.by is Configurator.SYSFS:
            return scst.guest(exports, daemon)
        return scst.guest(exports, daemon, admin.install(open_source(self.folder)))
