# SPDX-License-Identifier: GPL-2.0-only
"""The relay of the interoperability suite."""

import socket
import threading
from collections.abc import Iterator

import pytest

from suites.interop.relay import Relay

SECONDS = 10.0


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that gives every byte back."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(1000):
                    client.sendall(data)
            except ConnectionResetError:
                pass  # the connection was cut

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[client], daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(server.getsockname()[1])
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(SECONDS)


@pytest.fixture
def relay(echo: int) -> Iterator[Relay]:
    with Relay("127.0.0.1", echo) as one:
        yield one


def connect(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), SECONDS)


def say(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    answer = b""
    while len(answer) < len(data):
        part = client.recv(len(data))
        if not part:
            break
        answer += part
    return answer


def drain(client: socket.socket) -> None:
    while client.recv(1000):
        pass


def test_bytes_pass_both_ways(relay: Relay) -> None:
    with connect(relay) as client:
        assert say(client, b"hello" * 50_000) == b"hello" * 50_000
    assert relay.connections == 1


def test_cut_resets_every_connection(relay: Relay) -> None:
    with connect(relay) as one, connect(relay) as other:
        say(one, b"x")
        say(other, b"x")

        assert relay.cut() == 2

        for client in (one, other):
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    with connect(relay) as reopened:
        assert say(reopened, b"there") == b"there"
    assert relay.connections == 3


def test_cut_waits_for_its_byte(relay: Relay) -> None:
    with connect(relay) as client:
        relay.cut_after(10)
        assert say(client, b"12345") == b"12345"
        assert relay.has_pending_order
        assert say(client, b"6789") == b"6789"
        client.sendall(b"0")
        with pytest.raises(ConnectionResetError):
            drain(client)
    assert not relay.has_pending_order


def test_one_bit_is_flipped_once(relay: Relay) -> None:
    with connect(relay) as client:
        relay.flip_bit_after(3)
        assert say(client, bytes(2)) == bytes(2)
        assert say(client, bytes(3)) == b"\0\x10\0"
        assert say(client, bytes(8)) == bytes(8)
    assert not relay.has_pending_order


def test_the_refused_come_in_later(relay: Relay) -> None:
    with connect(relay) as first:
        say(first, b"x")
        with relay.refusing():
            with pytest.raises(ConnectionRefusedError):
                connect(relay)
            assert say(first, b"still there") == b"still there"
    with connect(relay) as third:
        assert say(third, b"x") == b"x"
    assert relay.connections == 2


def test_the_end_of_one_side_is_the_end_of_the_other(relay: Relay) -> None:
    with connect(relay) as client:
        say(client, b"x")
    with connect(relay) as client:
        assert say(client, b"x") == b"x"
    assert relay.await_connections(2, SECONDS)
    assert not relay.await_connections(3, 0.0)


def test_its_port_stays_its_own_while_it_refuses(relay: Relay) -> None:
    with relay.refusing():
        with pytest.raises(OSError, match="in use"), socket.socket() as other:
            other.bind(("127.0.0.1", relay.port))
        with pytest.raises(ConnectionRefusedError):
            connect(relay)
    with connect(relay) as client:
        assert say(client, b"x") == b"x"


def test_without_a_server_the_relay_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Relay("127.0.0.1", port) as relay:
        with pytest.raises(ConnectionResetError), connect(relay) as client:
            client.recv(1)
        assert relay.connections == 0
