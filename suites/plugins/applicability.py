# SPDX-License-Identifier: GPL-2.0-only
"""Which checks do not apply since the target lacks features, before any of them runs.

Other checks find out only while they run, by the answers of a unit.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from reports.suites import ANYWHERE, ROOT
from suites.plugins.requirements import is_check

WRITES = "writes"
"""The feature of a unit that may be overwritten; `--allow-writes` gives it."""

FILE = "ISCSI_ASSAY_DEMANDS"
"""The environment variable with the file for the features that checks need."""

_COLLECT_SECONDS = 120.0
_MOST_NAMED = 6
"""Maximum reasons in a line."""


def needs(item: pytest.Item) -> list[str]:
    """Return the features that a check's markers name."""
    return [name for mark in item.iter_markers("needs") for name in mark.args]


def lacking(needed: Iterable[str], features: frozenset[str]) -> str:
    """Return the first needed feature that is lacking, or an empty text."""
    return next((name for name in needed if name not in features), "")


def demands(items: Iterable[pytest.Item]) -> list[list[str]]:
    """Return the features that each check among some items needs."""
    features = []
    for item in filter(is_check, items):
        must_write = "scratch_disk" in getattr(item, "fixturenames", ())
        features.append([*needs(item), *([WRITES] if must_write else [])])
    return features


def left_out(
    demanded: Iterable[Iterable[str]], features: frozenset[str]
) -> Counter[str]:
    """Return how many checks each lacking feature leaves out.

    Args:
        demanded: the features that each check needs (see `demands`).
        features: the features of the target.
    """
    return Counter(filter(None, (lacking(one, features) for one in demanded)))


def sentence(count: int, reasons: Counter[str]) -> str:
    """Return a line on the checks that do not apply, and the features they need."""
    named = [f"{name} {number}" for name, number in reasons.most_common(_MOST_NAMED)]
    if len(reasons) > _MOST_NAMED:
        others = reasons.total() - sum(n for _, n in reasons.most_common(_MOST_NAMED))
        named.append(f"{len(reasons) - _MOST_NAMED} other features {others}")
    why = f", for want of: {', '.join(named)}" if named else ""
    return f"{reasons.total()} of {count} checks do not apply{why}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the needed features to the file that `of_suite` names, if it does."""
    if FILE in os.environ:
        data = msgspec.json.encode(demands(session.items))
        Path(os.environ[FILE]).write_bytes(data)


def of_suite(suite: Path) -> list[list[str]] | None:
    """Return the features that each check of a suite needs; None if pytest fails.

    pytest collects it in a process of its own: its plugins must not be imported twice.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    with tempfile.TemporaryDirectory(prefix="assay-") as directory:
        path = Path(directory) / "demands.json"
        command = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
        command += ["-p", "no:cacheprovider", *ANYWHERE]
        try:
            subprocess.run(
                [*command, str(suite)],
                cwd=ROOT,
                env={**environment, FILE: str(path)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_COLLECT_SECONDS,
            )
            return msgspec.json.decode(path.read_bytes(), type=list[list[str]])
        except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError):
            return None
