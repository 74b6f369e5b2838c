# SPDX-License-Identifier: GPL-2.0-only
"""make(1), with a log, ccache and progress."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from vmlab import cache
from vmlab.errors import LabError
from vmlab.tool import find

SECONDS = 3 * 3600
"""No build takes longer."""

_POLL_SECONDS = 1.0
_STEP = re.compile(r"\s+(?:CC|LD|AR|AS|HOSTCC|HOSTLD)\s")
_ERROR = re.compile(r"^(?:.*(?:error|Error)[: ].*|make.*\*\*\*.*)$", re.MULTILINE)
_STAMP = "Thu Jan  1 00:00:00 UTC 1970"


def make(
    arguments: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    cwd: Path | None = None,
    jobs: int | None = None,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Run make to its end.

    Args:
        arguments: what it is given besides.
        what: what is built, for the message.
        log: what it prints is added to this file.
        cwd: where it runs.
        jobs: how many at once; None for one a processor.
        tell: is told now and then how many steps are done.

    Raises:
        LabError: it failed, or took too long; has the first error of the log.
    """
    jobs = jobs or len(os.sched_getaffinity(0))
    compiler = "ccache gcc" if _has_ccache() else "gcc"
    # It ends with this process, however that ends.
    words = [find("setpriv"), "--pdeathsig", "TERM"]
    words += [find("make"), f"-j{jobs}", f"CC={compiler}", *map(str, arguments)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+", errors="replace") as file:
        begin = file.seek(0, os.SEEK_END)
        with subprocess.Popen(
            words,
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as child:
            try:
                _follow(child, file, begin, tell)
            except BaseException:
                _end(child)
                raise
        file.seek(begin)
        said = file.read()
    if child.returncode != 0:
        raise LabError(
            f"{what} does not build (make ended with code {child.returncode})",
            hint=f"see {log}",
            command=words,
            log=_first_errors(said),
        )


def _follow(
    child: "subprocess.Popen[bytes]",
    file: IO[str],
    begin: int,
    tell: Callable[[int], None] | None,
) -> None:
    deadline = time.monotonic() + SECONDS
    steps = 0
    while True:
        try:
            child.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            is_over = False
        else:
            is_over = True
        if tell is not None:
            file.seek(begin)
            lines = file.readlines()
            begin = file.tell()
            steps += sum(_STEP.match(line) is not None for line in lines)
            tell(steps)
        if is_over:
            return
        if time.monotonic() > deadline:
            raise LabError(f"make did not end within {SECONDS} s")


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End make with all that it has started; what is built so far stays."""
    os.killpg(child.pid, 15)
    try:
        child.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.wait()


def _environment() -> dict[str, str]:
    base = cache.folder()
    return os.environ | {
        # The same sources give the same bytes, and ccache knows them again.
        "KBUILD_BUILD_TIMESTAMP": _STAMP,
        "KBUILD_BUILD_USER": "assay",
        "KBUILD_BUILD_HOST": "lab",
        "CCACHE_DIR": str(base / "ccache"),
        "CCACHE_BASEDIR": str(base),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_COMPRESS": "1",
        "LC_ALL": "C",
    }


def _has_ccache() -> bool:
    try:
        find("ccache")
    except LabError:
        return False
    return True


def _first_errors(said: str) -> str:
    found = [match[0].strip() for match in _ERROR.finditer(said)]
    return "\n".join(found[:8]) or "\n".join(said.splitlines()[-12:])


class Progress:
    """A line on the terminal that says how far a build is; lines where there is none.

    Args:
        what: what is built.
        total: how many steps it took the last time; 0 if nobody knows.
    """

    def __init__(self, what: str, total: int = 0) -> None:
        self._what = what
        self._total = total
        self._begun = time.monotonic()
        self._said = -60.0
        self.steps = 0

    def __call__(self, steps: int) -> None:
        """Say it: on a terminal each time, in a log each half minute."""
        self.steps = steps
        passed = time.monotonic() - self._begun
        of_all = f" of about {self._total}" if self._total >= steps > 0 else ""
        line = f"{self._what}: {steps}{of_all} steps, {passed:.0f} s"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
        elif passed - self._said >= 30:
            self._said = passed
            sys.stderr.write(f"{line}\n")

    def close(self) -> None:
        """End the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\n")
