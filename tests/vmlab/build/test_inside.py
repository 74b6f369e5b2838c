# SPDX-License-Identifier: GPL-2.0-only
"""The commands for a machine that builds, as far as they need no machine."""

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.tools import require
from tests.vmlab.build import standin
from vmlab import cache
from vmlab.__main__ import main
from vmlab.build import inside, kernel, rootfs
from vmlab.build.builder import Host
from vmlab.build.kernel import Order
from vmlab.errors import LabError

if TYPE_CHECKING:
    from vmlab.console import Console
    from vmlab.running import Running

pytestmark = pytest.mark.integration


class Other(Host):
    """This machine, called another."""

    @property
    def compiler(self) -> str:
        return f"{super().compiler}, in a machine"


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("make", "gcc", "depmod", "setpriv"):
        require(program)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    # The stand-in kernel lacks the options that make a real one boot, or serve a
    # target.
    monkeypatch.setattr("vmlab.build.config.ALWAYS", ())
    monkeypatch.setattr("vmlab.extension.extend", lambda _line: None)


def run(script: str, folder: Path) -> None:
    (folder / "script").write_text(script)
    subprocess.run(["sh", folder / "script"], check=True, timeout=20)


def test_a_job_leaves_its_code_and_adds_to_its_log(tmp_path: Path) -> None:
    (tmp_path / "it's here").mkdir()
    (tmp_path / "log").write_text("before\n")
    words = ("sh", "-c", 'pwd; echo "$A"; echo wrong >&2; exit 7')
    script = inside._script(
        words,
        tmp_path / "it's here",
        {"A": "x 'y' $z", "PATH": inside._PATH},
        tmp_path / "log",
        tmp_path,
    )

    run(script, tmp_path)

    assert (tmp_path / "code").read_text() == "7\n"
    assert int((tmp_path / "group").read_text()) > 1
    output = (tmp_path / "log").read_text()
    assert output == f"before\n{tmp_path}/it's here\nx 'y' $z\nwrong\n"


def test_a_job_has_the_settings_that_it_is_given_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KCFLAGS", "-O0")
    script = inside._script(
        ("env",), None, {"PATH": inside._PATH}, tmp_path / "log", tmp_path
    )

    run(script, tmp_path)

    output = (tmp_path / "log").read_text()
    assert f"PATH={inside._PATH}\n" in output
    assert "KCFLAGS" not in output


def test_a_job_that_is_ended_still_reports_its_exit(tmp_path: Path) -> None:
    script = inside._script(
        ("sh", "-c", "kill -TERM 0; sleep 20"),
        None,
        {"PATH": inside._PATH},
        tmp_path / "log",
        tmp_path,
    )
    (tmp_path / "script").write_text(script)

    subprocess.run(["setsid", "-w", "sh", tmp_path / "script"], check=True, timeout=20)

    assert int((tmp_path / "code").read_text()) == 128 + 15


class Machine:
    """A machine whose shell kills a job on command."""

    name = "builder-1"

    def __init__(self, folder: Path, *, is_up: bool = True, dies_of: str = "") -> None:
        self._folder = folder
        self._is_up = is_up
        self._dies_of = dies_of
        self.asked: list[str] = []

    def is_active(self) -> bool:
        return self._is_up

    def log_since(self, _mark: int) -> str:
        return "out of memory\n"

    def attempt(self, command: str) -> tuple[int, str]:
        self.asked.append(command)
        if self._dies_of in command:
            (self._folder / "code").write_text("143\n")
        return 0, ""


def job(machine: Machine, folder: Path) -> inside._Job:
    return inside._Job(cast("Running", machine), cast("Console", machine), folder)


def test_a_job_is_waited_for_as_long_as_its_machine_runs(tmp_path: Path) -> None:
    waiting = job(Machine(tmp_path), tmp_path)

    assert waiting.wait(0) is None
    (tmp_path / "code").write_text("2\n")
    assert waiting.wait(0) == 2


def test_a_machine_that_has_ended_is_reported_with_its_last_output(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        LabError, match="builder-1, which was building, has ended"
    ) as caught:
        job(Machine(tmp_path, is_up=False), tmp_path).wait(0)

    assert caught.value.log == "out of memory"


def test_a_job_that_ignores_the_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "END_SECONDS", 0)
    (tmp_path / "group").write_text("77\n")
    machine = Machine(tmp_path, dies_of="KILL")

    job(machine, tmp_path).end()

    assert machine.asked == ["kill -TERM -77", "kill -KILL -77"]


def test_what_a_machine_builds_is_never_taken_for_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "Inside", Other)
    tree = standin.tree(tmp_path / "linux")

    here = kernel.build(Order(str(tree)))
    words = ["build", "kernel", "--source", str(tree), "--name", "there", "--in-vm"]
    code = main(words)
    there = kernel.named("there")

    assert code == 0
    assert there == kernel.build(Order(str(tree), in_vm=True))
    assert here.root != there.root
    assert here.kdir != there.kdir
    assert (here.in_vm, there.in_vm) == (False, True)


def test_a_kernel_of_before_is_the_hosts(tmp_path: Path) -> None:
    kernel.remember("old", kernel.build(Order(str(standin.tree(tmp_path / "linux")))))
    path = cache.folder() / "kernels" / "old.json"
    path.write_text(re.sub(r',\s*"in_vm": false', "", path.read_text()))

    assert "in_vm" not in path.read_text()
    assert not kernel.named("old").in_vm


def test_no_mmdebstrap_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmlab.packages.versions", dict.fromkeys)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("vmlab.tool.SBIN", "/nowhere")

    with (
        inside.chosen(in_vm=True) as builder,
        pytest.raises(LabError, match=r"^mmdebstrap is not installed; apt-get i"),
    ):
        assert builder.compiler


@pytest.mark.lab  # `make lab` brings mmdebstrap
@pytest.mark.parametrize(
    ("printed", "expected_message"),
    [
        ("", "apt has no package list of Debian; apt-get update"),
        (
            "deb http://127.0.0.1:9/debian sid main\n",
            "mmdebstrap failed to make a root",
        ),
    ],
)
def test_no_mirror_is_one_line(
    printed: str, expected_message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("mmdebstrap", "genext2fs")
    monkeypatch.setattr("vmlab.packages.versions", dict.fromkeys)
    monkeypatch.setattr(rootfs, "run", lambda *_: printed)

    with pytest.raises(LabError, match=f"^{expected_message}"):
        rootfs.made(("gcc",), {})

    assert not list((cache.folder() / "rootfs").glob("[0-9a-f]*"))
