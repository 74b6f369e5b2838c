# SPDX-License-Identifier: GPL-2.0-only
"""Runs of pytest in forks: apart from each other, and ended in time."""

import threading
from pathlib import Path

import pytest

from suites import forkserver
from suites.forkserver import LEAN

pytestmark = pytest.mark.integration

SLEEPS = "import time\n\ndef test_long():\n    print('asleep')\n    time.sleep(60)\n"
DIES = "import os\n\ndef test_death():\n    os.kill(os.getpid(), 9)\n"
LEAVES = """
import os
import signal
import spec

def test_leaves_something_behind():
    assert not hasattr(spec, "left"), "this is not a process of its own"
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    spec.left = os.getpid()
"""
ALIKE = "from spec import load\n\ndef test_words():\n    assert load() == 'so'\n"


def written(folder: Path, text: str) -> list[str]:
    path = folder / "test_it.py"
    path.write_text(text)
    return [str(path), f"--rootdir={folder}", "-q", "--no-header", *LEAN]


def test_each_run_is_a_process_of_its_own(tmp_path: Path) -> None:
    reported = written(tmp_path, LEAVES)
    result: list[forkserver.Done] = []

    def attempt(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        result.append(forkserver.run(reported, 60, folder))

    threads = [threading.Thread(target=attempt, args=(one,)) for one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.code for one in result] == [0, 0, 0], result
    assert all("1 passed" in one.stdout for one in result)


def test_what_a_run_prints_and_its_code_come_back(tmp_path: Path) -> None:
    result = forkserver.run(written(tmp_path, ALIKE), 60, tmp_path)

    assert result.code == 1
    # pytest explains an assertion of a file that it has read itself.
    assert "where " in result.stdout
    assert "1 failed" in result.stdout


def test_a_run_ends_at_its_limit(tmp_path: Path) -> None:
    with pytest.raises(forkserver.Timeout):
        forkserver.run(written(tmp_path, SLEEPS), 2, tmp_path)


def test_a_run_that_is_killed_is_reported(tmp_path: Path) -> None:
    with pytest.raises(forkserver.ForkServerError, match="killed"):
        forkserver.run(written(tmp_path, DIES), 60, tmp_path)


def test_a_wrong_option_gives_the_error_of_pytest(tmp_path: Path) -> None:
    result = forkserver.run(["--no-such-option", *LEAN], 60, tmp_path)

    assert result.code == pytest.ExitCode.USAGE_ERROR
    assert "--no-such-option" in result.stderr
