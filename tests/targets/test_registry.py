# SPDX-License-Identifier: GPL-2.0-only
"""What --target names, and what is said of what it does not name."""

import re
from pathlib import Path

import pytest

from targets import (
    FEATURES,
    LabError,
    TargetSpecError,
    help_text,
    kinds,
    parse,
    profile,
)
from targets.lab import LabProvider
from targets.local import LocalProvider
from targets.remote import RemoteProvider
from tests.targets.scst import standin
from vmlab import cache
from vmlab.build import kernel
from vmlab.kernel import Kernel

_LOCAL = ("reference", "tgt", "istgt")


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_gives_its_provider(kind: str) -> None:
    provider = parse(kind)

    assert isinstance(provider, LocalProvider)
    assert provider.kind == kind
    assert provider.port is None


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_has_only_known_features(kind: str) -> None:
    assert kinds()[kind].recipe({}).features <= FEATURES.keys()


@pytest.mark.parametrize("kind", _LOCAL)
def test_local_kind_has_several_targets_and_chap(kind: str) -> None:
    targets = kinds()[kind].recipe({}).targets

    assert len({target.name for target in targets}) == len(targets)
    is_open = [target.chap is None for target in targets]
    assert is_open == sorted(is_open, reverse=True)
    assert is_open.count(True) >= 2
    assert targets[-1].chap is not None
    assert targets[-1].chap.mutual
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
    assert all(name in message for name in (*kinds(), "iscsi://"))


@pytest.mark.parametrize(
    ("spec", "meant"),
    [("referense", "reference"), ("tgtd", "tgt"), ("isci://h/iqn.x", "iscsi://")],
)
def test_closest_name_is_suggested(spec: str, meant: str) -> None:
    with pytest.raises(TargetSpecError, match=f"did you mean {re.escape(meant)}"):
        parse(spec)


def test_scst_without_its_sources_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SCST_SOURCE", raising=False)

    with pytest.raises(
        TargetSpecError, match="sources were not found; SCST is"
    ) as caught:
        parse("scst")

    message = str(caught.value)
    assert "\n" not in message
    assert "SCST-project/scst" in message
    assert "--scst-source" in message


def test_a_folder_without_scst_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        TargetSpecError, match="does not contain SCST: scst/include/scst"
    ):
        parse("scst", {"scst_source": tmp_path})


def test_scst_builds_nothing_before_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = standin.checkout(tmp_path / "scst")
    monkeypatch.setenv("SCST_SOURCE", str(root))

    from_environment = parse("scst")
    reported = parse("scst:13260", {"scst_source": root, "scst_config": "scstadmin"})

    assert from_environment.kind == reported.kind == "scst"


def test_the_option_has_priority_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCST_SOURCE", str(tmp_path))

    values = {"scst_source": standin.checkout(tmp_path / "x")}

    assert parse("scst", values).kind == "scst"


@pytest.fixture
def own_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    (tmp_path / "vmlinux").touch()
    built_kernel = Kernel("6.1.7", tmp_path, "linux-6.1.7", tmp_path, ("own.patch",))
    kernel.remember("mine", built_kernel)
    return built_kernel


def test_a_target_of_the_lab_runs_on_a_kernel_that_was_built(
    own_kernel: Kernel,
) -> None:
    provider = parse("lio", {"kernel": "mine"})

    assert isinstance(provider, LabProvider)
    assert provider.recipe.kernel() == own_kernel


@pytest.mark.usefixtures("own_kernel")
@pytest.mark.parametrize(
    ("spec", "name", "expected_message"),
    [
        ("lio", "yours", "--kernel: there is no kernel yours; there are: mine"),
        (
            "tgt",
            "mine",
            "--kernel is for --target=lio or scst or tgt-vm, not for --target=tgt",
        ),
        ("iscsi://h/iqn.2001-04.com.example:x", "mine", "not for a target of yours"),
    ],
)
def test_a_kernel_that_makes_no_sense(
    spec: str, name: str, expected_message: str
) -> None:
    with pytest.raises(TargetSpecError, match=expected_message):
        parse(spec, {"kernel": name})


def test_a_profile_lists_the_habits_of_a_kind() -> None:
    assert profile("lio") == {"one-login-at-a-time"}
    assert profile("scst") == frozenset()
    with pytest.raises(TargetSpecError, match="unknown profile 'esos'; valid: ref"):
        profile("esos")


@pytest.mark.parametrize("name", list(kinds()))
def test_the_traits_of_a_kind_are_known_features(name: str) -> None:
    assert profile(name) <= FEATURES.keys()


def test_lio_boots_nothing_before_it_is_started() -> None:
    assert parse("lio").kind == "lio"


def test_faults_are_for_the_reference_target_only() -> None:
    with pytest.raises(
        TargetSpecError, match="--fault is for --target=reference, not for --target=tgt"
    ):
        parse("tgt", {"fault": ["wrong-stat-sn"]})


def test_faults_reach_the_recipe() -> None:
    provider = parse("reference", {"fault": ["wrong-stat-sn"]})

    assert isinstance(provider, LocalProvider)
    assert "wrong-stat-sn" in provider.recipe.description


def test_url_gives_the_remote_provider() -> None:
    assert isinstance(parse("iscsi://host/iqn.2001-04.com.example:x"), RemoteProvider)


def test_help_names_every_kind() -> None:
    text = help_text()

    assert all(f"  {name} " in text for name in kinds())
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


def _hide_programs(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr("vmlab.tool.SBIN", "")
