# SPDX-License-Identifier: GPL-2.0-only
"""`--strength` varies the values that are negotiated in the sessions of checks.

1 varies nothing. 2 gives each check one row of a pairwise covering array, which only
its node ID determines. 3 runs each check with every row. A row has only values that the
target can agree to, as its first login has shown.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from initiator.probe.login import EVERYTHING
from initiator.segments import Cut
from reports.combinations import CUT
from reports.evidence import ENVIRONMENT
from reports.suites import SUITES, name_of, suite_of
from suites.combining.arrays import Row
from suites.combining.offers import name_of as name_of_row
from suites.combining.offers import offered, row_of, rows
from suites.plugins.requirements import is_check
from suites.plugins.targets import NEGOTIATED

AREAS = frozenset(
    {
        "access",
        "async_messages",
        "changes",
        "command",
        "connections",
        "data",
        "error_recovery",
        "load",
        "logout",
        "nop",
        "numbering",
        "reject",
        "reservations",
        "scsi",
        "task_management",
        "text",
    }
)
"""The areas whose checks get varied sessions. Checks of the others are about logins
themselves, or negotiate every key that matters to them."""

VARIED = "varied"
"""The fixture that returns the row of a check."""

_SESSIONS = "open_session"
"""The fixture that opens the sessions to which the row applies."""

_FACTS = "strength_facts"
"""The key under which a worker finds what the target agreed to."""

_EVERY_ROW = 3

_ROWS = pytest.StashKey[Sequence[Row]]()
_ROW = pytest.StashKey[Row]()
"""The row that replaces the check's own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("iscsi", "iSCSI Assay")
    group.addoption(
        "--strength",
        type=int,
        choices=(1, 2, 3),
        default=1,
        help="how many combinations of negotiated values are tested: 1 only the "
        "defaults, 2 one combination for each check, so that a run covers all pairs of "
        "values, 3 each check with each combination (default: 1)",
    )
    group.addoption(
        "--cut",
        choices=[str(cut) for cut in Cut if cut is not Cut.JOINED],
        help="how the stream to the target is cut into TCP segments (default: each PDU "
        "is whole)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "not_varied(reason): the check negotiates what it looks at, so --strength "
        "leaves it alone",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send a worker what the target agreed to, so that all collect the same checks."""
    node.workerinput[_FACTS] = _agreed(node.config)


def _agreed(config: pytest.Config) -> dict[str, str] | None:
    """Return what the target agreed to when every feature was offered, by key.

    The result is None if the run has no target.
    """
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        agreed: dict[str, str] | None = worker.get(_FACTS)
        return agreed
    if ENVIRONMENT not in config.stash:
        return None
    return {
        key.removeprefix(NEGOTIATED): value
        for key, value in config.stash[ENVIRONMENT].items()
        if key.startswith(NEGOTIATED)
    }


def array_of(config: pytest.Config) -> Sequence[Row]:
    """Return the rows of a run; those of every feature if the run has no target."""
    if _ROWS not in config.stash:
        agreed = _agreed(config)
        fixed = {name for name, _value in config.option.offer}
        if config.option.cut:
            fixed.add(CUT)
        values = offered(EVERYTHING if agreed is None else agreed, fixed)
        config.stash[_ROWS] = rows(values, config.option.strength)
    return config.stash[_ROWS]


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each check run once with each row, at strength 3."""
    if metafunc.config.option.strength == _EVERY_ROW and _is_open_to(
        metafunc.definition, metafunc.fixturenames
    ):
        array = array_of(metafunc.config)
        names = [name_of_row(row) for row in array]
        metafunc.parametrize(VARIED, array, ids=names, indirect=True)


def _is_open_to(node: pytest.Item, fixtures: Collection[str]) -> bool:
    """Tell whether the negotiated values may vary in a check's sessions."""
    return (
        is_check(node)
        and node.get_closest_marker("not_varied") is None
        and suite_of(node.nodeid) == SUITES[0]
        and name_of(node.nodeid).partition("/")[0] in AREAS
        and _SESSIONS in fixtures
    )


def is_varied(item: pytest.Item) -> bool:
    """Tell whether the negotiated values vary in a check's sessions in this run."""
    fixtures = getattr(item, "fixturenames", ())
    return item.config.option.strength > 1 and _is_open_to(item, fixtures)


def own_row(item: pytest.Item) -> Row:
    """Return the row of a check, from its node ID or its parameter."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and VARIED in callspec.params:
        row: Row = callspec.params[VARIED]
        return row
    if not is_varied(item):
        return {}
    return row_of(name_of(item.nodeid), array_of(item.config))


@contextmanager
def running_with(item: pytest.Item, row: Row) -> Iterator[None]:
    """Have a check run with another row."""
    item.stash[_ROW] = row
    try:
        yield
    finally:
        del item.stash[_ROW]


def running_row(item: pytest.Item) -> Row:
    """Return what currently varies under a check, including `--cut`."""
    row: Row = item.stash[_ROW] if _ROW in item.stash else own_row(item)
    cut = item.config.option.cut
    return {**row, CUT: cut} if cut else row


@pytest.fixture
def varied(request: pytest.FixtureRequest) -> Row:
    """What varies under this check: keys to offer, and the cuts of the TCP stream."""
    return running_row(request.node)
