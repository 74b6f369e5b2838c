# SPDX-License-Identifier: GPL-2.0-only
"""A running machine: its console, its crash, its end."""

import contextlib
import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vmlab import daemon, debuginfo, domain, trace, watch
from vmlab.console_log import ConsoleLog
from vmlab.errors import LabError
from vmlab.guest import FAILED, READY, Endpoint
from vmlab.kernel import Kernel
from vmlab.poll import poll

if TYPE_CHECKING:
    import libvirt

BOOT_SECONDS = 300.0
"""Emulated machines on a busy host may take a minute to boot, or two with debug
kernels."""

END_SECONDS = 30.0
"""libvirt may be busy with a machine that is ending."""

_REPORT_SECONDS = 3.0
"""The seconds in which a kernel prints its whole crash report."""

_PAUSED_BY_AN_ERROR = [3, 5]
"""VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a machine, or the target in it, ended."""

    reason: str
    """One line."""
    crash: watch.Crash | None = None
    """The crash report on its console, if there is one."""
    is_hosts: bool = False
    """Whether the host is at fault, so that the end proves nothing about the kernel."""

    def __str__(self) -> str:
        return self.reason


@dataclass(slots=True)
class Running:
    """A machine that runs or has run."""

    name: str
    kind: str
    forwards: Mapping[Endpoint, int]
    """The port of 127.0.0.1 for each endpoint of the guest."""
    console: Path
    _domain: "libvirt.virDomain"
    _seen: int = 0
    _crash: watch.Crash | None = None
    _log: ConsoleLog = field(init=False)

    def __post_init__(self) -> None:
        """Read its console from the beginning."""
        self._log = ConsoleLog(self.console)

    def is_alive(self) -> bool:
        """Tell whether it runs and its kernel has not crashed."""
        return self.ending() is None

    def ending(self) -> Ending | None:
        """Return how it ended, from its console and libvirt; None while it runs."""
        self._crash = self._crash or self._find_crash()
        if self._crash is not None:
            return Ending(self._crash.line, crash=self._crash)
        if not self.is_active():
            return Ending("the machine is gone")
        if self._is_stuck():
            return Ending("the host has no room for the machine's disk", is_hosts=True)
        return None

    def _is_stuck(self) -> bool:
        """Tell whether QEMU has stopped it, for example on a full disk of the host."""
        try:
            return bool(self._domain.state() == _PAUSED_BY_AN_ERROR)
        except daemon.module().libvirtError:
            return False  # the machine has just ended

    def _find_crash(self) -> watch.Crash | None:
        octets = self._log.read(self._seen)
        text = _text(octets)
        crash, scanned = watch.scan(text)
        if crash is None:
            # An incomplete line is read again.
            self._seen = self._log.end - len(octets) + _size_of(text[:scanned], octets)
            return None
        for _ in poll(_REPORT_SECONDS):
            # The line, and the report, may be incomplete.
            crash = watch.find_crash(self.log_since(self._seen)) or crash
            if crash.is_complete or not self.is_active():
                break
        return crash

    def is_active(self) -> bool:
        """Tell whether it runs, whether or not its kernel has crashed."""
        try:
            return bool(self._domain.isActive())
        except daemon.module().libvirtError:
            return False

    def mark(self) -> int:
        """Return a mark at the present end of the console."""
        return self._log.size()

    def log_since(self, mark: int) -> str:
        """Return the console's output since a position."""
        return _text(self._log.read(mark))

    def save(self) -> None:
        """Keep its state, with all that its memory and its disk hold, on its disk.

        Raises:
            LabError: QEMU cannot.
        """
        libvirt = daemon.module()
        import libvirt_qemu  # noqa: PLC0415  # the toolkit runs without the lab's parts

        try:
            complaint = libvirt_qemu.qemuMonitorCommand(
                self._domain,
                f"savevm {domain.SAVED}",
                libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP,
            )
        except libvirt.libvirtError as error:
            complaint = str(error)
        if complaint:
            raise LabError(
                f"the state of the machine {self.name} cannot be saved: "
                f"{complaint.strip()}"
            )

    def destroy(self) -> None:
        """End it at once, like a loss of power; return when it has ended.

        Raises:
            LabError: it does not end.
        """
        for _ in poll(END_SECONDS):
            with contextlib.suppress(daemon.module().libvirtError):
                self._domain.destroy()  # unless it has ended by itself
            if not self.is_active():
                return
        raise LabError(f"the machine {self.name} could not be ended")


def _text(octets: bytes) -> str:
    return octets.decode(errors="replace").replace("\r", "")


def _size_of(text: str, octets: bytes) -> int:
    """Return the length of some whole lines of a console, in bytes.

    It differs from the length of the text if there are carriage returns or bytes that
    are not UTF-8.
    """
    lines = text.count("\n")
    return sum(len(line) for line in itertools.islice(io.BytesIO(octets), lines))


def await_ready(running: Running, kernel: Kernel) -> None:
    """Wait until the guest prints that it serves.

    An open port is no proof, since user networking accepts connections before the guest
    listens. No check is charged with what a kernel reports before; lockdep, for
    example, reports only once.

    Raises:
        LabError: the guest reports an error, crashes, or does not serve in time.
    """
    for _ in poll(BOOT_SECONDS):
        console = running.log_since(0)
        failed = re.search(rf"^{FAILED} ?(.*)$", console, re.MULTILINE)
        ending = running.ending()
        if failed or ending:
            crash = None if ending is None else ending.crash
            files = debuginfo.files(kernel.root)
            raise LabError(
                f"the machine {running.name} does not serve: "
                f"{failed[1] if failed else ending}",
                log=watch.tail(console)
                if crash is None
                else trace.decode(crash.report, files),
            )
        if READY in console:
            return
    raise LabError(
        f"the machine {running.name} did not serve within {BOOT_SECONDS:g} s",
        log=watch.tail(running.log_since(0)),
    )
