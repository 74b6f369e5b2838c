# SPDX-License-Identifier: GPL-2.0-only
"""make(1), with a log, ccache and progress."""

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from vmlab import cache
from vmlab.build.builder import HOST, Builder, Job
from vmlab.errors import LabError

SECONDS = 3 * 3600
"""The time limit of a build."""

_POLL_SECONDS = 1.0
_STEP = re.compile(r"\s+(?:CC|LD|AR|AS|HOSTCC|HOSTLD)\s")
_ERROR = re.compile(r"^(?:.*(?:error|Error)[: ].*|make.*\*\*\*.*)$", re.MULTILINE)
_STAMP = "Thu Jan  1 00:00:00 UTC 1970"


def make(
    arguments: Sequence[str | Path],
    *,
    subject: str,
    log: Path,
    cwd: Path | None = None,
    jobs: int | None = None,
    report: Callable[[int], None] | None = None,
    builder: Builder = HOST,
    writes: Sequence[Path] = (),
) -> None:
    """Run make until it ends.

    Args:
        arguments: its further arguments.
        subject: the name of the build, for messages.
        log: the file to which its output is appended.
        cwd: the folder in which it runs.
        jobs: the number of parallel jobs; None for one per processor.
        report: called now and then with the number of finished steps.
        builder: the place where it runs.
        writes: the folders below which it writes, in addition to ccache's.

    Raises:
        LabError: it failed, or took too long; the message has the first error of the
            log.
    """
    words = ["make", "--no-print-directory", f"-j{jobs or builder.processors}"]
    words.append(f"CC={builder.cc}")
    words += map(str, arguments)
    ccache = cache.folder() / "ccache"
    for folder in (ccache, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    log.touch()
    with log.open(errors="replace") as file:
        begin = file.seek(0, os.SEEK_END)
        job = builder.begin(
            words,
            cwd=cwd,
            environment=_settings(ccache),
            log=log,
            writes=(*writes, ccache, log.parent),
        )
        try:
            code = _follow(job, file, begin, report)
        except BaseException:
            job.end()
            raise
        file.seek(begin)
        output = file.read()
    if code != 0:
        raise LabError(
            f"{subject} does not build (make ended with code {code})",
            hint=f"see {log}",
            command=words,
            log=_first_errors(output),
        )


def _follow(
    job: Job, file: IO[str], begin: int, report: Callable[[int], None] | None
) -> int:
    deadline = time.monotonic() + SECONDS
    steps = 0
    while True:
        code = job.wait(_POLL_SECONDS)
        if report is not None:
            file.seek(begin)
            lines = file.readlines()
            begin = file.tell()
            steps += sum(_STEP.match(line) is not None for line in lines)
            report(steps)
        if code is not None:
            return code
        if time.monotonic() > deadline:
            raise LabError(f"make did not end within {SECONDS} s")


def _settings(ccache: Path) -> dict[str, str]:
    return {
        # Do not inherit the settings of an outer make, such as `make test`.
        "MAKEFLAGS": "",
        "MFLAGS": "",
        "MAKELEVEL": "",
        # The same sources give the same bytes, so that ccache finds them.
        "KBUILD_BUILD_TIMESTAMP": _STAMP,
        "KBUILD_BUILD_USER": "assay",
        "KBUILD_BUILD_HOST": "lab",
        "CCACHE_DIR": str(ccache),
        "CCACHE_BASEDIR": str(cache.folder()),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_COMPRESS": "1",
        "LC_ALL": "C",
    }


def _first_errors(output: str) -> str:
    errors = [match[0].strip() for match in _ERROR.finditer(output)]
    return "\n".join(errors[:8]) or "\n".join(output.splitlines()[-12:])


class Progress:
    """The progress of a build: one line on a terminal, else several lines.

    Args:
        what: the name of the build.
        total: the number of steps of the last build; 0 if unknown.
    """

    def __init__(self, subject: str, total: int = 0) -> None:
        self._what = subject
        self._total = total
        self._begun = time.monotonic()
        self._error_lines = -60.0
        self.steps = 0

    def __call__(self, steps: int) -> None:
        """Print the progress: on a terminal each time, in a log each half minute."""
        self.steps = steps
        passed = time.monotonic() - self._begun
        of_all = f" of about {self._total}" if self._total >= steps > 0 else ""
        line = f"{self._what}: {steps}{of_all} steps, {passed:.0f} s"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
        elif passed - self._error_lines >= 30:
            self._error_lines = passed
            sys.stderr.write(f"{line}\n")

    def close(self) -> None:
        """End the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\n")
