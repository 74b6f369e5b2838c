# SPDX-License-Identifier: GPL-2.0-only
"""The provider of targets that run in a virtual machine of the lab."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from targets.errors import LabError, TargetSpecError
from targets.kind import Option, Options, option
from targets.model import (
    Chap,
    Ending,
    EndingKind,
    Portal,
    RunningTarget,
    Special,
    Target,
    discovery_features,
)
from targets.provider import RecipeProvider
from vmlab import debuginfo, folders, machine, trace, watch
from vmlab.build import kernel as build
from vmlab.guest import Endpoint, Guest
from vmlab.kernel import Kernel, of_debian
from vmlab.running import Ending as MachineEnding
from vmlab.running import Running

PROGRAMS = ("qemu-system-x86_64", "qemu-img", "libvirtd", "busybox", "modprobe")
"""The programs that the lab needs; `iscsi-assay lab doctor` inspects more."""

PACKAGES = "the packages of scripts/install-lab"
"""The packages that contain them."""

FEATURES = frozenset(
    {
        "restart",
        "power-cycle",
        "own-kernel",
        "chap",
        "chap-mutual",
        "several-targets",
        "several-luns",
        "writes",
        "header-digest",
        "data-digest",
    }
)
"""The features of every target of the lab."""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LabRecipe:
    """How one kind of target is set up in a virtual machine."""

    kind: str
    description: str
    targets: tuple[Target, ...]
    features: frozenset[str]
    guest: Callable[[Sequence[Target]], Guest]
    kernel: Callable[[], Kernel]
    version: Callable[[str], str]
    """Returns the target's version for the kernel's version."""
    other_portals: tuple[Endpoint, ...] = ()
    """The endpoints of the guest that are a second portal group; the others are the
    first one."""
    special: Mapping[Special, str] = field(default_factory=dict)
    discovery_chap: Chap | None = None
    """The CHAP credentials that Discovery sessions need; None if they need none."""
    by_hand: tuple[Target, ...] = ()
    """The targets that the machine serves when a user boots it; if empty, the first."""

    def provider(
        self, *, port: int | None = None, log_directory: Path | None = None
    ) -> "LabProvider":
        """Return the provider that boots the machine (see `targets.kind.AnyRecipe`)."""
        return LabProvider(self, port, log_directory)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that `iscsi-assay lab up` boots by name."""

    name: str
    summary: str
    recipe: Callable[[Options], LabRecipe]
    options: tuple[Option, ...] = ()
    fragments: tuple[Path, ...] = ()
    """Files of kernel options that a kernel built by the lab needs for the machine."""


KERNEL = option(
    "--kernel",
    metavar="NAME",
    help="boot the virtual machine with this kernel of `iscsi-assay lab build kernel` "
    "(default: Debian's)",
)
"""Every kind of machine has this option."""


def chosen_kernel(options: Options) -> Callable[[], Kernel]:
    """Return a function that returns the kernel of the options, or Debian's.

    Raises:
        TargetSpecError: the lab has built no kernel of this name.
    """
    name = KERNEL.of(options)
    if name is None:
        return of_debian
    try:
        kernel = build.named(name)
    except LabError as error:
        raise TargetSpecError(f"--kernel: {error}") from error
    return lambda: kernel


class LabProvider(RecipeProvider[LabRecipe, "_Instance"]):
    """Boots a machine and ends it again."""

    def _start(self) -> "tuple[_Instance, RunningTarget]":
        recipe = self.recipe
        kernel = recipe.kernel()
        guest = recipe.guest(recipe.targets)
        lab = machine.Lab()
        instance = _Instance(
            lab, guest, kernel, machine.unique_name(self.kind), self.log_directory
        )
        try:
            running = instance.boot(self._forwards(guest))
            running.save()
        except BaseException:
            instance.stop()
            raise
        forwards = running.forwards
        return instance, RunningTarget(
            kind=recipe.kind,
            description=recipe.description,
            version=recipe.version(kernel.version),
            portals=tuple(
                Portal(_LOOPBACK, forwards[at])
                for at in guest.endpoints
                if at not in recipe.other_portals
            ),
            other_portals=tuple(
                Portal(_LOOPBACK, forwards[at], group_tag=2)
                for at in recipe.other_portals
            ),
            targets=recipe.targets,
            features=recipe.features | discovery_features(recipe.discovery_chap),
            special=recipe.special,
            discovery_chap=recipe.discovery_chap,
            control=instance,
            kernel=kernel.version,
            patches=kernel.patches,
        )

    def _forwards(self, guest: Guest) -> Mapping[Endpoint, int] | None:
        if self.port is None:
            return None
        inner = guest.endpoints
        others = machine.free_ports(len(inner) - 1)
        return dict(zip(inner, [self.port, *others], strict=True))


