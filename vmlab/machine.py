# SPDX-License-Identifier: GPL-2.0-only
"""Machines: started and looked up."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vmlab import acceleration, console_log, daemon, domain, folders, image
from vmlab.errors import LabError, oserror_as_lab_error
from vmlab.guest import ADDRESS, Endpoint, Guest
from vmlab.kernel import Kernel, of_debian
from vmlab.locks import Lock
from vmlab.running import Running, await_ready

if TYPE_CHECKING:
    import libvirt

_PORT_ATTEMPTS = 3
_TAKEN = re.compile(r"Could not set up host forwarding rule 'tcp:(\S+?)-")


class Lab:
    """The connection to libvirt, and the machines that are ours.

    As a context manager it is closed at the end. Machines that were started with
    `ends_with_us` end then, or when this process ends.
    """

    def __init__(self) -> None:
        """Connect.

        Raises:
            LabError: libvirt is missing or does not answer.
        """
        self._connection = daemon.connect()
        self._claims: dict[str, Lock] = {}
        """The folders of our machines, which no other process may remove."""
        self._own_machines: set[str] = set()
        """The names of the machines that end with this process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; delete the files of machines that end with us."""
        self._connection.close()
        for name, claim in self._claims.items():
            if name in self._own_machines:
                folders.forget(name)
            claim.release()
        self._claims.clear()

    def up(
        self,
        guest: Guest,
        name: str,
        *,
        kernel: Kernel | None = None,
        disk: Path | None = None,
        ends_with_us: bool = False,
        forwards: Mapping[Endpoint, int] | None = None,
        is_resumed: bool = False,
    ) -> Running:
        """Start a machine and wait until it serves.

        Args:
            guest: its description.
            name: its name, without the lab's prefix.
            kernel: its kernel; None for Debian's.
            disk: the disk for /var; None for a fresh one.
            ends_with_us: whether it ends with this process, however that ends.
            forwards: the port of 127.0.0.1 for each endpoint; None to choose.
            is_resumed: whether it resumes from the state on the disk (`Running.save`).
                The machine then serves at once, and its console is empty.

        Raises:
            LabError: it exists already, or does not serve.
        """
        with oserror_as_lab_error(f"the machine {name} cannot be made"):
            self._claim(name)
            if ends_with_us:
                self._own_machines.add(name)
            # A killed run's machines have ended, but their folders remain.
            list(folders.sweep(self.is_up))
            try:
                return self._boot(
                    guest, name, kernel, disk, forwards, ends_with_us, is_resumed
                )
            except BaseException:
                if disk is None:
                    _clear(name, keep_console=not ends_with_us)
                raise

    def _boot(
        self,
        guest: Guest,
        name: str,
        kernel: Kernel | None,
        disk: Path | None,
        forwards: Mapping[Endpoint, int] | None,
        ends_with_us: bool,
        is_resumed: bool,
    ) -> Running:
        kernel = kernel or of_debian()
        console = folders.console(name)
        console_log.remove(console)
        initramfs = image.initramfs(kernel, guest)
        inner = guest.endpoints
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
                disk=disk or folders.new_disk(folders.disk(name)),
                root=guest.root,
                shares=guest.shares,
                memory=guest.memory,
                processors=guest.processors,
                is_accelerated=is_accelerated,
                is_resumed=is_resumed,
            )
            try:
                started = self._create(machine, ends_with_us=ends_with_us)
                break
            except LabError as error:
                is_taken = "forward" in str(error) and forwards is None
                if not is_taken or attempt == _PORT_ATTEMPTS - 1:
                    raise
            except BaseException:
                # If a signal interrupts the start, end the machine: no one else would.
                self._end(name)
                raise
        running = Running(name, guest.kind, ports, console, started)
        if is_resumed:
            return running
        try:
            await_ready(running, kernel)
        except BaseException:
            running.destroy()
            raise
        return running

    def _claim(self, name: str) -> None:
        """Lock a name until the connection to libvirt is closed.

        Raises:
            LabError: another process uses it.
        """
        if name not in self._claims:
            claim = folders.claim(name)
            if claim is None:
                raise LabError(f"another process uses the machine {name}")
            self._claims[name] = claim
        if self.is_up(name):
            raise LabError(
                f"the machine {name} is up", hint=f"iscsi-assay lab down {name}"
            )

    def down(self, name: str) -> None:
        """End a machine, and remove its files unless its run still lives.

        Raises:
            LabError: there is no such machine and no files of one that ended; or it
                does not end.
        """
        if self.is_up(name) or not folders.machine_folder(name).exists():
            self.find(name).destroy()
        claim = folders.claim(name)
        if claim is not None:
            folders.forget(name)
            claim.release()

    def _create(
        self, machine: domain.Machine, *, ends_with_us: bool
    ) -> "libvirt.virDomain":
        libvirt = daemon.module()
        daemon.start_logger()
        flags = libvirt.VIR_DOMAIN_START_AUTODESTROY if ends_with_us else 0
        try:
            return self._connection.createXML(domain.describe(machine), flags)
        except libvirt.libvirtError as error:
            match = _TAKEN.search(str(error))
            why = f"{match[1]}, to be forwarded, is in use" if match else error
            raise LabError(f"the machine failed to start: {why}") from error

    def _end(self, name: str) -> None:
        with contextlib.suppress(LabError):
            self.find(name).destroy()

    def machines(self) -> list[Running]:
        """Return the lab's running machines, without those of others.

        Raises:
            LabError: libvirt's daemon has ended.
        """
        libvirt = daemon.module()
        try:
            listed = self._connection.listAllDomains(
                libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
            )
        except libvirt.libvirtError as error:
            raise LabError(f"libvirt has stopped answering: {error}") from error
        running = []
        for one in listed:
            if one.name().startswith(domain.PREFIX):
                # Another process may end the machine meanwhile.
                with contextlib.suppress(libvirt.libvirtError):
                    running.append(_of_domain(one))
        return running

    def is_idle(self) -> bool:
        """Tell whether libvirt has no machine, neither of the lab nor of others."""
        return not self._connection.numOfDomains()

    def is_up(self, name: str) -> bool:
        """Tell whether a machine with a name runs."""
        return any(one.name == name for one in self.machines())

    def find(self, name: str) -> Running:
        """Return the machine with a name.

        Raises:
            LabError: there is none.
        """
        running = {one.name: one for one in self.machines()}
        if name not in running:
            choices = f"; there are: {', '.join(sorted(running))}" if running else ""
            hint = f"iscsi-assay lab log {name} prints its console"
            raise LabError(
                f"there is no machine {name}{choices}",
                hint=hint if folders.console(name).exists() else "",
            )
        return running[name]


def _of_domain(handle: "libvirt.virDomain") -> Running:
    libvirt = daemon.module()
    name = handle.name().removeprefix(domain.PREFIX)
    kind = handle.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)
    try:
        ports = handle.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None)
    except libvirt.libvirtError as error:
        # libvirt drops an empty description, and a machine without ports has one.
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            raise
        ports = ""
    # Another version of the lab may have described its machine in another form.
    pairs = (pair.partition("=")[::2] for pair in ports.split())
    forwards = {
        endpoint: int(outer)
        for inner, outer in pairs
        if outer.isdecimal() and (endpoint := _endpoint(inner)) is not None
    }
    return Running(name, kind, forwards, folders.console(name), handle)


def _endpoint(text: str) -> Endpoint | None:
    address, _, port = text.rpartition(":")
    return Endpoint(int(port), address or ADDRESS) if port.isdecimal() else None


def _clear(name: str, *, keep_console: bool) -> None:
    """Remove the files of a machine whose boot failed."""
    if keep_console and folders.console(name).exists():
        folders.disk(name).unlink(missing_ok=True)
    else:
        folders.forget(name)


def free_ports(count: int) -> list[int]:
    """Return free ports of 127.0.0.1."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def unique_name(kind: str) -> str:
    """Return a name that no other process uses."""
    return f"{kind}-{os.getpid()}-{time.monotonic_ns() & 0xFFFFFF:06x}"
