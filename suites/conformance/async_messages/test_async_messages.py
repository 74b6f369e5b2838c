# SPDX-License-Identifier: GPL-2.0-only
"""Async Messages (RFC 7143 section 11.9), sent on an operator's order."""

import time

import pytest

from initiator.core import lun_field
from initiator.expect import check, clause, expect_drop
from initiator.session import Session
from iscsi.constants import RESERVED_TAG, AsyncEvent
from iscsi.pdu import AsyncMessage, NOPOut
from suites.plugins.sessions import OpenSession
from suites.support.operator import Operate

pytestmark = pytest.mark.needs("operator")

ORDERS = {
    "scsi": ("scsi-event lun={lun}", AsyncEvent.SCSI),
    "logout-request": ("logout-request seconds=1", AsyncEvent.LOGOUT_REQUEST),
    "connection-drop": ("drop-connection", AsyncEvent.CONNECTION_DROP),
    "session-drop": ("drop-session", AsyncEvent.SESSION_DROP),
    "negotiation": ("negotiation-request", AsyncEvent.NEGOTIATION_REQUEST),
    "vendor": ("vendor-event code=7", AsyncEvent.VENDOR),
}
DROPS = {
    name: ORDERS[name] for name in ("logout-request", "connection-drop", "session-drop")
}


@pytest.mark.requirement("RFC7143-11.9-i01", "RFC7143-4.2.2.2-i01")
@pytest.mark.parametrize(("order", "event"), ORDERS.values(), ids=ORDERS)
def test_async_message_has_no_task_and_advances_stat_sn(
    session: Session, operate: Operate, order: str, event: AsyncEvent
) -> None:
    """The target sends an Async Message with ITT 0xffffffff and the next StatSN."""
    expected_stat_sn = session.ping().stat_sn + 1

    operate(session, order.format(lun=session.lun))

    message = session.expect(AsyncMessage)
    check(message.async_event == event, f"AsyncEvent {event}", message)
    tag = session.transcript.received()[-1].segments()[0][16:20]
    check(tag == RESERVED_TAG.to_bytes(4, "big"), "ITT 0xffffffff", tag.hex())
    check(
        message.stat_sn == expected_stat_sn % 2**32,
        f"StatSN {expected_stat_sn}",
        message,
    )


@pytest.mark.requirement("RFC7143-11.9-i01", "RFC7143-4.2.2.2-i01")
def test_the_next_stat_sn_follows_an_async_message(
    session: Session, operate: Operate
) -> None:
    """The answer after an Async Message has the StatSN that follows the message's."""
    operate(session, "vendor-event")
    message = session.expect(AsyncMessage)

    pong = session.ping()

    check(pong.stat_sn == (message.stat_sn + 1) % 2**32, "the next StatSN", pong)


@pytest.mark.requirement("RFC7143-11.9.1-01")
@pytest.mark.needs("multi-connection")
def test_a_logout_is_requested_when_required(
    open_session: OpenSession, operate: Operate
) -> None:
    """The target sends AsyncEvent 1 on the connection that is to be logged out."""
    session = open_session({"MaxConnections": "2"})
    second = session.add_connection(2)

    operate(session, "logout-request seconds=3", second)

    message = session.expect(AsyncMessage, link=second)
    check(message.async_event == AsyncEvent.LOGOUT_REQUEST, "AsyncEvent 1", message)
    session.logout(cid=2, link=second)


@pytest.mark.requirement("RFC7143-8.1.2-i08", "RFC7143-11.15-01")
def test_a_requested_logout_is_accepted(session: Session, operate: Operate) -> None:
    """The target grants the logout that it requested, and closes the connection."""
    operate(session, "logout-request seconds=5")
    session.expect(AsyncMessage)

    response = session.logout()

    check(response.response == 0, "response 0", response)
    with clause("RFC7143-11.15-01"):
        expect_drop(session.connection)


@pytest.mark.requirement("RFC7143-11.9.1-i01")
def test_without_a_logout_the_connection_is_dropped(
    session: Session, operate: Operate
) -> None:
    """Without a logout in Parameter3 seconds the target drops the connection."""
    operate(session, "logout-request seconds=1")
    message = session.expect(AsyncMessage)
    begun = time.monotonic()

    expect_drop(session.connection, timeout=int(message.parameter3) + 4)

    waited = time.monotonic() - begun
    check(
        waited > 0.5 * message.parameter3,
        "a dropped connection when the time is over",
        waited,
    )


@pytest.mark.requirement("RFC7143-11.9.1-i02")
def test_a_drop_names_its_connection(session: Session, operate: Operate) -> None:
    """AsyncEvent 2 names the CID of the dropped connection in Parameter1."""
    operate(session, "drop-connection")

    message = session.expect(AsyncMessage)

    cid = session.leading.cid
    check(message.parameter1 == cid, f"Parameter1 {cid}", message, field="Parameter1")


@pytest.mark.requirement("RFC7143-11.9.3-01")
def test_a_scsi_event_names_its_unit(session: Session, operate: Operate) -> None:
    """AsyncEvent 0 has the LUN of the logical unit that it reports."""
    operate(session, f"scsi-event lun={session.lun}")

    message = session.expect(AsyncMessage)
    check(message.lun == lun_field(session.lun), "the unit's LUN", message)


@pytest.mark.requirement("RFC7143-11.9-i01", "RFC7143-4.2.2.2-i01")
def test_requests_are_served_meanwhile(session: Session, operate: Operate) -> None:
    """The target serves the requests before and after an Async Message."""
    operate(session, "vendor-event")

    pong = session.send(NOPOut(immediate=1, data=b"meanwhile"))

    session.expect(AsyncMessage)
    answer = session.receive()
    check(
        bytes(answer.data) == b"meanwhile",
        "the ping's data",
        answer,
        requirement="RFC7143-11.19-02",
        field="DataSegment",
    )
    assert pong.initiator_task_tag == answer.initiator_task_tag
