# SPDX-License-Identifier: GPL-2.0-only
"""What releases of SCST lack."""

from pathlib import Path

import pytest

from targets.model import Special
from targets.scst import recipe
from tests.targets.scst.standin import checkout


@pytest.mark.parametrize(
    ("version", "has_names"),
    [("3.7.0", False), ("3.8.0", True), ("3.11.0-pre", True), ("unnumbered", True)],
)
def test_old_releases_have_no_alias_and_no_redirects(
    tmp_path: Path, version: str, has_names: bool
) -> None:
    """Release 3.7 has neither attribute, so that its set-up must leave them out."""
    lab_recipe = recipe.recipe({"scst_source": checkout(tmp_path / "tree", version)})

    assert ({"alias", "redirect"} <= lab_recipe.features) is has_names
    assert (Special.ALIAS in lab_recipe.special) is has_names
    assert (Special.MOVED in lab_recipe.special) is has_names
    assert Special.PINGING in lab_recipe.special
