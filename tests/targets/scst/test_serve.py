# SPDX-License-Identifier: GPL-2.0-only
"""What builds SCST beside a kernel."""

from dataclasses import replace
from pathlib import Path

import pytest

from targets.scst.serve import Served
from tests.targets.scst import standin
from tests.tools import require
from vmlab import cache
from vmlab.build import inside
from vmlab.build.builder import Host
from vmlab.kernel import Kernel

pytestmark = pytest.mark.integration


class Other(Host):
    """This machine, called another."""

    @property
    def compiler(self) -> str:
        return f"{super().compiler}, in a machine"


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("make", "gcc", "setpriv"):
        require(program)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


def test_what_is_built_beside_a_kernel_has_the_kernels_builder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "Inside", Other)
    folder = standin.checkout(tmp_path / "scst")
    (tmp_path / "lib").mkdir()
    here = Kernel("6.1.7", tmp_path, "here", standin.kdir(tmp_path / "k"))
    there = replace(here, in_vm=True)

    by_host = Served(folder, lambda: here).built
    by_machine = Served(folder, lambda: there).built

    assert by_host.daemon != by_machine.daemon
    assert Served(folder, lambda: here, in_vm=True).built == by_machine
