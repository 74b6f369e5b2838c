# SPDX-License-Identifier: GPL-2.0-only
"""What is known of the target under test, and what of it explains a failure."""

from pathlib import Path

import pytest

from reports.model import Ending
from spec import load as load_catalogue
from suites.judging.known import (
    Deviation,
    Known,
    KnownCrash,
    KnownFileError,
    load,
    unmatched,
)
from suites.plugins import targets as targets_plugin
from suites.plugins.requirements import AREAS

FOLDER = Path(__file__).parents[1] / "deviations"

_KNOWN = pytest.StashKey[Known]()
_FILE = pytest.StashKey[Path]()
_SUITE = "suites/conformance/"


def pytest_configure(config: pytest.Config) -> None:
    """Read the known deviations and crashes of the target under test.

    Raises:
        pytest.UsageError: their file is wrong.
    """
    kind = config.option.profile or (
        (config.option.target or "reference").partition(":")[0].lower()
    )
    # A program does the same wherever it runs.
    own = FOLDER / f"{kind.removesuffix('-vm')}.toml"
    path = config.option.deviations or (own if own.exists() else None)
    config.stash[_KNOWN] = Known()
    if path is None:
        return
    try:
        config.stash[_KNOWN] = load(path, load_catalogue())
    except KnownFileError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_FILE] = path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse a pattern that matches no check, where the whole suite was collected.

    Raises:
        pytest.UsageError: there is one; it names file, entry and key.
    """
    if _FILE not in config.stash or not _is_whole(config, items):
        return
    names = {item.nodeid.removeprefix(_SUITE) for item in items}
    wrong = unmatched(config.stash[_KNOWN], names)
    if wrong:
        raise pytest.UsageError(f"{config.stash[_FILE]}: {wrong}")


def _is_whole(config: pytest.Config, items: list[pytest.Item]) -> bool:
    """Tell whether every check of the suite was collected."""
    files = set(AREAS.rglob("test_*.py"))
    is_cut = any("::" in one for one in config.args)
    return not is_cut and files <= {item.path for item in items}


@pytest.fixture
def is_listed(request: pytest.FixtureRequest) -> bool:
    """Whether the check is listed among the known deviations of the target."""
    return bool(deviations_of(request.node))


def deviations_of(item: pytest.Item) -> list[Deviation]:
    """Return the deviations that a check is known to show."""
    found, version = item.config.stash[_KNOWN].deviation, _version(item)
    return [entry for entry in found if entry.concerns(check_name(item), version)]


def explanation(item: pytest.Item, ending: Ending | None) -> Deviation | None:
    """Return the deviation that is what happened, if one is.

    Args:
        item: the check.
        ending: how the target died; None if it lives.
    """
    for known in deviations_of(item):
        if known.explains(ending):
            return known
    return None


def has_crashes(config: pytest.Config) -> bool:
    """Tell whether the target is known to crash now and then."""
    return bool(config.stash[_KNOWN].crash)


def crash_of(item: pytest.Item, ending: Ending | None) -> KnownCrash | None:
    """Return the known crash that ended the target in a check, if it is one."""
    if ending is None:
        return None
    for known in item.config.stash[_KNOWN].crash:
        if known.concerns(check_name(item), _version(item)) and known.explains(ending):
            return known
    return None


def check_name(item: pytest.Item) -> str:
    """Return a check's node ID below suites/conformance."""
    return item.nodeid.removeprefix(_SUITE)


def _version(item: pytest.Item) -> str:
    return targets_plugin.of(item.config).running.version
