# SPDX-License-Identifier: GPL-2.0-only
"""ISID, TSIH and CID: new, joined and reinstated (RFC 7143 6.3.1, 6.3.4, 6.3.5)."""

from collections.abc import Callable

import pytest

from initiator.connection import Portal
from initiator.expect import ConformanceFailure, check, clause, expect_good
from initiator.login import LoginExchange
from initiator.session import Session
from iscsi.constants import LoginStatus, LogoutReason
from iscsi.scsi import cdb
from iscsi.text import IRRELEVANT, REJECT, Pairs
from suites.plugins.sessions import Disk
from suites.plugins.targets import TestedTarget
from suites.support.login import expect_no_login, log_in_through_all_stages
from suites.support.negotiation import REFUSED, answer_of, offer_first
from suites.support.sessions import (
    answers,
    expect_gone,
    expect_served,
    rejoin,
    stall_write,
)

NewLogin = Callable[..., LoginExchange]
OpenSession = Callable[..., Session]

_TRIES = 100
"""The number of logins, one after another, in which a session may disappear."""


@pytest.fixture
def old(open_session: OpenSession) -> Session:
    """The session that exists when the check logs in."""
    return open_session()


@pytest.fixture
def joining_pairs(first_pairs: Pairs) -> Pairs:
    """The pairs of a login that joins a session."""
    return [pair for pair in first_pairs if pair[0] != "SessionType"]


@pytest.mark.requirement("RFC7143-6.3.1-i03", "RFC7143-4.4.3-i01")
def test_same_isid_reinstates_the_session(
    open_session: OpenSession, old: Session
) -> None:
    """A login with the ISID of a session and TSIH 0 replaces that session."""
    new = open_session(isid=old.options.isid)

    new.ping()

    expect_gone(old, old.connection)


@pytest.mark.requirement("RFC7143-6.3.1-i03", "RFC7143-4.4.3-i01")
def test_same_isid_reinstates_the_session_through_the_security_stage(
    new_login: NewLogin, first_pairs: Pairs, old: Session
) -> None:
    """A login through both stages with a session's ISID replaces that session."""
    login = new_login(isid=old.options.isid)

    log_in_through_all_stages(login, first_pairs)

    expect_gone(old, old.connection)


@pytest.mark.requirement("RFC7143-6.3.5-i01")
def test_reinstatement_ends_tasks_without_notice(
    open_session: OpenSession, scratch_disk: Disk, old: Session
) -> None:
    """Session reinstatement ends the tasks of the old session without a response."""
    task = stall_write(old, scratch_disk)
    new = open_session(isid=old.options.isid)

    new.ping()

    expect_gone(old, old.connection)
    late = answers(old, task, old.connection)
    check(not late, "no answer to the old task", late and late[0])


@pytest.mark.requirement("RFC7143-4.4.3-i02", "RFC7143-6.3.1-i02")
def test_other_isid_is_another_session(open_session: OpenSession, old: Session) -> None:
    """The target keeps sessions of one initiator with different ISIDs apart."""
    new = open_session()

    expect_served(new, "the new session")
    expect_served(old, "the old session")

    check(new.tsih != old.tsih, f"another TSIH than {old.tsih:#x}", f"{new.tsih:#x}")


@pytest.mark.requirement("RFC7143-6.3.1-i02")
def test_other_initiator_is_another_session(
    open_session: OpenSession, old: Session
) -> None:
    """The same ISID with another initiator name opens another session."""
    other = f"{old.options.initiator_name}:other"

    new = open_session(isid=old.options.isid, initiator_name=other)

    expect_served(new, "the new session")
    expect_served(old, "the old session")


