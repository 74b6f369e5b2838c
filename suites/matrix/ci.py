# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a matrix in the formats of CI systems: GitHub and GitLab."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suites.matrix.rows import Row

RESULTS = "results/matrix"
"""The folder in which jobs leave their rows, below the checkout."""
_READY = "make .venv/installed"
_MATRIX = ".venv/bin/python -m vmlab matrix"


def matrix(chosen: Sequence[Row]) -> dict[str, Any]:
    """Return rows in the format of `strategy.matrix` of GitHub Actions."""
    return {
        "include": [
            {
                "row": row.name,
                "target": row.target,
                "cores": row.cores,
                "memory": row.memory,
            }
            for row in chosen
        ]
    }


def pipeline(chosen: Sequence[Row], file: Path) -> dict[str, Any]:
    """Return a child pipeline of GitLab: a job for each row, and one that collects.

    GitLab itself repeats a job whose runner died. The test jobs run in one stage, since
    a job may need at most fifty others.
    """
    artifacts = {"paths": [RESULTS], "when": "always", "expire_in": "4 weeks"}
    jobs: dict[str, Any] = {
        f"row {row.name}": {
            "stage": "test",
            "tags": ["iscsi-assay"],
            "script": [_READY, _run(row, file)],
            "artifacts": artifacts,
            "retry": {
                "max": 2,
                "when": ["runner_system_failure", "stuck_or_timeout_failure"],
            },
        }
        for row in chosen
    }
    return {
        "stages": ["test", "collect"],
        **jobs,
        "collect": {
            "stage": "collect",
            "tags": ["iscsi-assay"],
            "when": "always",
            "script": [
                _READY,
                f"{_MATRIX} collect {RESULTS} -o {RESULTS}/matrix.html",
            ],
            "artifacts": artifacts,
        },
    }


def _run(row: Row, file: Path) -> str:
    options = f"--row {row.name} --exit-zero --results {RESULTS}"
    return f"{_MATRIX} run {shlex.quote(str(file))} {options}"
