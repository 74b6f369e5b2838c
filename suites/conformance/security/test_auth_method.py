# SPDX-License-Identifier: GPL-2.0-only
"""The authentication method, and that it cannot be avoided (RFC 7143 6.3.2, 12.1)."""

from contextlib import AbstractContextManager, nullcontext

import pytest

from initiator.expect import check, clause
from initiator.login import LoginExchange, LoginOptions, LoginRefused
from iscsi import text
from iscsi.constants import LoginStatus, Stage
from iscsi.text import Pairs
from suites.support.login import (
    advance,
    ask,
    expect_no_login,
    expect_no_transition,
    provoke,
)
from suites.support.negotiation import REFUSED, answer_of, identify, offer_first
from suites.support.security import ChapLogin

_UNKNOWN = "Z-com.example.magic"
_BOTH_WAYS = [Stage.OPERATIONAL, Stage.FULL_FEATURE]


def _ignoring(methods: str) -> AbstractContextManager[None]:
    """Charge the refusal of a list with an unknown method to the clause on those."""
    return clause("RFC7143-6.2.1-03") if _UNKNOWN in methods else nullcontext()


@pytest.mark.requirement("RFC7143-6.3.2-02", "RFC7143-6.2.1-02", "RFC7143-12.1-02")
@pytest.mark.parametrize("methods", ["None", f"{_UNKNOWN},None", "None,None"])
def test_none_is_chosen_on_an_open_target(
    login: LoginExchange, first_pairs: Pairs, methods: str
) -> None:
    """A target without authentication chooses None beside unknown methods."""
    offered = [*first_pairs, ("AuthMethod", methods)]
    with _ignoring(methods):
        answers = ask(login, offered, csg=Stage.SECURITY)[1]

    answer = text.value(answers, "AuthMethod")
    check(answer == "None", "AuthMethod=None", answer)


@pytest.mark.requirement("RFC7143-6.3.2-02", "RFC7143-6.2.1-01", "RFC7143-12.1-02")
@pytest.mark.parametrize("methods", ["None,CHAP", "CHAP,None"])
def test_choice_is_one_of_the_list(
    login: LoginExchange, first_pairs: Pairs, methods: str
) -> None:
    """The target chooses one of the offered methods."""
    answers = ask(login, [*first_pairs, ("AuthMethod", methods)], csg=Stage.SECURITY)[1]

    answer = text.value(answers, "AuthMethod")
    check(answer in ("None", "CHAP"), "None or CHAP", answer)


@pytest.mark.requirement("RFC7143-6.3.2-03", "RFC7143-6.1-i01")
@pytest.mark.parametrize(
    "methods", [_UNKNOWN, "none", "chap", "CHAPS", ""], ids=identify
)
def test_no_method_is_known(
    login: LoginExchange, first_pairs: Pairs, methods: str
) -> None:
    """The target rejects a list of unknown methods, or ends the login."""
    pairs = [("AuthMethod", methods)]

    answers = offer_first(login, first_pairs, pairs, csg=Stage.SECURITY)

    answer = answer_of(answers, "AuthMethod")
    check(answer in (text.REJECT, REFUSED), ["Reject", "a refusal"], answer)


@pytest.mark.requirement("RFC7143-6.3-05", "RFC7143-12.1-02")
def test_security_stage_may_be_empty(login: LoginExchange, first_pairs: Pairs) -> None:
    """An open target passes a security stage in which no method is offered."""
    try:
        response = advance(
            login, first_pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL
        )
    except LoginRefused as refusal:
        if refusal.status == LoginStatus.AUTHENTICATION_FAILURE:
            refusal.requirement = "RFC7143-12.1-02"
        raise

    check(response.nsg == Stage.OPERATIONAL, "NSG=1", response)


