# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions that require CHAP (RFC 7143 sections 6.3.2 and 12.1.3).

They do so with [discovery.chap] in the target file, or with `--discovery-chap` on a
target that the run sets up.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from initiator.expect import check, clause, expect_drop
from initiator.login import LoginExchange, LoginOptions
from iscsi import text
from iscsi.constants import LoginStatus, Stage
from suites.plugins.targets import TestedTarget
from suites.support.login import expect_no_login, expect_no_transition, provoke
from suites.support.negotiation import REFUSED, answer_of, offer_first
from suites.support.security import ChapLogin

pytestmark = pytest.mark.needs("discovery-chap")

_FAILURE = LoginStatus.AUTHENTICATION_FAILURE


@pytest.fixture
def new_chap_login(
    new_login: Callable[..., LoginExchange],
    target: TestedTarget,
    options: LoginOptions,
) -> Callable[[], ChapLogin]:
    """Start manual logins of Discovery sessions."""
    discovery = replace(
        options, is_discovery=True, target_name=None, **target.discovery_credentials()
    )
    return lambda: ChapLogin(new_login(), discovery)


@pytest.fixture
def chap_login(new_chap_login: Callable[[], ChapLogin]) -> ChapLogin:
    """A login of a Discovery session, before its first request."""
    return new_chap_login()


@pytest.mark.requirement("RFC7143-12.1-03", "RFC7143-6.3.2-05")
def test_security_stage_is_not_skipped(chap_login: ChapLogin) -> None:
    """A target that requires CHAP refuses discovery from the operational stage on."""
    expect_no_login(chap_login.login, chap_login.options.names(), _FAILURE)


@pytest.mark.requirement("RFC7143-6.3.2-03", "RFC7143-6.3.2-05")
def test_nothing_but_chap_is_chosen(chap_login: ChapLogin) -> None:
    """A target that requires CHAP rejects a list without it, or ends the login."""
    answers = offer_first(
        chap_login.login,
        chap_login.options.names(),
        [("AuthMethod", "None")],
        csg=Stage.SECURITY,
    )

    answer = answer_of(answers, "AuthMethod")
    check(answer in (text.REJECT, REFUSED), ["Reject", "a refusal"], answer)


@pytest.mark.requirement("RFC7143-12.1-03")
@pytest.mark.parametrize("end", [Stage.OPERATIONAL, Stage.FULL_FEATURE])
def test_security_stage_is_not_left_without_a_proof(
    chap_login: ChapLogin, end: Stage
) -> None:
    """The target does not leave the security stage before the CHAP_R."""
    chap_login.choose()

    provoke(chap_login.login, [("CHAP_A", "5")], csg=Stage.SECURITY, nsg=end)

    expect_no_transition(chap_login.login)


@pytest.mark.requirement("RFC7143-12.1.3-04", "RFC7143-12.1.3-05")
def test_right_secret_logs_in(chap_login: ChapLogin) -> None:
    """The target accepts a right CHAP_R, and authenticates itself only if asked."""
    challenge = chap_login.challenge()

    answers = chap_login.prove(chap_login.proof(challenge))

    check(
        "CHAP_R" not in dict(answers),
        "no CHAP_R",
        answers,
        requirement="RFC7143-12.1.3-05",
        field="CHAP_R",
    )
    chap_login.enter()


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
@pytest.mark.parametrize("bit", [0, 127])
def test_wrong_response(chap_login: ChapLogin, bit: int) -> None:
    """The target refuses a CHAP_R with one wrong bit as a failed authentication."""
    challenge = chap_login.challenge()
    answer = bytearray(challenge.respond(chap_login.credentials.secret))
    answer[bit // 8] ^= 1 << bit % 8

    pairs = chap_login.proof(challenge, CHAP_R=text.format_hex(bytes(answer)))

    chap_login.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
def test_unknown_user(chap_login: ChapLogin) -> None:
    """The target refuses an unknown CHAP_N."""
    challenge = chap_login.challenge()

    pairs = chap_login.proof(challenge, CHAP_N="nobody-of-that-name")

    chap_login.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.requirement("RFC7143-9.2-05", "RFC7143-12.1.3-04")
def test_proof_of_another_connection(
    new_chap_login: Callable[[], ChapLogin],
) -> None:
    """The target refuses a CHAP_R that was right on another connection."""
    first = new_chap_login()
    pairs = first.proof(first.challenge())
    first.login.connection.close()
    second = new_chap_login()
    second.challenge()

    second.expect_refusal_of(pairs, _FAILURE)


@pytest.mark.needs("discovery-chap-mutual")
@pytest.mark.requirement("RFC7143-12.1.3-05", "RFC7143-9.2.1-01")
def test_target_proves_itself(chap_login: ChapLogin) -> None:
    """The target answers a challenge with its name and the right CHAP_R."""
    challenge = chap_login.challenge()

    answers = chap_login.prove(chap_login.mutual_proof(challenge))

    chap_login.check_proof_of_target(answers, challenge)
    chap_login.enter()


@pytest.mark.needs("discovery-chap-mutual")
@pytest.mark.requirement("RFC7143-9.2.1-14", "RFC7143-9.2.1-15")
def test_reflected_challenge(chap_login: ChapLogin) -> None:
    """The target does not answer its own challenge, and drops the connection."""
    challenge = chap_login.challenge()
    pairs = chap_login.reflection(challenge)

    chap_login.expect_no_answer(pairs)

    with clause("RFC7143-9.2.1-15"):
        expect_drop(chap_login.login.connection)
