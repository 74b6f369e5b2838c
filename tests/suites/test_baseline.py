# SPDX-License-Identifier: GPL-2.0-only
"""A baseline of a faulty target: the next run is green, until something changes."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.suites.runs import complaint, run

ECHO, TAG = "nop-in-without-echo", "ping-answer-changes-itt"
LOGOUT = "logout-of-unknown-cid-succeeds"


def target_run(
    *arguments: str, faults: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    return run(
        "suites/conformance/logout",
        "-q",
        *(f"--fault={name}" for name in faults),
        *arguments,
        path="suites/conformance/nop",
        seconds=300,
    )


@pytest.mark.integration
def test_a_baseline_is_green_until_a_finding_comes_or_goes(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"

    first = target_run(f"--write-deviations={known}", faults=(ECHO, LOGOUT))

    assert first.returncode == 1
    assert f"wrote {known}" in first.stdout
    entries = tomllib.loads(known.read_text())["deviation"]
    assert {entry["requirement"] for entry in entries} >= {
        "RFC7143-11.19-02",
        "RFC7143-11.15.1-i01",
    }
    assert all(entry["what"] and entry["why"] for entry in entries)

    green = target_run(f"--deviations={known}", faults=(ECHO, LOGOUT))
    assert green.returncode == 0, green.stdout
    assert f"{len(entries)} known deviation" in green.stdout

    gone = target_run(f"--deviations={known}", faults=(ECHO,))
    assert gone.returncode == 1, gone.stdout
    assert "listed deviation did not show" in gone.stdout
    assert "deviation gone" in gone.stdout
    assert f"remove the entry from {known}" in " ".join(gone.stdout.split())
    assert "no findings" not in gone.stdout

    new = target_run(f"--deviations={known}", faults=(ECHO, LOGOUT, TAG))
    assert new.returncode == 1, new.stdout
    assert "RFC7143-11.19-01" in new.stdout


@pytest.mark.integration
def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text("# mine\n")

    done = target_run(f"--write-deviations={known}", faults=())

    assert done.returncode == 4
    assert complaint(done).endswith("name another file, or delete it")
    assert known.read_text() == "# mine\n"
    nowhere = target_run(f"--write-deviations={tmp_path / 'a' / 'b'}", faults=())
    assert nowhere.returncode == 4
    assert "there is no folder" in complaint(nowhere)
