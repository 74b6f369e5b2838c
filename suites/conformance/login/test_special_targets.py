# SPDX-License-Identifier: GPL-2.0-only
"""Target names that have moved, are forbidden, or have an alias."""

import re

import pytest

from initiator.expect import check, clause, expect_drop
from initiator.login import LoginExchange, LoginOptions
from iscsi import text
from iscsi.constants import LoginStatus, Stage
from iscsi.pdu import LoginResponse
from suites.plugins.targets import TestedTarget
from targets.model import Special

MOVES = {
    "for-a-while": (Special.MOVED, LoginStatus.TARGET_MOVED_TEMPORARILY),
    "for-good": (Special.MOVED_FOR_GOOD, LoginStatus.TARGET_MOVED_PERMANENTLY),
}


def ask(login: LoginExchange, options: LoginOptions, name: str) -> LoginResponse:
    """Ask for a target by its name; return the first response."""
    pairs = [
        ("InitiatorName", options.initiator_name),
        ("SessionType", "Normal"),
        ("TargetName", name),
        ("AuthMethod", "None"),
    ]
    return login.request(pairs, csg=Stage.SECURITY, nsg=Stage.OPERATIONAL)


@pytest.mark.needs("redirect")
@pytest.mark.requirement("RFC7143-11.13.5-01", "RFC7143-13.8-01")
@pytest.mark.parametrize(("place", "status"), MOVES.values(), ids=MOVES)
def test_a_name_that_has_moved_says_where(
    login: LoginExchange,
    options: LoginOptions,
    target: TestedTarget,
    place: Special,
    status: LoginStatus,
) -> None:
    """A redirection gives a TargetAddress, without a portal group tag."""
    response = ask(login, options, target.running.special[place])

    check(response.status == status, f"status {int(status):#06x}", response)
    addresses = [
        value for key, value in text.decode(response.data) if key == "TargetAddress"
    ]
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
def test_a_forbidden_name_lets_nobody_in(
    login: LoginExchange, options: LoginOptions, target: TestedTarget
) -> None:
    """An initiator without access is refused as unauthorized."""
    response = ask(login, options, target.running.special[Special.FORBIDDEN])

    check(
        response.status == LoginStatus.AUTHORIZATION_FAILURE, "status 0x0202", response
    )
    expect_drop(login.connection)


@pytest.mark.needs("alias")
@pytest.mark.requirement("RFC7143-13.6-01")
def test_the_alias_is_told(
    login: LoginExchange, first_pairs: text.Pairs, target: TestedTarget
) -> None:
    """A target name with an alias says it in a Login Response."""
    login.request([*first_pairs, ("AuthMethod", "None")], csg=Stage.SECURITY, nsg=1)
    login.request([], csg=Stage.OPERATIONAL, nsg=Stage.FULL_FEATURE)

    said = [pair for one in login.responses for pair in text.decode(bytes(one.data))]
    due = ("TargetAlias", target.running.special[Special.ALIAS])
    check(due in said, f"TargetAlias={due[1]}", said)
