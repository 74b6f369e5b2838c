# SPDX-License-Identifier: GPL-2.0-only
"""Locks of files: one owner at a time, none after its death."""

import subprocess
import sys
import threading
from pathlib import Path

from vmlab import locks

_OWNER = """
import sys, time
from pathlib import Path
from vmlab import locks
assert locks.take(Path(sys.argv[1])) is not None
print("taken", flush=True)
time.sleep(600)
"""


def test_a_lock_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = locks.take(path)
    assert first is not None

    assert locks.take(path) is None
    first.release()
    second = locks.take(path)

    assert second is not None
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_who_waits_takes_the_lock_that_is_there_then(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inside: list[int] = []

    def work() -> None:
        for number in range(50):
            with locks.held(path):
                inside.append(number)
                assert len(inside) == 1
                inside.clear()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)

    assert not any(one.is_alive() for one in threads)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, path],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "taken\n"
        is_free_before = locks.take(path) is not None
        owner.kill()

    lock = locks.take(path)
    assert (is_free_before, lock is not None) == (False, True)
    assert lock is not None
    lock.release()
