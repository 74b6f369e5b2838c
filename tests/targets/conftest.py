# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the providers' tests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def temporary_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for the instances alone; pytest's own is too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="t") as path:
        monkeypatch.setenv("TMPDIR", path)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(path)
        assert list(Path(path).iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", None)
