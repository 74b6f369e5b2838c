# SPDX-License-Identifier: GPL-2.0-only
"""What the lab needs on this machine, what is missing, and how to get it."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from vmlab import daemon
from vmlab.errors import LabError
from vmlab.tool import PACKAGES, find

_INSTALL = "scripts/install-lab"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_there: bool
    remark: str = ""


def examine() -> Iterator[Finding]:
    """Look at every program, the Python modules and libvirt itself."""
    for program in PACKAGES:
        try:
            yield Finding(program, is_there=True, remark=find(program))
        except LabError as error:
            yield Finding(program, is_there=False, remark=error.hint)
    for name in ("libvirt", "pexpect"):
        is_there = importlib.util.find_spec(name) is not None
        remark = "" if is_there else "make lab"
        yield Finding(f"Python module {name}", is_there, remark)
    try:
        connection = daemon.connect()
    except LabError as error:
        yield Finding("libvirt answers", is_there=False, remark=str(error))
        return
    yield Finding("libvirt answers", is_there=True, remark=daemon.uri())
    connection.close()


def report(findings: list[Finding]) -> list[str]:
    """Return the lines to print: each finding, and the one command that helps."""
    width = max(len(finding.what) for finding in findings)
    lines = [
        f"{'ok' if one.is_there else 'MISSING':8}{one.what:{width}}  {one.remark}"
        for one in findings
    ]
    if all(finding.is_there for finding in findings):
        lines.append("the lab has all that it needs")
    else:
        lines.append(f"to install what is missing: sudo {_INSTALL} && make lab")
    return lines
