# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of our own on this machine, which can die as a host does: all at once.

Each has namespaces of its own for processes, mounts and its name, and folders of its
own in the place of those that it must not share, such as the sockets of libvirt: it has
libvirt's daemons of its own, with its machines. The kernel kills all that runs in it
with its first process. Hosts share the lab's cache, to build each kernel once.
"""

import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tools import missing, require
from vmlab import cache
from vmlab.poll import poll

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Host:
    """A host."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def die(self) -> None:
        """Lose all that runs on it, as by a loss of power."""
        self.process.kill()
        self.process.wait(SECONDS)


def require_hosts() -> None:
    """Skip the test, or fail it in CI, where hosts cannot be made."""
    require("unshare")
    probe = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--uts", "true"]
    if (
        os.geteuid()
        or subprocess.run(probe, check=False, capture_output=True).returncode
    ):
        missing("hosts of our own need root and namespaces")


@contextmanager
def host(
    name: str, folder: Path, own: Mapping[Path, Path], *words: str | Path
) -> Iterator[Host]:
    """Have a host on which a program runs; it is dead when the context ends.

    Args:
        name: its name.
        folder: where its log and its own folders go.
        own: further places, each with the folder that is there on this host.
        words: the program.
    """
    steps = [f"hostname {shlex.quote(name)}"]
    steps += [
        shlex.join(["mount", "--bind", str(source), str(place)])
        for place, source in {**_for_daemons(folder / f"{name}.own"), **own}.items()
    ]
    # The shell is the host's first process, which has to reap those that lose their
    # parent: libvirt waits until a machine's process is gone.
    steps.append(f"{shlex.join(map(str, words))} & wait $!")
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                *("unshare", "--pid", "--fork", "--kill-child", "--mount"),
                *("--mount-proc", "--uts", "sh", "-ec", "\n".join(steps)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    started = Host(name, process, log)
    try:
        yield started
    finally:
        started.die()


def _for_daemons(folder: Path) -> Mapping[Path, Path]:
    """Make folders in which a host has sockets, machines and numbers of processes."""
    own = {Path("/run"): folder / "run", Path("/var/lib/libvirt"): folder / "libvirt"}
    for path in own.values():
        path.mkdir(parents=True)
    # A service manager would have created it.
    (folder / "run" / "sshd").mkdir()
    return {place: path for place, path in own.items() if place.exists()}


def free_port() -> int:
    """Return a free port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, host: Host) -> None:
    """Wait until somebody listens at a port.

    Raises:
        TimeoutError: nobody does; has the host's log.
    """
    for _ in poll(SECONDS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError(host.log.read_text(errors="replace"))


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {key}
AuthorizedKeysFile {key}.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
SetEnv HOME={home} {cache}
"""

CLIENT = """
Host {name}
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {key}.known
    StrictHostKeyChecking accept-new
    LogLevel ERROR
"""


@contextmanager
def ssh_host(name: str, folder: Path, own: Mapping[Path, Path]) -> Iterator[Host]:
    """Have a host with a home of its own, reached by `ssh -F FOLDER/NAME.client NAME`.

    Args:
        name: its name.
        folder: where its files are.
        own: places, each with the folder that is there on this host.
    """
    require("sshd", "ssh", "ssh-keygen")
    key, port = folder / f"{name}.key", free_port()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True
    )
    config, home = folder / f"{name}.sshd", folder / f"{name}.home"
    home.mkdir()
    shared = f"{cache.VARIABLE}={cache.folder()}"
    config.write_text(SSHD.format(port=port, key=key, home=home, cache=shared))
    client = CLIENT.format(name=name, port=port, key=key)
    (folder / f"{name}.client").write_text(client)
    sshd = shutil.which("sshd", path="/usr/sbin:/sbin") or "sshd"
    with host(name, folder, own, sshd, "-D", "-e", "-f", config) as started:
        await_port(port, started)
        yield started