@pytest.mark.requirement("RFC7143-6.3-15")
def test_method_is_offered_once(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target ends a login that offers AuthMethod in a second request."""
    method = ("AuthMethod", "None")
    ask(login, [*first_pairs, method], csg=Stage.SECURITY)

    answers = offer_first(login, [], [method], csg=Stage.SECURITY)

    check(answers is None, "a refusal", answers)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-04", "RFC7143-9.2.1-01")
@pytest.mark.parametrize(
    "methods",
    ["CHAP", "CHAP,None", "None,CHAP", f"{_UNKNOWN},CHAP", f"{_UNKNOWN},CHAP,None"],
)
def test_chap_is_chosen_if_required(chap_login: ChapLogin, methods: str) -> None:
    """A target that requires CHAP chooses it at any place of the list."""
    with _ignoring(methods):
        answer = chap_login.choose(methods)

    check(answer == "CHAP", "AuthMethod=CHAP", answer)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-6.3.2-03", "RFC7143-6.3.2-05")
@pytest.mark.parametrize("methods", ["None", _UNKNOWN, f"{_UNKNOWN},None"])
def test_only_chap_is_chosen_if_required(chap_login: ChapLogin, methods: str) -> None:
    """A target that requires CHAP rejects a list without it, or ends the login."""
    pairs = [("AuthMethod", methods)]

    answers = offer_first(
        chap_login.login, chap_login.options.names(), pairs, csg=Stage.SECURITY
    )

    answer = answer_of(answers, "AuthMethod")
    check(answer in (text.REJECT, REFUSED), ["Reject", "a refusal"], answer)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-03", "RFC7143-6.3.2-05")
def test_security_stage_is_not_skipped(chap_login: ChapLogin) -> None:
    """A target that requires CHAP refuses to begin in the operational stage."""
    expect_no_login(
        chap_login.login,
        chap_login.options.names(),
        LoginStatus.AUTHENTICATION_FAILURE,
    )


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-03")
@pytest.mark.parametrize("end", _BOTH_WAYS)
def test_transition_without_a_method(chap_login: ChapLogin, end: Stage) -> None:
    """The target does not leave the security stage without a method."""
    names = chap_login.options.names()

    provoke(chap_login.login, names, csg=Stage.SECURITY, nsg=end)

    expect_no_transition(chap_login.login)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-03")
@pytest.mark.parametrize("end", _BOTH_WAYS)
@pytest.mark.parametrize("methods", ["CHAP", "None", "CHAP,None"])
def test_transition_with_the_method(
    chap_login: ChapLogin, methods: str, end: Stage
) -> None:
    """The target does not leave the security stage with its choice of a method."""
    pairs = [*chap_login.options.names(), ("AuthMethod", methods)]

    provoke(chap_login.login, pairs, csg=Stage.SECURITY, nsg=end)

    expect_no_transition(chap_login.login)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-03")
@pytest.mark.parametrize("end", _BOTH_WAYS)
def test_transition_after_the_method(chap_login: ChapLogin, end: Stage) -> None:
    """The target does not leave the security stage before the first CHAP key."""
    chap_login.choose()

    provoke(chap_login.login, csg=Stage.SECURITY, nsg=end)

    expect_no_transition(chap_login.login)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-12.1-03")
@pytest.mark.parametrize("end", _BOTH_WAYS)
def test_transition_with_the_algorithms(chap_login: ChapLogin, end: Stage) -> None:
    """The target does not leave the security stage before the CHAP_R."""
    chap_login.choose()

    provoke(chap_login.login, [("CHAP_A", "5")], csg=Stage.SECURITY, nsg=end)

    expect_no_transition(chap_login.login)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-6.3-12", "RFC7143-12.1-03")
def test_stage_is_not_changed_amid_chap(chap_login: ChapLogin) -> None:
    """An operational request in the middle of CHAP opens no session."""
    chap_login.challenge()

    provoke(chap_login.login, csg=Stage.OPERATIONAL, nsg=Stage.FULL_FEATURE)

    expect_no_transition(chap_login.login)


@pytest.mark.needs("chap")
@pytest.mark.requirement("RFC7143-6.3.2-05", "RFC7143-11.13.5-06", "RFC7143-9.2.1-01")
def test_chap_is_required_in_every_login(
    chap_login: ChapLogin, chap_options: LoginOptions, login: LoginExchange
) -> None:
    """A CHAP_R on one connection authenticates no other connection."""
    with clause("RFC7143-9.2.1-01"):
        chap_login.prove(chap_login.proof(chap_login.challenge()))
        chap_login.enter()

    names = chap_options.names()

    expect_no_login(login, names, LoginStatus.AUTHENTICATION_FAILURE)
