# SPDX-License-Identifier: GPL-2.0-only
"""The commands that reproduce a finding."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from reports.combinations import options_of, without_row
from reports.model import Check, Outcome, Run
from reports.suites import ROOT

_REMOTE = "iscsi"
"""The kind of a target given by its URL."""

_ANYWHERE = "iscsi://HOST/NAME"

_PYTEST = "pytest" if (ROOT / "pyproject.toml").exists() else "iscsi-assay run"
"""The current folder of a clone, whose suites need no path."""


def commands(check: Check, run: Run, results: Path | None = None) -> tuple[str, ...]:
    """Return the commands that repeat a failed check, the shortest first.

    Args:
        check: the check.
        run: its run.
        results: the folder of the run's Allure results, if there is one; bundles are
            beside it.
    """
    options = options_of(check, run.strength)
    name = shlex.quote(nodeid(check, run, keeps_row="--strength=3" in options))
    words = [_PYTEST, name, f"--target={shlex.quote(target_of(run.environment))}"]
    lines = [" ".join([*words, *options])]
    if check.bundle and results is not None:
        bundle = shlex.quote(str(results.parent / "bundles" / check.bundle))
        url = shlex.quote(_url(run.environment))
        lines.insert(0, f"iscsi-assay replay {bundle} --target {url}")
    return tuple(lines)


def nodeid(check: Check, run: Run, *, keeps_row: bool = True) -> str:
    """Return a check's node ID; checks of the user's own project keep theirs.

    Args:
        check: the check.
        run: its run.
        keeps_row: whether it keeps the name of its combination (`--strength 3`).
    """
    name = check.check if keeps_row else without_row(check.check)
    path = f"suites/{run.suite}/{name}"
    is_ours = (ROOT / path.partition("::")[0]).exists()
    is_theirs = not is_ours and Path(name.partition("::")[0]).exists()
    return name if is_theirs else path


def options_without_killers(run: Run) -> str:
    """Return the options of pytest that deselect the checks that killed the target.

    Checks with known deaths of the target are expected to kill it, and stay selected.
    """
    killers = [
        shlex.quote(nodeid(check, run))
        for check in run.checks
        if check.target_died and check.outcome is Outcome.BROKEN
    ]
    return " ".join(f"--deselect {name}" for name in killers)


def target_of(environment: Mapping[str, str]) -> str:
    """Return the value of `--target` from the facts of a run, without secrets."""
    kind = environment.get("target", "")
    if "target.option" in environment:
        return environment["target.option"]
    return _url(environment) if kind in ("", _REMOTE) else kind


def _url(environment: Mapping[str, str]) -> str:
    # The run has ended the target that it started, so its ports are free again.
    portals = environment.get("target.portals", "").split()
    names = environment.get("target.names", "").split()
    is_ours = environment.get("target") != _REMOTE and (
        "target.option" not in environment
    )
    if is_ours or not portals or not names:
        return _ANYWHERE
    return f"iscsi://{portals[0]}/{names[0]}"
