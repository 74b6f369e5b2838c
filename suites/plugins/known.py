# SPDX-License-Identifier: GPL-2.0-only
"""What is known of the target under test, and what of it explains a failure."""

import pytest

from suites.plugins import crashes, deviations
from suites.plugins.crashes import Crash
from suites.plugins.deviations import Deviation

_DEVIATIONS = pytest.StashKey[list[Deviation]]()
_CRASHES = pytest.StashKey[list[Crash]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the known deviations and crashes of the target under test.

    Raises:
        pytest.UsageError: their file is broken.
    """
    kind = config.option.profile or (
        (config.option.target or "reference").partition(":")[0].lower()
    )
    # A program does the same wherever it runs.
    own = deviations.FOLDER / f"{kind.removesuffix('-vm')}.toml"
    path = config.option.deviations or (own if own.exists() else None)
    try:
        config.stash[_DEVIATIONS] = deviations.load(path) if path else []
        config.stash[_CRASHES] = crashes.load(path) if path else []
    except deviations.DeviationFileError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture
def is_listed(request: pytest.FixtureRequest) -> bool:
    """Whether the check is listed among the known deviations of the target."""
    return bool(deviations_of(request.node))


def deviations_of(item: pytest.Item) -> list[Deviation]:
    """Return the deviations that a check is known to show."""
    found = item.config.stash[_DEVIATIONS]
    return [entry for entry in found if entry.concerns(check_name(item))]


def explanation(item: pytest.Item, reason: str | None, report: str) -> Deviation | None:
    """Return the deviation that is what happened, if one is.

    Who is known to do something else is not known to die of it, nor the other way.
    """
    for known in deviations_of(item):
        if (reason is None and not known.dies) or (
            reason is not None and known.dies and known.dies in reason + report
        ):
            return known
    return None


def has_crashes(config: pytest.Config) -> bool:
    """Tell whether the target is known to crash now and then."""
    return bool(config.stash[_CRASHES])


def crash_of(item: pytest.Item, reason: str, report: str) -> Crash | None:
    """Return the crash that has struck in a check, if it is a known one.

    Args:
        item: the check.
        reason: how the target ended, in one line.
        report: all that it told of it.
    """
    for known in item.config.stash[_CRASHES]:
        if known.explains(check_name(item), reason, report):
            return known
    return None


def check_name(item: pytest.Item) -> str:
    """Return a check's node ID below suites/conformance."""
    return item.nodeid.removeprefix("suites/conformance/")
