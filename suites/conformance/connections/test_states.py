# SPDX-License-Identifier: GPL-2.0-only
"""Connection and session states that can be seen (RFC 7143 chapter 8)."""

import pytest

from initiator.expect import check, clause, expect_drop, expect_good
from initiator.impair import send_half
from initiator.login import LoginExchange, LoginOptions, LoginRefused
from initiator.session import Session
from iscsi.constants import LoginStatus, LogoutReason, SNACKType, Stage
from iscsi.pdu import SNACK, NOPOut, SCSICommand
from iscsi.scsi import cdb
from iscsi.text import Pairs
from suites.plugins.sessions import Disk, NewLogin, OpenSession
from suites.support.connections import (
    NOTICE,
    cut,
    expect_all_or_none_dropped,
    expect_continuation,
    expect_discarded,
    expect_login_over,
    resume,
    wait_receiving,
)
from suites.support.login import expect_no_login
from suites.support.sessions import expect_gone, expect_served, rejoin, stall_write

MULTI = pytest.mark.needs("multi-connection")

_KEPT = {"DefaultTime2Wait": "0", "DefaultTime2Retain": "20"}


@pytest.fixture
def joining_pairs(options: LoginOptions) -> Pairs:
    """The pairs of a login that joins a session."""
    return [pair for pair in options.names() if pair[0] != "SessionType"]


@pytest.fixture
def single(open_session: OpenSession) -> Session:
    """A session with one connection whose state is kept when it is lost."""
    session = open_session({**_KEPT, "ImmediateData": "No", "InitialR2T": "Yes"})
    if not session.parameters.default_time2retain:
        pytest.skip("not applicable: the target keeps no state of lost connections")
    return session


@pytest.mark.requirement("RFC7143-8.1.2-i03", "RFC7143-7.12-02", "RFC7143-8.3.2-i01")
def test_a_refused_login_ends_its_connection(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target closes the connection after a Login Response that refuses."""
    pairs = [pair for pair in first_pairs if pair[0] != "TargetName"]

    with clause("RFC7143-11.13.5-i02"):
        expect_no_login(login, pairs)

    expect_drop(login.connection)


@pytest.mark.requirement("RFC7143-7.1.4-02")
def test_nothing_is_recovered_within_a_login(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target repeats no Login Response for a SNACK before full-feature phase."""
    response = login.request([*first_pairs, ("AuthMethod", "None")], csg=Stage.SECURITY)
    request = SNACK(
        type=int(SNACKType.STATUS),
        beg_run=int(response.stat_sn),
        run_length=1,
        exp_stat_sn=int(response.stat_sn),
    )

    login.send_other(request)

    assert login.connection.transcript.sent()[-1].type == SNACKType.STATUS
    expect_login_over(login)


@pytest.mark.requirement("RFC7143-8.3.2-i01", "RFC7143-4.4.3-i03")
def test_an_aborted_login_leaves_no_session(
    new_login: NewLogin, first_pairs: Pairs, open_session: OpenSession
) -> None:
    """The target frees the ISID of a leading login that was broken off."""
    login = new_login()
    login.request([*first_pairs, ("AuthMethod", "None")], csg=Stage.SECURITY)
    login.connection.reset()

    session = open_session(isid=login.isid)

    check(
        session.tsih,
        "a TSIH other than 0",
        session.login.response,
        requirement="RFC7143-4.4.3-i03",
        field="TSIH",
    )


@pytest.mark.requirement("RFC7143-8.2-i03", "RFC7143-8.3.2-i04")
@pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "rst"])
def test_a_failed_session_outlives_a_failed_login(
    single: Session, new_login: NewLogin, joining_pairs: Pairs, *, with_reset: bool
) -> None:
    """A reinstating login that is broken off leaves the failed session unchanged."""
    # A target that ends the session with the connection keeps nothing.
    cut(single, single.leading, with_reset=True)
    resume(single)
    cmd_sn = single.cmd_sn
    cut(single, single.leading, with_reset=True)
    login = new_login(isid=single.options.isid, tsih=single.tsih, cmd_sn=cmd_sn)
    login.send([*joining_pairs, ("AuthMethod", "None")], csg=Stage.SECURITY)
    (login.connection.reset if with_reset else login.connection.close)()

    try:
        response = rejoin(single, cid=1)
    except LoginRefused as refusal:
        # The session was joined just before, so the failed login has ended it.
        refusal.requirement = "RFC7143-8.2-i03"
        raise

    check(response.tsih == single.tsih, f"TSIH {single.tsih:#x}", response)
    expect_continuation(response, cmd_sn)


