# SPDX-License-Identifier: GPL-2.0-only
"""scstadmin's way from the sources to where a guest finds it, with a stand-in."""

import shutil
from pathlib import Path

import pytest

from targets.scst import admin
from targets.scst.source import Source, open_source
from tests.targets.scst import standin
from tests.tools import require
from vmlab import cache
from vmlab.errors import LabError

pytestmark = pytest.mark.integration


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    require("make", "perl")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return open_source(standin.checkout(tmp_path / "scst"))


def test_its_own_makefile_installs_it_below_the_cache(source: Source) -> None:
    before = source.digest()

    opened = admin.install(source)

    assert [path.name for path in opened.files] == ["scstadmin", "SCST.pm"]
    assert all(path.is_relative_to(cache.folder()) for path in opened.files)
    assert all(path.exists() for path in opened.files)
    assert admin.install(source) == opened
    assert source.digest() == before


def test_missing_sources_are_reported_in_one_line(source: Source) -> None:
    shutil.rmtree(source.root / "scstadmin")

    with pytest.raises(
        LabError, match=r"have no scstadmin; add it .*at sysfs"
    ) as observed:
        admin.install(source)

    assert "\n" not in str(observed.value)


def test_what_cannot_be_installed_is_named_with_its_log(source: Source) -> None:
    makefile = source.root / "scstadmin/scstadmin.sysfs/scst-1.0.0/Makefile.PL"
    makefile.write_text("die 'no way';\n")

    with pytest.raises(LabError, match=r"scstadmin does not build.*; see ") as observed:
        admin.install(source)

    log = Path(observed.value.hint.removeprefix("see "))
    assert "no way" in log.read_text()
