# SPDX-License-Identifier: GPL-2.0-only
import re

import pytest

from suites.judging.versions import VersionRange, numbers_of


@pytest.mark.parametrize(
    ("text", "version", "is_in"),
    [
        ("", "1.0", True),
        (">=3.7, <3.11", "3.7.0", True),
        (">=3.7, <3.11", "3.10.0-pre", True),
        (">=3.7, <3.11", "3.11.0-pre", False),
        (">=3.7, <3.11", "3.6.9", False),
        ("==6.1", "Linux 6.1.90-56-amd64", True),
        ("==6.1", "Linux 6.10.1", False),
        ("!=6.1", "Linux 6.1.90", False),
        (">6.1", "6.1.90", False),
        (">1", "2", True),
        ("<=1.0.85", "1.0", True),
        (">=3.7", "unknown", True),
    ],
)
def test_a_range_holds_the_versions_that_it_names(
    text: str, version: str, is_in: bool
) -> None:
    assert VersionRange.parse(text).holds(version) is is_in


@pytest.mark.parametrize("text", ["3.7", ">=x", ">=3.7 <4", ">=3.7,", "~=3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("is not a condition")):
        VersionRange.parse(text)


def test_a_version_is_its_first_numbers() -> None:
    assert numbers_of("Linux 6.1.0-56-amd64") == (6, 1, 0)
    assert numbers_of("0.4~20190107") == (0, 4)
    assert numbers_of("unknown") == ()
