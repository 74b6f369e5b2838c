# SPDX-License-Identifier: GPL-2.0-only
"""The set-up scripts of guests."""

import subprocess

import pytest

from tests.tools import require
from vmlab.guests import lio
from vmlab.guests.model import Export, Login, Unit, quoted

EXPORTS = [
    Export("iqn.2001-04.com.example:a", (Unit(0, 1 << 20), Unit(1, 1 << 20, 4096))),
    Export(
        "iqn.2001-04.com.example:b",
        (Unit(0, 1 << 20),),
        Login("user", "it's secret", "other", "the way back"),
    ),
]


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    require("busybox")
    script = lio.guest(EXPORTS).setup

    subprocess.run(
        ["busybox", "sh", "-n"],
        input=script,
        text=True,
        check=True,
        timeout=20,
    )


def test_every_unit_has_a_file_of_its_own() -> None:
    script = lio.guest(EXPORTS).setup

    names = [line.split("/")[-1] for line in script.splitlines() if "truncate" in line]
    assert names == ["disk0", "disk1", "disk2"]
    assert "echo 4096 >" in script


def test_only_who_has_credentials_asks_for_them() -> None:
    lines = lio.guest(EXPORTS).setup.splitlines()

    asked = [line.split()[1] for line in lines if "attrib/authentication" in line]
    assert asked == ["0", "1"]
    secrets = [line for line in lines if "/auth/password" in line]
    assert len(secrets) == 2
    assert quoted("it's secret") in secrets[0]


def test_every_portal_is_opened_for_every_name() -> None:
    lines = lio.guest(EXPORTS, ports=(3260, 3999)).setup.splitlines()

    assert sum("/np/" in line for line in lines) == 4


@pytest.mark.lab
@pytest.mark.parametrize("word", ["plain", "a b", "it's", "$(reboot)", "`x`", ""])
def test_quoted_words_come_out_as_they_went_in(word: str) -> None:
    require("busybox")
    done = subprocess.run(
        ["busybox", "sh", "-c", f"printf %s {quoted(word)}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert done.stdout == word


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(EXPORTS[1].login)
