# SPDX-License-Identifier: GPL-2.0-only
"""A program as a fork: it finds what a new process would find."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from targets import forked
from vmlab.poll import poll

ROOT = Path(forked.__file__).parents[1]

pytestmark = pytest.mark.integration

HOST = """
import json, logging, os, signal, socket, sys, warnings
from pathlib import Path
from targets import forked
from targets.process import spawn

def main(arguments):
    print(json.dumps({
        "arguments": arguments,
        "directory": os.getcwd(),
        "word": os.environ["WORD"],
        "files": sorted(int(one) for one in os.listdir("/proc/self/fd"))[:4],
        "leads": os.getsid(0) == os.getpid(),
        "handlers": len(logging.root.handlers),
        "term": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
    }))
    warnings.warn("no exception")
    if arguments == ["wait"]:
        signal.pause()
    if arguments == ["fail"]:
        raise OSError("it fails")
    return 7

forked.offer("ours", main)
logging.basicConfig()
warnings.simplefilter("error")
signal.signal(signal.SIGTERM, lambda *_: None)
kept = socket.socket()
folder = Path(sys.argv[1])
process = spawn(
    [sys.executable, "-m", "ours", *sys.argv[3:]],
    log=folder / "log",
    directory=folder,
    environment={"WORD": "so"},
)
assert isinstance(process.popen, forked.Fork)
while sys.argv[2] != "await" and '"term"' not in process.log.since(0):
    pass
"""


def host(folder: Path, *words: str, then: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HOST + then, str(folder), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_it_finds_what_a_new_process_finds(tmp_path: Path) -> None:
    result = host(tmp_path, "await", "a", "b", then="print(process.popen.wait(30))")

    document = json.loads((tmp_path / "log").read_text())
    assert result.stdout == "7\n"
    assert document == {
        "arguments": ["a", "b"],
        "directory": str(tmp_path),
        "word": "so",
        "files": [0, 1, 2, 3],  # the last one reads the folder
        "leads": True,
        "handlers": 0,
        "term": True,
    }


def test_an_exception_ends_it_with_a_traceback(tmp_path: Path) -> None:
    result = host(tmp_path, "await", "fail", then="print(process.popen.wait(30))")

    assert result.stdout == "1\n"
    assert "OSError: it fails" in (tmp_path / "log").read_text()


def test_the_manner_of_the_end_is_reported(tmp_path: Path) -> None:
    then = "assert process.is_alive(); process.stop(30); print(process.ending().reason)"

    result = host(tmp_path, "running", "wait", then=then)

    assert result.stdout == "killed by SIGTERM\n"


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    result = host(tmp_path, "running", "wait", then="print(process.pid)")

    status = Path(f"/proc/{int(result.stdout)}/status")
    for _ in poll(10):
        if not status.exists() or "State:\tZ" in status.read_text():
            break
    else:
        pytest.fail("it lives on")


def test_another_program_is_none_of_its_business(tmp_path: Path) -> None:
    started = forked.start(
        [sys.executable, "-m", "not_offered"],
        log=tmp_path / "log",
        directory=tmp_path,
        environment={},
    )

    assert started is None
