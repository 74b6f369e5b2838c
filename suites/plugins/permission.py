# SPDX-License-Identifier: GPL-2.0-only
"""The permission for the robustness suite, which may crash a target."""

import pytest

from suites.plugins.options import PROVIDER
from suites.plugins.places import SUITES, is_within, places

ROBUSTNESS = SUITES / "robustness"
"""The folder of the suite."""

_TIME = "--check-timeout"

CHECK_SECONDS = 300.0
"""How long a check of the suite may take: it sends hundreds of stimuli."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("iscsi").addoption(
        "--allow-crash",
        action="store_true",
        help="let suites/robustness send PDUs that may crash, hang or corrupt a "
        "target which this run has not started",
    )


def is_robustness(config: pytest.Config) -> bool:
    """Tell whether a run selects only the robustness suite."""
    named = places(config)
    return bool(named) and all(is_within(place, ROBUSTNESS) for place in named)


def is_touched(config: pytest.Config) -> bool:
    """Tell whether a run includes the robustness suite, or a part of it."""
    return any(
        is_within(place, ROBUSTNESS) or is_within(ROBUSTNESS, place)
        for place in places(config)
    )


def refusal(config: pytest.Config) -> str:
    """Return why nothing may be sent, in one line; empty if it may."""
    provider = config.stash.get(PROVIDER, None)
    if provider is None or config.option.collectonly or not is_touched(config):
        return ""
    if not provider.is_shared or config.option.allow_crash:
        return ""
    return (
        "suites/robustness sends what may crash, hang or corrupt a target, and this "
        "one is not ours to lose: give --allow-crash if it may, or name "
        "suites/conformance alone"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse before anything is sent; give a check of this suite its time limit.

    Raises:
        pytest.UsageError: the run did not start the target, and has no permission.
    """
    why = refusal(config)
    if why:
        raise pytest.UsageError(why)
    is_given = any(str(one).startswith(_TIME) for one in config.invocation_params.args)
    if is_touched(config) and not is_given and PROVIDER in config.stash:
        limit = config.stash[PROVIDER].limits.check or 0.0
        config.option.check_timeout = max(limit, CHECK_SECONDS)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print which checks are left out since nothing may be written."""
    provider = config.stash.get(PROVIDER, None)
    if provider is None or not is_touched(config) or not provider.is_shared:
        return []
    if config.option.allow_writes:
        return []
    line = "no stimulus writes, but to units that the target's file lends"
    return [f"{line}: --allow-writes lends the unit"]
