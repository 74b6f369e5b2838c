# SPDX-License-Identifier: GPL-2.0-only
"""SCST in a kernel that is built, with a stand-in for both."""

from pathlib import Path

import pytest

from targets.scst.addition import ForKernel
from targets.scst.patches import Way
from tests.targets.scst import standin as scst_standin
from tests.tools import require
from tests.vmlab.build import standin
from vmlab import cache
from vmlab.build import kernel
from vmlab.build.kernel import Order

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("make", "gcc", "patch", "depmod", "setpriv"):
        require(program)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    # The stand-in kernel lacks the options that make a real kernel boot.
    monkeypatch.setattr("vmlab.build.config.ALWAYS", ())


def test_scst_gets_in_by_its_generated_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = standin.tree(tmp_path / "linux")
    scst = scst_standin.checkout(tmp_path / "scst")
    # The options stay in the configuration, though the stand-in has none of them.
    monkeypatch.setattr("vmlab.build.config.check", lambda *_: None)

    built = kernel.build(Order(str(tree), addition=ForKernel(scst)))
    plain = kernel.build(Order(str(tree), addition=ForKernel(scst, Way.MODULES)))

    assert f"SCST {scst_standin.VERSION} (in-tree)" in built.origin
    assert f"SCST {scst_standin.VERSION} (modules)" in plain.origin
    trees = (cache.folder() / "kernel-source").glob("*/drivers/scst/Kconfig")
    assert [path.read_text() for path in trees] == ["config SCST\n"]
