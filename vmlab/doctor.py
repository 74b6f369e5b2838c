# SPDX-License-Identifier: GPL-2.0-only
"""What the lab needs on this machine, what is missing, and how to install it."""

import contextlib
import importlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from vmlab import acceleration, cache, daemon
from vmlab.errors import LabError
from vmlab.tool import PACKAGES, find

_INSTALL = "scripts/install-lab"


@dataclass(frozen=True, slots=True)
class Finding:
    """One inspected item."""

    what: str
    is_there: bool
    remark: str = ""


def examine() -> Iterator[Finding]:
    """Inspect every program, the Python modules, the cache and libvirt itself."""
    for program in PACKAGES:
        try:
            yield Finding(program, is_there=True, remark=find(program))
        except LabError as error:
            yield Finding(program, is_there=False, remark=error.hint)
    for name in ("libvirt", "pexpect"):
        yield Finding(f"Python module {name}", *_module(name))
    yield _cache()
    yield from _acceleration()
    try:
        connection = daemon.connect()
    except LabError as error:
        yield Finding("libvirt answers", is_there=False, remark=str(error))
        return
    yield Finding("libvirt answers", is_there=True, remark=daemon.uri())
    connection.close()


def _module(name: str) -> tuple[bool, str]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        return False, f"make lab ({error})"
    return True, ""


def _cache() -> Finding:
    try:
        path = cache.folder()
    except LabError as error:
        return Finding("cache", is_there=False, remark=str(error))
    if not os.access(path, os.W_OK | os.X_OK):
        remark = f"{path} is not ours to write; {cache.VARIABLE}=DIR moves it"
        return Finding("cache", is_there=False, remark=remark)
    free = shutil.disk_usage(path).free >> 20
    return Finding("cache", is_there=True, remark=f"{path}, {free} MiB free")


def _acceleration() -> Iterator[Finding]:
    # Earlier lines have reported problems of the cache and of QEMU.
    with contextlib.suppress(LabError):
        yield Finding("acceleration", is_there=True, remark=acceleration.describe())


def report(findings: list[Finding]) -> list[str]:
    """Return the lines to print: each item, and the one command that helps."""
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
