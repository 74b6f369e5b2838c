# SPDX-License-Identifier: GPL-2.0-only
"""The options `--campaign` and `--soak`, which say how long suites/robustness runs."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from iscsi.printable import printable
from suites.plugins.options import PROVIDER
from suites.plugins.permission import ROBUSTNESS, is_robustness
from suites.shards import numbers

_CAMPAIGN = ROBUSTNESS / "campaign"
_SOAK = "test_soak"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_END_SECONDS = 900.0
"""The time that a check has for its set-up, for shortening findings and for its end."""


def duration(text: str) -> float:
    """Return the seconds of a time such as 90s, 30m or 8h.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text)
    seconds = 0.0 if match is None else float(match[1]) * _UNITS[match[2]]
    if not seconds:
        raise ValueError(f"{text!r} is not a time such as 90s, 30m or 8h")
    return seconds


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several hosts does of a campaign or a soak.

    It has a name and random numbers of its own, so that the parts can be merged and
    differ. Without `--shard` it is all of it.
    """

    seconds: float
    number: int
    """From 1 to `count`."""
    count: int

    @property
    def name(self) -> str:
        """Its part of a name; empty if it is all."""
        return "" if self.count == 1 else f"part-{self.number}-of-{self.count}"


def share_of(config: pytest.Config) -> Share:
    """Return the share of a run; of no seconds if it is no campaign and no soak."""
    number, count = numbers(config.option.shard or "1/1")
    text = config.option.campaign or config.option.soak
    return Share(duration(text) / count if text else 0.0, number, count)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a check its share, which names it if there are several."""
    if "share" in metafunc.fixturenames:
        share = share_of(metafunc.config)
        metafunc.parametrize("share", [share], ids=[share.name or pytest.HIDDEN_PARAM])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("iscsi")
    group.addoption(
        "--campaign",
        metavar="TIME",
        help="suites/robustness: instead of its listed PDUs, send randomly changed "
        "recordings of sessions for this long (90s, 30m, 8h)",
    )
    group.addoption(
        "--campaign-seed",
        type=int,
        metavar="N",
        help="seed of a campaign's random numbers (default: 1)",
    )
    group.addoption(
        "--campaign-folder",
        type=Path,
        metavar="FOLDER",
        help="folder in which a campaign stores its state and findings, and from "
        "which it resumes (default: results/campaign/KIND)",
    )
    group.addoption(
        "--campaign-bundles",
        type=Path,
        metavar="FOLDER",
        help="folder of bundles (files of failed checks) that a campaign changes in "
        "addition to its own recordings",
    )
    group.addoption(
        "--soak",
        metavar="TIME",
        help="suites/robustness: instead of its listed PDUs, repeat the stress tests "
        "for this long",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Extend the time limit of checks by the time of the options.

    Raises:
        pytest.UsageError: it is not a time, or this run cannot use it.
    """
    seconds = 0.0
    for name in ("campaign", "soak"):
        text = config.getoption(name)
        if text is None:
            continue
        try:
            seconds += duration(text)
        except ValueError as error:
            raise pytest.UsageError(f"--{name}: {error}") from error
        if not is_robustness(config):
            raise pytest.UsageError(
                f"--{name} works only in suites/robustness: run that suite alone"
            )
        if config.getoption("numprocesses", None):
            raise pytest.UsageError(f"--{name} needs a single process: leave out -n")
    if config.option.campaign and config.option.soak:
        raise pytest.UsageError(
            "--campaign and --soak exclude each other: give one of them"
        )
    if seconds and PROVIDER in config.stash:
        limit = config.option.check_timeout or 0.0
        config.option.check_timeout = max(limit, seconds + _END_SECONDS)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Select either the listed PDUs, the campaign or the soak, as the options say."""
    selected = [item for item in items if _is_wanted(config, item)]
    deselected = [item for item in items if item not in set(selected)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = selected


def _is_wanted(config: pytest.Config, item: pytest.Item) -> bool:
    is_campaign = item.path.is_relative_to(_CAMPAIGN)
    name = getattr(item, "originalname", item.name)
    is_soak = item.path.is_relative_to(ROBUSTNESS) and name == _SOAK
    if config.option.campaign:
        return is_campaign
    if config.option.soak:
        return is_soak
    return not (is_campaign or is_soak)


def print_line(config: pytest.Config, line: str) -> None:
    """Print a line while a check runs."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None:
        return
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        reporter.write_line(printable(line))
