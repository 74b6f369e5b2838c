# SPDX-License-Identifier: GPL-2.0-only
"""The data phase under pairwise combinations of negotiated values.

Other checks judge each key alone. Here any two values of two keys are combined, and
each value with each way to cut the initiator's stream into TCP segments.
"""

from collections.abc import Callable
from functools import partial

import pytest

from suites.plugins.sessions import Disk, OpenSession
from suites.plugins.targets import TestedTarget
from suites.support import trials
from suites.support.combinations import Combination, name_of, pairwise, run

pytestmark = pytest.mark.not_varied("each check combines all of it itself")

Judge = Callable[[Callable[[Combination], None], Combination], None]


@pytest.fixture
def judge(target: TestedTarget, *, is_listed: bool) -> Judge:
    """Run a trial; do not search for the cause of a listed deviation."""
    return partial(
        run, goes_on=lambda: not is_listed and target.running.control.is_alive()
    )


combined = pytest.mark.parametrize("combination", pairwise(), ids=name_of)


@pytest.mark.requirement("RFC7143-13.11-i02", "RFC7143-11.8.4-02")
@combined
def test_what_is_written_is_read(
    open_session: OpenSession,
    scratch_disk: Disk,
    judge: Judge,
    combination: Combination,
) -> None:
    """The target stores and returns data within any combination of limits."""
    judge(partial(trials.write_and_read, open_session, scratch_disk), combination)


@pytest.mark.requirement("RFC7143-11.8-i01")
@combined
def test_tasks_do_not_mix(
    open_session: OpenSession,
    scratch_disk: Disk,
    judge: Judge,
    combination: Combination,
) -> None:
    """The target keeps the data of concurrent writes and a read apart."""
    judge(partial(trials.several_at_once, open_session, scratch_disk), combination)


@pytest.mark.requirement("RFC7143-11.4.5.2-04")
@combined
def test_residuals_are_counted(
    open_session: OpenSession,
    disk: Disk,
    judge: Judge,
    combination: Combination,
) -> None:
    """A read that returns more or less than expected reports the residual."""
    judge(partial(trials.residuals, open_session, disk), combination)


@pytest.mark.requirement("RFC7143-13.12-i01", "RFC7143-11.7.1-03", "RFC7143-11.7.6-i02")
@combined
def test_data_in_keeps_the_limits(
    open_session: OpenSession,
    disk: Disk,
    judge: Judge,
    combination: Combination,
) -> None:
    """Data-In follows the negotiated segment length, burst length and order."""
    judge(partial(trials.limits, open_session, disk), combination)
