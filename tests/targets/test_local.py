# SPDX-License-Identifier: GPL-2.0-only
"""Processes, ports and directories, tried out on a small stand-in for a target."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from targets import LabError, PortTakenError, layout, leash, local, workdir
from targets.listening import listening_portals
from targets.local import LocalProvider, Plan, Recipe, polls
from targets.model import Portal
from targets.process import LogFile, Process, spawn
from vmlab.tool import attempt

_SERVER = """
import socket, sys, time
servers = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print("listening", flush=True)
time.sleep(60)
"""


def _recipe(program: str = _SERVER) -> Recipe:
    def launch(plan: Plan) -> Process:
        ports = [str(portal.port) for portal in plan.portals]
        command = [sys.executable, "-I", "-S", "-c", program, *ports]
        return spawn(command, log=plan.log, directory=plan.directory)

    def await_ready(_: Plan, process: Process) -> None:
        for _poll in polls(process, "the stand-in", seconds=5):
            if "listening" in process.log.since(process.log_start):
                return

    return Recipe(
        kind="stand-in",
        description="a stand-in",
        targets=layout.targets("stand-in", ()),
        features=frozenset({"restart", "ipv6"}),
        version=lambda: "1",
        prepare=lambda _: None,
        launch=launch,
        await_ready=await_ready,
        hosts=("127.0.0.1", "127.0.0.1"),
        stop_grace=5,
    )


@pytest.mark.usefixtures("temporary_directory")
def test_target_runs_between_start_and_stop() -> None:
    provider = LocalProvider(_recipe())

    running = provider.start()
    ports = {(portal.host, portal.port) for portal in running.portals}
    process = _process(provider)

    assert running.control.is_alive()
    assert running.control.ending() is None
    assert listening_portals(process.pid) == ports
    assert running.features == {"restart"}
    provider.stop()
    provider.stop()
    assert not running.control.is_alive()
    assert str(running.control.ending()) == "killed by SIGTERM"
    assert listening_portals(process.pid) == set()


@pytest.mark.usefixtures("temporary_directory")
def test_restart_keeps_the_portals_and_the_log() -> None:
    provider = LocalProvider(_recipe())
    with provider as running:
        first = _process(provider)
        mark = running.control.mark()
        os.kill(first.pid, signal.SIGABRT)
        first.popen.wait(5)
        assert str(running.control.ending()) == "killed by SIGABRT"

        running.control.restart()

        assert running.control.is_alive()
        assert _process(provider).pid != first.pid
        assert running.control.log_since(mark) == "listening\n"
        assert running.control.log_since(0) == "listening\nlistening\n"


@pytest.mark.usefixtures("temporary_directory")
def test_stopped_target_is_not_restarted() -> None:
    provider = LocalProvider(_recipe())
    running = provider.start()
    provider.stop()

    with pytest.raises(LabError, match="has been stopped"):
        running.control.restart()


@pytest.mark.usefixtures("temporary_directory")
def test_started_provider_is_not_started_twice() -> None:
    provider = LocalProvider(_recipe())
    with provider, pytest.raises(LabError, match="already started"):
        provider.start()


@pytest.mark.usefixtures("temporary_directory")
def test_log_is_kept_where_asked(tmp_path: Path) -> None:
    with LocalProvider(_recipe(), log_directory=tmp_path / "logs"):
        pass

    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text() == "listening\n"


@pytest.mark.usefixtures("temporary_directory")
def test_death_at_the_start_shows_the_log() -> None:
    program = "import sys; print('first'); print('no disk'); sys.exit(3)"

    with pytest.raises(LabError, match="exited with status 3 before") as caught:
        LocalProvider(_recipe(program)).start()

    assert caught.value.log == "first\nno disk"
    assert caught.value.command[0] == sys.executable
    assert caught.value.details().endswith("    no disk")


@pytest.mark.usefixtures("temporary_directory")
def test_silence_at_the_start_ends() -> None:
    recipe = _recipe("import time; time.sleep(60)")
    started: list[Process] = []

    def await_ready(_: Plan, process: Process) -> None:
        started.append(process)
        for _poll in polls(process, "the stand-in", seconds=0.1):
            pass

    with pytest.raises(LabError, match=r"did not listen within 0\.1 s"):
        LocalProvider(replace(recipe, await_ready=await_ready)).start()
    assert not started[0].is_alive()


@pytest.mark.usefixtures("temporary_directory")
def test_taken_port_is_chosen_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[tuple[Portal, ...]] = []
    choose = local.choose_ports
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        received = Portal("127.0.0.1", other.getsockname()[1])

        def choose_taken_first(
            hosts: tuple[str, ...], first: int | None = None
        ) -> tuple[Portal, ...]:
            chosen.append(choose(hosts, first) if chosen else (received,))
            return chosen[-1]

        monkeypatch.setattr(local, "choose_ports", choose_taken_first)

        with LocalProvider(_recipe()) as running:
            assert running.portals == chosen[1] != chosen[0]


@pytest.mark.usefixtures("temporary_directory")
def test_fixed_port_in_use_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTakenError) as caught:
            LocalProvider(_recipe(), port=port).start()

    assert str(caught.value) == (
        f"the target cannot listen on 127.0.0.1:{port}: the port is in use;"
        " choose another port, or leave it out"
    )


@pytest.mark.usefixtures("temporary_directory")
def test_fixed_port_is_used() -> None:
    (free,) = local.choose_ports(("127.0.0.1",))

    with LocalProvider(_recipe(), port=free.port) as running:
        assert running.portal == free


def test_chosen_ports_are_distinct_and_not_ephemeral() -> None:
    portals = local.choose_ports(("127.0.0.1",) * 20)

    assert len({portal.port for portal in portals}) == 20
    assert all(20000 <= portal.port < 32768 for portal in portals)


def test_process_dies_with_its_parent(tmp_path: Path) -> None:
    parent = _start_parent(tmp_path)
    child = int((tmp_path / "pid").read_text())
    assert _is_running(child)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(5)

    assert _eventually(lambda: not _is_running(child))


def test_leash_refuses_an_orphan(tmp_path: Path) -> None:
    result = attempt(
        [sys.executable, "-I", "-S", leash.__file__, "1", "touch", str(tmp_path / "x")]
    )

    assert result.returncode == 1
    assert not (tmp_path / "x").exists()


def test_stubborn_process_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        " print('deaf', flush=True); time.sleep(60)"
    )
    process = spawn(
        [sys.executable, "-c", program], log=tmp_path / "log", directory=tmp_path
    )
    assert _eventually(lambda: process.log.since(0) == "deaf\n")

    process.stop(grace=0.05)

    assert str(process.ending()) == "killed by SIGKILL"


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"true cannot be started: .*No such file"):
        spawn(["true"], log=tmp_path / "no" / "log", directory=tmp_path)


def test_long_log_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("targets.process._LOG_LIMIT", 4)
    log = LogFile(tmp_path / "log")
    assert log.since(0) == ""
    log.path.write_text("abcdefgh")

    assert log.since(0) == "[4 bytes left out]\nefgh"
    assert log.since(6) == "gh"


def test_sweep_takes_what_the_dead_left_and_nothing_else(
    temporary_directory: Path,
) -> None:
    living = workdir.make("living")
    dead = workdir.make("dead")
    os.close(dead.lock)
    foreign = temporary_directory / "assay-without-lock"
    foreign.mkdir()

    workdir.sweep()

    assert sorted(temporary_directory.iterdir()) == sorted([foreign, living.path])
    foreign.rmdir()
    living.remove()


def test_sweep_lets_go_what_another_run_removes_meanwhile(
    temporary_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = workdir.make("removed")
    with os.scandir(temporary_directory) as entries:
        before = list(entries)
    removed.remove()
    monkeypatch.setattr(os, "scandir", lambda _: nullcontext(before))

    workdir.sweep()

    assert not list(temporary_directory.iterdir())


def _process(provider: LocalProvider) -> Process:
    assert provider._instance is not None
    return provider._instance.process


def _start_parent(directory: Path) -> subprocess.Popen[bytes]:
    """Start a parent that spawns a sleeper on a leash and then sleeps itself."""
    program = f"""
import pathlib, time
from targets.process import spawn
directory = pathlib.Path({str(directory)!r})
child = spawn(["sleep", "60"], log=directory / "log", directory=directory)
while pathlib.Path(f"/proc/{{child.pid}}/comm").read_text() != "sleep\\n":
    time.sleep(0.01)
(directory / "new").write_text(str(child.pid))
(directory / "new").rename(directory / "pid")
time.sleep(60)
"""
    checkout = Path(local.__file__).parent.parent
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=checkout)
    assert _eventually((directory / "pid").exists)
    return parent


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
