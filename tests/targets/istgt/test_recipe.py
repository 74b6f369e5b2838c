# SPDX-License-Identifier: GPL-2.0-only
"""The configuration that istgt is given."""

from pathlib import Path

from targets import layout
from targets.istgt import recipe
from targets.local import Plan
from targets.model import Portal


def test_configuration_names_portals_and_targets() -> None:
    portals = (Portal("127.0.0.1", 20000), Portal("::1", 20001))

    text = recipe.build_configuration(Plan(Path("/d"), portals, Path("/d/log")))

    assert "  Portal DA1 127.0.0.1:20000\n  Portal DA2 [::1]:20001\n" in text
    assert text.count("AuthMethod CHAP\n") == 1
    assert '  LUN1 Storage "/d/disk1-1.img" Auto\n' in text
    assert layout.INITIATOR.password not in text


def test_secrets_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    recipe.recipe({}).prepare(Plan(tmp_path, (), tmp_path / "log"))

    secrets = tmp_path / "auth.conf"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert secrets.read_text() == recipe.build_secrets()
    assert layout.INITIATOR.password in secrets.read_text()
