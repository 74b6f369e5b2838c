# SPDX-License-Identifier: GPL-2.0-only
"""The reference target's configuration and its start."""

import tomllib
from pathlib import Path

import pytest

from targets import LabError, layout, parse
from targets.model import Portal, Special
from targets.reference import recipe

_PORTALS = (Portal("127.0.0.1", 20000), Portal("::1", 20001))


def test_configuration_is_complete_toml() -> None:
    directory = Path('/a "quoted" \\ päth')
    targets = recipe.recipe().targets

    text = recipe.build_configuration(directory, _PORTALS, targets)
    read = tomllib.loads(text)

    assert [portal["address"] for portal in read["portal"]] == [
        "127.0.0.1:20000",
        "[::1]:20001",
    ]
    names = [target["name"] for target in read["target"]]
    assert names[: len(targets)] == [target.name for target in targets]
    assert names[len(targets) :] == [
        recipe.recipe().special[place]
        for place in (
            Special.FORBIDDEN,
            Special.MOVED,
            Special.MOVED_FOR_GOOD,
            Special.GUARDED,
        )
    ]
    assert read["target"][0]["lun"][0] == {
        "lun": 0,
        "size": layout.LUN_SIZE,
        "read_only": False,
        "removable": False,
        "long_cdbs": True,
    }
    assert read["target"][0]["lun"][1]["file"] == f"{directory}/disk1-1.img"
    assert read["target"][0]["lun"][2]["read_only"]
    assert read["target"][0]["lun"][3]["removable"]
    guarded = next(one for one in read["target"] if "auth" in one)
    assert guarded["auth"][0] == {
        "user": layout.INITIATOR.name,
        "secret": layout.INITIATOR.password,
        "mutual_user": layout.TARGET.name,
        "mutual_secret": layout.TARGET.password,
    }
    owners = [auth.get("initiator") for auth in guarded["auth"][1:]]
    assert owners == [one.initiator_name for one in layout.IDENTITIES]
    assert read["keys"]["X#NodeArchitecture"]


def test_the_architecture_may_be_kept_back() -> None:
    quiet = recipe.recipe(keys=[recipe.NO_ARCHITECTURE])

    assert "architecture" in recipe.recipe().features
    assert "architecture" not in quiet.features


def test_faults_and_trace_are_options() -> None:
    assert recipe.build_options(["a", "b"], trace=True) == (
        *("--fault", "a", "--fault", "b"),
        "--trace",
    )
    assert recipe.build_options([], trace=False) == ()


_STAND_IN = """
import socket, sys, time, tomllib
read = tomllib.load(open(sys.argv[sys.argv.index("--config") + 1], "rb"))
addresses = [portal["address"] for portal in read["portal"]]
servers = []
for address in addresses:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if "[" in host else socket.AF_INET
    server = socket.create_server((host.strip("[]"), int(port)), family=family)
    servers.append(server)
print("a warning", file=sys.stderr)
print("ready", *addresses{change})
time.sleep(60)
"""


@pytest.fixture
def stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary_directory: Path
) -> Path:
    """The path of a program that is run in the reference target's place."""
    assert temporary_directory.is_dir()
    monkeypatch.setattr(recipe, "_CHECKOUT", tmp_path)
    main = tmp_path / "reftarget" / "__main__.py"
    main.parent.mkdir()
    # Without it an installed reftarget would come first.
    (main.parent / "__init__.py").touch()
    return main


def test_target_is_started_when_it_says_so(stand_in: Path) -> None:
    stand_in.write_text(_STAND_IN.format(change=""))

    with parse("reference") as running:
        assert running.portal.host == "127.0.0.1"
        assert f"ready {running.portal} " in running.control.log_since(0)
        mark = running.control.mark()
        running.control.restart()
        assert running.control.log_since(mark).count("ready ") == 1


def test_target_that_listens_elsewhere_is_refused(stand_in: Path) -> None:
    stand_in.write_text(_STAND_IN.format(change="[1:]"))

    with pytest.raises(LabError, match="the reference target says 'ready "):
        parse("reference").start()


def test_target_that_fails_shows_its_last_lines(stand_in: Path) -> None:
    stand_in.write_text("raise SystemExit('unknown fault: x')")

    with pytest.raises(LabError, match="exited with status 1 before") as caught:
        parse("reference", {"fault": ["x"]}).start()

    assert caught.value.log == "unknown fault: x"
    assert caught.value.command[-2:] == ("--fault", "x")
