# SPDX-License-Identifier: GPL-2.0-only
"""The connection to libvirt; starts its daemons if they do not run."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from vmlab import guard
from vmlab.errors import LabError
from vmlab.poll import poll
from vmlab.tool import find, run

if TYPE_CHECKING:
    import libvirt

IDLE_SECONDS = 30
"""The time without a machine or a client after which our daemons end by themselves."""

LOGGER_IDLE_SECONDS = 600
"""It must be longer than the time from a connection to its first machine."""

_START_SECONDS = 20.0
_RIVAL_SECONDS = 5.0
_SOCKETS = Path("/run/libvirt")
_LOGS = Path("/var/log/libvirt")
_KVM = Path("/dev/kvm")
# This is how libvirt itself starts the daemons of an ordinary user.
_SPAWNED = ["--timeout=120"]


def uri() -> str:
    """Return libvirt's address: the system's for root, else the user's own."""
    return "qemu:///system" if os.geteuid() == 0 else "qemu:///session"


def module() -> "libvirt":
    """Return the libvirt module.

    Raises:
        LabError: it is not installed.
    """
    try:
        import libvirt  # noqa: PLC0415  # the toolkit runs without the lab's parts
    except ImportError as error:
        raise LabError(
            "the Python module libvirt is not installed",
            hint="make lab, or pip install 'iscsi-assay[lab]'",
        ) from error
    return libvirt


def connect() -> "libvirt.virConnect":
    """Return a connection to libvirt.

    libvirt itself starts a user's own daemon. Root's daemon is started here if no
    service manager has done so.

    Raises:
        LabError: libvirt is not installed, or its daemon does not answer.
    """
    libvirt = module()
    # libvirt would also print each error that it raises.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    start_logger()
    with contextlib.suppress(libvirt.libvirtError):
        return libvirt.open(uri())
    if os.geteuid() == 0:
        _share_kvm(_KVM)
        _start("libvirtd", _SOCKETS / "libvirt-sock", IDLE_SECONDS)
    try:
        return libvirt.open(uri())
    except libvirt.libvirtError as error:
        raise LabError(f"libvirt does not answer: {error}") from error


def _share_kvm(device: Path) -> None:
    """Give /dev/kvm to its group, as udev does.

    Otherwise libvirt finds KVM usable as root but unusable as its own user, considers
    its data about QEMU outdated each time, and queries QEMU again, which takes a minute
    for each machine.
    """
    try:
        status = device.stat()
        if status.st_uid == 0 and status.st_gid == 0 and not status.st_mode & 0o077:
            shutil.chown(device, group="kvm")
            device.chmod(0o660)
    except (OSError, LookupError):
        pass  # the device or the group is missing, or belongs to another user


def start_logger() -> None:
    """Start the daemon that writes consoles, if root's does not run.

    libvirtd does not start it, and it may have ended since the last machine.

    Raises:
        LabError: it does not start.
    """
    if os.geteuid() == 0 and not listens(_SOCKETS / "virtlogd-sock"):
        _start("virtlogd", _SOCKETS / "virtlogd-sock", LOGGER_IDLE_SECONDS)


def _start(program: str, sock: Path, idle_seconds: int) -> None:
    """Start a daemon of libvirt, unless another process has done so meanwhile."""
    for folder in (sock.parent, _LOGS):
        # A service manager would have created these folders.
        folder.mkdir(parents=True, exist_ok=True)
    command = [find(program), *_ours(idle_seconds)]
    try:
        process = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
            # Other users' machines use the daemon, too: it outlives the row that
            # started it.
            env=guard.unmarked(),
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{program} did not start within {_START_SECONDS} s", command=command
        ) from error
    # The start may fail because another process starts the daemon.
    for _ in poll(_START_SECONDS if process.returncode == 0 else _RIVAL_SECONDS):
        if listens(sock):
            return
    raise LabError(
        f"{program} did not start", command=command, log=process.stderr.strip()
    )


def _ours(idle_seconds: int) -> list[str]:
    return ["--daemon", "--timeout", str(idle_seconds)]


def end() -> None:
    """End the daemons that the lab has started, unless clients are connected.

    They would end by themselves a bit later. The caller knows that no machine runs.
    """
    is_root = os.geteuid() == 0
    programs = {
        "libvirtd": _ours(IDLE_SECONDS) if is_root else _SPAWNED,
        # Last, because the other daemon may need it.
        "virtlogd": _ours(LOGGER_IDLE_SECONDS) if is_root else _SPAWNED,
    }
    for program, arguments in programs.items():
        pid = _pid(program)
        if pid is None:
            continue
        if _arguments(pid) != arguments or _has_clients(program):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        for _ in poll(_START_SECONDS):
            if _arguments(pid) is None:
                break


def log_of(domain_name: str) -> Path:
    """Return the file with the output of a domain's QEMU process."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    logs = _LOGS if os.geteuid() == 0 else Path(base) / "libvirt"
    folder = "qemu" if os.geteuid() == 0 else "qemu/log"
    return logs / folder / f"{domain_name}.log"


def _pid(program: str) -> int | None:
    runtime = os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache"
    folder = Path("/run") if os.geteuid() == 0 else Path(runtime) / "libvirt"
    try:
        return int((folder / f"{program}.pid").read_text())
    except (OSError, ValueError):
        return None


def _arguments(pid: int) -> list[str] | None:
    """Return the command line of a process; None if there is none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return None
    return words.split("\0")[1:-1] or None


def _has_clients(program: str) -> bool:
    """Tell whether clients are connected; True if that is unknown."""
    address = f"{program}:///{uri().rpartition('/')[2]}"
    try:
        printed = run("virt-admin", "-c", address, "client-list", program, seconds=20)
    except LabError:
        return True
    # The output begins with two header lines.
    return len(printed.strip().splitlines()) > 2


def listens(sock: Path) -> bool:
    """Tell whether a daemon answers at a socket, which a killed one leaves behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_START_SECONDS)
        try:
            probe.connect(str(sock))
        except OSError:
            return False
    return True
