# SPDX-License-Identifier: GPL-2.0-only
"""Ways to cut what is sent into TCP segments."""

import socket

import pytest

from initiator.connection import Connection
from initiator.segments import Cut, pieces
from iscsi.constants import RejectReason
from iscsi.errors import ConnectionLost
from iscsi.pdu import NOPOut, Reject
from tests.initiator.peer import Peer, listening

_WIRE = bytes(range(256)) * 2


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("length", [48, 49, 52, 512])
def test_nothing_is_lost(cut: Cut, length: int) -> None:
    parts = pieces(_WIRE[:length], cut)

    assert b"".join(parts) == _WIRE[:length]
    assert all(parts)


def test_each_cuts_where_it_says() -> None:
    lengths = {cut: [len(part) for part in pieces(_WIRE, cut)] for cut in Cut}

    assert lengths[Cut.WHOLE] == [512]
    assert lengths[Cut.HEADER_APART] == [48, 464]
    assert lengths[Cut.MID_HEADER] == [1, 6, 40, 3, 462]
    assert lengths[Cut.TRICKLE] == [1] * 63 + [449]


def refuse_a_header(peer: Peer) -> None:
    """Answer a header and close before the rest of its PDU comes."""
    peer.socket.recv(48, socket.MSG_WAITALL)
    peer.socket.sendall(bytes(Reject(reason=int(RejectReason.PROTOCOL_ERROR))))


def receive_all(connection: Connection) -> None:
    """Receive until that is no longer possible."""
    while True:
        connection.receive()


@pytest.mark.parametrize("cut", [Cut.HEADER_APART, Cut.MID_HEADER, Cut.TRICKLE])
def test_a_target_may_close_before_the_last_piece(cut: Cut) -> None:
    with listening(refuse_a_header) as portal:
        connection = Connection(portal, timeout=5.0)
        connection.cut = cut
        connection.send(NOPOut(data=bytes(512)))

        with pytest.raises(ConnectionLost):
            receive_all(connection)
        connection.close()


def test_what_is_said_before_the_last_piece_is_not_lost() -> None:
    with listening(refuse_a_header) as portal:
        connection = Connection(portal, timeout=5.0)
        connection.cut = Cut.HEADER_APART
        connection.send(NOPOut())
        connection.cut = Cut.WHOLE

        assert isinstance(connection.receive(), Reject)
        connection.close()
