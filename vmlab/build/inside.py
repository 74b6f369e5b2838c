# SPDX-License-Identifier: GPL-2.0-only
"""Builds in a machine of the lab: Debian's toolchain, the cache at its usual path."""

import contextlib
import itertools
import os
import time
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

from vmlab import cache, folders, machine, watch
from vmlab.build import guest as builder
from vmlab.build import rootfs
from vmlab.build.builder import END_SECONDS, HOST, Builder
from vmlab.console import Console
from vmlab.errors import LabError
from vmlab.guest import call, quoted
from vmlab.poll import poll
from vmlab.running import Running


def chosen(*, in_vm: bool) -> Builder:
    """Return a builder: a machine if one is requested, else this host."""
    return Inside() if in_vm else HOST


PACKAGES = (
    *("gcc", "libc6-dev", "make", "ccache"),
    *("flex", "bison", "bc", "libelf-dev", "libssl-dev", "pahole"),
    *("kmod", "cpio", "xz-utils", "zstd"),
)
"""The packages that build kernels and their modules."""

_COMPILER = "compiler"
_NOTES = {_COMPILER: "gcc --version"}
_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MEMORY = 4096
"""Linking a kernel with debug information needs more than two GiB."""
_POLL_SECONDS = 0.1
_JOB = Path(__file__).parent / "job.sh"
_KILL_SECONDS = 5.0


class Inside:
    """A builder that boots its machine for the first command.

    The machine ends with the context, and with this process, however that ends.
    """

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self._running: Running | None = None
        self._console: Console | None = None
        self._numbers = itertools.count(1)
        self._writable: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._running = self._console = None
        self._writable.clear()
        self._held.close()

    @cached_property
    def _root(self) -> Path:
        return rootfs.made(PACKAGES, _NOTES)

    @property
    def cc(self) -> str:
        """The arguments of make for the compiler."""
        return builder.CC

    @property
    def compiler(self) -> str:
        """Its part of the hash of a result, which differs from the host's."""
        name = rootfs.note(self._root, _COMPILER).partition("\n")[0]
        return f"{name}, in a machine"

    @property
    def processors(self) -> int:
        """The number of parallel jobs."""
        return HOST.processors

    def begin(
        self,
        words: Sequence[str],
        *,
        cwd: Path | None,
        environment: Mapping[str, str],
        log: Path,
        writes: Collection[Path],
    ) -> "_Job":
        """Start a command whose output is appended to a log; all is in the cache.

        Raises:
            LabError: the machine does not boot or does not answer.
        """
        running, console = self._booted()
        own = folders.machine_folder(running.name)
        for path in {own, *writes} - self._writable:
            console.run(builder.writable(cache.folder(), path))
            self._writable.add(path)
        folder = own / f"job{next(self._numbers)}"
        folder.mkdir()
        settings = {"PATH": _PATH, "HOME": "/root", **environment}
        (folder / "script").write_text(_script(words, cwd, settings, log, folder))
        # The host sets the times of files; make(1) must see none in the future.
        console.run(f"date -s @{int(time.time()) + 1}")
        inside = f"setsid chroot {builder.ROOT} sh {quoted(str(folder / 'script'))}"
        # Through a second shell: BusyBox's shell exits if a child of it ends while it
        # reads.
        console.run(f"({inside} < /dev/null > /dev/null 2>&1 &)")
        return _Job(running, console, folder)

    def _booted(self) -> tuple[Running, Console]:
        if self._running is None or self._console is None:
            lab = self._held.enter_context(machine.Lab())
            guest = builder.guest(
                rootfs.image(self._root),
                cache.folder(),
                memory=min(_MEMORY, _memory() // 2),
                processors=self.processors,
            )
            name = machine.unique_name(guest.kind)
            self._held.callback(folders.forget, name)
            running = lab.up(guest, name, ends_with_us=True)
            self._held.callback(running.destroy)
            self._console = self._held.enter_context(Console(name))
            self._running = running
        return self._running, self._console


def _memory() -> int:
    """Return the memory of this machine, in MiB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


def _script(
    words: Sequence[str],
    cwd: Path | None,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
) -> str:
    """Return a script that runs a command and writes its process group and exit code.

    The script contains the words, since a line of the console may be too short for
    them.
    """
    place = str(cwd or "/")
    settings = [f"{name}={text}" for name, text in environment.items()]
    arguments = call("set", "--", folder, place, log, *settings, *words)
    return f"{arguments}\n{_JOB.read_text()}"


class _Job:
    """A running command in the machine."""

    def __init__(self, running: Running, console: Console, folder: Path) -> None:
        self._running = running
        self._console = console
        self._folder = folder

    def wait(self, seconds: float) -> int | None:
        """Return its exit code; None if it still runs after that time."""
        code = self._folder / "code"
        if any(code.exists() for _ in poll(seconds, _POLL_SECONDS)):
            return int(code.read_text())
        if self._running.is_active():
            # A kernel with error messages may still work, only slowly.
            return None
        if code.exists():
            return int(code.read_text())
        raise LabError(
            f"the machine {self._running.name}, which was building, has ended",
            log=watch.tail(self._running.log_since(0)),
        )

    def end(self) -> None:
        """End it; if the machine does not answer, ending the machine ends it anyway."""
        group = self._folder / "group"
        with contextlib.suppress(LabError):
            for signal, seconds in (("TERM", END_SECONDS), ("KILL", _KILL_SECONDS)):
                if group.exists():
                    self._console.attempt(f"kill -{signal} -{int(group.read_text())}")
                if self.wait(seconds) is not None:
                    return
