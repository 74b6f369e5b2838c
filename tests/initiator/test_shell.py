# SPDX-License-Identifier: GPL-2.0-only
"""The interactive session, typed at through a pipe."""

import subprocess
import sys
from pathlib import Path

import pytest

from targets import parse

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TYPED = """print(session.execute(cdb.test_unit_ready()))
session.ping(b'hello').data
session.send(NOPOut(immediate=1, data=b'by hand')).initiator_task_tag
session.receive().data
show(1)
last()
1/0
"""


def test_what_is_typed_is_done(tmp_path: Path) -> None:
    with parse("reference") as running:
        portal, name = running.portal, running.target.name
        done = subprocess.run(
            [sys.executable, "-m", "initiator", "shell", f"iscsi://{portal}/{name}"],
            input=TYPED,
            cwd=ROOT,
            env={
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.returncode == 0
    assert "UNIT ATTENTION" in done.stdout
    assert "b'hello'" in done.stdout
    assert "b'by hand'" in done.stdout
    assert "<- NOPIn" in done.stdout
    assert "###[ NOP-In ]###" in done.stdout
    assert "ZeroDivisionError" in done.stderr
    assert "ModuleNotFoundError" not in done.stderr
