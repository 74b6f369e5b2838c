# SPDX-License-Identifier: GPL-2.0-only
"""What `iscsi-assay lab` has of the kinds of target, and a line for an error."""

from importlib import metadata
from pathlib import Path

import pytest

from targets.machines import machines
from tests.targets.scst import standin
from vmlab import cache
from vmlab.__main__ import main
from vmlab.build import config

TROUBLE = 3


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("SCST_SOURCE", raising=False)


def test_every_machine_boots_by_name() -> None:
    assert list(machines()) == ["client", "lio", "scst", "tgt"]


@pytest.mark.parametrize("name", ["client", "lio", "tgt"])
def test_a_machine_serves_what_its_recipe_says(name: str) -> None:
    recipe = machines()[name].recipe({})

    built = recipe.guest(recipe.by_hand or recipe.targets[:1])

    assert bool(built.endpoints) == bool(recipe.targets)
    assert set(recipe.other_portals) <= set(built.endpoints)


def test_by_hand_scst_has_a_unit_that_keeps_nothing(tmp_path: Path) -> None:
    source = standin.checkout(tmp_path / "scst")

    recipe = machines()["scst"].recipe({"scst_source": source})

    (served,) = recipe.by_hand
    assert [unit.backing for unit in served.logical_units] == [
        *("file", "file", "null", "block")
    ]
    assert "null" not in {unit.backing for unit in recipe.targets[0].logical_units}


@pytest.mark.parametrize(
    ("words", "expected_message"),
    [
        (["up", "lio", "--kernel", "mine"], "--kernel: there is no kernel mine;"),
        (["up", "scst"], "SCST's sources were not found; SCST is in no package"),
        (["matrix", "run", "nowhere.toml"], "nowhere.toml: No such file"),
    ],
)
def test_trouble_is_one_line(
    words: list[str], expected_message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words)

    error = capsys.readouterr().err
    assert code == TROUBLE
    assert error.startswith(
        f"python -m vmlab {words[0]} {words[1]}: {expected_message}"
    )
    assert error.count("\n") == 1


def test_a_folder_without_scst_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["up", "scst", "--scst-source", str(tmp_path)])

    assert code == TROUBLE
    assert f"{tmp_path} does not contain SCST" in capsys.readouterr().err


def test_a_folder_with_options_of_a_kernel_is_a_preset(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["build", "kernel", "--help"])

    listed = " ".join(capsys.readouterr().out.split())
    assert "one of base, debug, kasan, kmemleak, lockdep, ubsan, lio, scst (" in listed
    assert config.merge(["scst"])["CONFIG_BLK_DEV_LOOP"] == "m"


def test_a_matrix_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    standin.checkout(tmp_path / "scst")
    (tmp_path / "m.toml").write_text(
        '[[kernel]]\nname = "k"\nsource = "debian"\n'
        '[[scst]]\nname = "head"\nsource = "scst"\n'
    )

    assert main(["matrix", "list", str(tmp_path / "m.toml")]) == 0

    assert capsys.readouterr().out == "k_head_plain\n"


def test_a_lab_without_extensions_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metadata, "entry_points", lambda **_: ())

    assert main(["up"]) == TROUBLE

    assert capsys.readouterr().err == (
        "python -m vmlab up: no kind of machine is installed; install the "
        "toolkit again: pip install -e . (or make)\n"
    )


def test_an_extension_that_cannot_be_loaded_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    point = metadata.EntryPoint("acme", "acme_gone:extend", "iscsi_assay.lab")
    monkeypatch.setattr(metadata, "entry_points", lambda **_: (point,))

    assert main(["ls"]) == TROUBLE

    assert capsys.readouterr().err.startswith(
        "python -m vmlab: the extension acme = acme_gone:extend of the lab "
        "cannot be loaded: No module"
    )
