# SPDX-License-Identifier: GPL-2.0-only
"""What --target names, and what is said of what it does not name."""

import re
from pathlib import Path

import pytest

from targets import FEATURES, LabError, TargetSpecError, help_text, parse
from targets.kinds import _KINDS
from targets.local import LocalProvider
from targets.process import find_program
from targets.remote import RemoteProvider

_LOCAL = ("reference", "tgt", "istgt")


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_gives_its_provider(kind: str) -> None:
    provider = parse(kind)

    assert isinstance(provider, LocalProvider)
    assert provider.kind == kind
    assert provider.port is None


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_has_only_known_features(kind: str) -> None:
    make = _KINDS[kind].recipe
    assert make is not None

    assert make().features <= FEATURES.keys()


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_has_several_targets_and_chap(kind: str) -> None:
    make = _KINDS[kind].recipe
    assert make is not None
    targets = make().targets

    assert len({target.name for target in targets}) == len(targets) == 3
    assert [target.chap is None for target in targets] == [True, True, False]
    assert targets[-1].chap is not None
    assert targets[-1].chap.is_mutual
    assert all(target.find_scratch() for target in targets)


def test_port_is_fixed_after_a_colon() -> None:
    provider = parse("tgt:13260")

    assert isinstance(provider, LocalProvider)
    assert provider.port == 13260


@pytest.mark.parametrize("port", ["", "0", "65536", "x", "-1", "³"])
def test_wrong_port_is_refused(port: str) -> None:
    with pytest.raises(TargetSpecError, match="is not a number from 1 to 65535"):
        parse(f"tgt:{port}")


@pytest.mark.parametrize("spec", ["", "nonsense", "TGT ", "iscsi", "http://host/"])
def test_unknown_name_lists_the_valid_ones_in_one_line(spec: str) -> None:
    with pytest.raises(TargetSpecError) as caught:
        parse(spec)

    message = str(caught.value)
    assert "\n" not in message
    assert all(name in message for name in (*_KINDS, "iscsi://"))


@pytest.mark.parametrize(
    ("spec", "meant"),
    [("referense", "reference"), ("tgtd", "tgt"), ("isci://h/iqn.x", "iscsi://")],
)
def test_closest_name_is_suggested(spec: str, meant: str) -> None:
    with pytest.raises(TargetSpecError, match=f"did you mean {re.escape(meant)}"):
        parse(spec)


def test_scst_says_that_the_lab_cannot_build_it() -> None:
    with pytest.raises(TargetSpecError, match="scst is not there yet: the lab"):
        parse("scst")


def test_lio_boots_nothing_before_it_is_started() -> None:
    assert parse("lio").kind == "lio"


def test_faults_are_for_the_reference_target_only() -> None:
    with pytest.raises(TargetSpecError, match="faults are the reference target's"):
        parse("tgt", faults=["wrong-stat-sn"])


def test_faults_reach_the_recipe() -> None:
    provider = parse("reference", faults=["wrong-stat-sn"])

    assert isinstance(provider, LocalProvider)
    assert "wrong-stat-sn" in provider.recipe.description


def test_url_gives_the_remote_provider() -> None:
    assert isinstance(parse("iscsi://host/iqn.2001-04.com.example:x"), RemoteProvider)


def test_help_names_every_kind() -> None:
    text = help_text()

    assert all(f"  {name} " in text for name in _KINDS)
    assert "iscsi://" in text
    assert "ISCSI_ASSAY_CHAP_SECRET" in text


def test_help_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _hide_programs(monkeypatch, tmp_path)

    assert "tgtd is not installed; apt-get install tgt" in help_text()


def test_missing_program_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _hide_programs(monkeypatch, tmp_path)

    with pytest.raises(LabError, match=r"istgt is not installed; apt-get install"):
        parse("istgt").start()


def test_daemon_is_found_where_a_user_does_not_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _hide_programs(monkeypatch, tmp_path)
    daemon = tmp_path / "daemond"
    daemon.touch(mode=0o755)
    monkeypatch.setattr("targets.process._DAEMON_DIRECTORIES", (str(tmp_path),))

    assert find_program("daemond", "a-package") == str(daemon)


def _hide_programs(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr("targets.process._DAEMON_DIRECTORIES", ())
