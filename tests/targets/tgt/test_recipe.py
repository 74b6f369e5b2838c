# SPDX-License-Identifier: GPL-2.0-only
"""What the provider of tgtd refuses, and how."""

import os
from pathlib import Path

import pytest

from targets import LabError
from targets.local import Plan
from targets.model import Portal
from targets.tgt import recipe

_PORTALS = (Portal("127.0.0.1", 20000),)


def test_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100)

    with pytest.raises(LabError, match="too long for a socket's path; set TMPDIR"):
        recipe.recipe({}).prepare(Plan(directory, _PORTALS, tmp_path / "log"))


def test_user_without_namespaces_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false = tmp_path / "unshare"
    false.write_text("#!/bin/sh\nexit 1\n")
    false.chmod(0o755)
    (tmp_path / "tgtd").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "tgtd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LabError, match="tgtd needs root"):
        recipe.recipe({}).launch(Plan(tmp_path, _PORTALS, tmp_path / "log"))


def test_orders_protect_the_read_only_unit(tmp_path: Path) -> None:
    plan = Plan(tmp_path, _PORTALS, tmp_path / "log")
    orders = list(recipe._orders(plan, None))
    protected = [
        order[order.index("--lun") + 1] for order in orders if "readonly=1" in order
    ]

    assert protected == ["3"]
