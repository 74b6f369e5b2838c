# SPDX-License-Identifier: GPL-2.0-only
"""Machines: started, watched, looked up and ended."""

import contextlib
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vmlab import acceleration, cache, daemon, domain, image
from vmlab.errors import LabError
from vmlab.guests.model import DIED, FAILED, READY, Guest
from vmlab.kernel import Kernel, of_debian
from vmlab.tool import run

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

_PORT_ATTEMPTS = 3
_POLL_SECONDS = 0.05
_DISK_ROOM = 64 << 20


@dataclass(slots=True)
class Running:
    """A machine that runs, or did."""

    name: str
    kind: str
    forwards: Mapping[int, int]
    """The port of 127.0.0.1 for each port of the guest."""
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
        return None if self._is_active() else "the machine is gone"

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
            if not self._is_active():
                break
        return found[0].strip()

    def _is_active(self) -> bool:
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
            if not self._is_active():
                return
        raise LabError(f"the machine {self.name} does not end")


class Lab:
    """The connection to libvirt, and the machines that are ours.

    As a context manager it is closed at the end; machines that were started with
    `dies_with_us` end then, or when this process does.
    """

    def __init__(self) -> None:
        """Connect.

        Raises:
            LabError: libvirt is missing or does not answer.
        """
        self._connection = daemon.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of libvirt."""
        self._connection.close()

    def up(
        self,
        guest: Guest,
        name: str,
        *,
        kernel: Kernel | None = None,
        disk: Path | None = None,
        dies_with_us: bool = False,
        forwards: Mapping[int, int] | None = None,
    ) -> Running:
        """Start a machine and wait until it serves.

        Args:
            guest: what it is made of.
            name: its name, without the lab's prefix.
            kernel: what it runs; None for Debian's.
            disk: what it finds at /var; None for a fresh one.
            dies_with_us: end it with this process, however that ends.
            forwards: the port of 127.0.0.1 for each of the guest's; None to choose.

        Raises:
            LabError: it is there already, or does not come to serve.
        """
        if any(one.name == name for one in self.machines()):
            raise LabError(
                f"the machine {name} is up", hint=f"python -m vmlab down {name}"
            )
        kernel = kernel or of_debian()
        folder = machine_folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        console = folder / "console.log"
        console.unlink(missing_ok=True)
        initramfs = image.initramfs(kernel, guest)
        inner = (*guest.ports, *guest.other_ports)
        is_accelerated = acceleration.is_usable(self._connection, kernel)
        for attempt in range(_PORT_ATTEMPTS):
            ports = forwards or dict(zip(inner, free_ports(len(inner)), strict=True))
            machine = domain.Machine(
                name=name,
                kind=guest.kind,
                kernel=kernel.image,
                initramfs=initramfs,
                console=console,
                forwards=ports,
                disk=disk or new_disk(folder / "var.img"),
                memory=guest.memory,
                is_accelerated=is_accelerated,
            )
            try:
                started = self._create(machine, dies_with_us=dies_with_us)
                break
            except LabError as error:
                is_taken = "forward" in str(error) and forwards is None
                if not is_taken or attempt == _PORT_ATTEMPTS - 1:
                    raise
            except BaseException:
                # A signal, while libvirt started it: nobody would know it.
                self._end(name)
                raise
        running = Running(name, guest.kind, ports, console, started)
        try:
            _await_ready(running)
        except BaseException:
            running.destroy()
            raise
        return running

    def _create(
        self, machine: domain.Machine, *, dies_with_us: bool
    ) -> "libvirt.virDomain":
        libvirt = daemon.module()
        daemon.start_logger()
        flags = libvirt.VIR_DOMAIN_START_AUTODESTROY if dies_with_us else 0
        try:
            return self._connection.createXML(domain.describe(machine), flags)
        except libvirt.libvirtError as error:
            raise LabError(f"the machine does not start: {error}") from error

    def _end(self, name: str) -> None:
        with contextlib.suppress(LabError):
            self.find(name).destroy()

    def machines(self) -> list[Running]:
        """Return the lab's machines that run; those of others are left out."""
        libvirt = daemon.module()
        listed = self._connection.listAllDomains(
            libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
        )
        found = []
        for one in listed:
            if one.name().startswith(domain.PREFIX):
                # Another process may end it meanwhile.
                with contextlib.suppress(libvirt.libvirtError):
                    found.append(_of_domain(one))
        return found

    def find(self, name: str) -> Running:
        """Return the machine of a name.

        Raises:
            LabError: there is none.
        """
        found = {one.name: one for one in self.machines()}
        if name not in found:
            known = f"; there are: {', '.join(sorted(found))}" if found else ""
            raise LabError(f"there is no machine {name}{known}")
        return found[name]


def _of_domain(found: "libvirt.virDomain") -> Running:
    libvirt = daemon.module()
    name = found.name().removeprefix(domain.PREFIX)
    kind = found.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)
    try:
        ports = found.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None)
    except libvirt.libvirtError as error:
        # libvirt keeps no empty description, which a machine without ports has.
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            raise
        ports = ""
    # Another version of the lab may have described its machine in other words.
    pairs = (pair.partition("=")[::2] for pair in ports.split())
    forwards = {
        int(inner): int(outer)
        for inner, outer in pairs
        if inner.isdecimal() and outer.isdecimal()
    }
    return Running(name, kind, forwards, machine_folder(name) / "console.log", found)


def machine_folder(name: str) -> Path:
    """Return where a machine's console and disk are."""
    return cache.folder() / "machines" / name


def new_disk(path: Path, size: int = 1 << 30) -> Path:
    """Return a fresh sparse disk with an empty file system, `size` bytes long."""
    template = cache.get(
        "disk", cache.key(size=size, layout=1), lambda part: _format(part, size)
    )
    path.unlink(missing_ok=True)
    run("cp", "--sparse=always", template, path)
    return path


def _format(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-m", "0", path)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _await_ready(running: Running) -> None:
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


def forget(name: str) -> None:
    """Throw away a machine's console and disk."""
    shutil.rmtree(machine_folder(name), ignore_errors=True)


def unique_name(kind: str) -> str:
    """Return a name that no other process uses."""
    return f"{kind}-{os.getpid()}-{time.monotonic_ns() & 0xFFFFFF:06x}"
