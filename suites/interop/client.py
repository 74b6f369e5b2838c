# SPDX-License-Identifier: GPL-2.0-only
"""The lab's client machine, which runs commands on its console."""

import time
from collections.abc import Callable, Mapping
from typing import Self, TypeVar

from suites.interop import open_iscsi
from suites.interop.open_iscsi import KernelSession, Node, Path
from targets.client import guest as client
from vmlab import folders, machine
from vmlab.console import Console
from vmlab.errors import LabError
from vmlab.guest import quoted
from vmlab.watch import Crash, CrashKind, find_crash

MOUNT = "/mnt"
FILE_SIZE = 2 << 20
SECONDS = 90.0
"""Emulated machines on a busy host are slow."""

SOURCE = "/tmp/source"  # noqa: S108  # the guest's

_T = TypeVar("_T")


class LoginFailed(Exception):
    """iscsiadm reports that a login failed.

    Args:
        code: its exit code, an ISCSI_ERR_ number of open-iscsi.
        printed: its output.
    """

    REFUSED = 24
    """The target does not accept the initiator's proof."""
    ENDED = 19
    """The initiator ended the login, for example since it does not accept the target's
    proof."""

    def __init__(self, code: int, printed: str) -> None:
        super().__init__(f"iscsiadm ended with code {code}: {printed.strip()}")
        self.code = code


_KNOWN = "dd_exit_sched"
"""A bug of Linux 6.1's disk scheduler: now and then it counts one request more in
than out when the disk of a lost path is removed; its queues are empty, and no byte
is lost."""


def syntax_error_in(log: str) -> str:
    """Return the report of an error of the client's kernel, or an empty text.

    Known harmless reports that no target causes are ignored.
    """
    crash = find_crash(log)
    while crash is not None and _is_harmless(crash, log):
        crash = find_crash(log, crash.end)
    return "" if crash is None else crash.report


def _is_harmless(crash: Crash, log: str) -> bool:
    lines = log[: crash.offset].splitlines()
    return (
        crash.kind is CrashKind.WARNING
        and f" {_KNOWN}+" in crash.line
        and any("statistics for priority" in line for line in lines[-1:])
    )


Files = Mapping[str, str]
"""The SHA-256 of each file, by its name."""