@pytest.mark.requirement("RFC7143-8.3.2-i05", "RFC7143-7.15-02", "RFC7143-6.3.5-i01")
@pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "rst"])
def test_a_failed_session_is_reinstated(
    single: Session,
    open_session: OpenSession,
    scratch_disk: Disk,
    *,
    with_reset: bool,
) -> None:
    """A login with TSIH 0 replaces a session that has lost its connection."""
    stall_write(single, scratch_disk)
    cut(single, single.leading, with_reset=with_reset)

    with clause("RFC7143-7.15-02"):
        new = open_session(isid=single.options.isid)

    expect_good(new.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("RFC7143-8.3.2-i05", "RFC7143-6.3.1-i01")
def test_a_reinstated_session_cannot_be_continued(
    single: Session,
    open_session: OpenSession,
    new_login: NewLogin,
    joining_pairs: Pairs,
) -> None:
    """The target refuses the TSIH of a failed session that was reinstated."""
    cut(single, single.leading, with_reset=True)
    new = open_session(isid=single.options.isid)
    login = new_login(isid=single.options.isid, tsih=single.tsih)
    assert new.tsih != single.tsih

    expect_no_login(login, joining_pairs, LoginStatus.SESSION_DOES_NOT_EXIST)

    expect_served(new, "the new session")


@pytest.mark.requirement("RFC7143-6.3.5-i02", "RFC7143-7.15-i01")
def test_a_failed_session_ends_in_time(
    open_session: OpenSession, new_login: NewLogin, joining_pairs: Pairs
) -> None:
    """With Time2Retain 0 the target ends a failed session after Time2Wait."""
    session = open_session({"DefaultTime2Wait": "0", "DefaultTime2Retain": "0"})
    seconds = session.parameters.default_time2wait + NOTICE
    bystander = open_session()
    cut(session, session.leading, with_reset=True)

    wait_receiving(bystander, seconds)
    login = new_login(isid=session.options.isid, tsih=session.tsih)

    expect_no_login(login, joining_pairs, LoginStatus.SESSION_DOES_NOT_EXIST)


@MULTI
@pytest.mark.requirement("RFC7143-8.1.2-i06", "RFC7143-6.3.5-i01", "RFC7143-11.14-i03")
def test_session_reinstatement_ends_all_connections(
    open_session: OpenSession,
) -> None:
    """The target closes all connections of a session that another one replaces."""
    old = open_session({"MaxConnections": "2"})
    second = old.add_connection(cid=2)

    new = open_session(isid=old.options.isid)

    expect_served(new, "the new session")
    expect_gone(old, old.connection)
    expect_gone(old, second.connection)


@MULTI
@pytest.mark.requirement("RFC7143-7.7-01")
def test_a_format_error_ends_all_connections_or_none(
    open_session: OpenSession,
) -> None:
    """A malformed PDU that gets no Reject ends every connection of its session."""
    session = open_session({"MaxConnections": "2"})
    second = session.add_connection(cid=2)
    # F=0 announces data, which only a write has.
    bad = session.number(SCSICommand(final=0, read=0, write=0, lun=0))

    session.connection.send(bad, note="F=0 without W")

    assert session.transcript.sent()[-1].final == 0
    expect_all_or_none_dropped(session, session.leading, second)


@MULTI
@pytest.mark.requirement("RFC7143-11.14-04")
def test_a_logout_discards_what_waits_for_a_gap(
    open_session: OpenSession,
) -> None:
    """A logout discards its connection's commands that wait for a lower CmdSN."""
    session = open_session({**_KEPT, "MaxConnections": "2"})
    second = session.add_connection(cid=2)
    early = session.number(session.command(cdb.test_unit_ready())[0])
    late = session.start(cdb.test_unit_ready(), link=second)
    session.logout(LogoutReason.CLOSE_CONNECTION, link=second)

    session.connection.send(early)

    expect_discarded(session, early, late)


@pytest.mark.requirement("RFC7143-8.1.2-i10", "RFC7143-7.14-03")
def test_half_a_pdu_blocks_no_other_connection(
    open_session: OpenSession,
) -> None:
    """The target serves other sessions while one connection has sent half a PDU."""
    stuck, other = open_session(), open_session()

    send_half(stuck, NOPOut(data=bytes(1000)))

    other.ping(b"alive")
    expect_good(other.execute(cdb.test_unit_ready()))