@pytest.mark.needs("several-targets")
@pytest.mark.requirement("RFC7143-6.3.1-i02")
def test_other_target_is_another_session(
    open_session: OpenSession, old: Session, target: TestedTarget
) -> None:
    """The same ISID with another target name opens another session."""
    second = target.running.open_targets[1].name

    new = open_session(isid=old.options.isid, target_name=second)

    expect_served(new, "the new session")
    expect_served(old, "the old session")


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("RFC7143-6.3.1-i02", "RFC7143-4.4.3-i01")
def test_other_portal_group_is_another_session(
    open_session: OpenSession, old: Session, target: TestedTarget
) -> None:
    """The same ISID at another portal group of the target opens another session."""
    other_portal = target.running.other_portals[0]

    new = open_session(
        isid=old.options.isid, portal=Portal(other_portal.host, other_portal.port)
    )

    expect_served(new, "the new session")
    expect_served(old, "the old session")
    tags = [one.login.declared.get("TargetPortalGroupTag") for one in (old, new)]
    check(tags[0] != tags[1], "another TargetPortalGroupTag", tags)


@pytest.mark.requirement("RFC7143-6.3.1-i06", "RFC7143-11.12.6-04")
def test_unknown_tsih_of_a_known_isid(
    new_login: NewLogin, joining_pairs: Pairs, old: Session
) -> None:
    """The target refuses a known ISID with an unknown TSIH, and keeps its session."""
    login = new_login(isid=old.options.isid, tsih=old.tsih ^ 0x5555, cid=2)

    expect_no_login(login, joining_pairs, LoginStatus.SESSION_DOES_NOT_EXIST)
    expect_served(old, "the old session")


@pytest.mark.requirement("RFC7143-6.3.1-i01")
def test_tsih_of_another_isid(
    new_login: NewLogin, joining_pairs: Pairs, old: Session
) -> None:
    """The target refuses a new ISID with another session's TSIH."""
    login = new_login(tsih=old.tsih, cid=2)

    expect_no_login(login, joining_pairs, LoginStatus.SESSION_DOES_NOT_EXIST)
    expect_served(old, "the old session")


@pytest.mark.requirement("RFC7143-6.3.1-i01")
def test_tsih_of_another_initiator(
    new_login: NewLogin, joining_pairs: Pairs, old: Session
) -> None:
    """The target refuses the ISID and TSIH of another initiator's session."""
    login = new_login(isid=old.options.isid, tsih=old.tsih, cid=2)
    other = ("InitiatorName", f"{old.options.initiator_name}:thief")
    pairs = [other, *joining_pairs[1:]]

    expect_no_login(login, pairs, LoginStatus.SESSION_DOES_NOT_EXIST)
    expect_served(old, "the old session")


@pytest.mark.requirement("RFC7143-6.3.1-i01", "RFC7143-4.4.3-01")
def test_tsih_ends_with_its_session(
    new_login: NewLogin, joining_pairs: Pairs, old: Session
) -> None:
    """The target refuses the TSIH of a closed session.

    A target may take a while to end the closed session.
    """
    old.logout(LogoutReason.CLOSE_SESSION)
    old.connection.wait_closed()

    for patience in reversed(range(_TRIES)):
        login = new_login(isid=old.options.isid, tsih=old.tsih, cid=2)
        try:
            expect_no_login(login, joining_pairs, LoginStatus.SESSION_DOES_NOT_EXIST)
        except ConformanceFailure:
            if not patience:
                raise
        else:
            return


