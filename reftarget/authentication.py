# SPDX-License-Identifier: GPL-2.0-only
"""The target's end of AuthMethod and CHAP (RFC 7143 sections 9.2 and 12.1).

    start -> method chosen -> challenged -> done

Keys out of step are the initiator's error, missing ones a missing parameter, wrong
values an authentication failure (section 9.2).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from iscsi import chap, text
from iscsi.constants import LoginStatus
from iscsi.errors import NegotiationError
from reftarget.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.config import Access
    from reftarget.rules import AuthenticationRules

CHALLENGE_LENGTH: Final = 16
_CHAP_KEYS: Final = frozenset({"CHAP_A", "CHAP_N", "CHAP_R", "CHAP_I", "CHAP_C"})
_CHAP_KEYS_OF_STEP: Final = {
    "start": frozenset[str](),
    "method chosen": frozenset({"CHAP_A"}),
    "challenged": frozenset({"CHAP_N", "CHAP_R", "CHAP_I", "CHAP_C"}),
    "done": frozenset[str](),
}


class Step(Enum):
    """The steps of an authentication."""

    START = "start"
    CHOSEN = "method chosen"
    CHALLENGED = "challenged"
    DONE = "done"


class Authentication:
    """The authentication of the initiator, and of the target, on one connection."""

    def __init__(
        self,
        access: Access,
        initiator_name: str,
        random: Callable[[int], bytes],
        rules: AuthenticationRules,
        *,
        is_added: bool = False,
    ) -> None:
        self.access = access
        self.is_added = is_added
        self.initiator_name = initiator_name
        self.step = Step.START
        self.user = ""
        self._random = random
        self._rules = rules
        self._challenge: chap.Challenge | None = None

    @property
    def is_required(self) -> bool:
        """True if every login must be authenticated."""
        return bool(self.access.users)

    def require(self) -> None:
        """Refuse an initiator that must authenticate itself but has not."""
        is_proof_missing = self.is_required and self._rules.needs_proof(self.is_added)
        if is_proof_missing and self.step is not Step.DONE:
            raise Refusal(
                LoginStatus.AUTHENTICATION_FAILURE, "authentication is required"
            )

    def may_leave(self) -> bool:
        """Tell whether the security stage may end."""
        if self.step in (Step.CHOSEN, Step.CHALLENGED):
            return False
        if not self.user and not self._rules.takes_none:
            raise Refusal(LoginStatus.AUTHENTICATION_FAILURE, "no CHAP")
        self.require()
        return True

    def receive(self, pairs: text.Pairs) -> text.Pairs:
        """Process the security keys of a request; return the answers.

        Raises:
            Refusal: CHAP failed, or its keys came out of order.
        """
        values = dict(pairs)
        chap_keys = _CHAP_KEYS & values.keys()
        stray = chap_keys - _CHAP_KEYS_OF_STEP[self.step.value]
        if stray and not self._rules.refuses_stray_keys:
            return []
        if stray:
            raise Refusal(
                LoginStatus.INITIATOR_ERROR,
                f"{', '.join(sorted(stray))} where the step is {self.step.value!r}",
            )
        if "AuthMethod" in values:
            return self._choose_method(values["AuthMethod"])
        try:
            if self.step is Step.CHOSEN:
                return self._send_challenge(values)
            if self._challenge is not None:
                return self._verify(values, self._challenge)
        except NegotiationError as error:
            raise Refusal(LoginStatus.INITIATOR_ERROR, str(error)) from error
        return []

    def _choose_method(self, offered: str) -> text.Pairs:
        self._challenge = None
        supported = ("CHAP",) if self.is_required else ("None",)
        for method in text.parse_list(offered):
            if method in supported:
                self.step = Step.CHOSEN if method == "CHAP" else Step.DONE
                return [("AuthMethod", method)]
        if self.is_required:
            raise Refusal(LoginStatus.AUTHENTICATION_FAILURE, f"AuthMethod={offered}")
        return [("AuthMethod", text.REJECT)]

    def _send_challenge(self, values: dict[str, str]) -> text.Pairs:
        if "CHAP_A" not in values:
            raise Refusal(LoginStatus.MISSING_PARAMETER, "no CHAP_A")
        algorithm = chap.choose_algorithm(values["CHAP_A"], self.access.algorithms)
        if algorithm is None:
            raise Refusal(
                LoginStatus.AUTHENTICATION_FAILURE, f"CHAP_A={values['CHAP_A']}"
            )
        identifier, *challenge = self._rules.random_challenge(
            self._random(1 + CHALLENGE_LENGTH)
        )
        self._challenge = chap.Challenge(algorithm, identifier, bytes(challenge))
        self.step = Step.CHALLENGED
        return [
            ("CHAP_A", str(int(algorithm))),
            ("CHAP_I", str(identifier)),
            ("CHAP_C", text.format_hex(bytes(challenge))),
        ]

    def _verify(self, values: dict[str, str], challenge: chap.Challenge) -> text.Pairs:
        """Judge the answer to our challenge, and answer the initiator's."""
        for key in ("CHAP_N", "CHAP_R"):
            if key not in values:
                raise Refusal(LoginStatus.MISSING_PARAMETER, f"no {key}")
        answered = chap.parse_binary("CHAP_R", values["CHAP_R"])
        secrets = {user.name: user.secret for user in self.access.users}
        user = self._rules.user(values["CHAP_N"])
        secret = secrets.get(user)
        # An unknown name takes as much time as a wrong secret.
        right = challenge.respond(secret or b"")
        is_right = self._rules.is_answer(right, answered) and secret is not None
        own = self.access.mutual

        def proves_ours() -> bool:
            return own is not None and challenge.verify(own.secret, answered)

        if not self._rules.is_proved(is_right, secret, proves_ours):
            raise Refusal(LoginStatus.AUTHENTICATION_FAILURE, "wrong CHAP_R")
        is_owner = self.access.owns(self.initiator_name, user)
        if self._rules.checks_owner and not is_owner:
            raise Refusal(
                LoginStatus.AUTHENTICATION_FAILURE, "another initiator's CHAP_N"
            )
        mutual = self._prove(values, challenge, answered)
        self.step, self._challenge = Step.DONE, None
        self.user = user
        return mutual

    def _prove(
        self, values: dict[str, str], own_challenge: chap.Challenge, answered: bytes
    ) -> text.Pairs:
        """Answer the initiator's challenge, if it sent one."""
        if not {"CHAP_I", "CHAP_C"} & values.keys():
            return []
        if not {"CHAP_I", "CHAP_C"} <= values.keys():
            raise Refusal(LoginStatus.MISSING_PARAMETER, "the challenge is incomplete")
        own = self.access.mutual
        if own is None:
            raise Refusal(
                LoginStatus.AUTHENTICATION_FAILURE, "no secret for mutual CHAP"
            )
        peer_challenge = chap.parse_challenge(
            str(int(own_challenge.algorithm)), values["CHAP_I"], values["CHAP_C"]
        )
        # Refuse reflection, and one secret for both directions (section 9.2.1).
        rules = self._rules
        is_reflected = (
            peer_challenge.challenge == own_challenge.challenge
            and rules.refuses_reflection
        )
        is_shared = (
            own_challenge.verify(own.secret, answered) and rules.refuses_shared_secret
        )
        if is_reflected or is_shared:
            raise Refusal(LoginStatus.AUTHENTICATION_FAILURE, "reflected challenge")
        return [
            ("CHAP_N", own.name),
            ("CHAP_R", text.format_hex(peer_challenge.respond(own.secret))),
        ]
