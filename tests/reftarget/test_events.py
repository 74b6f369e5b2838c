# SPDX-License-Identifier: GPL-2.0-only
"""Pings, Async Messages and the operator's commands."""

import pytest

from iscsi import pdu
from iscsi.constants import RESERVED_TAG, LoginStatus
from reftarget import control
from reftarget.config import Limits
from tests.reftarget.peer import NAME, Peer, make_target, names, read


@pytest.fixture
def peer() -> Peer:
    return Peer(make_target()).logged_in()


@pytest.mark.parametrize(
    ("line", "event", "parameters", "closes"),
    [
        ("logout-request seconds=3", 1, (0, 0, 3), False),
        ("drop-connection", 2, (0, 2, 20), True),
        ("drop-session", 3, (0, 0, 0), True),
        ("negotiation-request seconds=9", 4, (0, 0, 9), False),
        ("vendor-event code=7", 255, (0, 0, 0), False),
        ("vendor-event code=8 tsih=0", 255, (0, 0, 0), False),
    ],
)
def test_async_messages_on_command(
    peer: Peer, line: str, event: int, parameters: tuple[int, ...], closes: bool
) -> None:
    expected = peer.exp_stat_sn

    answer = control.execute(peer.target, line)

    message = peer.receive()[0]
    assert answer == "ok"
    assert message.async_event == event
    assert (message.parameter1, message.parameter2, message.parameter3) == parameters
    assert message.stat_sn == expected
    assert peer.connection.is_closing is closes


def test_scsi_event_carries_sense(peer: Peer) -> None:
    control.execute(peer.target, "scsi-event lun=1")

    message = peer.receive()[0]

    assert (message.async_event, message.lun) == (0, 1 << 48)
    assert message.sense[12:14] == b"\x2a\x09"


def test_connection_is_dropped_when_no_logout_follows(peer: Peer) -> None:
    control.execute(peer.target, "logout-request seconds=3")
    peer.target.tick(2.9)
    alive = not peer.connection.is_closing
    peer.target.tick(3.0)

    assert alive
    assert peer.connection.is_closing
    assert [one.async_event for one in peer.receive()] == [1, 2]


def test_idle_connection_is_pinged_and_dropped_when_deaf() -> None:
    peer = Peer(make_target(limits=Limits(ping_interval=10.0, ping_time=2.0)))
    peer.logged_in()

    peer.target.tick(10.0)
    quiet = peer.receive()
    peer.target.tick(20.0)
    ping = peer.receive()[0]
    peer.send(
        pdu.NOPOut(
            initiator_task_tag=RESERVED_TAG,
            target_transfer_tag=ping.target_transfer_tag,
            lun=ping.lun,
            immediate=1,
        )
    )
    peer.target.tick(22.0)
    peer.target.tick(32.0)
    repeated = peer.receive()
    peer.target.tick(34.0)

    assert quiet == []
    assert (ping.initiator_task_tag, bytes(ping.data)) == (RESERVED_TAG, b"")
    assert ping.target_transfer_tag != RESERVED_TAG
    assert ping.stat_sn == peer.exp_stat_sn
    assert len(repeated) == 1
    assert peer.connection.is_closing


def test_target_goes_offline_and_comes_back(peer: Peer) -> None:
    target = peer.target
    control.execute(target, f"offline target={NAME}")
    refused = Peer(target).login().status
    control.execute(target, f"online target={NAME}")

    assert refused == LoginStatus.SERVICE_UNAVAILABLE
    assert Peer(target).login().status == 0


def test_removed_target_drops_its_sessions(peer: Peer) -> None:
    control.execute(peer.target, "remove")

    assert peer.receive()[0].async_event == 3
    assert Peer(peer.target).login().status == LoginStatus.TARGET_REMOVED


@pytest.mark.parametrize(
    "line",
    [
        "",
        "odd",
        "ping cid",
        "ping cid=7",
        "ping cid=-1",
        "cut tsih=x",
        "cut tsih=99999",
        "offline target=q",
        "logout-request seconds=-1",
        "logout-request seconds=70000",
        "negotiation-request seconds=0x10000",
        "scsi-event lun=-1",
        "scsi-event lun=7",
        "scsi-event lun=99999999",
        "vendor-event code=256",
        "login-time seconds=-1",
        "login-time seconds=" + "9" * 5000,
    ],
)
def test_commands_that_make_no_sense_are_errors(peer: Peer, line: str) -> None:
    assert control.execute(peer.target, line).startswith("error ")


def test_sessions_are_listed(peer: Peer) -> None:
    peer.send(read(0, 1))

    answer = control.execute(peer.target, "sessions")

    assert answer.startswith(f"ok tsih={peer.tsih} cids=0 tasks=0")


def test_a_name_with_a_newline_stays_in_its_line() -> None:
    peer = Peer(make_target())
    peer.send(peer.login_request(names(InitiatorName="iqn.a\nok forged")))

    answer = control.execute(peer.target, "sessions")

    assert "forged" in answer
    assert answer.isprintable()
