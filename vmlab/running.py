# SPDX-License-Identifier: GPL-2.0-only
"""A machine that runs: its console watched, its crash seen, its end."""

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
"""A busy host under emulation may take a minute, or two for kernels that check much."""

END_SECONDS = 30.0
"""libvirt may be busy with a machine that is ending by itself."""

_REPORT_SECONDS = 3.0
"""In which a kernel tells all that it knows of its crash."""

_PAUSED_BY_AN_ERROR = [3, 5]
"""VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a machine, or the target in it, ended."""

    reason: str
    """One line."""
    crash: watch.Crash | None = None
    """What its console reports, where it reports a crash."""
    is_hosts: bool = False
    """Whether the host is at fault: this says nothing of the kernel."""

    def __str__(self) -> str:
        return self.reason


@dataclass(slots=True)
class Running:
    """A machine that runs, or did."""

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
        """Return how it ended by its console and libvirt; None while it runs."""
        self._crash = self._crash or self._find_crash()
        if self._crash is not None:
            return Ending(self._crash.line, crash=self._crash)
        if not self.is_active():
            return Ending("the machine is gone")
        if self._is_stuck():
            return Ending("the host has no room for the machine's disk", is_hosts=True)
        return None

    def _is_stuck(self) -> bool:
        """Tell whether QEMU has stopped it, as where the host has no room left."""
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
        """End it at once, as a loss of power would; return when it has ended.

        Raises:
            LabError: it does not go.
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
    """Return how many bytes of a console some whole lines take up.

    Bytes that are no UTF-8, and carriage returns, make it another number.
    """
    lines = text.count("\n")
    return sum(len(line) for line in itertools.islice(io.BytesIO(octets), lines))


def await_ready(running: Running, kernel: Kernel) -> None:
    """Wait until the guest prints that it serves.

    An open port says nothing: user networking accepts before the guest listens. What a
    kernel reports before is no check's fault, and lockdep for one reports but once.

    Raises:
        LabError: it says that it cannot, crashes, or says nothing in time.
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
