# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay lab`: what it ends and what it leaves, and a line for an error."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tools import require
from vmlab import cache, daemon, domain, folders, machine
from vmlab.__main__ import main
from vmlab.guest import Endpoint

if TYPE_CHECKING:
    import libvirt

TROUBLE = 3


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(daemon, "log_of", lambda name: tmp_path / f"{name}.log")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> "Iterator[libvirt.virConnect]":
    """libvirt's own test driver: a host in memory, with a machine called test."""
    require("qemu-system-x86_64")
    libvirt = pytest.importorskip("libvirt", reason="make lab installs it")
    monkeypatch.setattr(daemon, "uri", lambda: "test:///default")
    monkeypatch.setattr(daemon, "start_logger", lambda: None)
    connection = libvirt.open("test:///default")
    yield connection
    connection.close()


def start(host: "libvirt.virConnect", name: str) -> None:
    path = folders.machine_folder(name)
    path.mkdir(parents=True)
    folders.console(name).write_text("ASSAY-READY\n")
    forwards = {Endpoint(3260): 4001}
    one = domain.Machine(name, "lio", Path("/k"), Path("/i"), path / "c", forwards)
    host.createXML(domain.describe(one).replace('type="qemu"', 'type="test"'))


def running(host: "libvirt.virConnect") -> list[str]:
    return sorted(one.name() for one in host.listAllDomains() if one.isActive())


@pytest.mark.lab
def test_all_of_the_labs_machines_are_ended_and_no_others(
    host: "libvirt.virConnect",
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(daemon, "end", lambda: pytest.fail("another's machine is up"))
    start(host, "one")
    start(host, "two")
    claim = folders.claim("killed")
    assert claim is not None
    claim.release()

    code = main(["down", "--all"])

    assert code == 0
    assert running(host) == ["test"]
    assert list((cache.folder() / "machines").iterdir()) == []
    printed = sorted(line.split()[0] for line in capsys.readouterr().out.splitlines())
    assert printed == ["killed", "one", "two"]


@pytest.mark.lab
def test_the_labs_daemons_end_with_the_last_machine(
    host: "libvirt.virConnect", monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(daemon, "end", lambda: ended.append("all"))
    host.lookupByName("test").destroy()

    try:
        code = main(["down", "--all"])
    finally:
        host.lookupByName("test").create()

    assert (code, ended) == (0, ["all"])


@pytest.mark.lab
def test_a_machine_that_has_died_can_be_read_of_and_cleared_away(
    host: "libvirt.virConnect", capsys: pytest.CaptureFixture[str]
) -> None:
    start(host, "one")
    host.lookupByName("iscsi-assay-one").destroy()

    console = main(["console", "one"])
    hint = capsys.readouterr().err
    log = main(["log", "one"])
    printed = capsys.readouterr().out
    down = main(["down", "one"])
    second = main(["down", "one"])

    assert (console, log, down, second) == (TROUBLE, 0, 0, TROUBLE)
    assert "iscsi-assay lab log one prints its console" in hint
    assert printed == "ASSAY-READY\n"
    assert capsys.readouterr().err == "python -m vmlab down: there is no machine one\n"


@pytest.mark.lab
def test_a_machine_whose_run_lives_on_keeps_its_disk(
    host: "libvirt.virConnect",
) -> None:
    start(host, "one")
    claim = folders.claim("one")
    assert claim is not None

    code = main(["down", "one"])

    assert (code, running(host)) == (0, ["test"])
    assert folders.console("one").exists()
    claim.release()


@pytest.mark.lab
@pytest.mark.usefixtures("host")
def test_only_a_machine_that_outlives_us_keeps_its_folder() -> None:
    with machine.Lab() as lab:
        for name in ("one", "two"):
            lab._claim(name)
        lab._own_machines.add("one")

    assert [path.name for path in (cache.folder() / "machines").iterdir()] == ["two"]


@pytest.mark.lab
@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("words", "expected_message"),
    [
        (["up", "lio", "--name", "../x"], "'../x' is not a valid name of a machine: "),
        (["down", "nobody"], "there is no machine nobody"),
        (["console", "nobody"], "there is no machine nobody"),
        (["log", "nobody"], "there is no console file of the machine nobody"),
        (["log", "../x"], "'../x' is not a valid name of a machine: "),
    ],
)
def test_an_error_is_one_line(
    words: list[str], expected_message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == TROUBLE

    printed = capsys.readouterr()
    assert printed.out == ""
    assert f": {expected_message}" in printed.err
    assert printed.err.count("\n") == 1
    assert not (cache.folder() / "x").exists()


@pytest.mark.lab
def test_a_name_that_another_process_is_at_is_refused(
    host: "libvirt.virConnect", capsys: pytest.CaptureFixture[str]
) -> None:
    claim = folders.claim("one")
    assert claim is not None

    code = main(["up", "lio", "--name", "one"])

    claim.release()
    assert (code, running(host)) == (TROUBLE, ["test"])
    assert capsys.readouterr().err == (
        "python -m vmlab up lio: another process uses the machine one\n"
    )


@pytest.mark.parametrize("words", [["ls"], ["up", "client"], ["down", "--all"]])
def test_a_missing_module_is_one_line(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)

    assert main(words) == TROUBLE

    printed = capsys.readouterr().err
    assert "python -m vmlab " in printed
    assert ": the Python module libvirt is not installed; make lab" in printed
    assert printed.count("\n") == 1


def test_a_cache_that_cannot_be_written_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))

    assert main(["log", "one"]) == TROUBLE

    assert capsys.readouterr().err.count("\n") == 1
