# SPDX-License-Identifier: GPL-2.0-only
import socket
import struct
import time
from typing import Any

import pytest

from initiator.connection import Connection, Portal
from initiator.expect import (
    ConformanceFailure,
    expect_drop,
    expect_reject_or_drop,
    next_or_drop,
)
from initiator.slips import EVERY_CLAUSE
from initiator.transcript import Direction
from iscsi.constants import RejectReason
from iscsi.errors import ConnectionLost, DigestError, NotConnected, PeerTimeout
from iscsi.framing import Digests
from iscsi.pdu import NOPIn, NOPOut, Reject
from tests.initiator.peer import Peer, listening


def wait(peer: Peer) -> None:
    """Say nothing until the initiator goes away."""
    while True:
        peer.receive()


def test_a_refused_connection_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ConnectionLost, match=f"cannot connect to 127.0.0.1:{port}"):
        Connection(Portal("127.0.0.1", port))


def test_a_connection_that_is_reset_at_once_is_reported_and_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        portal = Portal(*listener.getsockname())
        connect = socket.create_connection

        def connect_and_be_reset(*arguments: Any) -> socket.socket:
            connected.append(connect(*arguments))
            accepted = listener.accept()[0]
            linger = struct.pack("ii", 1, 0)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            accepted.close()
            return connected[0]

        monkeypatch.setattr(socket, "create_connection", connect_and_be_reset)
        with pytest.raises(NotConnected, match="resets the connection at once"):
            Connection(portal)

    assert connected[0].fileno() == -1


def test_ipv6_is_spoken() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        connection = Connection(Portal("::1", server.getsockname()[1]))
        connection.close()

    assert str(connection.portal).startswith("[::1]:")


def test_silence_is_bounded() -> None:
    with listening(wait) as portal:
        connection = Connection(portal, timeout=0.2)
        begun = time.monotonic()
        with pytest.raises(PeerTimeout, match=r"no PDU within 0\.2 s"):
            connection.receive()
        assert time.monotonic() - begun < 2
        connection.close()


def test_half_a_pdu_and_then_silence_is_distinguished() -> None:
    def script(peer: Peer) -> None:
        peer.socket.sendall(bytes(NOPIn())[:20])
        peer.receive()

    with listening(script) as portal:
        connection = Connection(portal, timeout=0.3)
        with pytest.raises(PeerTimeout, match="only 20 bytes of one"):
            connection.receive()
        connection.close()


def test_an_end_in_the_middle_of_a_pdu_is_reported() -> None:
    with listening(lambda peer: peer.socket.sendall(bytes(NOPIn())[:30])) as portal:
        connection = Connection(portal)
        with pytest.raises(ConnectionLost, match="30 bytes into it") as caught:
            connection.receive()
        connection.close()

    assert not caught.value.reset


def test_fin_and_rst_both_count_as_a_drop() -> None:
    def reset(peer: Peer) -> None:
        peer.receive()
        peer.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )

    for script in (reset, lambda _peer: None):
        with listening(script) as portal:
            connection = Connection(portal)
            connection.send(NOPOut())
            expect_drop(connection)
            connection.close()


def test_a_connection_that_stays_is_a_failure() -> None:
    with listening(wait) as portal:
        connection = Connection(portal)
        with pytest.raises(ConformanceFailure, match="still open"):
            expect_drop(connection, timeout=0.1)
        connection.close()


def test_everything_stands_in_the_transcript_in_order() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(NOPIn(initiator_task_tag=7, data=b"pong"))

    with listening(script) as portal:
        connection = Connection(portal)
        connection.send(NOPOut(initiator_task_tag=7, data=b"ping"), note="first")
        connection.receive()
        connection.close()

    entries = connection.transcript.entries
    assert [entry.direction for entry in entries] == [
        Direction.EVENT,
        Direction.SENT,
        Direction.RECEIVED,
        Direction.EVENT,
    ]
    assert [entry.time for entry in entries] == sorted(e.time for e in entries)
    assert bytes(connection.transcript.sent()[0].data) == b"ping"
    assert entries[1].note == "first"
    assert "NOPIn F" in connection.transcript.render()


