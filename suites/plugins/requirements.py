# SPDX-License-Identifier: GPL-2.0-only
"""Which check proves which requirement: the marker, the selection, the listing."""

import pytest

from reports.evidence import REQUIREMENT
from spec import Catalogue, Requirement, UnknownRequirement, is_below, load

_CATALOGUE = pytest.StashKey[Catalogue]()
_REQUIREMENTS = pytest.StashKey[list[Requirement]]()
_FOLDER = "suites/conformance/"


def pytest_configure(config: pytest.Config) -> None:
    """Load the catalogue and register the markers."""
    config.addinivalue_line(
        "markers", "requirement(*ids): the requirements that a check proves"
    )
    config.stash[_CATALOGUE] = load()


def is_check(item: pytest.Item) -> bool:
    """Tell a check of a target from a test of the toolkit."""
    return item.get_closest_marker("requirement") is not None


def requirements_of(item: pytest.Item) -> list[Requirement]:
    """Return the requirements that a check proves.

    Raises:
        pytest.UsageError: the marker names an unknown one.
    """
    if _REQUIREMENTS not in item.stash:
        ids = [name for mark in item.iter_markers("requirement") for name in mark.args]
        catalogue = item.config.stash[_CATALOGUE]
        try:
            item.stash[_REQUIREMENTS] = [catalogue[name] for name in ids]
        except UnknownRequirement as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from error
    return item.stash[_REQUIREMENTS]


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse unknown requirements, and checks without one; keep what was selected."""
    for item in items:
        if item.nodeid.startswith(_FOLDER) and not is_check(item):
            raise pytest.UsageError(
                f"{item.nodeid}: a check needs a requirement marker"
            )
        item.user_properties += [(REQUIREMENT, e.id) for e in requirements_of(item)]
    chosen = [item for item in items if _is_selected(item, config)]
    dropped = [item for item in items if item not in set(chosen)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = chosen


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
        entry.level.split()[0] in option.level for entry in entries
    ):
        return False
    return not option.area or any(
        item.nodeid.startswith(f"{_FOLDER}{area}/") for area in option.area
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Answer --list-requirements."""
    config = session.config
    if not config.option.list_requirements or hasattr(config, "workerinput"):
        return
    checks: dict[str, list[str]] = {}
    for item in session.items:
        for entry in requirements_of(item):
            name = item.nodeid.removeprefix(_FOLDER).split("[")[0]
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
