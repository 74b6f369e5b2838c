# SPDX-License-Identifier: GPL-2.0-only
"""Another distribution that adds a kind of target, made in a folder."""

from pathlib import Path

MODULE = '''
"""A kind of target of somebody else's: the reference target by another name."""

from dataclasses import replace

import targets
from targets.reference import recipe

FLAVOUR = targets.option("--acme-flavour", metavar="NAME", default="plain", help="x")


def _recipe(options):
    flavour = FLAVOUR.of(options)
    if flavour == "none":
        raise targets.TargetSpecError("--acme-flavour: acme has no flavour none")
    return replace(recipe.recipe(), kind="acme", description=f"acme, {flavour}")


KIND = targets.Kind("acme", "the target of Acme", _recipe, (FLAVOUR,))
TAKEN = targets.Kind("reference", "another one", _recipe)
ODD = "no kind at all"
FAULT = targets.option("--fault")
SAME_OPTION = targets.Kind("faulty", "its option is taken", _recipe, (FAULT,))
'''


def install(folder: Path, value: str = "acme_targets:KIND") -> Path:
    """Lay a distribution out as pip does; return the folder for PYTHONPATH."""
    about = folder / "acme_targets-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-targets\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(f"[iscsi_assay.targets]\nacme = {value}\n")
    (folder / "acme_targets.py").write_text(MODULE)
    return folder
