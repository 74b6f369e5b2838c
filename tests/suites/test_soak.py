# SPDX-License-Identifier: GPL-2.0-only
"""The stress goes on for as long as it is told to."""

import pytest

from tests.suites.runs import run

pytestmark = pytest.mark.integration


def test_a_soak_lasts_and_says_so() -> None:
    done = run("--target=reference", "--soak=8s", path="suites/robustness")

    assert done.returncode == pytest.ExitCode.OK, done.stdout + done.stderr
    assert "soak: " in done.stdout
    assert "1 passed" in done.stdout


def test_a_soak_notices_what_is_lost() -> None:
    done = run(
        "--target=reference",
        "--fault=reset-loses-writes",
        "--soak=20s",
        path="suites/robustness",
    )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "Robustness-3-03" in done.stdout
