# SPDX-License-Identifier: GPL-2.0-only
"""The shell of guests."""

import subprocess
from pathlib import Path

import pytest

from tests.lab import assert_shell_can_read
from tests.tools import require
from vmlab.build import guest
from vmlab.guest import quoted


@pytest.mark.lab
def test_the_shell_can_read_what_sets_a_builder_up() -> None:
    built = guest.guest(Path("/r.img"), Path("/it's/here"), memory=512, processors=2)

    assert_shell_can_read(built.setup)


@pytest.mark.lab
@pytest.mark.parametrize("word", ["plain", "a b", "it's", "$(reboot)", "`x`", ""])
def test_quoted_words_come_out_as_they_went_in(word: str) -> None:
    require("busybox")
    process = subprocess.run(
        ["busybox", "sh", "-c", f"printf %s {quoted(word)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert process.stdout == word
