# SPDX-License-Identifier: GPL-2.0-only
"""The configuration file and the command line."""

import argparse
import socket
from pathlib import Path

import pytest

from iscsi.address import Portal
from iscsi_assay.parser import Parser
from reftarget.__main__ import build_config, describe, remove_stale_socket
from reftarget.config import ConfigError, Redirection
from reftarget.configfile import parse_portal, parse_size, read

WHOLE = """
state_directory = "state"
faults = ["nop-out-unanswered"]

[[portal]]
address = "127.0.0.1:3261"
group = 2

[[portal]]
address = "[::1]:3262"

[[target]]
name = "iqn.2001-04.com.example:one"
alias = "one"
portal_groups = [1, 2]
initiators = ["iqn.2001-04.com.example:host"]
auth = { user = "u", secret = "s", mutual_user = "t", mutual_secret = "0x1234" }

[[target.lun]]
lun = 3
size = "8M"
block_size = 4096
read_only = true

[[target]]
name = "iqn.2001-04.com.example:two"
redirect = { address = "192.0.2.1:3260", permanent = true }
state = "offline"

[discovery]
offered = false

[limits]
queue_depth = 4

[keys]
ImmediateData = false
ErrorRecoveryLevel = 1
HeaderDigest = ["None"]
"""


def from_text(directory: Path, text: str) -> Path:
    path = directory / "target.toml"
    path.write_text(text)
    return path


def test_whole_file(tmp_path: Path) -> None:
    config = read(from_text(tmp_path, WHOLE))

    one, two = config.targets
    assert config.portals == (Portal("127.0.0.1", 3261, 2), Portal("::1", 3262, 1))
    assert config.state_directory == tmp_path / "state"
    assert config.faults == ("nop-out-unanswered",)
    assert (one.alias, one.groups) == ("one", (1, 2))
    assert one.access.users[0].secret == b"s"
    assert one.access.mutual is not None
    assert one.access.mutual.secret == b"\x12\x34"
    assert one.units[0].size == 8 << 20
    assert one.units[0].read_only
    assert two.redirection == Redirection("192.0.2.1:3260", True)
    assert not two.is_online
    assert not config.is_discovery_offered
    assert config.limits.queue_depth == 4
    assert config.keys["ImmediateData"] == "No"
    assert config.keys["ErrorRecoveryLevel"] == "1"
    assert config.keys["HeaderDigest"] == "None"


TARGET = '[[target]]\nname = "iqn.2001-04.com.example:one"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1", "x: unknown key"),
        ("[[portal]]\naddress = 5", r"portal\[0\].address"),
        ('[[portal]]\naddress = "host:99999"', r"portal\[0\].address"),
        ("[[portal]]\ngroup = 70000", r"portal\[0\].group"),
        ('[[target]]\nname = "disk"', r"target\[0\].name"),
        (TARGET + TARGET, "twice"),
        (TARGET + 'state = "odd"', r"target\[0\].state"),
        (TARGET + '[[target.lun]]\nsize = "much"', r"target\[0\].lun\[0\].size"),
        (TARGET + "[[target.lun]]\nsize = 1000", r"target\[0\].lun\[0\]"),
        (TARGET + "[[target.lun]]\ncolour = 1", "colour"),
        (TARGET + 'auth = { user = "u" }', "secret"),
        (
            TARGET
            + 'auth = { user="u", secret="s", mutual_user="t", mutual_secret="s" }',
            "different secrets",
        ),
        ("[keys]\nMaxBurstLength = 5", "keys.MaxBurstLength"),
        ("[keys]\nFirstBurstLength = 2097152", "FirstBurstLength"),
        ('[keys]\nSendTargets = "All"', "keys.SendTargets"),
        ("[limits]\nodd = 5", "limits.odd"),
        ("[limits]\nsessions = -1", "limits.sessions"),
        ("not toml", "target.toml"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read(from_text(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "size"), [("64M", 64 << 20), ("1k", 1024), (512, 512), ("3TiB", 3 << 40)]
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "portal"),
    [
        ("127.0.0.1:1", Portal("127.0.0.1", 1)),
        ("[::1]:2", Portal("::1", 2)),
        ("[::1]", Portal("::1", 3260)),
        ("host", Portal("host", 3260)),
    ],
)
def test_portals(text: str, portal: Portal) -> None:
    assert parse_portal(text) == portal


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = Parser(prog="reftarget")
    describe(parser)
    return parser.parse_args(arguments)


def test_command_line() -> None:
    options = parsed(
        [
            *("--portal", "127.0.0.1:0", "--lun", "1M", "--lun", "2M"),
            *("--chap", "user:secret", "--mutual", "target:other"),
            *("--key", "ImmediateData=No", "--fault", "nop-out-unanswered"),
        ]
    )

    config = build_config(options)

    target = config.targets[0]
    assert [unit.size for unit in target.units] == [1 << 20, 2 << 20]
    assert target.access.users[0].name == "user"
    assert config.keys["ImmediateData"] == "No"
    assert config.faults == ("nop-out-unanswered",)


def test_a_key_that_is_sent_unasked_can_be_kept_back(tmp_path: Path) -> None:
    key = "X#NodeArchitecture"
    text = f'[keys]\n"{key}" = "a machine"\n'
    words = ["--config", str(from_text(tmp_path, text)), "--lun", "1M"]

    configuration = build_config(parsed(words))
    silent = build_config(parsed([*words, "--key", f"{key}="]))

    assert configuration.keys[key] == "a machine"
    assert key not in silent.keys


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--lun", "/no/such/file"], "--lun"),
        (["--target", "disk"], "--target"),
        (["--chap", "user"], "--chap"),
        (["--portal", "host:x"], "--portal"),
        (["--key", "Odd=1"], "--key Odd"),
        (["--chap", "u:same", "--mutual", "t:same"], "--mutual"),
    ],
)
def test_command_line_mistakes_are_named(arguments: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        build_config(parsed(arguments))


def test_the_control_socket_replaces_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(b"data")

    with pytest.raises(ConfigError, match="not a socket"):
        remove_stale_socket(path)

    assert path.read_bytes() == b"data"


def test_the_control_socket_of_a_running_target_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(ConfigError, match="a process listens"):
            remove_stale_socket(path)


def test_the_control_socket_that_a_target_has_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))

    remove_stale_socket(path)

    assert not path.exists()
