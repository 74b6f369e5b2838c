# SPDX-License-Identifier: GPL-2.0-only
"""Named and unnamed Discovery sessions, and which replaces which (section 7.4.2)."""

from collections.abc import Callable

import pytest

from initiator.expect import check, clause, expect_good
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi import text
from iscsi.pdu import LoginResponse, LogoutResponse, TextResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.discovery import (
    addresses,
    is_address,
    target_names,
)
from suites.support.sessions import expect_not_served, expect_served

Discover = Callable[..., Session]


@pytest.mark.requirement("RFC7143-C-03", "RFC7143-C-08")
def test_named_session_lists_all(discover: Discover, options: LoginOptions) -> None:
    """A Discovery session that names a target answers SendTargets=All as well."""
    session = discover(target_name=options.target_name)

    pairs = session.send_targets("All")

    names = target_names(pairs)
    check(
        options.target_name in names,
        f"{options.target_name} among them",
        names,
        requirement="RFC7143-C-08",
    )


@pytest.mark.requirement("RFC7143-C-13")
def test_empty_value_on_a_named_session(
    discover: Discover, options: LoginOptions
) -> None:
    """An empty SendTargets returns no target but that of the named session."""
    session = discover(target_name=options.target_name)

    pairs = session.send_targets("")

    others = {*target_names(pairs)} - {options.target_name}
    check(not others, f"{options.target_name} or nothing", sorted(others))


@pytest.mark.requirement("RFC7143-C-02")
@pytest.mark.needs("several-portals")
def test_each_portal_serves_discovery(discover: Discover, target: TestedTarget) -> None:
    """The target serves Discovery sessions at each portal, and lists itself there."""
    portals = target.running.portals

    names = [target_names(discover(at).send_targets()) for at in portals]

    name = target.running.target.name
    check(all(name in each for each in names), f"{name} at each portal", names)


@pytest.mark.requirement("RFC7143-C-16")
@pytest.mark.needs("several-portals")
def test_the_complete_portal_group_is_reported(
    discover: Discover, target: TestedTarget
) -> None:
    """If the target lists one address, it lists its whole portal group.

    Behind address translation they differ from ours, but their number must match. A
    host name may replace an address (section 13.8).
    """
    portals = target.running.portals

    addresses_listed = addresses(discover().send_targets(target.running.target.name))

    listed = {(address.host, address.port) for address in addresses_listed}
    expected = {(portal.host, portal.port) for portal in portals}
    if "translated-ports" in target.features:
        check(
            not listed or len(listed) >= len(expected),
            f"{len(expected)} of them",
            sorted(listed),
        )
        return
    named = {port for host, port in listed if not is_address(host)}
    missing = [one for one in sorted(expected - listed) if one[1] not in named]
    check(not listed or not missing, f"all of {sorted(expected)}", sorted(listed))


@pytest.mark.requirement("RFC7143-C-04", "RFC7143-13.8-02")
def test_the_tag_of_the_login_is_reported(session: Session, discover: Discover) -> None:
    """SendTargets returns the portal group tag that a login to the target shows."""
    if "TargetPortalGroupTag" not in session.login.declared:
        pytest.skip("not applicable: the login shows no portal group tag")
    tag = text.parse_number(session.login.declared["TargetPortalGroupTag"])

    addresses_listed = addresses(
        discover().send_targets(session.options.target_name or "")
    )

    tags = {item.portal_group_tag for item in addresses_listed}
    check(not tags or tag in tags, f"tag {tag}", sorted(map(str, tags)))


@pytest.mark.requirement("RFC7143-7.4.2.1-01", "RFC7143-7.4.2.1-05")
def test_unnamed_session_reinstates_an_unnamed_one(discover: Discover) -> None:
    """An unnamed Discovery session replaces an unnamed one of its initiator port."""
    old = discover()

    new = discover()

    expect_served(new, "the new session")
    expect_not_served(old, "the old session")


@pytest.mark.requirement("RFC7143-7.4.2.2-01", "RFC7143-7.4.2.2-i01")
def test_named_session_reinstates_a_named_one(
    discover: Discover, options: LoginOptions
) -> None:
    """A named Discovery session replaces a named one with the same four names."""
    old = discover(target_name=options.target_name)

    new = discover(target_name=options.target_name)

    expect_served(new, "the new session")
    expect_not_served(old, "the old session")


@pytest.mark.requirement("RFC7143-7.4.2.2-01", "RFC7143-4.4.3-i01")
def test_named_session_reinstates_a_normal_one(
    discover: Discover, open_session: OpenSession, options: LoginOptions
) -> None:
    """A named Discovery session replaces a Normal one with the same four names."""
    old = open_session(isid=options.isid)

    new = discover(target_name=options.target_name)

    expect_served(new, "the new session")
    expect_not_served(old, "the old session")


@pytest.mark.requirement("RFC7143-7.4.2.1-05")
def test_named_session_leaves_an_unnamed_one(
    discover: Discover, options: LoginOptions
) -> None:
    """A named Discovery session does not replace an unnamed one."""
    old = discover()

    new = discover(target_name=options.target_name)

    expect_served(new, "the new session")
    expect_served(old, "the unnamed session")


@pytest.mark.requirement("RFC7143-7.4.2.1-05")
def test_normal_session_leaves_an_unnamed_one(
    discover: Discover, open_session: OpenSession, options: LoginOptions
) -> None:
    """A Normal session does not replace an unnamed Discovery session."""
    old = discover()

    new = open_session(isid=options.isid)

    expect_good(new.execute(cdb.test_unit_ready()))
    expect_served(old, "the unnamed session")


@pytest.mark.requirement("RFC7143-7.4.2.1-05")
def test_unnamed_session_leaves_a_normal_one(
    discover: Discover, open_session: OpenSession, options: LoginOptions
) -> None:
    """An unnamed Discovery session does not replace a Normal one."""
    old = open_session(isid=options.isid)

    new = discover()

    expect_served(new, "the new session")
    expect_good(old.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-7.4.2.1-01")
def test_other_isid_is_another_session(
    discover: Discover, options: LoginOptions
) -> None:
    """The target keeps unnamed Discovery sessions with different ISIDs apart."""
    old = discover()

    new = discover(isid=options.isid[:4] + b"\x7f\x01")

    expect_served(new, "the new session")
    expect_served(old, "the old session")


@pytest.mark.requirement(
    "RFC7143-7.4.2.1-02", "RFC7143-7.4.2.1-03", "RFC7143-7.4.2.1-04"
)
@pytest.mark.needs("several-portals")
def test_each_portal_has_sessions_of_its_own(
    discover: Discover, target: TestedTarget
) -> None:
    """One initiator port can have an unnamed Discovery session at each portal."""
    sessions = [discover(at) for at in target.running.portals]

    with clause("RFC7143-7.4.2.1-04"):
        for session in sessions:
            expect_served(session, f"the session at {session.portal}")


@pytest.mark.requirement("RFC7143-7.4.3-01")
def test_nothing_but_answers_comes(discovery: Session) -> None:
    """On a Discovery session the target sends only Text and Logout Responses."""
    discovery.send_targets()
    discovery.logout()

    received = discovery.transcript.received()
    strange = [
        pdu
        for pdu in received
        if not isinstance(pdu, LoginResponse | TextResponse | LogoutResponse)
    ]
    check(not strange, "only Text and Logout Responses", strange and strange[0])
