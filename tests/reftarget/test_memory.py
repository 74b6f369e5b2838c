# SPDX-License-Identifier: GPL-2.0-only
"""What has ended is freed at once: no garbage collection has to find it."""

import gc
import logging
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from iscsi import pdu
from iscsi.scsi import cdb
from reftarget.config import Limits
from reftarget.stream import FULL_SIZE, INITIAL_SIZE, Stream
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import Peer, make_target, read, write

LEVEL_2 = {"ErrorRecoveryLevel": "2", "MaxConnections": "4"}


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    logging.disable()  # pytest keeps log records and the objects in them
    yield
    logging.disable(logging.NOTSET)
    gc.enable()


def references(peer: Peer) -> list[weakref.ref[Any]]:
    """Return references to all that a connection stands for."""
    connection = peer.connection
    ends: list[object] = [connection, connection.handler]
    session = peer.target.sessions.get(peer.tsih)
    if session is not None:
        ends = [connection, session, session.recovery, session.fence]
    return [weakref.ref(end) for end in ends]


def lose(target: ReferenceTarget, peer: Peer) -> None:
    peer.connection.lost()
    target.ready.clear()
    del peer.connection


def still_there(kept: list[weakref.ref[Any]]) -> list[object]:
    return [reference() for reference in kept if reference() is not None]


@pytest.mark.parametrize("ping_interval", [0.0, 5.0])
def test_a_login_that_never_went_on(ping_interval: float) -> None:
    target = make_target(limits=Limits(ping_interval=ping_interval))
    peer = Peer(target)
    references_kept = references(peer)

    lose(target, peer)

    assert still_there(references_kept) == []


def test_a_refused_login() -> None:
    target = make_target()
    peer = Peer(target)
    references_kept = references(peer)

    response = peer.login(TargetAddress="never for an initiator to say")
    lose(target, peer)

    assert response.status
    assert still_there(references_kept) == []


def test_a_data_segment_that_is_too_long() -> None:
    target = make_target()
    peer = Peer(target)
    references_kept = references(peer)

    peer.send_bytes(peer.login_request([]).segments()[0][:5] + b"\xff\xff\xff")
    peer.send_bytes(bytes(40))
    lose(target, peer)

    assert still_there(references_kept) == []


@pytest.mark.parametrize("ping_interval", [0.0, 5.0])
def test_a_session_that_was_logged_out(ping_interval: float) -> None:
    target = make_target(limits=Limits(ping_interval=ping_interval))
    peer = Peer(target).logged_in(**LEVEL_2)
    peer.send(read(0, 8))
    references_kept = references(peer)

    peer.send(pdu.LogoutRequest(reason=0))
    lose(target, peer)

    assert still_there(references_kept) == []


def test_a_session_that_was_lost_amid_writes() -> None:
    target = make_target()
    peer = Peer(target).logged_in(ImmediateData="No", **LEVEL_2)
    peer.send(write(0, 8), write(8, 8), read(16, 8))
    peer.cmd_sn += 1
    peer.execute(cdb.test_unit_ready())
    references_kept = references(peer)

    lose(target, peer)
    target.tick(target.now + 8000.0)

    assert still_there(references_kept) == []


def test_the_buffer_begins_small_and_grows_with_what_comes() -> None:
    stream = Stream(1 << 18)
    rooms = []

    for _ in range(4):
        room = stream.space()
        rooms.append(len(room))
        stream.filled(len(room))

    assert rooms[0] == INITIAL_SIZE
    assert rooms == sorted(rooms)
    assert sum(rooms) == FULL_SIZE


def test_a_buffer_that_nobody_needs_stays_small() -> None:
    stream = Stream(1 << 18)
    for _ in range(100):
        stream.space()
        stream.filled(48)
        while stream.next_pdu() is not None:
            pass

    assert len(stream.space()) == INITIAL_SIZE
