# SPDX-License-Identifier: GPL-2.0-only
"""Target names that have moved, are forbidden, or have an alias."""

import re

import pytest

from initiator.expect import check, clause, expect_drop
from initiator.login import LoginExchange, LoginOptions
from iscsi import text
from iscsi.constants import LoginStatus, Stage
from suites.plugins.targets import TestedTarget
from suites.support.login import expect_no_login, log_in_through_all_stages, texts_of
from targets.model import Special

MOVES = {
    "for-a-while": (Special.MOVED, LoginStatus.TARGET_MOVED_TEMPORARILY),
    "for-good": (Special.MOVED_FOR_GOOD, LoginStatus.TARGET_MOVED_PERMANENTLY),
}


def naming(options: LoginOptions, name: str) -> text.Pairs:
    """Return the first pairs of a login to a target of this name."""
    return [
        ("InitiatorName", options.initiator_name),
        ("SessionType", "Normal"),
        ("TargetName", name),
    ]


@pytest.mark.needs("redirect")
@pytest.mark.requirement("RFC7143-11.13.5-01", "RFC7143-13.8-01")
@pytest.mark.parametrize(("place", "status"), MOVES.values(), ids=MOVES)
def test_a_moved_name_gives_its_new_address(
    login: LoginExchange,
    options: LoginOptions,
    target: TestedTarget,
    place: Special,
    status: LoginStatus,
) -> None:
    """A redirection has a TargetAddress without a portal group tag."""
    pairs = naming(options, target.running.special[place])

    response = expect_no_login(login, pairs, status, csg=Stage.SECURITY)

    addresses = [value for key, value in texts_of(login) if key == "TargetAddress"]
    check(addresses, "a TargetAddress", response)
    tagged = [one for one in addresses if re.search(r",\d+$", one)]
    check(
        not tagged,
        "no portal group tag",
        tagged,
        requirement="RFC7143-13.8-01",
        field="TargetAddress",
    )
    with clause("RFC7143-11.13.5-06"):
        expect_drop(login.connection)


@pytest.mark.needs("acl")
@pytest.mark.requirement("RFC7143-11.13.5-i04")
def test_a_forbidden_name_refuses_logins(
    login: LoginExchange, options: LoginOptions, target: TestedTarget
) -> None:
    """The target refuses an initiator without access with status 0202."""
    pairs = naming(options, target.running.special[Special.FORBIDDEN])

    expect_no_login(login, pairs, LoginStatus.AUTHORIZATION_FAILURE, csg=Stage.SECURITY)

    with clause("RFC7143-11.13.5-06"):
        expect_drop(login.connection)


@pytest.mark.needs("alias")
@pytest.mark.requirement("RFC7143-13.6-01")
def test_the_alias_is_reported(
    login: LoginExchange, first_pairs: text.Pairs, target: TestedTarget
) -> None:
    """The target sends the alias of its name in a Login Response."""
    log_in_through_all_stages(login, first_pairs)

    pairs = texts_of(login)
    expected = ("TargetAlias", target.running.special[Special.ALIAS])
    check(expected in pairs, f"TargetAlias={expected[1]}", pairs)
