# SPDX-License-Identifier: GPL-2.0-only
"""Which daemons of libvirt are taken to run."""

import socket
from pathlib import Path

from vmlab import daemon


def test_a_daemon_that_listens_is_found(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert daemon.listens(path)


def test_a_socket_left_behind_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
    assert path.exists()
    assert not daemon.listens(path)


def test_no_socket_is_nobodys(tmp_path: Path) -> None:
    assert not daemon.listens(tmp_path / "sock")
