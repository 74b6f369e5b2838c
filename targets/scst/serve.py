# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a machine: from its sources and a kernel to a guest."""

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
    """SCST for a kernel; it is built when it is first needed."""

    folder: Path
    """The folder of its sources."""
    chosen: Callable[[], Kernel] = of_debian
    """Returns the kernel."""
    mode: Mode = Mode.RELEASE
    by: Configurator = Configurator.SYSFS
    """How it is configured."""
    more: More = NO_MORE
    """The services in addition to the given target names."""
    in_vm: bool = False
    """Whether a machine builds it, as for a kernel that a machine has built."""

    @cached_property
    def _plain(self) -> Kernel:
        return self.chosen()

    @cached_property
    def built(self) -> build.Built:
        """Its modules and its daemon; no modules if the kernel contains them."""
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
            LabError: scstadmin is to configure it, and the sources do not contain it.
        """
        daemon = self.built.daemon
        is_plain = self.by is Configurator.SYSFS
        by = None if is_plain else admin.install(open_source(self.folder))
        return guest.guest(targets, daemon, by, self.more)
