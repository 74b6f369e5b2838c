# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a matrix as CI systems take them: GitHub's matrix, GitLab's pipeline."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suites.matrix.rows import Row

RESULTS = "results/matrix"
"""Where the jobs leave rows, below the checkout."""
_READY = "make .venv/installed"
_MATRIX = ".venv/bin/python -m vmlab matrix"


def matrix(chosen: Sequence[Row]) -> dict[str, Any]:
    """Return rows as `strategy.matrix` of GitHub Actions has them."""
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
    """Return a child pipeline of GitLab: a job a row, and one that collects.

    GitLab itself runs a job again whose runner has died. The jobs that test run in one
    stage, since a job may need fifty others at the most.
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