class Client:
    """A machine with the Linux kernel's initiator; a context manager.

    Args:
        name: a machine that is up and stays up; None to boot a new one.

    Raises:
        LabError: there is no such machine, or it does not boot.
    """

    def __init__(self, name: str | None = None) -> None:
        self._lab = machine.Lab()
        self._is_own = name is None
        self.name = name or machine.unique_name("client")
        try:
            if name is None:
                self.machine = self._lab.up(
                    client.guest(), self.name, ends_with_us=True
                )
            else:
                self.machine = self._lab.find(name)
            self._console = Console(self.name, seconds=SECONDS)
        except BaseException:
            self._lab.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the machine if this object booted it."""
        self._console.close()
        if self._is_own:
            self.machine.destroy()
            folders.forget(self.name)
        self._lab.close()

    def run(self, command: str, *, seconds: float = SECONDS) -> str:
        """Run a command in the guest and return what it printed.

        Raises:
            LabError: the command failed or took too long, or the machine has ended.
        """
        return self._console.run(command, seconds=seconds)

    def succeeds(self, command: str) -> bool:
        """Tell whether a command exits with 0 in the guest."""
        return self._console.attempt(command, seconds=SECONDS)[0] == 0

    def until(
        self, subject: str, look: Callable[[], _T | None], seconds: float = SECONDS
    ) -> _T:
        """Poll the guest until a condition holds; return its value.

        Raises:
            AssertionError: it does not hold in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            result = look()
            if result:
                return result
        raise AssertionError(f"within {seconds:g} s the client did not see {subject}")

    def discover(self, port: int) -> list[Node]:
        """Return the answer of SendTargets at a port of the host's loopback."""
        portal = f"{client.GATEWAY}:{port}"
        printed = self.run(
            f"iscsiadm -m discovery -t sendtargets -p {portal} -o nonpersistent"
        )
        return open_iscsi.parse_discovery(printed)

    def log_in(
        self, target_name: str, port: int, settings: Mapping[str, str]
    ) -> KernelSession:
        """Log in at a port of the host's loopback; return the session when it is up.

        The node record is created without discovery, which would name the target's own
        addresses, and the guest cannot reach those.

        Raises:
            LoginFailed: the target, or iscsid, refuses.
        """
        portal = f"{client.GATEWAY}:{port}"
        node = f"iscsiadm -m node -T {quoted(target_name)} -p {portal}"
        self.run(f"{node},1 -o new")
        words = " ".join(
            f"-n {quoted(key)} -v {quoted(value)}" for key, value in settings.items()
        )
        # Errors leave out the output and the arguments, because they contain secrets.
        code, _ = self._console.attempt(f"{node} -o update {words}", seconds=SECONDS)
        if code:
            raise LabError(f"iscsiadm accepts none of {', '.join(settings)}")
        code, printed = self._console.attempt(f"{node} --login 2>&1", seconds=SECONDS)
        if code:
            raise LoginFailed(code, printed)
        return self.until(f"a session at {portal}", lambda: self.session_at(port))

    def sessions(self) -> list[KernelSession]:
        """Return the sessions of the kernel."""
        return open_iscsi.parse_sessions(
            self.run("iscsiadm -m session -P 3 2>/dev/null || [ $? = 21 ]")
        )

    def session_at(self, port: int) -> KernelSession | None:
        """Return the session through a port if it is logged in."""
        sessions_at_port = [one for one in self.sessions() if one.port == port]
        return next((one for one in sessions_at_port if one.is_logged_in), None)

    def await_disk(self, port: int, lun: int) -> str:
        """Return the device of a logical unit once the kernel has found it."""

        def look() -> str | None:
            session = self.session_at(port)
            return None if session is None else session.disks.get(lun)

        return f"/dev/{self.until(f'LUN {lun} by port {port}', look)}"

    def make_file_system(self, device: str) -> None:
        """Make an empty file system and mount it."""
        self.run(f"mkfs.ext4 -q -F {device} && mount -t ext4 {device} {MOUNT}")

    def check_file_system(self, device: str) -> None:
        """Unmount the file system and check it.

        Raises:
            LabError: it is damaged.
        """
        self.run(f"umount {MOUNT} && e2fsck -fn {device} 2>&1")

    def make_files(self, count: int = 3) -> Files:
        """Fill files of 2 MiB with random bytes, in the guest's memory."""
        names = [f"{SOURCE}/{number}" for number in range(count)]
        commands = "; ".join(
            f"head -c {FILE_SIZE} /dev/urandom > {name}" for name in names
        )
        self.run(f"rm -rf {SOURCE}; mkdir {SOURCE}; {commands}")
        return self._digests(SOURCE)

    def write(self, files: Files) -> None:
        """Copy files to the file system and wait until the target has them."""
        self.run(f"cd {SOURCE} && cp {' '.join(files)} {MOUNT} && cd / && sync")

    def flush(self, device: str) -> None:
        """Have the target write all data to its medium.

        The last writes of sync, the file system's own tables, may stay in its cache.
        """
        self.run(f"sync && sync {device}")

    def read_back(self) -> Files:
        """Return the file system's files as read from the target, without a cache."""
        self.run("sync; echo 3 > /proc/sys/vm/drop_caches")
        return self._digests(MOUNT)

    def _digests(self, folder: str) -> Files:
        printed = self.run(f"find {folder} -type f | xargs sha256sum")
        rows = [line.split() for line in printed.splitlines()]
        return {name.rpartition("/")[2]: digest for digest, name in rows}

    def paths(self) -> list[Path]:
        """Return the paths that multipathd monitors."""
        command = f"multipathd show paths raw format {quoted(open_iscsi.PATHS_FORMAT)}"
        return open_iscsi.parse_paths(self.run(command))

    def forget_everything(self) -> None:
        """Unmount, log out everywhere and forget all nodes and all units."""
        self.run(
            f"umount -l {MOUNT} 2>/dev/null; multipath -F 2>/dev/null;"
            " iscsiadm -m node --logoutall=all >/dev/null 2>&1;"
            " iscsiadm -m node -o delete 2>/dev/null;"
            " rm -f /etc/multipath/wwids; multipathd reconfigure >/dev/null"
        )
        remaining = self.sessions()
        if remaining:
            raise LabError(f"{self.name}: {len(remaining)} sessions cannot be ended")

    def mark(self) -> None:
        """Begin new logs."""
        self.run("dmesg -c > /dev/null; true > /tmp/messages")

    def crash(self) -> str:
        """Return the kernel errors that were logged since the mark.

        Warnings do not reach its console, where they would count as a crash.
        """
        return syntax_error_in(self.run("dmesg"))

    def log(self) -> str:
        """Return what kernel and daemons have logged since the mark."""
        return self.run("dmesg; cat /tmp/messages")
