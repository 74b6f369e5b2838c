# SPDX-License-Identifier: GPL-2.0-only
"""The robustness suite asks before it sends anything."""

import pytest

from tests.suites.runs import complaint, run

pytestmark = pytest.mark.integration

NOBODY = "--target=iscsi://127.0.0.1:1/iqn.2026-01.com.example:disk"
SUITE = "suites/robustness"


@pytest.mark.parametrize("path", [SUITE, f"{SUITE}/pdus", "suites"])
def test_a_target_that_is_not_ours_needs_leave(path: str) -> None:
    process = run(NOBODY, path=path)

    assert process.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--allow-crash" in complaint(process)


def test_leave_is_given_by_an_option() -> None:
    process = run(NOBODY, "--allow-crash", path=SUITE)

    assert "there is no target to test" in complaint(process)


def test_the_conformance_suite_needs_no_leave() -> None:
    assert "there is no target to test" in complaint(run(NOBODY))
