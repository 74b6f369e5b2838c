# SPDX-License-Identifier: GPL-2.0-only
"""List functions, classes and attributes that nothing uses; fail if there are any.

    python scripts/dead_code.py

vulture finds them by name, in the tests too: what only a test uses counts as used. It
leaves out class variables: codes and fields of standards are listed whole, used or not.
"""

import sys
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "conftest.py",
    "iscsi_assay",
    "spec",
    "iscsi",
    "initiator",
    "reftarget",
    "targets",
    "suites",
    "reports",
    "vmlab",
    "scripts",
    "benchmarks",
    "tests",
)
DECORATORS = (
    "@pytest.fixture*",
    "@pytest.hookimpl*",
    "@rule*",
    "@invariant*",
)
KINDS = frozenset({"attribute", "class", "function", "method", "property", "import"})

CALLED_BY_OTHERS = {
    "pytest_*": "pytest calls it",
    "post_build": "Scapy calls it",
    "mysummary": "Scapy calls it",
    "whitespace_split": "shlex reads it",
    "default_payload_class": "Scapy calls it",
    "extract_padding": "Scapy calls it",
    "__class__": "Python reads it",
    "__allure_display_name__": "allure-pytest reads it",
    "_report_item": "allure-pytest calls it",
    "_update_fixtures_children": "allure-pytest calls it",
    "fullName": "Allure reads it",
    "titlePath": "Allure reads it",
    "testCaseId": "Allure reads it",
    "historyId": "Allure reads it",
    "return_value": "unittest.mock reads it",
    "delaybeforesend": "pexpect reads it",
    "handle_*tag": "html.parser calls it",
    "unraisablehook": "Python calls it",
    "Recorder": "the program of reports/coverage.py names it in a string",
}


def find() -> list[str]:
    """Return a line for each piece of dead code, and for each name that is none."""
    vulture = Vulture(ignore_names=[], ignore_decorators=list(DECORATORS))
    vulture.scavenge([str(ROOT / folder) for folder in FOLDERS])
    lines, seen = [], set()
    for item in vulture.get_unused_code():
        if item.typ not in KINDS:
            continue
        pattern = next((key for key in CALLED_BY_OTHERS if fnmatch(item.name, key)), "")
        seen.add(pattern)
        if not pattern:
            place = f"{item.filename.relative_to(ROOT)}:{item.first_lineno}"
            lines.append(f"{place}: nothing uses {item.typ} {item.name}")
    lines += [
        f"scripts/dead_code.py: nothing is called {name}: take it off the list"
        for name in CALLED_BY_OTHERS.keys() - seen
    ]
    return sorted(lines)


def main() -> int:
    """Print what is found; return the exit code."""
    lines = find()
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
