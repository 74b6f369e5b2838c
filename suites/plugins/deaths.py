# SPDX-License-Identifier: GPL-2.0-only
"""Finds out how the target ended, and charges the check that caused it.

That is usually the running check. If it has not had an answer yet, it is the previous
one: the target died or got stuck a moment after its end.
"""

import pytest
from msgspec.structs import replace

import targets
from iscsi.errors import ConnectionLost, NotConnected, PeerTimeout
from reports.amend import Amendment, amendment
from reports.model import DEATHS, Ending, EndingKind, Outcome, Phase
from suites.judging.account import ending_value, hang
from suites.judging.verdict import Happening, Retry, judge
from suites.plugins.accounts import account_of, apply_verdict, check_of, settle
from suites.plugins.known import crash_of, deviations_of, explanation
from suites.plugins.limits import CutShort
from suites.plugins.lost import lost
from suites.plugins.proof import shown, transcript_of
from suites.plugins.revival import bring_back, restart
from suites.plugins.survival import (
    DEATH_SECONDS,
    ONE_LOGIN,
    await_end,
    late_probe,
    try_once,
)
from suites.plugins.targets import TestedTarget

DYING_SECONDS = 30.0
"""How long a target that is known to die may take to do so: LIO holds a session for 20
s."""

AMENDMENT = pytest.StashKey[Amendment]()
"""The key under which an item keeps the ending that the previous check caused."""

_LAST = pytest.StashKey[pytest.Item | None]()
"""The last check that ran on the target since it was last started."""

_IS_LATE = pytest.StashKey[bool]()

_UNMET = frozenset({Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES, Outcome.TROUBLE})

_CHARGED = frozenset({Outcome.BROKEN, Outcome.DEVIATES})
"""The verdict of a finished check after it is charged with a death."""


def note_last(item: pytest.Item) -> None:
    """Note that a check that used the target is over."""
    account, transcript = account_of(item), transcript_of(item)
    is_mute = transcript is None or not transcript.entries
    is_skipped = is_mute and account.outcome is Outcome.NOT_APPLICABLE
    if not is_skipped and account.retry is not Retry.YES:
        item.config.stash[_LAST] = item


def value(
    tested: TestedTarget, ending: targets.Ending | None, phase: Phase
) -> Ending | None:
    """Return an ending in the form of the run file."""
    return (
        None
        if ending is None
        else ending_value(ending, phase, tested.running.control.decode)
    )


def revive(item: pytest.Item, tested: TestedTarget, ending: Ending) -> None:
    """Have a target serve again; no check has run on it then."""
    bring_back(item.config, tested, hangs=ending.kind is EndingKind.HUNG)
    item.config.stash[_LAST] = None


def find_hang(tested: TestedTarget, phase: Phase) -> Ending | None:
    """Return how a target ended that serves no logins; None if it serves them."""
    actual = late_probe(tested)
    if not actual:
        tested.not_restarted = ""
        return None
    if tested.not_restarted:
        return value(tested, tested.lab_ending, phase)
    # A kernel needs some time to report a lockup.
    is_kernel = "own-kernel" in tested.features
    target_ending = await_end(tested, DYING_SECONDS if is_kernel else DEATH_SECONDS)
    return value(tested, target_ending, phase) or hang(actual, phase)


def find_ending_at_start(tested: TestedTarget) -> Ending | None:
    """Return how the target ended if a check could not begin; None if it serves."""
    ending = value(tested, await_end(tested), Phase.SETUP)
    return ending or find_hang(tested, Phase.SETUP)


