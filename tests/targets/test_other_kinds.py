# SPDX-License-Identifier: GPL-2.0-only
"""A kind of target that another distribution adds by an entry point."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from targets import TargetSpecError, kinds, options, parse
from tests.suites.runs import complaint, run
from tests.targets import other

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    def put(value: str) -> None:
        monkeypatch.syspath_prepend(other.install(tmp_path / "site", value))
        kinds.cache_clear()

    yield put
    kinds.cache_clear()


def test_its_kind_and_its_option_are_known(install: Install) -> None:
    install("acme_targets:KIND")

    provider = parse("acme", {"acme_flavour": "sour"})

    assert provider.kind == "acme"
    assert "--acme-flavour" in [one.flag for one in options()]
    with pytest.raises(TargetSpecError, match="--acme-flavour is for --target=acme"):
        parse("reference", {"acme_flavour": "sour"})


@pytest.mark.parametrize(
    ("value", "expected_message"),
    [
        ("acme_targets:TAKEN", "adds a kind of target 'reference', which is there"),
        ("acme_targets:ODD", "is not a targets.Kind"),
        ("acme_targets:GONE", "cannot be loaded: AttributeError"),
        ("acme_gone:KIND", "cannot be loaded: ModuleNotFoundError"),
        ("acme_targets:SAME_OPTION", "each define an option --fault; rename one"),
    ],
)
def test_what_cannot_be_used_is_named(
    install: Install, value: str, expected_message: str
) -> None:
    install(value)

    with pytest.raises(TargetSpecError, match=expected_message) as caught:
        options()

    message = str(caught.value)
    assert "\n" not in message
    assert "acme" in message or "faulty" in message


def path_with_other(tmp_path: Path, value: str = "acme_targets:KIND") -> str:
    """Return the PYTHONPATH of a run for which the distribution is installed."""
    site = other.install(tmp_path / "site", value)
    return f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"


@pytest.mark.integration
def test_its_target_is_tested_with_its_option(tmp_path: Path) -> None:
    process = run(
        "--target=acme", "--acme-flavour=sour", PYTHONPATH=path_with_other(tmp_path)
    )

    assert process.returncode == 0, process.stdout
    assert "target: acme: acme, sour" in process.stdout


@pytest.mark.integration
def test_an_option_that_it_refuses_is_one_line(tmp_path: Path) -> None:
    process = run(
        "--target=acme", "--acme-flavour=none", PYTHONPATH=path_with_other(tmp_path)
    )

    assert process.returncode == pytest.ExitCode.USAGE_ERROR
    assert complaint(process) == "--acme-flavour: acme has no flavour none"


@pytest.mark.integration
def test_a_broken_one_is_one_line(tmp_path: Path) -> None:
    process = run(PYTHONPATH=path_with_other(tmp_path, "acme_targets:GONE"))

    assert process.returncode == pytest.ExitCode.USAGE_ERROR
    assert complaint(process).startswith("the entry point acme = acme_targets:GONE of")


@pytest.mark.integration
def test_help_lists_it(tmp_path: Path) -> None:
    process = run("--target=help", PYTHONPATH=path_with_other(tmp_path))

    assert "acme       the target of Acme" in process.stdout
