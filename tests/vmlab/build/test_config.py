# SPDX-License-Identifier: GPL-2.0-only
"""Configurations: merged, and checked against what a kernel made of them."""

from pathlib import Path

import pytest

from tests.vmlab.build import standin
from vmlab.build import config
from vmlab.errors import LabError


@pytest.mark.parametrize("name", list(config.presets()))
def test_presets_can_be_read(name: str) -> None:
    assert config.merge([name])


def test_the_sanitizers_are_there() -> None:
    assert {"kasan", "lockdep", "kmemleak", "ubsan"} <= config.presets().keys()
    assert config.merge(["kasan"])["CONFIG_KASAN"] == "y"


@pytest.mark.parametrize("name", ["kasan", "lockdep", "kmemleak", "ubsan"])
def test_a_sanitizer_brings_what_its_reports_are_decoded_with(name: str) -> None:
    assert config.with_debug(("mine", name)) == ("debug", "mine", name)
    assert config.with_debug((name, "debug")) == (name, "debug")
    assert config.with_debug(("mine",)) == ("mine",)


def test_a_later_fragment_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('CONFIG_A=y\nCONFIG_B=m\nCONFIG_C="text"\n\n# words\n')
    (tmp_path / "b").write_text("# CONFIG_A is not set\nCONFIG_D=0x10\n")

    merged = config.merge([str(tmp_path / "a"), str(tmp_path / "b")])

    assert merged == {
        "CONFIG_A": "n",
        "CONFIG_B": "m",
        "CONFIG_C": '"text"',
        "CONFIG_D": "0x10",
    }
    assert config.parse(config.render(merged), "itself") == merged


def test_a_line_that_is_no_option_is_named() -> None:
    with pytest.raises(
        LabError, match=r"^mine, line 2: 'KASAN=y' is not a configuration option$"
    ):
        config.parse("CONFIG_A=y\nKASAN=y\n", "mine")


def test_an_unknown_fragment_lists_the_presets() -> None:
    with pytest.raises(
        LabError, match=r"no configuration kazan; give a file, or .*kasan"
    ):
        config.merge(["kazan"])


def test_options_are_set_otherwise_in_place() -> None:
    created = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=y\n"

    assert config.override(created, {"CONFIG_A": "n", "CONFIG_B": "m"}) == (
        "CONFIG_AB=y\n# CONFIG_A is not set\nCONFIG_B=m\n"
    )


def test_options_that_survived_are_fine(tmp_path: Path) -> None:
    expected = {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": "n"}

    config.check(expected, "CONFIG_A=y\n# CONFIG_B is not set\n", tmp_path)


def test_what_a_kernel_does_not_know_may_be_optional(tmp_path: Path) -> None:
    tree = standin.tree(tmp_path)
    expected = {"CONFIG_GONE": "y", "CONFIG_NEEDY": "y"}

    config.check({"CONFIG_GONE": "y"}, "", tree, optional=expected)
    with pytest.raises(LabError, match="CONFIG_NEEDY=y became n"):
        config.check(expected, "", tree, optional=expected)


def test_each_option_that_was_lost_is_named_with_the_reason(tmp_path: Path) -> None:
    tree = standin.tree(tmp_path)
    expected = {"CONFIG_GONE": "y", "CONFIG_NEEDY": "m", "CONFIG_NET": "n"}

    with pytest.raises(LabError) as caught:
        config.check(expected, "CONFIG_NET=y\n", tree)

    assert str(caught.value) == (
        "the kernel does not take CONFIG_GONE=y became n (this kernel has no such"
        " option) and 2 more"
    )
    assert caught.value.log.splitlines() == [
        "CONFIG_NEEDY=m became n (what it needs is not set)",
        "CONFIG_NET=n became y (others need it)",
    ]
