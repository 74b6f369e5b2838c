# SPDX-License-Identifier: GPL-2.0-only
"""Each check's account, which is kept while it runs and which its reports carry."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from reports.evidence import EVIDENCE, SETTLE, VERDICT
from reports.model import Check, Combination, Phase
from reports.suites import name_of
from reports.verdicts import attach
from suites.judging import settling
from suites.judging.account import Account, explanation_of
from suites.judging.verdict import Happening, Reaction, Verdict, judge
from suites.plugins.requirements import is_check, requirements_of
from suites.plugins.strength import own_row
from targets.errors import LabError

_ACCOUNT = pytest.StashKey[Account]()
_LONGEST_ERROR = 200
"""Maximum characters of a toolkit error that one line shows."""


def pytest_configure(config: pytest.Config) -> None:
    """Judge the checks of a run together at its end."""
    # In a part of a run, the merge decides which checks are not judged.
    if not config.option.shard:
        config.stash[SETTLE] = settling.settle


def account_of(item: pytest.Item) -> Account:
    """Return a check's account."""
    return item.stash.setdefault(_ACCOUNT, Account())


def begin_again(item: pytest.Item) -> None:
    """Begin a new account, which keeps only the known crashes that occurred."""
    item.stash[_ACCOUNT] = Account(crashes=account_of(item).crashes)


@contextmanager
def kept_account(item: pytest.Item) -> Iterator[None]:
    """Let a check run again, and restore its account afterwards."""
    account = account_of(item)
    begin_again(item)
    try:
        yield
    finally:
        item.stash[_ACCOUNT] = account


def settle(item: pytest.Item, happening: Happening) -> Verdict:
    """Judge an event, and add it to the check's account."""
    verdict = judge(happening)
    account_of(item).take(happening, verdict)
    return verdict


def apply_verdict(happening: Happening, verdict: Verdict, words: str) -> None:
    """Have pytest report a verdict.

    Args:
        happening: the event.
        verdict: its verdict.
        words: the message of the report if the failure is not known.

    Raises:
        pytest.fail.Exception: the check fails.
        pytest.xfail.Exception: the failure is expected.
        pytest.skip.Exception: the target is lost.
    """
    __tracebackhide__ = True
    if verdict.reaction is Reaction.FAIL:
        pytest.fail(words, pytrace=False)
    if verdict.reaction is Reaction.SKIP:
        pytest.skip(words)
    if verdict.reaction is Reaction.EXPECT:
        entry = happening.deviation or happening.crash
        if entry is not None:
            explanation = explanation_of(happening, verdict)
            pytest.xfail(f"known deviation ({entry.requirement}): {explanation}")
        pytest.xfail(f"warning, a SHOULD is not followed: {words}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the account of a check to each of its reports."""
    report = yield
    if not is_check(item):
        return report
    account = account_of(item)
    account.seconds += report.duration
    if call.excinfo is not None and not account.has_reacted:
        if isinstance(call.excinfo.value, LabError):
            # The message says what to do; the place in our code would not help.
            account.reason = account.reason or call.excinfo.value.message
            report.longrepr = f"trouble of the lab: {call.excinfo.value.details()}"
        account.reason = account.reason or _reason(report)
        is_skipped = isinstance(call.excinfo.value, pytest.skip.Exception)
        phase = Phase(report.when)
        settle(
            item,
            Happening(phase=phase, skipped=account.reason or "skipped")
            if is_skipped
            else Happening(phase=phase, is_ours=True),
        )
    account.has_reacted = False
    if report.when != "teardown" and report.outcome != "passed":
        account.transcript = "".join(
            piece.content.decode(errors="replace")
            for piece in item.stash.get(EVIDENCE, [])
            if piece.name == "transcript"
        )
    check = check_of(item)
    attach(report, check)
    if report.when == "teardown":
        report.user_properties.append((VERDICT, str(check.outcome)))
    return report


def check_of(item: pytest.Item) -> Check:
    """Return the value of a check at this moment."""
    function = item.function if isinstance(item, pytest.Function) else None
    rule = (function.__doc__ or "") if function is not None else ""
    check = account_of(item).to_check(
        name_of(item.nodeid),
        rule.strip().partition("\n")[0],
        requirements_of(item),
    )
    row = own_row(item)
    if not row:
        return check
    return replace(check, combination=Combination(varied=dict(row)))


def _reason(report: pytest.TestReport) -> str:
    """Return in one line why a check was skipped, or failed by a toolkit error."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    if report.failed:
        last = (report.longreprtext.strip().splitlines() or [""])[-1]
        crash = getattr(report.longrepr, "reprcrash", None)
        message = " ".join(crash.message.split()) if crash is not None else ""
        # Take the place from the text, in which paths begin at the suite.
        place, colon, _kind = last.rpartition(": ")
        return (
            f"{place}: {message[:_LONGEST_ERROR]}"
            if message and colon
            else message or last
        )
    return ""
