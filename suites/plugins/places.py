# SPDX-License-Identifier: GPL-2.0-only
"""Where the tested suites are, and the names of checks outside the current folder."""

from importlib.util import find_spec
from pathlib import Path

import pytest

SUITES = Path(__file__).resolve().parents[1]
"""The folder of all suites."""


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Give the checks of a suite outside the root of a run the node IDs of a clone.

    pytest would let them begin at the folder or package that the run names.
    """
    path = module_path.resolve()
    if not path.is_relative_to(SUITES) or parent.config.rootpath == SUITES.parent:
        return None
    nodeid = path.relative_to(SUITES.parent).as_posix()
    module: pytest.Module = pytest.Module.from_parent(
        parent, path=module_path, nodeid=nodeid
    )
    return module


def places(config: pytest.Config) -> list[Path]:
    """Return the files and folders that a run's arguments name."""
    folder = config.invocation_params.dir
    names = [one.split("::", 1)[0] for one in config.args]
    return [
        (config.option.pyargs and _package(name)) or (folder / name).resolve()
        for name in names
    ]


def _package(name: str) -> Path | None:
    """Return the path of a module or a package; None if there is none."""
    try:
        spec = find_spec(name)
    except (AttributeError, ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin).resolve() if spec.origin else None


def is_within(place: Path, folder: Path) -> bool:
    """Tell whether a path is a folder or lies in it."""
    return place == folder or place.is_relative_to(folder)
