# SPDX-License-Identifier: GPL-2.0-only
"""The commands of a target file: their time limits, environment and output limits."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from targets import Ending, EndingKind, LabError, TargetSpecError, parse
from targets.errors import NotOfferedError
from targets.model import FEATURES, RunningTarget
from targets.own import commands
from vmlab.poll import poll


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


@pytest.fixture
def port(listener: socket.socket) -> int:
    number: int = listener.getsockname()[1]
    return number


def running(folder: Path, port: int, hooks: str) -> RunningTarget:
    """Return a target whose file has these hooks."""
    path = folder / "box.toml"
    path.write_text(
        f"""
label = "a box"
[[portal]]
address = "127.0.0.1:{port}"
[[target]]
name = "iqn.2001-04.com.example:disk"
[hooks]
{hooks}
"""
    )
    return parse(str(path)).start()


def test_without_hooks_the_reason_says_which_line_is_missing(
    tmp_path: Path, port: int
) -> None:
    box = running(tmp_path, port, "")

    assert box.remedies["restart"] == (
        "`restart = [...]` in [hooks] in box.toml would change that"
    )
    assert not box.features & {"restart", "power-cycle", "operator"}
    assert box.control.log_since(0) == ""
    with pytest.raises(LabError, match=r"to \[hooks\] in box\.toml"):
        box.control.restart()
    with pytest.raises(NotOfferedError, match=r"`vendor_event = \[\.\.\.\]` to"):
        box.control.operate("vendor-event code=7")


def test_each_hook_gives_its_feature(tmp_path: Path, port: int) -> None:
    box = running(
        tmp_path,
        port,
        'restart = "true"\npower_cycle = ["true"]\n[hooks.operator]\nping = "true"\n'
        'drop_session = "true"',
    )

    assert box.features >= {"restart", "power-cycle", "operator", "pings"}
    assert box.features <= set(FEATURES)
    box.control.restart()
    box.control.power_cycle()
    box.control.operate("ping tsih=1 cid=0")


def test_a_verb_that_no_check_asks_for_gives_no_feature(
    tmp_path: Path, port: int
) -> None:
    box = running(tmp_path, port, '[hooks.operator]\nresize_unit = "true"')

    assert "operator" not in box.features


def test_the_environment_describes_the_request(tmp_path: Path, port: int) -> None:
    box = running(
        tmp_path,
        port,
        'restart = "env > asked"\nlog = "env"\n[hooks.operator]\n'
        'logout_request = "env > asked"',
    )

    box.control.operate("logout-request seconds=3 tsih=7 cid=2 initiator=iqn.x:a=b")
    request = (tmp_path / "asked").read_text().splitlines()
    assert {
        "ASSAY_HOOK=logout-request",
        "ASSAY_ORDER=logout-request seconds=3 tsih=7 cid=2 initiator=iqn.x:a=b",
        "ASSAY_SECONDS=3",
        "ASSAY_TSIH=7",
        "ASSAY_CID=2",
        "ASSAY_INITIATOR=iqn.x:a=b",
        f"ASSAY_PORTAL=127.0.0.1:{port}",
        "ASSAY_TARGET=iqn.2001-04.com.example:disk",
    } <= set(request)
    box.control.restart()
    assert "ASSAY_HOOK=restart" in (tmp_path / "asked").read_text()
    assert "ASSAY_SINCE=12345\n" in box.control.log_since(12345)
    assert abs(box.control.mark() - time.time()) < 60


def test_a_list_meets_no_shell(tmp_path: Path, port: int) -> None:
    box = running(tmp_path, port, 'log = ["echo", "$HOME; `id`"]')

    assert box.control.log_since(0) == "$HOME; `id`"


def test_a_program_may_lie_beside_the_file(tmp_path: Path, port: int) -> None:
    program = tmp_path / "say"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)

    assert running(tmp_path, port, 'log = ["./say"]').control.log_since(0) == str(
        tmp_path
    )


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [
        (
            'restart = ["no-such-program"]',
            "hooks.restart: there is no executable program",
        ),
        (
            'log = ["./box.toml"]',
            "hooks.log: there is no executable program './box.toml'",
        ),
        ("restart = []", "hooks.restart: the command is empty"),
        ('restart = " "', "hooks.restart: the command is empty"),
        ("restart = 5", "hooks.restart: Expected"),
        ('reboot = "true"', "hooks: Object contains unknown field `reboot`"),
        ('restart = {command = "true", seconds = 0}', "0 is not a number of seconds"),
        ('restart = {command = "true", limit = 1}', "unknown field `limit`"),
        ('[hooks.operator]\npong = "true"', "hooks.operator: Object contains unknown"),
        ('[hooks.operator]\nping = ["nope"]', "hooks.operator.ping: there is no"),
    ],
)
def test_a_wrong_hook_is_refused_in_one_line(
    tmp_path: Path, port: int, hooks: str, complaint: str
) -> None:
    with pytest.raises(TargetSpecError) as caught:
        running(tmp_path, port, hooks)

    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


def test_two_versions_are_refused(tmp_path: Path, port: int) -> None:
    running(tmp_path, port, "")
    path = tmp_path / "box.toml"
    path.write_text(f'version = "1"\n{path.read_text()}\nversion = ["true"]')

    with pytest.raises(TargetSpecError, match="version appears twice"):
        parse(str(path))


def test_a_command_prints_the_version(tmp_path: Path, port: int) -> None:
    hooks = 'version = "echo ignored; echo 7.1"'
    assert running(tmp_path, port, hooks).version == "7.1"
    with pytest.raises(LabError, match=r"version of box\.toml printed nothing"):
        running(tmp_path, port, 'version = "true"')


def test_a_failure_has_the_commands_output(tmp_path: Path, port: int) -> None:
    hooks = r"""restart = "printf 'no such unit\\n\\n' >&2; exit 5" """
    with pytest.raises(LabError) as caught:
        running(tmp_path, port, hooks).control.restart()

    assert str(caught.value) == (
        "the command restart of box.toml ended with status 5: no such unit"
    )


def test_binary_output_is_made_printable(tmp_path: Path, port: int) -> None:
    hooks = r"""restart = "printf '\\033[2J\\377\\000\\n'; exit 1" """
    box = running(tmp_path, port, hooks)
    with pytest.raises(LabError) as caught:
        box.control.restart()

    assert str(caught.value).isprintable()
    assert all(one.isprintable() for one in caught.value.log.splitlines())


def test_what_hangs_is_killed_with_its_children(tmp_path: Path, port: int) -> None:
    hooks = "echo waiting; sleep 600 & echo $! > child; sleep 600"
    box = running(tmp_path, port, f'restart = {{command = "{hooks}", seconds = 0.5}}')
    with pytest.raises(LabError) as caught:
        box.control.restart()

    assert str(caught.value) == (
        "the command restart of box.toml did not end within 0.5 s and was killed; "
        "it printed last: waiting"
    )
    child = int((tmp_path / "child").read_text())
    assert any(not is_running(child) for _ in poll(10))


def is_running(pid: int) -> bool:
    """Tell whether a process runs: neither gone nor a zombie."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except FileNotFoundError:
        return False


