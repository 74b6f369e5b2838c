# SPDX-License-Identifier: GPL-2.0-only
"""Every shell script of the repository passes shellcheck."""

import subprocess
from pathlib import Path

import pytest

from tests import tools

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "scripts", "targets", "vmlab", "tests")
SHELLS = ("#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash")


def is_shell_script(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as file:
        return file.read(32).startswith(tuple(line.encode() for line in SHELLS))


def scripts() -> list[Path]:
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return sorted(path for path in files if path.is_file() and is_shell_script(path))


def test_the_scripts_that_are_known_are_found() -> None:
    matches = {str(path.relative_to(ROOT)) for path in scripts()}

    assert {".ci/run", "scripts/install-lab", "scripts/install-packages"} <= matches
    assert {"vmlab/scripts/init.sh", "targets/lio/setup.sh"} <= matches


@pytest.mark.integration
def test_shellcheck_has_nothing_to_say() -> None:
    tools.require("shellcheck")

    process = subprocess.run(
        ["shellcheck", *scripts()], capture_output=True, text=True, check=False
    )

    assert process.stdout == ""
    assert process.returncode == 0
