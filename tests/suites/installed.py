# SPDX-License-Identifier: GPL-2.0-only
"""The toolkit as a user installs it: a wheel in an empty environment, elsewhere."""

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import missing
from vmlab import locks

ROOT = Path(__file__).parents[2]
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that holds the wheel and what it needs, nothing of a clone."""

    folder: Path

    def run(
        self, *words: str, cwd: Path, seconds: float = _SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, by its name, in a folder."""
        programs = self.folder / "bin"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "PYTHON", "COVERAGE_"))
        }
        return subprocess.run(
            [programs / words[0], *words[1:]],
            cwd=cwd,
            env={**inherited, "PATH": f"{programs}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )


def install(factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it, once for all workers of a run."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, result = shared / "environment", shared / "environment.done"
    with locks.held(shared / "environment.lock"):
        if not result.exists():
            _build(shared / "wheels")
            venv.create(folder, with_pip=True, clear=True)
            (wheel,) = (shared / "wheels").glob("*.whl")
            _pip(
                str(folder / "bin" / "python"),
                *("install", "-c", str(ROOT / "constraints.txt"), str(wheel)),
            )
            result.touch()
    return Installed(folder)


def _build(folder: Path) -> None:
    _pip(
        sys.executable,
        *("wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)),
    )


def _pip(python: str, *words: str) -> None:
    process = subprocess.run(
        [python, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if process.returncode and "No matching distribution" in process.stderr:
        missing("no package index can be reached")
    assert process.returncode == 0, process.stdout + process.stderr
