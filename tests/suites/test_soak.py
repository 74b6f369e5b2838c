# SPDX-License-Identifier: GPL-2.0-only
"""The stress lasts as long as requested."""

import pytest

from tests.suites.runs import run

pytestmark = pytest.mark.integration


def test_a_soak_lasts_and_says_so() -> None:
    process = run("--target=reference", "--soak=8s", path="suites/robustness")

    assert process.returncode == pytest.ExitCode.OK, process.stdout + process.stderr
    assert "soak: " in process.stdout
    assert "1 passed" in process.stdout


def test_a_soak_notices_what_is_lost() -> None:
    process = run(
        "--target=reference",
        "--fault=reset-loses-writes",
        "--soak=20s",
        path="suites/robustness",
    )

    assert process.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Robustness-3-03" in process.stdout
