# SPDX-License-Identifier: GPL-2.0-only
"""The ways in which a CHAP login can succeed, if the plain one does not.

A target may refuse the plain way because of one deviation: it does not support MD5, or
requires a challenge. Only the checks of that clause are about it. All others use
another way that succeeds, so that they still reach a verdict. The way is searched for
once in a run.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import pytest

from initiator.expect import clause
from initiator.login import LoginOptions, LoginRefused
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.chap import Algorithm
from iscsi.errors import ISCSIError
from suites.plugins.targets import TestedTarget
from targets import Target
from targets.model import Identity

_CHAP = "RFC7143-9.2.1-01"
"""CHAP works with what each target must support; a check of that uses the plain way."""
_LONG = 16
"""Every target must accept secrets of this many bytes (section 9.2.1)."""
_QUALIFIER = b"\xff\xfe"
"""The end of the ISID of a login that tries a way; no check uses it."""

_Changes = Callable[[LoginOptions, Target], LoginOptions | None]


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a CHAP login may succeed."""

    clauses: tuple[str, ...]
    """The clauses that a target breaks if it accepts this way but not the plain one;
    the first is that of the way."""
    change: _Changes
    """Returns the options of such a login, or None if the target name does not support
    it."""
    challenges: bool = False
    """The initiator challenges the target."""

    def is_for(self, clauses: set[str]) -> bool:
        """Tell whether a check of some clauses may use it."""
        return clauses.isdisjoint(self.clauses)


def _plain(options: LoginOptions, _node: Target) -> LoginOptions:
    return options


def _with_other_algorithms(options: LoginOptions, _node: Target) -> LoginOptions:
    return replace(
        options, algorithms=(Algorithm.SHA256, Algorithm.SHA1, Algorithm.SHA3_256)
    )


def _challenging(options: LoginOptions, node: Target) -> LoginOptions | None:
    mutual = None if node.chap is None else node.chap.mutual
    return None if mutual is None else replace(options, mutual=mutual)


def _as(options: LoginOptions, identity: Identity | None) -> LoginOptions | None:
    if identity is None:
        return None
    return replace(
        options,
        credentials=identity.credentials,
        initiator_name=identity.initiator_name or options.initiator_name,
    )


def _as_its_owner(options: LoginOptions, node: Target) -> LoginOptions | None:
    owned = (
        one for one in node.identities if one.initiator_name == one.credentials.name
    )
    return _as(options, next(owned, None))


def _by_a_short_secret(options: LoginOptions, node: Target) -> LoginOptions | None:
    short = (
        one
        for one in node.identities
        if one.initiator_name is None and len(one.credentials.secret) < _LONG
    )
    return _as(options, next(short, None))


PLAIN = Way((), _plain)
OTHER_ALGORITHMS = Way(("RFC7143-12.1.3-i01", _CHAP), _with_other_algorithms)
CHALLENGING = Way(("RFC7143-9.2-01",), _challenging, challenges=True)
SHORT_SECRET = Way(("RFC7143-9.2.1-02", _CHAP), _by_a_short_secret)
AS_ITS_OWNER = Way(("RFC7143-9.2-06", _CHAP), _as_its_owner)

# The last two in this order: the name of an initiator may have a short secret, too.
_OTHERS = (OTHER_ALGORITHMS, CHALLENGING, SHORT_SECRET, AS_ITS_OWNER)
_FOUND = pytest.StashKey[dict[str, Way]]()


def way_into(
    request: pytest.FixtureRequest,
    target: TestedTarget,
    options: LoginOptions,
    node: Target,
) -> Way:
    """Return the way in which a CHAP login to a target name succeeds.

    Args:
        request: the request of any check of the run.
        target: the target.
        options: the login options of the plain way.
        node: the name.
    """
    ways = request.config.stash.setdefault(_FOUND, {})
    if node.name not in ways:
        ways[node.name] = _find(target, options, node)
    return ways[node.name]


def _find(target: TestedTarget, options: LoginOptions, node: Target) -> Way:
    """Try the ways; return the plain one if none succeeds, or if no refusal comes."""
    isid = options.isid[:4] + _QUALIFIER
    start = replace(options, mutual=None, isid=isid)
    for way in (PLAIN, *_OTHERS):
        changed = way.change(start, node)
        if changed is None:
            continue
        try:
            with Session(
                target.portal,
                changed,
                transcript=Transcript(keeps_proofs=False),
                timeout=target.timeout,
            ):
                return way
        except LoginRefused:
            continue
        except ISCSIError:
            break
    return PLAIN


def charging(taken: Way, way: Way) -> AbstractContextManager[None]:
    """Charge a failure in a block to the clause of a way, if that way is used."""
    return clause(way.clauses[0]) if taken is way else nullcontext()


def login_changes(options: LoginOptions, way: Way) -> Mapping[str, object]:
    """Return the arguments of `open_session` for a login by a way."""
    return {
        "target_name": options.target_name,
        "initiator_name": options.initiator_name,
        "credentials": options.credentials,
        "mutual": options.mutual if way.challenges else None,
        "algorithms": options.algorithms,
    }
