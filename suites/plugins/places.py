# SPDX-License-Identifier: GPL-2.0-only
"""Where what a run is told to test lies, by paths or by the names of packages."""

from importlib.util import find_spec
from pathlib import Path

import pytest

SUITES = Path(__file__).resolve().parents[1]
"""The folder of all suites."""


def places(config: pytest.Config) -> list[Path]:
    """Return the files and folders that a run's arguments name."""
    folder = config.invocation_params.dir
    names = [one.split("::", 1)[0] for one in config.args]
    return [
        (config.option.pyargs and _package(name)) or (folder / name).resolve()
        for name in names
    ]


def _package(name: str) -> Path | None:
    """Return where a module or a package of a name lies; None if there is none."""
    try:
        found = find_spec(name)
    except (AttributeError, ImportError, ValueError):
        return None
    if found is None:
        return None
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations))).resolve()
    return Path(found.origin).resolve() if found.origin else None


def is_within(place: Path, folder: Path) -> bool:
    """Tell whether a place is a folder or lies in it."""
    return place == folder or place.is_relative_to(folder)
