# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about CHAP (RFC 7143 sections 9.2 and 12.1)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from reftarget.ruleset import RuleSet


def needs_proof(_is_added: bool) -> bool:
    """Whether a connection must authenticate where CHAP is required: each must (9.2).

    Args:
        _is_added: it joins a session.
    """
    return True


def random_challenge(random: bytes) -> bytes:
    """Return the bytes for identifier and challenge: random ones (9.2)."""
    return random


def user(chap_n: str) -> str:
    """Return the name that CHAP_N says: text, as it stands (section 12.1.3)."""
    return chap_n


def is_answer(right: bytes, answered: bytes) -> bool:
    """Whether a CHAP_R is the right one, in a time that does not depend on it."""
    return hmac.compare_digest(right, answered)


def is_proved(
    is_right: bool, _secret: bytes | None, _proves_ours: Callable[[], bool]
) -> bool:
    """Whether a CHAP_R proves who the initiator is (section 12.1.3).

    Args:
        is_right: it is made of the secret of the name.
        _secret: that secret; None: there is no such name.
        _proves_ours: tells whether it is made of the target's own secret.
    """
    return is_right


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationRules(RuleSet):
    """The decisions about CHAP."""

    needs_proof: Callable[[bool], bool] = needs_proof
    takes_none: bool = True
    """AuthMethod=None is taken where no proof is required (section 12.1)."""
    refuses_stray_keys: bool = True
    """CHAP keys that are out of step are refused (section 9.2)."""
    random_challenge: Callable[[bytes], bytes] = random_challenge
    user: Callable[[str], str] = user
    is_answer: Callable[[bytes, bytes], bool] = is_answer
    is_proved: Callable[[bool, bytes | None, Callable[[], bool]], bool] = is_proved
    checks_owner: bool = True
    """A name that belongs to one initiator is refused from others (section 9.2)."""
    refuses_reflection: bool = True
    """A challenge that is our own is refused (section 9.2.1)."""
    refuses_shared_secret: bool = True
    """A secret that is for both ways is refused (section 9.2.1)."""
