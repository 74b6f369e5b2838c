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
    deviations_file = tmp_path / "known.toml"

    first = target_run(f"--write-deviations={deviations_file}", faults=(ECHO, LOGOUT))

    assert first.returncode == 1
    assert f"wrote {deviations_file}" in first.stdout
    entries = tomllib.loads(deviations_file.read_text())["deviation"]
    assert {entry["requirement"] for entry in entries} >= {
        "RFC7143-11.19-02",
        "RFC7143-11.15.1-i01",
    }
    assert all(entry["what"] and entry["why"] for entry in entries)

    green = target_run(f"--deviations={deviations_file}", faults=(ECHO, LOGOUT))
    assert green.returncode == 0, green.stdout
    assert f"{len(entries)} known deviation" in green.stdout

    removed = target_run(f"--deviations={deviations_file}", faults=(ECHO,))
    assert removed.returncode == 1, removed.stdout
    assert "listed deviation did not show" in removed.stdout
    assert "deviation gone" in removed.stdout
    assert f"remove the entry from {deviations_file}" in " ".join(
        removed.stdout.split()
    )
    assert "no findings" not in removed.stdout

    new = target_run(f"--deviations={deviations_file}", faults=(ECHO, LOGOUT, TAG))
    assert new.returncode == 1, new.stdout
    assert "RFC7143-11.19-01" in new.stdout


@pytest.mark.integration
def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    deviations_file = tmp_path / "known.toml"
    deviations_file.write_text("# mine\n")

    result = target_run(f"--write-deviations={deviations_file}", faults=())

    assert result.returncode == 4
    assert complaint(result).endswith("name another file, or delete it")
    assert deviations_file.read_text() == "# mine\n"
    nowhere = target_run(f"--write-deviations={tmp_path / 'a' / 'b'}", faults=())
    assert nowhere.returncode == 4
    assert "there is no folder" in complaint(nowhere)
