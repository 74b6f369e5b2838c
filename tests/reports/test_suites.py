# SPDX-License-Identifier: GPL-2.0-only
"""What checks are called, wherever their suite lies."""

import pytest

from reports.suites import ROOT, name_of, suite_of

CHECK = "login/test_plain.py::test_x[a/b::c]"


@pytest.mark.parametrize(
    "before",
    [
        "",
        f"../{ROOT.name}/",
        f"../../usr/lib/python3/{ROOT.name}/",
        f".venv/lib/python3.11/{ROOT.name}/",
    ],
)
@pytest.mark.parametrize("suite", ["conformance", "robustness"])
def test_a_check_is_known_wherever_its_suite_lies(before: str, suite: str) -> None:
    nodeid = f"{before}suites/{suite}/{CHECK}"

    assert (suite_of(nodeid), name_of(nodeid)) == (suite, CHECK)


@pytest.mark.parametrize(
    "nodeid",
    [
        "tests/suites/conformance/test_x.py::test_y",
        "suites/interop/test_logins.py::test_y",
        "mysuites/conformance/test_x.py::test_y",
        "test_x.py::test_y[suites/conformance/z]",
    ],
)
def test_another_test_keeps_its_name(nodeid: str) -> None:
    assert (suite_of(nodeid), name_of(nodeid)) == ("", nodeid)
