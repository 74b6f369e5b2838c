# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay lab build`: what it prints, and a line for an error."""

from pathlib import Path

import pytest

from tests.tools import require
from tests.vmlab.build import standin
from vmlab import cache
from vmlab.__main__ import main

TROUBLE = 3


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    # The stand-in kernel lacks the options that make a real one boot, or serve a
    # target.
    monkeypatch.setattr("vmlab.build.config.ALWAYS", ())
    monkeypatch.setattr("vmlab.extension.extend", lambda _line: None)


@pytest.mark.integration
def test_a_kernel_is_built_named_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for program in ("make", "gcc", "patch", "depmod", "setpriv"):
        require(program)
    tree = standin.tree(tmp_path / "linux")
    (tmp_path / "own.patch").write_text(standin.PATCH)

    values = ["--source", str(tree), "--patch", str(tmp_path / "own.patch")]

    code = main(["build", "kernel", *values, "--name", "mine"])
    built = capsys.readouterr().out
    assert main(["build"]) == 0
    listed = capsys.readouterr().out

    assert code == 0
    assert built.splitlines()[0] == "mine: 6.1.7, from linux (6.1.7), own.patch"
    assert "up KIND --kernel mine" in built
    assert listed.split() == ["mine", "6.1.7", "linux", "(6.1.7),", "own.patch"]


@pytest.mark.integration
def test_a_log_is_decoded_by_the_kernel_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for program in ("make", "gcc", "depmod", "setpriv"):
        require(program)
    console = cache.folder() / "machines" / "lio" / "console.log"
    console.parent.mkdir(parents=True)
    console.write_text("booted\n f+0x1/0x2 [x]\n")
    tree = standin.tree(tmp_path / "linux")
    main(["build", "kernel", "--source", str(tree), "--name", "mine"])
    capsys.readouterr()

    assert main(["log", "lio", "--kernel", "mine"]) == 0
    decoded = capsys.readouterr().out
    assert main(["log", "lio"]) == 0
    plain = capsys.readouterr().out

    assert plain == "booted\n f+0x1/0x2 [x]\n"
    assert decoded == f"{plain}[not decoded: no debug information of x]\n"


def test_nothing_is_built_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build"]) == 0

    assert (
        "no kernel is built yet: iscsi-assay lab build kernel"
        in capsys.readouterr().out
    )


def test_trouble_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["build", "kernel", "--source", "nowhere"])

    error = capsys.readouterr().err
    assert code == TROUBLE
    assert error.startswith(
        "python -m vmlab build kernel: no kernel sources at nowhere;"
    )
    assert error.count("\n") == 1
