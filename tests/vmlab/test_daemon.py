# SPDX-License-Identifier: GPL-2.0-only
"""Which daemons of libvirt are taken to run, and which are ended."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vmlab import daemon


def test_a_daemon_that_listens_is_found(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert daemon.listens(path)


def test_a_leftover_socket_has_no_owner(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
    assert path.exists()
    assert not daemon.listens(path)


def test_a_missing_socket_has_no_owner(tmp_path: Path) -> None:
    assert not daemon.listens(tmp_path / "sock")


SLEEP = ["-c", "import time; time.sleep(600)"]


@pytest.mark.parametrize(
    ("known", "has_clients", "ends"),
    [(SLEEP, False, True), (SLEEP, True, False), (["--timeout", "9"], False, False)],
)
def test_only_our_own_unused_daemons_are_ended(
    monkeypatch: pytest.MonkeyPatch, known: list[str], has_clients: bool, ends: bool
) -> None:
    with subprocess.Popen([sys.executable, *SLEEP]) as process:
        pids = {"libvirtd": process.pid}
        monkeypatch.setattr(daemon, "_pid", pids.get)
        monkeypatch.setattr(daemon, "_ours", lambda _seconds: known)
        monkeypatch.setattr(daemon, "_SPAWNED", known)
        monkeypatch.setattr(daemon, "_has_clients", lambda _program: has_clients)
        # The arguments are visible only after exec.
        while daemon._arguments(process.pid) != SLEEP:
            assert process.poll() is None

        daemon.end()

        # The arguments disappear a moment before the process can be waited for.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10 if ends else 0.2)
        has_ended = process.poll() is not None
        process.kill()
    assert has_ended == ends


def test_a_machines_log_is_where_libvirt_keeps_it() -> None:
    path = daemon.log_of("iscsi-assay-one")

    assert path.name == "iscsi-assay-one.log"
    assert "libvirt/qemu" in str(path)
