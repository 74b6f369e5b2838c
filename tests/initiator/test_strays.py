# SPDX-License-Identifier: GPL-2.0-only
"""Answers that come on another connection than their request are found there."""

import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from initiator.connection import Connection, Portal
from initiator.strays import misdirected_connection
from initiator.transcript import Transcript
from iscsi.constants import RESERVED_TAG
from iscsi.framing import encode
from iscsi.pdu import NOPIn, NOPOut

TAG = 0x12


@dataclass
class Pair:
    """Two connections of one session, and the target's ends of them."""

    transcript: Transcript
    connections: list[Connection]
    ends: list[socket.socket]

    def ask(self, number: int, tag: int = TAG) -> None:
        self.connections[number].send(NOPOut(immediate=1, initiator_task_tag=tag))

    def answer(self, number: int, tag: int = TAG) -> None:
        self.ends[number].sendall(encode(*NOPIn(initiator_task_tag=tag).segments()))

    def found(self, tag: int = TAG) -> Connection | None:
        return misdirected_connection(tag, self.connections, self.transcript)


@pytest.fixture
def pair() -> Iterator[Pair]:
    transcript = Transcript()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        portal = Portal("127.0.0.1", listener.getsockname()[1])
        connections = [Connection(portal, transcript) for _ in range(2)]
        ends = [listener.accept()[0] for _ in range(2)]
    yield Pair(transcript, connections, ends)
    for connection in connections:
        connection.close()
    for end in ends:
        end.close()


def test_an_answer_that_waits_on_another_connection_is_seen_and_stays(
    pair: Pair,
) -> None:
    pair.ask(0)
    pair.answer(1)
    select.select([pair.connections[1].fileno()], [], [], 5.0)

    assert pair.found() is pair.connections[1]
    assert pair.connections[1].receive().initiator_task_tag == TAG


def test_an_answer_that_was_read_on_another_connection_is_seen(pair: Pair) -> None:
    pair.ask(0)
    pair.answer(1)
    pair.connections[1].receive()

    assert pair.found() is pair.connections[1]


def test_an_answer_on_the_connection_of_its_request_is_none(pair: Pair) -> None:
    pair.ask(0)
    pair.answer(0)
    pair.connections[0].receive()

    assert pair.found() is None


def test_answers_to_others_and_untagged_pdus_are_none(pair: Pair) -> None:
    pair.ask(0)
    pair.ask(0, RESERVED_TAG)
    for tag in (TAG + 1, RESERVED_TAG):
        pair.answer(1, tag)
        pair.connections[1].receive()

    assert pair.found() is None
    assert pair.found(RESERVED_TAG) is None


def test_a_task_whose_connection_is_gone_may_be_answered_anywhere(pair: Pair) -> None:
    pair.ask(0)
    pair.answer(1)
    pair.connections[1].receive()
    pair.connections.pop(0).close()

    assert pair.found() is None