@dataclass(slots=True)
class _Instance:
    """The control of one machine (see `targets.model.Control`)."""

    lab: machine.Lab
    guest: Guest
    kernel: Kernel
    name: str
    log_directory: Path | None
    running: Running | None = None
    earlier_output: str = ""
    """The console output before the machine was last booted."""
    _is_starting: bool = False

    def boot(
        self,
        forwards: Mapping[Endpoint, int] | None,
        disk: Path | None = None,
        *,
        is_resumed: bool = False,
    ) -> Running:
        running = self.running = self.lab.up(
            self.guest,
            self.name,
            kernel=self.kernel,
            disk=disk,
            ends_with_us=True,
            forwards=forwards,
            is_resumed=is_resumed,
        )
        return running

    def is_alive(self) -> bool:
        return self.ending() is None

    def ending(self) -> Ending | None:
        if self._is_starting:
            return None
        if self.running is None:
            return Ending(EndingKind.LAB, "the machine has been ended")
        ending = self.running.ending()
        return None if ending is None else _ending(ending)

    def restart(self) -> None:
        """Cut the power and boot again; the disk stays."""
        self._replace(is_resumed=False)

    def revive(self) -> None:
        """Resume what was saved after the first boot, in a tenth of a boot's time.

        Memory and disk are as they were then.
        """
        self._replace(is_resumed=True)

    def _replace(self, *, is_resumed: bool) -> None:
        before = self.running
        if before is None:
            raise LabError(f"the machine {self.name} has been ended")
        self.earlier_output += before.log_since(0)
        self._is_starting = True
        try:
            before.destroy()
            self.boot(before.forwards, folders.disk(self.name), is_resumed=is_resumed)
        finally:
            self._is_starting = False

    def power_cycle(self) -> None:
        self.restart()

    def operate(self, order: str) -> None:
        raise LabError(f"this target has no command to {order}")

    def mark(self) -> int:
        return len(self.earlier_output) + (
            0 if self.running is None else self.running.mark()
        )

    def log_since(self, mark: int) -> str:
        former = len(self.earlier_output)
        if self.running is None or mark < former:
            return self._log()[mark:]
        return _readable(self.running.log_since(mark - former))

    def decode(self, text: str) -> str:
        return trace.decode(text, debuginfo.files(self.kernel.root))

    def _log(self) -> str:
        now = "" if self.running is None else self.running.log_since(0)
        return self.earlier_output + _readable(now)

    def stop(self) -> None:
        if self.running is not None:
            self.running.destroy()
            if self.log_directory is not None:
                self.log_directory.mkdir(parents=True, exist_ok=True)
                path = self.log_directory / f"{self.name}.console"
                path.write_text(self._log(), encoding="utf-8")
            self.running = None
        folders.forget(self.name)
        self.lab.close()


def _ending(machine_ending: MachineEnding) -> Ending:
    """Return a machine's ending as the ending of its target."""
    crash, reason = machine_ending.crash, _readable(machine_ending.reason)
    if crash is None:
        kind = EndingKind.LAB if machine_ending.is_hosts else EndingKind.VANISHED
        return Ending(kind, reason)
    if crash.kind is watch.CrashKind.PROGRAM:
        status, signal = watch.exit_of(crash)
        return Ending(EndingKind.EXITED, reason, status=status, signal=signal)
    return Ending(
        EndingKind.CRASHED,
        reason,
        report_kind=crash.kind,
        functions=crash.functions,
        report=_readable(crash.report),
    )


def _readable(console: str) -> str:
    """Return a console's text without terminal control sequences."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", console)
