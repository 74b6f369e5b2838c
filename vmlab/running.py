# SPDX-License-Identifier: GPL-2.0-only
"""A machine that runs: its console watched, its crash seen, its end."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmlab import daemon
from vmlab.errors import LabError
from vmlab.guests.model import DIED, FAILED, READY, Portal

if TYPE_CHECKING:
    import libvirt

BOOT_SECONDS = 120.0
"""A busy host under emulation may take a minute."""

END_SECONDS = 30.0
"""libvirt may be busy with a machine that is ending by itself."""

_CRASH = re.compile(
    rf"^.*(?:{DIED} |Kernel panic|BUG: |Oops[:;]|general protection fault|"
    r"kernel BUG at |invalid opcode: |list_(?:add|del) corruption|"
    r"Unable to handle kernel|WARNING: |INFO: task \S+ blocked|"
    # lockdep's: of deadlocks that could be, and of sleep where it is forbidden.
    r"INFO: (?:possible|suspicious|inconsistent|bad) |"
    r"KASAN: |KFENCE: |UBSAN: |kmemleak: [1-9]\d* new suspected).*$",
    re.MULTILINE,
)
"""How a kernel says that it is broken, be it alive or not; or that its target is."""

_END_OF_REPORT = re.compile(r"^.*---\[ end ", re.MULTILINE)
_REPORT_SECONDS = 3.0
"""In which a kernel tells all that it knows of its crash."""

_REPORT_LINES = 60
_POLL_SECONDS = 0.05


def crash_in(text: str) -> str:
    """Return the report of a crash in what a kernel has said; or nothing."""
    found = _CRASH.search(text)
    if found is None:
        return ""
    end = _END_OF_REPORT.search(text, found.end())
    lines = text[found.start() : end.start() if end else None].splitlines()
    return "\n".join(lines[:_REPORT_LINES])


@dataclass(slots=True)
class Running:
    """A machine that runs, or did."""

    name: str
    kind: str
    forwards: Mapping[Portal, int]
    """The port of 127.0.0.1 for each portal of the guest."""
    console: Path
    _domain: "libvirt.virDomain"
    _seen: int = 0
    _reason: str = ""

    def is_alive(self) -> bool:
        """Tell whether it runs and its kernel has not crashed."""
        return self.exit_reason() is None

    def exit_reason(self) -> str | None:
        """Return what its console says of its end; None while it runs."""
        self._reason = self._reason or self._crash()
        if self._reason:
            return self._reason
        return None if self.is_active() else "the machine is gone"

    def _crash(self) -> str:
        text = self.log_since(self._seen)
        found = _CRASH.search(text)
        if found is None:
            # A line that is not whole yet is read again.
            self._seen += len(text.encode()) - len(text.rpartition("\n")[2].encode())
            return ""
        for _ in _until(_REPORT_SECONDS):
            if _END_OF_REPORT.search(self.log_since(self._seen)):
                break
            if not self.is_active():
                break
        return found[0].strip()

    def is_active(self) -> bool:
        """Tell whether it runs, be its kernel well or not."""
        try:
            return bool(self._domain.isActive())
        except daemon.module().libvirtError:
            return False

    def mark(self) -> int:
        """Return a mark at the present end of the console."""
        return self.console.stat().st_size if self.console.exists() else 0

    def log_since(self, mark: int) -> str:
        """Return what the console has said since a mark."""
        if not self.console.exists():
            return ""
        with self.console.open("rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace").replace("\r", "")

    def destroy(self) -> None:
        """End it at once, as a loss of power would; return when it is gone.

        Raises:
            LabError: it does not go.
        """
        for _ in _until(END_SECONDS):
            with contextlib.suppress(daemon.module().libvirtError):
                self._domain.destroy()  # unless it has ended by itself
            if not self.is_active():
                return
        raise LabError(f"the machine {self.name} does not end")


def await_ready(running: Running) -> None:
    """Wait until the guest says that it serves.

    An open port says nothing: user networking accepts before the guest listens.

    Raises:
        LabError: it says that it cannot, crashes, or says nothing in time.
    """
    for _ in _until(BOOT_SECONDS):
        said = running.log_since(0)
        if READY in said:
            return
        failed = re.search(rf"^{FAILED} ?(.*)$", said, re.MULTILINE)
        reason = running.exit_reason()
        if failed or reason:
            why = failed[1] if failed else reason
            raise LabError(
                f"the machine {running.name} does not serve: {why}", log=_tail(said)
            )
    raise LabError(
        f"the machine {running.name} did not serve within {BOOT_SECONDS:g} s",
        log=_tail(running.log_since(0)),
    )


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL_SECONDS)
