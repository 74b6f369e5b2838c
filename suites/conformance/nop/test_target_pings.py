# SPDX-License-Identifier: GPL-2.0-only
"""NOP-Ins that a target sends unasked (RFC 7143 section 11.19)."""

from collections.abc import Callable
from functools import partial

import pytest

from initiator.core import lun_field
from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.constants import RESERVED_TAG
from iscsi.pdu import NOPIn
from iscsi.scsi import cdb
from iscsi.scsi.luns import parse_report
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.operator import await_ping, pinged_session

pytestmark = pytest.mark.needs("pings")

AwaitPing = Callable[[], NOPIn]


@pytest.fixture
def session(target: TestedTarget, open_session: OpenSession) -> Session:
    """A session that the target pings."""
    return pinged_session(target, open_session)


@pytest.fixture
def next_ping(target: TestedTarget, session: Session) -> AwaitPing:
    """Have the target send a ping, and wait for it."""
    return partial(await_ping, target, session)


@pytest.fixture
def ping(session: Session, next_ping: AwaitPing) -> NOPIn:
    """A NOP-In that requests an answer, which is not sent."""
    session.answers_pings = False
    return next_ping()


@pytest.mark.requirement("RFC7143-11.19-05", "RFC7143-11.19-06")
def test_a_ping_has_neither_task_nor_data(ping: NOPIn) -> None:
    """A NOP-In that the target sends unasked has ITT 0xffffffff and no data."""
    check(ping.initiator_task_tag == RESERVED_TAG, "ITT 0xffffffff", ping)
    check(
        ping.data_segment_length == 0,
        "no data",
        ping,
        requirement="RFC7143-11.19-06",
    )


@pytest.mark.requirement("RFC7143-11.19.1-i01")
def test_a_ping_has_a_transfer_tag(ping: NOPIn) -> None:
    """A NOP-In that requests an answer has a Target Transfer Tag."""
    check(ping.target_transfer_tag != RESERVED_TAG, "TTT not 0xffffffff", ping)


@pytest.mark.requirement("RFC7143-11.19.3-01")
def test_a_ping_names_a_unit(session: Session, next_ping: AwaitPing) -> None:
    """A NOP-In with a Target Transfer Tag has the LUN of a unit of the session."""
    room = 0x4000
    result = session.execute(cdb.report_luns(allocation_length=room), read=room)
    expect_good(result)
    units = {lun_field(lun) for lun in parse_report(result.data)}

    ping = next_ping()

    check(ping.lun in units, "the LUN of a logical unit", ping)


@pytest.mark.requirement("RFC7143-11.19.2-i01")
def test_a_ping_does_not_advance_stat_sn(
    session: Session, next_ping: AwaitPing
) -> None:
    """A NOP-In that the target sends unasked has the next StatSN without using it."""
    before = session.ping().stat_sn

    unasked = next_ping()
    after = session.ping()

    expected_stat_sn = (before + 1) % 2**32
    check(unasked.stat_sn == expected_stat_sn, f"StatSN {expected_stat_sn}", unasked)
    check(after.stat_sn == expected_stat_sn, f"StatSN {expected_stat_sn}", after)


@pytest.mark.requirement("RFC7143-11.19.1-i01")
def test_an_answer_to_a_ping_gets_no_response(
    session: Session, next_ping: AwaitPing
) -> None:
    """The target does not respond to the answer to its ping."""
    ping = next_ping()

    session.expect_silence(after=session.transcript.sent()[-1])

    check(ping.target_transfer_tag != RESERVED_TAG, "TTT not 0xffffffff", ping)
