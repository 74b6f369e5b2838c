# SPDX-License-Identifier: GPL-2.0-only
"""Every shell script of the repository, read by shellcheck."""

import subprocess
from pathlib import Path

import pytest

from tests.tools import require

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("spec", "iscsi", "initiator", "reftarget", "targets", "suites", "vmlab"),
    *("reports", "benchmarks", "scripts", ".ci"),
)


def is_script(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    if path.suffix or not path.is_file():
        return False
    first = path.read_bytes().partition(b"\n")[0]
    return first.startswith(b"#!") and b"sh" in first


SCRIPTS = sorted(
    path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if is_script(path)
)


def test_the_scripts_of_guests_are_among_them() -> None:
    names = {str(path.relative_to(ROOT)) for path in SCRIPTS}

    assert {"vmlab/scripts/init.sh", "targets/lio/setup.sh", ".ci/run"} <= names


@pytest.mark.integration
def test_shellcheck_finds_nothing() -> None:
    require("shellcheck")

    done = subprocess.run(
        ["shellcheck", *SCRIPTS], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.integration
def test_shellcheck_reads_the_shell_of_guests(tmp_path: Path) -> None:
    require("shellcheck")
    wrong = tmp_path / "wrong.sh"
    wrong.write_text("# shellcheck shell=dash\nrm $1/*\n")

    done = subprocess.run(
        ["shellcheck", wrong], capture_output=True, text=True, check=False
    )

    assert "SC2086" in done.stdout