def find_ending_at_end(
    item: pytest.Item, tested: TestedTarget, *, has_time: bool
) -> tuple[Ending | None, bool]:
    """Return how the target ended since a check's own verdict; None if it did not.

    Args:
        item: the check.
        tested: the target.
        has_time: whether to watch the target for a moment and to require a login: it
            may be dead, or no later check would notice that.

    Returns:
        The ending, and whether a death that always occurs did not.
    """
    phase = Phase.TEARDOWN
    account = account_of(item)
    has_failed = account.outcome in _UNMET
    has_time = has_time or has_failed
    target_ending = await_end(tested) if has_time else tested.ending()
    ending = value(tested, target_ending, phase)
    is_revived = account.ending is not None and account.ending.kind in DEATHS
    is_probed = has_time or tested.is_full or ONE_LOGIN in tested.features
    if ending is None and is_probed and not is_revived:
        ending = find_hang(tested, phase)
    deadly = [deviation for deviation in deviations_of(item) if deviation.dies]
    is_doomed = any(deviation.always for deviation in deadly)
    if ending is None and is_doomed and not has_failed:
        ending = value(tested, await_end(tested, DYING_SECONDS), phase)
        if ending is None:
            return None, True
    if (
        ending is None
        and not has_failed
        and any(deviation.restarts for deviation in deadly)
    ):
        restart(item.config, tested, "since it may yet die of the check")
    return ending, False


def judge_death_before(item: pytest.Item, tested: TestedTarget) -> None:
    """Restart a target that died after the previous check was over; judge that.

    Raises:
        pytest.fail.Exception: no check of this run has killed it.
        pytest.skip.Exception: it does not serve again.
    """
    ending = value(tested, tested.ending(), Phase.AFTER)
    if ending is None:
        try_once(tested)
    else:
        charge_before(item, tested, ending)


def belongs_to_check_before(
    item: pytest.Item, error: BaseException | None, phase: Phase
) -> bool:
    """Tell whether the previous check caused a death, as far as can be seen.

    If a check kills the target at the same place in its second try, on a restarted
    target, it did so in its first, and the charge of the previous check is withdrawn.

    Args:
        item: the check that has failed.
        error: the failure, an error of the peer.
        phase: the part of the check that has failed. The set-up sends a plain login; in
            the call the first PDU may kill the target.
    """
    if not _is_without_answer(item, error, phase):
        return False
    if item.config.stash.get(_LAST, None) is not None:
        return True
    if item.stash.get(_IS_LATE, False) and AMENDMENT in item.stash:
        del item.stash[AMENDMENT]
    return False


def note_late(item: pytest.Item) -> None:
    """Note that a check is retried after a death that the previous one caused."""
    item.stash[_IS_LATE] = True


def _is_without_answer(
    item: pytest.Item, error: BaseException | None, phase: Phase
) -> bool:
    transcript = transcript_of(item)
    if phase is Phase.SETUP:
        has_served = transcript is not None and bool(transcript.received())
        is_gone = isinstance(error, PeerTimeout | ConnectionLost | CutShort)
        return is_gone and not has_served
    has_sent = transcript is not None and bool(transcript.sent())
    return isinstance(error, PeerTimeout | NotConnected) and not has_sent


def charge_before(item: pytest.Item, tested: TestedTarget, ending: Ending) -> None:
    """Charge the previous check with a death, and restart the target.

    The ending is only noted with the running check.

    Raises:
        pytest.fail.Exception: no check of this run has killed it.
        pytest.skip.Exception: it does not serve again.
    """
    before = item.config.stash.get(_LAST, None)
    revive(item, tested, ending)
    ending_after = replace(ending, phase=Phase.AFTER)
    culprit = item if before is None else before
    happening = Happening(
        phase=Phase.AFTER,
        ending=ending_after,
        crash=crash_of(culprit, ending_after) or crash_of(item, ending_after),
        deviation=None if before is None else explanation(culprit, ending_after),
    )
    is_labs = ending_after.kind is EndingKind.LAB
    what = "trouble of the lab" if is_labs else "the target died"
    words = f"{what} after {culprit.nodeid}: {ending_after.reason}{shown(ending_after)}"
    if before is not None and judge(happening).outcome in _CHARGED:
        settle(culprit, happening)
        item.stash[AMENDMENT] = amendment(culprit, check_of(culprit), words)
    else:
        apply_verdict(happening, settle(item, happening), words)
    if lost(item.config):
        reason = f"there is no target any more: {lost(item.config)}"
        account_of(item).reason = reason
        not_run = Happening(phase=Phase.SETUP, gone=reason)
        apply_verdict(not_run, settle(item, not_run), reason)
