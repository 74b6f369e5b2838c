# SPDX-License-Identifier: GPL-2.0-only
"""make: its progress, its errors, and its end with the calling process."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import require
from vmlab import cache
from vmlab.build.make import Progress, make
from vmlab.errors import LabError

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("make", "setpriv")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


def makefile(tmp_path: Path, *commands: str) -> Path:
    path = tmp_path / "Makefile"
    path.write_text("all:\n" + "".join(f"\t@{command}\n" for command in commands))
    return tmp_path


def test_steps_are_counted(tmp_path: Path) -> None:
    folder = makefile(
        tmp_path,
        "echo '  CC      a.o'",
        "echo '  CC [M]  b.o'",
        "echo '  CALL    x'",
        "echo '  LD      all'",
    )
    notices: list[int] = []

    make((), subject="it", log=tmp_path / "log", cwd=folder, report=notices.append)

    assert notices[-1] == 3
    assert (tmp_path / "log").read_text().count("\n") == 4


def test_a_make_around_it_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "wn")
    monkeypatch.setenv("MAKELEVEL", "1")
    folder = makefile(tmp_path, "echo '  CC      a.o'")

    make((), subject="it", log=tmp_path / "log", cwd=folder)

    assert (tmp_path / "log").read_text() == "  CC      a.o\n"


def test_the_first_errors_are_shown(tmp_path: Path) -> None:
    folder = makefile(
        tmp_path, "seq 100", "echo 'a.c:7:1: error: no such thing'", "seq 100", "false"
    )

    with pytest.raises(LabError, match=r"^it does not build .*; see .*/log$") as caught:
        make((), subject="it", log=tmp_path / "log", cwd=folder)

    assert caught.value.log.splitlines()[0] == "a.c:7:1: error: no such thing"


def test_a_log_is_added_to_and_only_the_new_part_is_searched(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old.c:1:1: error: of the last time\n")
    folder = makefile(tmp_path, "echo nothing to see; false")

    with pytest.raises(LabError) as caught:
        make((), subject="it", log=log, cwd=folder)

    assert "old.c" not in caught.value.log
    assert "old.c" in log.read_text()


def test_it_ends_with_a_caller_that_was_killed(tmp_path: Path) -> None:
    folder = makefile(tmp_path, "echo $$$$ > pid.new; mv pid.new pid; exec sleep 60")
    script = (
        "from pathlib import Path; from vmlab.build.make import make;"
        f"make((), subject='it', log=Path({str(tmp_path / 'log')!r}),"
        f" cwd=Path({str(folder)!r}))"
    )
    pid = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as child:
        assert within(20, pid.exists)
        child.send_signal(signal.SIGKILL)

    assert within(20, lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def test_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("linux", total=10)
    for steps in range(4):
        progress(steps)
    progress.close()

    assert re.fullmatch(r"linux: 0 steps, \d+ s\n", capsys.readouterr().err)
    assert progress.steps == 3
