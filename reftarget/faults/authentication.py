# SPDX-License-Identifier: GPL-2.0-only
"""The faults of CHAP."""

from __future__ import annotations

import random
import time
from typing import Final

from iscsi import text
from iscsi.errors import DecodeError
from reftarget.faults.row import Fault
from reftarget.rules import (
    AuthenticationRules,
)

_LONG_SECRET: Final = 16
_BYTE_SECONDS: Final = 0.0003


def _decoded(chap_n: str) -> str:
    try:
        return text.parse_binary(chap_n).decode("utf-8", "replace")
    except DecodeError:
        return chap_n


def _compare_slowly(right: bytes, answered: bytes) -> bool:
    """Compare byte by byte and stop at the first difference."""
    for one, other in zip(right, answered, strict=False):
        if one != other:
            return False
        time.sleep(_BYTE_SECONDS)
    return len(right) == len(answered)


class _Series:
    """A series of challenges that is the same in each process."""

    def __init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311  # that it can be foreseen is the fault

    def __call__(self, challenge: bytes) -> bytes:
        """Return the next challenge, as long as the right one."""
        return self._random.randbytes(len(challenge))


AUTHENTICATION: Final = (
    Fault(
        name="chap-comparison-stops-at-a-difference",
        breaks=("Robustness-4-02",),
        says="Takes longer to refuse a CHAP_R the more of its first bytes are right.",
        rules=AuthenticationRules(is_answer=_compare_slowly),
    ),
    Fault(
        name="chap-takes-any-response",
        breaks=("RFC7143-12.1.3-04", "RFC7143-9.2-05", "RFC7143-6.3.2-05"),
        says="Accepts any CHAP_R, right or wrong.",
        rules=AuthenticationRules(
            is_proved=lambda _is_right, _secret, _proves_ours: True
        ),
    ),
    Fault(
        name="chap-takes-reflected-challenge",
        breaks=("RFC7143-9.2.1-14", "RFC7143-9.2.1-15"),
        says="Answers its own challenge when the initiator returns it.",
        rules=AuthenticationRules(refuses_reflection=False),
    ),
    Fault(
        name="login-may-skip-authentication",
        breaks=("RFC7143-12.1-03", "RFC7143-6.3.2-05"),
        says="Accepts a login that skips the security stage.",
        rules=AuthenticationRules(needs_proof=lambda _is_added: False),
    ),
    Fault(
        name="chap-name-is-anybodys",
        breaks=("RFC7143-9.2-10", "RFC7143-9.2-08"),
        says="Accepts an initiator name with the CHAP name of another.",
        rules=AuthenticationRules(checks_owner=False),
    ),
    Fault(
        name="chap-challenge-is-always-the-same",
        breaks=("RFC7143-9.2-02", "RFC7143-9.2-05"),
        says="Sends the same challenge on every connection.",
        rules=AuthenticationRules(random_challenge=lambda random: bytes(len(random))),
    ),
    Fault(
        name="chap-challenges-begin-anew",
        breaks=("RFC7143-9.2-02",),
        says="Sends the same series of challenges after each start.",
        rules=AuthenticationRules(random_challenge=_Series()),
    ),
    Fault(
        name="long-secrets-are-refused",
        breaks=("RFC7143-9.2.1-02", "RFC7143-9.2.1-01"),
        says="Refuses a CHAP_R made with a secret of 128 bits or more.",
        also="no login by CHAP with a long secret completes",
        rules=AuthenticationRules(
            is_proved=lambda is_right, secret, _proves_ours: (
                is_right and len(secret or b"") < _LONG_SECRET
            )
        ),
    ),
    Fault(
        name="chap-takes-the-targets-own-secret",
        breaks=("RFC7143-9.2.1-10", "RFC7143-9.2.1-11"),
        says="Accepts a CHAP_R made with its own secret.",
        rules=AuthenticationRules(
            is_proved=lambda is_right, _secret, proves_ours: is_right or proves_ours(),
            refuses_shared_secret=False,
        ),
    ),
    Fault(
        name="authentication-is-always-due",
        breaks=("RFC7143-12.1-02",),
        says="Refuses AuthMethod=None everywhere.",
        also="logins by way of security without it are refused",
        rules=AuthenticationRules(takes_none=False),
    ),
    Fault(
        name="stray-chap-keys-are-ignored",
        breaks=("RFC7143-9.2-04",),
        says="Ignores CHAP keys that are out of step.",
        rules=AuthenticationRules(refuses_stray_keys=False),
    ),
    Fault(
        name="chap-name-is-decoded",
        breaks=("RFC7143-12.1.3-i04",),
        says="Takes a CHAP_N that begins with 0x or 0b for an encoded name.",
        rules=AuthenticationRules(user=_decoded),
    ),
)
