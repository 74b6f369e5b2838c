# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a machine: from its sources and a kernel to what is booted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from targets.model import NO_MORE, More, Target
from targets.scst import admin, build, guest
from targets.scst.build import Mode
from targets.scst.config import Configurator
from targets.scst.source import open_source
from vmlab import headers
from vmlab.build import external, inside
from vmlab.guest import Guest
from vmlab.kernel import Kernel, of_debian


@dataclass
class Served:
    """SCST beside a kernel; nothing is built before it is asked for."""

    folder: Path
    """Where its sources are."""
    chosen: Callable[[], Kernel] = of_debian
    """Gives the kernel."""
    mode: Mode = Mode.RELEASE
    by: Configurator = Configurator.SYSFS
    """By what it is set up."""
    more: More = NO_MORE
    """What it serves besides the target names that it is asked for."""
    in_vm: bool = False
    """Whether a machine builds it, as it does beside a kernel that one has built."""

    @cached_property
    def _plain(self) -> Kernel:
        return self.chosen()

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

    def guest(self, targets: Sequence[Target]) -> Guest:
        """Return the guest that serves target names.

        Raises:
            LabError: it is to be set up by scstadmin, and the sources have none.
        """
        daemon = self.built.daemon
        is_plain = self.by is Configurator.SYSFS
        by = None if is_plain else admin.install(open_source(self.folder))
        return guest.guest(targets, daemon, by, self.more)
