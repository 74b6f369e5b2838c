# SPDX-License-Identifier: GPL-2.0-only
"""The security stage in manual steps, up to any step of CHAP (RFC 7143 section 12.1.3).

Each step returns the target's answer; a check chooses the arguments of the next step.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import targets
from initiator.expect import check, next_or_drop
from initiator.login import LoginExchange, LoginOptions
from iscsi import chap, text
from iscsi.constants import LoginStatus, Stage
from iscsi.pdu import LoginResponse
from iscsi.text import Pairs
from suites.plugins.targets import TestedTarget
from suites.support.login import advance, ask, expect_refusal, provoke
from suites.support.ways import AS_ITS_OWNER, PLAIN, Way, charging

OUT_OF_STEP = (LoginStatus.INITIATOR_ERROR, LoginStatus.MISSING_PARAMETER)
"""The permitted answers to keys and values that do not belong to the step (section
9.2)."""

OWN_IDENTIFIER = 0x5A
OWN_CHALLENGE = bytes(range(0x40, 0x50))
_OWN = {"CHAP_I": str(OWN_IDENTIFIER), "CHAP_C": text.format_hex(OWN_CHALLENGE)}


def options_of(
    target: TestedTarget, options: LoginOptions, node: targets.Target
) -> LoginOptions:
    """Return the login options for a target name that requires CHAP.

    Args:
        target: the target.
        options: the options of a plain login of the check.
        node: the target name.
    """
    of_target = target.options(node)
    return replace(
        options,
        target_name=of_target.target_name,
        credentials=of_target.credentials,
        mutual=of_target.mutual,
    )


def _pairs_of(pairs: Pairs | bytes) -> Pairs:
    return text.read(pairs)[0] if isinstance(pairs, bytes) else pairs


@dataclass(slots=True)
class ChapLogin:
    """A login to a target that requires CHAP, one step at a time.

    Attributes:
        login: its connection and numbers.
        options: the names and both sides' credentials.
        way: the way in which this login can succeed.
    """

    login: LoginExchange
    options: LoginOptions
    way: Way = PLAIN

    @property
    def credentials(self) -> chap.Credentials:
        """The initiator's credentials."""
        assert self.options.credentials is not None
        return self.options.credentials

    @property
    def mutual(self) -> chap.Credentials:
        """The target's credentials."""
        assert self.options.mutual is not None
        return self.options.mutual

    @property
    def algorithms(self) -> str:
        """The CHAP_A of this login."""
        return ",".join(str(int(one)) for one in self.options.algorithms)

    def choose(self, methods: str = "CHAP") -> str | None:
        """Offer authentication methods in the first request; return the answer."""
        pairs = [*self.options.names(), ("AuthMethod", methods)]
        answers = ask(self.login, pairs, csg=Stage.SECURITY)[1]
        return text.value(answers, "AuthMethod")

    def challenge(self, algorithms: str | None = None) -> chap.Challenge:
        """Continue to the target's challenge and return it.

        Args:
            algorithms: the offered CHAP_A; None for that of this login.
        """
        chosen = self.choose()
        check(
            chosen == "CHAP",
            "AuthMethod=CHAP",
            chosen,
            requirement="RFC7143-12.1-04",
            field="AuthMethod",
        )
        offer = [("CHAP_A", self.algorithms if algorithms is None else algorithms)]
        answers = ask(self.login, offer, csg=Stage.SECURITY)[1]
        values = [
            text.value(answers, name) or "" for name in ("CHAP_A", "CHAP_I", "CHAP_C")
        ]
        check(
            all(values),
            "CHAP_A, CHAP_I and CHAP_C",
            answers,
            requirement="RFC7143-12.1.3-02",
        )
        read, errors = chap.read_challenge(*values)
        for error in errors:
            self.login.connection.slip(error)
        return read

    def proof(self, challenge: chap.Challenge, **changes: str) -> Pairs:
        """Return the right CHAP_N and CHAP_R, with changes and additions by name.

        If the login can only succeed so, the pairs contain a challenge, too. An empty
        value leaves a key out.
        """
        answer = challenge.respond(self.credentials.secret)
        pairs = {"CHAP_N": self.credentials.name, "CHAP_R": text.format_hex(answer)}
        if self.way.challenges:
            pairs |= _OWN
        return [(name, value) for name, value in {**pairs, **changes}.items() if value]

    def mutual_proof(self, challenge: chap.Challenge, **changes: str) -> Pairs:
        """Return the right proof and a challenge to the target, changed by name."""
        return self.proof(challenge, **{**_OWN, **changes})

    def reflection(self, challenge: chap.Challenge, offset: int = 0) -> Pairs:
        """Return the right proof, and the target's own challenge sent back to it.

        Args:
            challenge: the target's.
            offset: the number that is added to its identifier.
        """
        return self.mutual_proof(
            challenge,
            CHAP_C=text.format_hex(challenge.challenge),
            CHAP_I=str((challenge.identifier + offset) % 256),
        )

    def prove(self, pairs: Pairs | bytes) -> Pairs:
        """Send a proof, request the operational stage, return the target's text.

        A target may agree to leave the stage with that text or later (section 6.3).
        """
        last, answers = ask(
            self.login, pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL
        )
        if not last.transit:
            advance(self.login, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)
        return answers

    def enter(self) -> LoginResponse:
        """Continue from the operational stage to full-feature phase."""
        return advance(self.login)

    def expect_refusal_of(
        self, pairs: Pairs | bytes, *statuses: int, nsg: int | None = Stage.OPERATIONAL
    ) -> LoginResponse | None:
        """Send pairs in the security stage and expect that they end the login."""
        __tracebackhide__ = True
        provoke(self.login, pairs, csg=Stage.SECURITY, nsg=nsg)
        name = text.value(_pairs_of(pairs), "CHAP_N")
        is_other = name not in (None, self.options.initiator_name)
        with charging(self.way, AS_ITS_OWNER) if is_other else nullcontext():
            return expect_refusal(self.login, *statuses)

    def expect_no_answer(self, pairs: Pairs) -> None:
        """Send a proof and expect only a refusal or the end of the connection."""
        __tracebackhide__ = True
        provoke(self.login, pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)
        answer = next_or_drop(self.login.connection)
        is_refusal = isinstance(answer, LoginResponse) and answer.status_class == 2
        check(
            answer is None or is_refusal,
            ["a refusal", "the connection is dropped"],
            answer,
            self.login.connection.transcript,
        )

    def check_proof_of_target(
        self,
        answers: Pairs,
        challenge: chap.Challenge,
        *,
        identifier: int = OWN_IDENTIFIER,
        data: bytes = OWN_CHALLENGE,
    ) -> None:
        """Fail unless a text contains the target's name and the right CHAP_R.

        Args:
            answers: the target's text.
            challenge: the target's own, which contains the algorithm.
            identifier: the CHAP_I that the initiator has sent.
            data: the bytes of the CHAP_C that it has sent.
        """
        __tracebackhide__ = True
        name, value = text.value(answers, "CHAP_N"), text.value(answers, "CHAP_R")
        check(
            name == self.mutual.name,
            f"CHAP_N={self.mutual.name}",
            name,
            requirement="RFC7143-12.1.3-05",
            field="CHAP_N",
        )
        answer = chap.parse_binary("CHAP_R", value or "0x00")
        own = chap.Challenge(challenge.algorithm, identifier, data)
        check(own.verify(self.mutual.secret, answer), "the right CHAP_R", value)
