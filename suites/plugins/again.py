# SPDX-License-Identifier: GPL-2.0-only
"""A check that a known crash of the target has cut short is tried once more.

The crash is a race that any check may meet. The second try, on a target just started,
gives the check's own verdict; if the crash strikes again, that is the verdict. So it is
at once where the check is known to provoke the crash.
"""

import pytest
from _pytest.runner import runtestprotocol

from reports.model import Outcome
from suites.plugins.accounts import account_of, begin_again
from suites.plugins.crashes import Crash
from suites.plugins.known import check_name, has_crashes
from suites.plugins.requirements import is_check
from suites.plugins.sessions import TRANSCRIPT

_STRUCK = pytest.StashKey[bool]()
"""There where a known crash has struck; true if the check is to be tried again."""


def note_crash(item: pytest.Item, crash: Crash) -> None:
    """Note that a known crash has struck, whatever else the check comes to."""
    account_of(item).crashes.append(crash.what)
    item.stash.setdefault(_STRUCK, False)


def cut_short(item: pytest.Item, crash: Crash) -> None:
    """Give a check up of which a known crash has left no verdict of its own.

    Raises:
        pytest.xfail.Exception: always.
    """
    note_crash(item, crash)
    item.stash[_STRUCK] = not crash.is_provoked_by(check_name(item))
    what = f"{crash.what} (this has cut the check short)"
    account = account_of(item)
    account.outcome, account.deviation = Outcome.DEVIATES, what
    pytest.xfail(f"known deviation ({crash.requirement}): {what}")


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """Run a check of a target with known crashes, twice if one has spoilt it."""
    if not is_check(item) or not has_crashes(item.config):
        return None
    hook, place = item.ihook, {"nodeid": item.nodeid, "location": item.location}
    hook.pytest_runtest_logstart(**place)
    before = list(item.user_properties)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if _is_spoilt(item, reports):
        _forget(item, before)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(**place)
    return True


def _is_spoilt(item: pytest.Item, reports: list[pytest.TestReport]) -> bool:
    """Tell whether a known crash may be why a check has no verdict of its own.

    One that has failed before the crash was seen may have failed by it.
    """
    if _STRUCK not in item.stash:
        return False
    return item.stash[_STRUCK] or any(report.failed for report in reports)


def _forget(item: pytest.Item, before: list[tuple[str, object]]) -> None:
    """Forget a try but for the crash that has spoilt it, and its evidence."""
    item.user_properties[:] = before
    begin_again(item)
    item._report_sections.clear()
    del item.stash[_STRUCK]
    if TRANSCRIPT in item.stash:
        del item.stash[TRANSCRIPT]