def test_what_prints_without_end_is_killed(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "MOST_PRINTED", 1 << 20)
    with pytest.raises(LabError, match="printed more than 1 MiB and was killed"):
        running(tmp_path, port, 'restart = ["yes"]').control.restart()


def test_a_daemon_that_is_left_behind_blocks_nothing(tmp_path: Path, port: int) -> None:
    hooks = "sleep 600 & echo $! > child"
    box = running(tmp_path, port, f'restart = {{command = "{hooks}", seconds = 60}}')

    box.control.restart()

    child = int((tmp_path / "child").read_text())
    try:
        assert is_running(child)
    finally:
        os.kill(child, 9)


@pytest.mark.parametrize(
    ("hook", "ending"),
    [
        ('"true"', None),
        (
            '"echo killed by OOM; exit 1"',
            Ending(EndingKind.VANISHED, "is_alive of box.toml says: killed by OOM"),
        ),
        (
            '"echo killed by SIGSEGV; exit 1"',
            Ending(EndingKind.EXITED, "killed by SIGSEGV", signal="SIGSEGV"),
        ),
        (
            '"echo exited with status 5; exit 1"',
            Ending(EndingKind.EXITED, "exited with status 5", status=5),
        ),
        (
            '"echo no route; exit 255"',
            Ending(
                EndingKind.LAB,
                "the command is_alive of box.toml ended with status 255: no route",
            ),
        ),
        (
            '{command = ["sleep", "600"], seconds = 0.2}',
            Ending(
                EndingKind.LAB,
                "the command is_alive of box.toml did not end within 0.2 s and was "
                "killed",
            ),
        ),
    ],
)
def test_is_alive_reports_how_it_ended(
    tmp_path: Path, port: int, hook: str, ending: Ending | None
) -> None:
    assert running(tmp_path, port, f"is_alive = {hook}").control.ending() == ending


def test_a_dead_port_needs_no_command(
    tmp_path: Path, port: int, listener: socket.socket
) -> None:
    box = running(tmp_path, port, 'is_alive = "true"')
    listener.close()

    ending = box.control.ending()
    assert ending is not None
    assert ending.kind is EndingKind.VANISHED
    assert "refuses the connection" in ending.reason


def test_a_command_reports_more_than_a_closed_port(
    tmp_path: Path, port: int, listener: socket.socket
) -> None:
    box = running(tmp_path, port, 'is_alive = "echo killed by SIGABRT; exit 1"')
    listener.close()

    assert box.control.ending() == Ending(
        EndingKind.EXITED, "killed by SIGABRT", signal="SIGABRT"
    )


def test_a_restart_that_fails_is_followed_by_a_power_cycle(
    tmp_path: Path, port: int
) -> None:
    box = running(tmp_path, port, 'restart = ["false"]\npower_cycle = "touch was-off"')

    box.control.restart()

    assert (tmp_path / "was-off").exists()


def test_a_log_that_cannot_be_had_says_so(tmp_path: Path, port: int) -> None:
    box = running(tmp_path, port, 'log = "echo gone; exit 3"')

    assert box.control.log_since(0) == (
        "[no log: the command log of box.toml ended with status 3: gone]"
    )
