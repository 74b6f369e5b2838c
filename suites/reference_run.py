# SPDX-License-Identifier: GPL-2.0-only
"""One run of checks against the reference target, with faults or habits enabled."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from reftarget.faults import Fault
from reports.model import Run
from reports.run import read
from reports.suites import ANYWHERE, ROOT
from suites import forkserver

SUITE = forkserver.SUITE

_PATIENCE = 1.0
"""The time limit of a faulty target's answer: shorter than for a slow target."""


class RunError(Exception):
    """A run of the suite gave no verdicts; one line."""


def selection(parts: Sequence[str]) -> list[str]:
    """Return the checks of files and folders below the suite; all if none is given.

    Raises:
        RunError: one of them is not there.
    """
    for part in parts:
        if not (ROOT / SUITE / part.partition("::")[0]).exists():
            raise RunError(f"there is no {part} below {SUITE}")
    return [f"{SUITE}/{part}" for part in parts] or [SUITE]


def arguments(
    checks: Iterable[str],
    path: Path,
    *,
    faults: Iterable[str] = (),
    habits: Iterable[str] = (),
    options: Iterable[str] = (),
) -> list[str]:
    """Return the arguments for pytest.

    Args:
        checks: folders, files or node IDs.
        path: the file that the verdicts are written to.
        faults: the faults that are on, by name.
        habits: the habits that are on, by name.
        options: further options of pytest.
    """
    faulty = [f"--fault={name}" for name in faults]
    return [
        *checks,
        "--target=reference",
        *faulty,
        *(f"--habit={name}" for name in habits),
        *([f"--peer-timeout={_PATIENCE:g}"] if faulty else []),
        "-q",
        "--no-header",
        f"--verdicts={path}",
        *options,
        *forkserver.LEAN,
        *ANYWHERE,
    ]


def run(command_line: Sequence[str], path: Path, seconds: int) -> Run:
    """Run pytest in a process of its own; return the verdicts.

    Args:
        command_line: the arguments of pytest (see `arguments`).
        path: the file of the verdicts that they name.
        seconds: how long the run may last.

    Raises:
        RunError: there are none.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = forkserver.run(command_line, seconds, Path(folder))
        except forkserver.Timeout as error:
            raise RunError(f"not finished in {seconds} s") from error
        except forkserver.ForkServerError as error:
            raise RunError(str(error)) from error
    if not path.exists():
        words = (result.stderr or result.stdout).strip().splitlines() or ["no output"]
        raise RunError(words[-1 if words[0].startswith("INTERNALERROR") else 0])
    return read(path)


def run_with(
    fault: Fault, checks: Sequence[str], seconds: int, runs: Path | None = None
) -> Run:
    """Run checks against a target with a fault.

    Args:
        fault: the fault.
        checks: folders, files or node IDs.
        seconds: how long the run may last.
        runs: the folder that keeps each fault's run; a run that is there is read, and
            the fault not tried again.

    Raises:
        RunError: there are no verdicts.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = (runs or Path(folder)) / f"{fault.name}.json"
        if path.exists():
            return read(path)
        # Plain sessions do not show a fault that needs a combination.
        strength = [f"--strength={fault.strength}"] if fault.needs else []
        command_line = arguments(checks, path, faults=[fault.name], options=strength)
        return run(command_line, path, seconds)
