# SPDX-License-Identifier: GPL-2.0-only
"""A guard ends as its command does, and ends all that the command has started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmlab import guard
from vmlab.poll import poll

pytestmark = pytest.mark.integration

SECONDS = 60.0


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)]
)
def test_it_ends_as_its_command_does(script: str, code: int) -> None:
    assert guard.start(["sh", "-c", script]).wait() == code


def test_a_command_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with (tmp_path / "expected_message").open("wb") as file:
        assert guard.start(["/no/such/program"], output=file).wait() == 127
    assert (tmp_path / "expected_message").read_text() == (
        "/no/such/program: No such file or directory\n"
    )


def lives(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def started(path: Path) -> int:
    for _ in poll(SECONDS):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
    pytest.fail("it did not start")


def gone(pid: int) -> bool:
    return any(not lives(pid) for _ in poll(SECONDS))


def test_what_has_left_its_session_and_its_parent_is_ended_too(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = f"setsid setsid sh -c 'echo $$ > {path}; exec sleep 600' & sleep 600"
    one = guard.start(["sh", "-c", script])
    pid = started(path)

    one.let_go()

    assert one.wait() == 143
    assert not lives(pid)


def test_what_is_left_when_the_command_ends_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ > {path}; exec sleep 600' &\n"
    script += f"while ! [ -s {path} ]; do sleep 0.1; done"
    assert guard.start(["sh", "-c", script]).wait() == 0

    assert not lives(started(path))


def test_a_daemon_that_serves_others_stays(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = (
        "import subprocess, time\n"
        "from vmlab import guard\n"
        "p = subprocess.Popen(['sleep', '600'], env=guard.unmarked(),"
        " start_new_session=True)\n"
        f"open({str(path)!r}, 'w').write(str(p.pid))\n"
    )
    assert guard.start([sys.executable, "-c", script]).wait() == 0
    pid = started(path)

    assert lives(pid)
    os.kill(pid, 9)


def test_a_guard_that_is_killed_takes_its_command_along(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    one = guard.start(["sh", "-c", f"echo $$ > {path}; exec sleep 600"])
    pid = started(path)

    one.process.kill()

    assert gone(pid)
    one.wait()


def test_guards_in_a_guard_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    inner = f"setsid sh -c 'echo $$ > {path}; exec sleep 600' & sleep 600"
    outer = [sys.executable, "-m", "vmlab.guard", "m", "sh", "-c", inner]
    script = f"sleep 600 | {subprocess.list2cmdline(outer)}"
    one = guard.start(["sh", "-c", script])
    pid = started(path)

    one.let_go()
    one.wait()

    assert gone(pid)
