# SPDX-License-Identifier: GPL-2.0-only
"""Small slips in logins and texts do not end a run."""

from pathlib import Path

import pytest

from reports.model import Outcome
from reports.run import read
from tests.suites.runs import run

pytestmark = pytest.mark.integration

SLIPS = {
    "transition-asks-for-an-answer": {"RFC7143-6.3-11", "RFC7143-11.13.6-01"},
    "own-length-comes-again": {"RFC7143-6.3-14"},
    "text-is-left-over": {"RFC7143-6.1-01"},
}
"""Faults that an initiator can live with, and the clauses that they break."""

CHECKS = (
    "suites/conformance/login/test_plain.py",
    "suites/conformance/login/test_response_fields.py",
    "suites/conformance/logout",
)


def test_a_target_with_slips_fails_the_checks_of_their_clauses_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.json"
    faults = [f"--fault={name}" for name in SLIPS]

    process = run(
        *CHECKS[1:], "--target=reference", *faults, f"--verdicts={path}", path=CHECKS[0]
    )

    checks = read(path).checks
    assert process.returncode == 1
    assert "its first login breaks a rule: " in process.stdout
    accused = {name for check in checks for name in check.broken}
    assert accused <= set().union(*SLIPS.values())
    assert accused >= {"RFC7143-11.13.6-01", "RFC7143-6.3-14", "RFC7143-6.1-01"}
    failed = {check.outcome for check in checks} - {Outcome.PASSED}
    assert failed <= {Outcome.BROKEN, Outcome.NOT_APPLICABLE}
    assert sum(check.outcome is Outcome.PASSED for check in checks) > len(checks) / 2


WAYS = {
    "md5-is-not-known": "RFC7143-12.1.3-i01",
    "discovery-needs-the-security-stage": "RFC7143-6.3.3-01",
}
"""Faults that bar the plain way of a login, and the clause that each breaks."""


def test_another_way_in_keeps_all_checks_but_those_of_the_plain_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.json"
    faults = [f"--fault={name}" for name in WAYS]

    run(
        "suites/conformance/negotiation/test_discovery.py",
        "suites/conformance/security/test_chap.py::test_right_secret_logs_in",
        *("--target=reference", *faults, f"--verdicts={path}"),
        path="suites/conformance/security/test_mutual_chap.py",
    )

    checks = read(path).checks
    failed = [one for one in checks if one.outcome is not Outcome.PASSED]
    clauses = {name for check in failed for name in check.requirements}
    assert clauses >= set(WAYS.values())
    about_the_plain_way = {*WAYS.values(), "RFC7143-9.2.1-01"}
    assert all(about_the_plain_way & set(check.requirements) for check in failed)
