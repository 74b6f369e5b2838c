# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script of the client's guest."""

import pytest

from targets.client import guest
from tests.lab import assert_shell_can_read


def test_the_client_writes_into_folders_that_it_has() -> None:
    built = guest.guest()

    folders = {path.rpartition("/")[0].strip("/") for path in built.texts}
    assert "etc/iscsi" in folders
    assert folders <= {"etc", *built.folders}


def test_the_client_listens_nowhere() -> None:
    assert guest.guest().endpoints == ()


@pytest.mark.lab
def test_the_shell_can_read_it() -> None:
    assert_shell_can_read(guest.guest().setup)
