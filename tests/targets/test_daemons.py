# SPDX-License-Identifier: GPL-2.0-only
"""tgtd and istgt as they really are, looked at by libiscsi's clients."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path

import pytest

from targets import PortTakenError, layout, local, parse
from targets.listening import listening_portals
from targets.local import LocalProvider
from targets.model import Chap, Credentials, Portal
from targets.process import Process
from tests.tools import require
from vmlab.tool import attempt, find

pytestmark = pytest.mark.integration

_PROGRAMS = {"tgt": ("tgtd", "tgtadm"), "istgt": ("istgt",)}
_CLIENT_SECONDS = 10


@pytest.fixture(params=_PROGRAMS)
def kind(request: pytest.FixtureRequest, temporary_directory: Path) -> str:
    """A kind of target whose programs are there, in a directory of its own."""
    assert temporary_directory.is_dir()
    kind: str = request.param
    require(*_PROGRAMS[kind], "iscsi-inq")
    return kind


@pytest.fixture
def provider(kind: str) -> Iterator[LocalProvider]:
    provider = parse(kind)
    assert isinstance(provider, LocalProvider)
    yield provider
    provider.stop()


def test_target_listens_only_where_asked(provider: LocalProvider) -> None:
    running = provider.start()
    pid = _process(provider).pid

    assert listening_portals(pid) == {(p.host, p.port) for p in running.portals}
    assert all(p.host in {"127.0.0.1", "::1"} for p in running.portals)
    provider.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert running.control.ending() is not None


def test_every_unit_and_every_portal_answers(provider: LocalProvider) -> None:
    running = provider.start()
    units = [(t.name, u.lun) for t in running.open_targets for u in t.logical_units]
    assert len(units) >= len(running.portals)

    # Each unit by one portal only: istgt sleeps a second in every login.
    for portal, (name, lun) in zip(cycle(running.portals), units, strict=False):
        answer = _inquire(portal, name, lun)
        assert "DIRECT_ACCESS" in answer.stdout, answer


def test_version_and_log_are_reported(provider: LocalProvider) -> None:
    running = provider.start()

    assert running.version[:1].isdigit()
    assert running.control.log_since(0)
    assert running.environment()["target"] == provider.kind


@pytest.mark.parametrize("is_mutual", [False, True], ids=["one-way", "mutual"])
def test_chap_target_lets_the_right_secret_in(
    provider: LocalProvider, is_mutual: bool
) -> None:
    running = provider.start()
    target = running.chap_target
    assert target is not None
    assert target.chap is not None
    chap = target.chap if is_mutual else Chap(target.chap.credentials)

    answer = _inquire(running.portal, target.name, target.logical_units[0].lun, chap)

    assert "DIRECT_ACCESS" in answer.stdout, answer


def test_chap_target_keeps_others_out(provider: LocalProvider) -> None:
    running = provider.start()
    target = running.chap_target
    assert target is not None
    lun = target.logical_units[0].lun
    wrong = Chap(Credentials(layout.INITIATOR.name, b"not-the-secret-1"))

    assert _inquire(running.portal, target.name, lun).returncode != 0
    assert _inquire(running.portal, target.name, lun, wrong).returncode != 0
    assert running.control.is_alive()


def test_killed_target_is_noticed_and_started_again(provider: LocalProvider) -> None:
    running = provider.start()
    lun = running.target.logical_units[0].lun
    os.kill(_process(provider).pid, signal.SIGABRT)
    _process(provider).popen.wait(5)

    assert str(running.control.ending()) == "killed by SIGABRT"
    running.control.restart()
    assert running.control.is_alive()
    assert _inquire(running.portal, running.target.name, lun).returncode == 0


def test_instances_do_not_disturb_each_other(kind: str) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(parse(kind)) for _ in range(2))
        assert not {*first.portals} & {*second.portals}
        lun = first.target.logical_units[0].lun
        first.control.restart()

        for running in (first, second):
            assert _inquire(running.portal, running.target.name, lun).returncode == 0


def test_taken_port_is_chosen_anew(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """tgtd says nothing when it cannot bind, and listens on 0.0.0.0:3260 instead."""
    calls: list[Portal] = []
    choose = local.choose_ports
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        received = Portal("127.0.0.1", other.getsockname()[1])

        def choose_taken_first(
            hosts: tuple[str, ...], first: int | None = None
        ) -> tuple[Portal, ...]:
            calls.append(received)
            return (received,) if len(calls) == 1 else choose(hosts, first)

        monkeypatch.setattr(local, "choose_ports", choose_taken_first)

        with parse(kind) as running:
            assert len(calls) == 2
            assert received not in running.portals


def test_fixed_port_in_use_is_named(kind: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]

        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}: the port is in"):
            parse(f"{kind}:{port}").start()


def test_killed_parent_leaves_nothing(kind: str, temporary_directory: Path) -> None:
    program = f"""
import os, signal
from targets import parse
provider = parse({kind!r})
running = provider.start()
print(provider._instance.process.pid, running.portal.port, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(local.__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        remaining = {path.name for path in temporary_directory.iterdir()}
        assert remaining
        assert ("127.0.0.1", port) in listening_portals(pid)
        parent.kill()

    assert _is_gone(pid)
    # The next run removes the directory that could not be removed before.
    with parse(kind):
        assert not remaining & {path.name for path in temporary_directory.iterdir()}


@pytest.mark.usefixtures("temporary_directory")
def test_discovery_names_every_target() -> None:
    """iscsi-ls was seen to spin on istgt's answer, so tgtd alone is asked."""
    require(*_PROGRAMS["tgt"], "iscsi-ls")
    with parse("tgt") as running:
        listed = _run("iscsi-ls", f"iscsi://{running.portal}").stdout

        assert all(target.name in listed for target in running.targets)


def _inquire(
    portal: Portal, name: str, lun: int, chap: Chap | None = None
) -> subprocess.CompletedProcess[str]:
    own = chap and chap.credentials
    user = f"{own.name}%{own.password}@" if own else ""
    query = ""
    if chap and chap.mutual:
        mutual = chap.mutual
        query = f"?target_user={mutual.name}&target_password={mutual.password}"
    return _run("iscsi-inq", f"iscsi://{user}{portal}/{name}/{lun}{query}")


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return attempt([find(program), *arguments], seconds=_CLIENT_SECONDS)


def _process(provider: LocalProvider) -> Process:
    assert provider._instance is not None
    return provider._instance.process


def _is_gone(pid: int) -> bool:
    """Wait for a process that is not our child to end."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 5)[0])
    finally:
        os.close(descriptor)
