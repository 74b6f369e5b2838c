# SPDX-License-Identifier: GPL-2.0-only
"""Which check covers which requirement: the marker, the selection, the listing."""

from difflib import get_close_matches
from pathlib import Path

import pytest

from reports.evidence import REQUIREMENT, TITLE
from reports.suites import SUITES, name_of, suite_of
from spec import Catalogue, Requirement, UnknownRequirement, is_below, load

_CATALOGUE = pytest.StashKey[Catalogue]()
_REQUIREMENTS = pytest.StashKey[list[Requirement]]()
AREAS = Path(__file__).parents[1] / "conformance"
"""The folder whose subfolders are the areas."""


def pytest_configure(config: pytest.Config) -> None:
    """Load the catalogue and register the markers."""
    config.addinivalue_line(
        "markers", "requirement(*ids): the requirements that a check proves"
    )
    config.stash[_CATALOGUE] = load()


def is_check(item: pytest.Item) -> bool:
    """Tell whether an item is a check of a target, not a test of the toolkit."""
    return item.get_closest_marker("requirement") is not None


def requirements_of(item: pytest.Item) -> list[Requirement]:
    """Return the requirements in a check's marker.

    Raises:
        pytest.UsageError: the marker names an unknown one.
    """
    if _REQUIREMENTS not in item.stash:
        ids = [name for mark in item.iter_markers("requirement") for name in mark.args]
        item.stash[_REQUIREMENTS] = [
            _find(item.config, name, item.nodeid) for name in ids
        ]
    return item.stash[_REQUIREMENTS]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse unknown requirements, and checks without one; apply the selection.

    Raises:
        pytest.UsageError: a marker or an option names what does not exist.
    """
    _validate(config)
    for item in items:
        if suite_of(item.nodeid) and not is_check(item):
            raise pytest.UsageError(
                f"{item.nodeid}: a check needs a requirement marker"
            )
        item.user_properties += [(REQUIREMENT, e.id) for e in requirements_of(item)]
        if is_check(item) and isinstance(item, pytest.Function):
            rule = item.function.__doc__ or ""
            item.user_properties.append((TITLE, rule.strip().partition("\n")[0]))
    chosen = [item for item in items if _is_selected(item, config)]
    dropped = [item for item in items if item not in set(chosen)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = chosen


def _validate(config: pytest.Config) -> None:
    """Refuse to select by unknown names, since no check would run."""
    for name in config.option.requirement:
        _find(config, name, "--requirement")
    sections = {entry.section for entry in config.stash[_CATALOGUE].values()}
    for selected in config.option.section:
        if not any(is_below(section, selected) for section in sections):
            raise pytest.UsageError(f"--section {selected} has no requirement")
    folders = [AREAS.with_name(suite) for suite in SUITES]
    areas = sorted(
        path.name for folder in folders for path in folder.iterdir() if _is_area(path)
    )
    for area in config.option.area:
        if area not in areas:
            close = get_close_matches(area, areas, 1)
            guess = (
                f"did you mean {close[0]}?" if close else "valid: " + ", ".join(areas)
            )
            raise pytest.UsageError(f"--area {area}: unknown area; {guess}")


def _is_area(path: Path) -> bool:
    return path.is_dir() and any(path.glob("test_*.py"))


def _find(config: pytest.Config, name: str, where: str) -> Requirement:
    try:
        return config.stash[_CATALOGUE][name]
    except UnknownRequirement as error:
        raise pytest.UsageError(f"{where}: {error}") from error


def _is_selected(item: pytest.Item, config: pytest.Config) -> bool:
    option = config.option
    entries = requirements_of(item)
    if option.requirement and not any(e.id in option.requirement for e in entries):
        return False
    if option.section and not any(
        is_below(entry.section, section)
        for entry in entries
        for section in option.section
    ):
        return False
    if option.level and not any(
        entry.level.strength in option.level for entry in entries
    ):
        return False
    return not option.area or any(
        name_of(item.nodeid).startswith(f"{area}/") for area in option.area
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Answer --list-requirements."""
    config = session.config
    if not config.option.list_requirements or hasattr(config, "workerinput"):
        return
    checks: dict[str, list[str]] = {}
    for item in session.items:
        for entry in requirements_of(item):
            name = name_of(item.nodeid).split("[")[0]
            if name not in checks.setdefault(entry.id, []):
                checks[entry.id].append(name)
    lines = []
    for name in sorted(checks):
        entry = config.stash[_CATALOGUE][name]
        lines.append(f"{name}  {entry.level}  {entry.text}")
        lines += [f"    {check}" for check in checks[name]]
    print("\n".join(lines))  # noqa: T201  # it is what was asked for
    print(f"{len(checks)} requirements")  # noqa: T201  # likewise
    pytest.exit("listed", 0)
