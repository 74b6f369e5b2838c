# SPDX-License-Identifier: GPL-2.0-only
"""All that a target offers: the logins, the names, one logical unit."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from initiator.deadline import Deadline
from initiator.expect import ConformanceFailure
from initiator.login import DEFAULT_KEYS, LoginOptions
from initiator.probe.login import (
    Authentication,
    Login,
    authentication,
    names_at,
    try_everything,
)
from initiator.probe.unit import Unit, ask_unit, is_missing, luns_of
from initiator.session import Session
from initiator.waits import watched
from iscsi.address import Portal
from iscsi.errors import ISCSIError
from iscsi.printable import printable

SECONDS = 60.0
"""The time limit of all questions, in seconds; later answers are left out."""


class UnitMissing(ISCSIError):
    """There is no logical unit with the given number."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a target offers."""

    portal: str
    name: str
    login: Login
    authentication: Authentication
    discovery: Authentication
    """The target names of a discovery session."""
    names: tuple[str, ...]
    """The target names that a discovery session lists."""
    names_trouble: str
    """Why the discovery session lists none."""
    luns: tuple[int, ...] | None
    """None if REPORT LUNS lists no units."""
    unit: Unit


def find_out(
    portal: Portal,
    options: LoginOptions,
    lun: int,
    *,
    timeout: float,
    seconds: float = SECONDS,
) -> Offer:
    """Find out what a target offers, without changes to it.

    Args:
        portal: the portal of the target.
        options: the login options for its name.
        lun: the unit to ask.
        timeout: seconds for each answer.
        seconds: for all of them.

    Raises:
        UnitMissing: there is no such unit; the message lists the existing ones.
        ISCSIError: no login succeeds.
    """
    deadline = Deadline(seconds)
    with watched(lambda: deadline.check("not every question was answered")):
        login = try_everything(portal, options, timeout=timeout)
        plain = replace(options, keys=DEFAULT_KEYS)
        with Session(portal, plain, timeout=timeout, lun=lun) as session:
            listed = luns_of(session)
            refuse_missing(session, listed)
            unit = ask_unit(session)
        bare = replace(plain, credentials=None, mutual=None)
        discovery = replace(bare, is_discovery=True, target_name=None)
        names, trouble = _names_or_reason(
            lambda: names_at(portal, plain, timeout=timeout)
        )
        return Offer(
            str(portal),
            printable(options.target_name or ""),
            login,
            authentication(portal, bare, timeout=timeout),
            authentication(portal, discovery, timeout=timeout),
            tuple(names),
            trouble,
            listed,
            unit,
        )


def refuse_missing(session: Session, listed: tuple[int, ...] | None) -> None:
    """Refuse a logical unit that does not exist.

    Args:
        session: a session with it.
        listed: the numbers that REPORT LUNS lists (see `luns_of`).

    Raises:
        UnitMissing: there is no such unit; the message lists the existing ones.
    """
    if is_missing(session, listed):
        there = ranges(listed) if listed else "none that REPORT LUNS lists"
        raise UnitMissing(f"there is no logical unit {session.lun}; there are: {there}")


def ranges(numbers: tuple[int, ...]) -> str:
    """Return numbers in order, with ranges as FIRST-LAST."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    parts = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(parts[:16]) + (" ..." if len(parts) > 16 else "")


def _names_or_reason(ask: Callable[[], list[str]]) -> tuple[list[str], str]:
    """Return the known values, and the reasons for missing ones."""
    try:
        return ask(), ""
    except ConformanceFailure as failure:
        return [], printable(str(failure.actual))
    except ISCSIError as error:
        return [], str(error)