def test_digests_are_sent_and_judged() -> None:
    answer = NOPIn(data=b"data")

    def script(peer: Peer) -> None:
        peer.decoder.digests = Digests(header=True, data=True)
        peer.receive()
        header, data = answer.segments()
        peer.socket.sendall(header + b"\0\0\0\0" + data + b"\0\0\0\0")

    with listening(script) as portal:
        connection = Connection(portal)
        connection.digests = Digests(header=True, data=True)
        connection.transcript.slips.judge(EVERY_CLAUSE)
        connection.send(NOPOut(data=b"data"))
        with pytest.raises(DigestError, match="wrong header digest on NOPIn"):
            connection.receive()
        connection.close()


def test_a_wrong_digest_is_passed_over_where_it_is_not_judged() -> None:
    def script(peer: Peer) -> None:
        peer.decoder.digests = Digests(header=True, data=True)
        peer.receive()
        header, data = NOPIn(data=b"data").segments()
        peer.socket.sendall(header + b"\0\0\0\0" + data + b"\0\0\0\0")

    with listening(script) as portal:
        connection = Connection(portal)
        connection.digests = Digests(header=True, data=True)
        connection.send(NOPOut(data=b"data"))

        assert bytes(connection.receive().data) == b"data"

        (slip,) = connection.transcript.slips.first.values()
        assert slip.clause == "RFC7143-13.1-04"
        assert "wrong header digest" in str(slip.error)
        connection.close()


@pytest.mark.parametrize("reason", list(RejectReason))
def test_a_reject_must_return_the_header_and_a_reason_allowed(
    reason: RejectReason,
) -> None:
    def script(peer: Peer) -> None:
        header = peer.receive().segments()[0]
        peer.send(Reject(reason=reason, data=header))

    with listening(script) as portal:
        connection = Connection(portal)
        bad = NOPOut(opcode=0x1C)
        connection.send(bad)
        if reason is RejectReason.PROTOCOL_ERROR:
            answer = expect_reject_or_drop(connection, of=bad, reasons=[4])
            assert answer is not None
        else:
            with pytest.raises(ConformanceFailure, match="0x04"):
                expect_reject_or_drop(connection, of=bad, reasons=[4])
        connection.close()


def test_a_reject_of_something_else_is_a_failure() -> None:
    with listening(lambda peer: peer.send(Reject(reason=4, data=bytes(48)))) as portal:
        connection = Connection(portal)
        with pytest.raises(ConformanceFailure, match="returns the header"):
            expect_reject_or_drop(connection, of=NOPOut())
        connection.close()


def test_a_drop_is_none() -> None:
    with listening(lambda _peer: None) as portal:
        connection = Connection(portal)
        assert next_or_drop(connection) is None
        connection.close()


def test_any_byte_can_be_sent() -> None:
    received = bytearray()

    def script(peer: Peer) -> None:
        while chunk := peer.socket.recv(4096):
            received.extend(chunk)

    with listening(script) as portal:
        connection = Connection(portal)
        connection.send_bytes(b"raw")
        connection.send(NOPOut(data=b"x", data_segment_length=9, padding=b"PAD!"))
        connection.send_pieces(NOPOut(), [1, 47])
        connection.send(NOPOut(), header_digest=b"\1\2\3\4")
        connection.shutdown_write()
        assert connection.wait_closed()
        connection.close()

    lie = bytearray(bytes(NOPOut()))
    lie[5:8] = b"\0\0\x09"
    expected = b"raw" + lie + b"xPAD!" + bytes(NOPOut()) * 2 + b"\1\2\3\4"
    assert bytes(received) == expected