@pytest.mark.requirement("RFC7143-11.13.5-i03", "RFC7143-13.2-i02")
def test_too_many_connections(
    new_login: NewLogin, joining_pairs: Pairs, open_session: OpenSession
) -> None:
    """The target refuses a connection beyond MaxConnections; the session continues."""
    session = open_session({"MaxConnections": "1"})
    login = new_login(
        isid=session.options.isid, tsih=session.tsih, cid=2, cmd_sn=session.cmd_sn
    )

    expect_no_login(login, joining_pairs, LoginStatus.TOO_MANY_CONNECTIONS)
    expect_served(session, "the session")


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-6.3.1-i04")
def test_connection_is_added(open_session: OpenSession) -> None:
    """A login with a session's ISID and TSIH and a new CID adds a connection."""
    session = open_session({"MaxConnections": "2"})

    second = session.add_connection(cid=2)

    session.ping(link=second)
    session.ping()
    expect_good(session.execute(cdb.test_unit_ready(), link=second))


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-4.4.3-01", "RFC7143-11.13.3-i01")
def test_added_connection_bears_the_tsih(open_session: OpenSession) -> None:
    """Every Login Response of an added connection has the session's TSIH."""
    session = open_session({"MaxConnections": "2"})

    response = rejoin(session, cid=2)

    check(response.tsih == session.tsih, f"TSIH {session.tsih:#x}", response)


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-6.3.3-i01", "RFC7143-13-01")
@pytest.mark.parametrize(
    "offer",
    ["MaxConnections=4", "InitialR2T=No", "MaxBurstLength=512", "ErrorRecoveryLevel=0"],
)
def test_leading_only_keys_are_refused_later(
    new_login: NewLogin, joining_pairs: Pairs, open_session: OpenSession, offer: str
) -> None:
    """The target refuses or rejects a leading-only key on an added connection."""
    session = open_session({"MaxConnections": "2"})
    login = new_login(
        isid=session.options.isid, tsih=session.tsih, cid=2, cmd_sn=session.cmd_sn
    )
    name, _equals, value = offer.partition("=")

    pairs = offer_first(login, joining_pairs, [(name, value)])

    answer = answer_of(pairs, name)
    check(
        answer in (REFUSED, REJECT, IRRELEVANT),
        ["a refusal", "Reject", "Irrelevant"],
        answer,
    )


@pytest.mark.requirement("RFC7143-6.3.4-03")
def test_single_connection_is_reinstated(open_session: OpenSession) -> None:
    """The target may reinstate the only connection of a session below level 2."""
    session = open_session({"MaxConnections": "1"})
    before = session.connection

    rejoin(session, cid=1)

    expect_gone(session, before)
    expect_served(session, "the session")


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-6.3.1-i05", "RFC7143-6.3.4-i02")
def test_connection_is_reinstated(open_session: OpenSession) -> None:
    """A login with a connection's ISID, TSIH and CID replaces that connection."""
    session = open_session({"MaxConnections": "2"})
    before = session.connection

    rejoin(session, cid=1)

    with clause("RFC7143-6.3.4-i02"):
        expect_gone(session, before)
    expect_served(session, "the session")


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-6.3.1-i05", "RFC7143-4.4.3-01")
def test_reinstated_connection_continues_the_command_numbers(
    open_session: OpenSession,
) -> None:
    """The command numbers continue on a reinstated connection."""
    session = open_session({"MaxConnections": "2"})
    cmd_sn = session.cmd_sn + 1

    rejoin(session, cid=1)
    session.execute(cdb.test_unit_ready())

    # Read the PDU itself: a session ignores both numbers if MaxCmdSN is too low.
    exp_cmd_sn = session.ping().exp_cmd_sn
    check(exp_cmd_sn == cmd_sn, f"ExpCmdSN {cmd_sn}", exp_cmd_sn)


@pytest.mark.needs("erl2")
@pytest.mark.requirement("RFC7143-6.3.4-02", "RFC7143-6.3.1-i05")
def test_connection_is_reinstated_at_level_2(open_session: OpenSession) -> None:
    """At ErrorRecoveryLevel 2 a new login may reinstate a single connection."""
    session = open_session({"ErrorRecoveryLevel": "2", "MaxConnections": "1"})
    before = session.connection

    rejoin(session, cid=1)

    expect_gone(session, before)
    expect_served(session, "the session")


@pytest.mark.needs("multi-connection")
@pytest.mark.requirement("RFC7143-6.3.4-i01")
def test_connection_reinstatement_ends_its_tasks(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """Below level 2 reinstatement ends a connection's tasks without a response."""
    session = open_session({"MaxConnections": "2"})
    before = session.connection
    task = stall_write(session, scratch_disk)

    rejoin(session, cid=1)
    session.ping()

    late = answers(session, task, before)
    late += answers(session, task, session.connection)
    check(not late, "no answer to the old task", late and late[0])


@pytest.mark.requirement("RFC7143-4.2.1-03")
def test_the_only_connection_can_be_replaced(open_session: OpenSession) -> None:
    """A session of one connection accepts a second one that will recover it."""
    session = open_session({"MaxConnections": "1"})
    before = session.connection

    rejoin(session, session.leading.cid)

    session.ping()
    expect_gone(session, before)
