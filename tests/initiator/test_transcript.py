# SPDX-License-Identifier: GPL-2.0-only
"""What a transcript keeps, and how it reaches captures and bundles."""

import socket
import struct
from pathlib import Path

import pytest

from initiator import bundle
from initiator import transcript as kept
from initiator.captures.read import segments
from initiator.captures.write import to_pcapng
from initiator.connection import Connection
from initiator.transcript import Direction, Entry, Event, Transcript
from iscsi import text
from iscsi.errors import ConnectionLost, PeerTimeout
from iscsi.framing import Digests, framed
from iscsi.pdu import PDU, LoginRequest, LoginResponse, NOPIn, NOPOut
from tests.initiator.peer import Peer, listening

PROOF = "0x0123456789abcdef0123456789a5ec7e7"


def entry(pdu: PDU, direction: Direction = Direction.SENT, **digests: bool) -> Entry:
    header, data = pdu.segments()
    return Entry(1.0, 1, direction, frame=framed(header, data, **digests))


def transcript_of(*entries: Entry) -> Transcript:
    transcript = Transcript()
    transcript.add_connection(("192.0.2.1", 5000), ("192.0.2.2", 3260))
    for one in entries:
        transcript.add(one)
    return transcript


def reset_behind_a_fin(peer: Peer) -> None:
    """End with RST on a connection that FIN has half closed: EPIPE at the other end."""
    peer.receive()
    peer.socket.shutdown(socket.SHUT_WR)
    linger = struct.pack("ii", 1, 0)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def send_until_lost(connection: Connection) -> None:
    while True:
        connection.send(NOPOut(data=bytes(4096)))


def test_a_reset_that_surfaces_as_a_broken_pipe_is_a_reset(tmp_path: Path) -> None:
    with listening(reset_behind_a_fin) as portal:
        connection = Connection(portal, timeout=5)
        connection.send(NOPOut())
        with pytest.raises(ConnectionLost) as error:
            send_until_lost(connection)
        connection.close()
    path = tmp_path / "c.pcapng"
    path.write_bytes(to_pcapng(connection.transcript))

    endings = [one.ending for one in segments(path) if one.ending]
    assert error.value.reset
    assert connection.transcript.entries[-1].event is Event.RST_RECEIVED
    assert endings == ["RST"]


def test_what_happens_is_typed() -> None:
    def script(peer: Peer) -> None:
        peer.receive()

    with listening(script) as portal:
        connection = Connection(portal, timeout=5)
        with pytest.raises(PeerTimeout):
            connection.receive(0.01)
        connection.shutdown_write()
        with pytest.raises(ConnectionLost, match="the initiator has closed its side"):
            connection.send(NOPOut())
        connection.reset()

    events = [one.event for one in connection.transcript.entries if one.event]
    assert events == [
        Event.CONNECTED,
        Event.SILENCE,
        Event.HALF_CLOSED,
        Event.RST_SENT,
    ]
    assert "no PDU within 0.01 s" in connection.transcript.render()


def test_a_sent_pdu_keeps_its_digests() -> None:
    def script(peer: Peer) -> None:
        peer.socket.recv(1 << 16)

    with listening(script) as portal:
        connection = Connection(portal, timeout=5)
        connection.digests = Digests(header=True, data=True)
        connection.send(NOPOut(data=b"abcd"))
        connection.send(NOPOut(data=b"abcd"), header_digest=False, data_digest=b"1234")
        connection.close()
    events = bundle.of_transcript(connection.transcript).events

    sent = [one for one in events if one.kind == bundle.SENT]
    assert [(one.header_digest, one.data_digest) for one in sent] == [
        (bundle.RIGHT, bundle.RIGHT),
        ("", b"1234".hex()),
    ]


def test_the_pdu_that_is_wrong_is_marked_even_if_another_looks_like_it() -> None:
    first, second = (entry(NOPIn(), Direction.RECEIVED) for _ in range(2))
    record = transcript_of(first, second, entry(NOPOut()))
    wrong = first.decoded()

    capture = to_pcapng(record, expected="an R2T", actual="NOPIn", offending=wrong)

    comment = b"expected: an R2T; actual: NOPIn"
    without = to_pcapng(transcript_of(entry(NOPIn(), Direction.RECEIVED)))
    assert capture.count(comment) == 1
    assert capture.index(comment) < len(without) + 200
    assert first.is_of(wrong)
    assert not second.is_of(wrong)


def login_with_proof(cut: int | None = None) -> list[Entry]:
    data = text.encode([("CHAP_N", "user"), ("CHAP_R", PROOF)])
    if cut is None:
        return [entry(LoginRequest(data=data))]
    first = LoginRequest(data=data[:cut], continuation=1)
    return [entry(first), entry(LoginRequest(data=data[cut:]))]


@pytest.mark.parametrize("cut", [None, 15, 20, 30])
def test_proofs_are_left_out_of_all_that_is_kept(cut: int | None) -> None:
    answer = LoginResponse(data=text.encode([("CHAP_R", PROOF), ("CHAP_N", "t")]))
    raw = Entry(1.0, 1, Direction.SENT, raw=f"CHAP_R={PROOF}\0".encode())
    entries = [*login_with_proof(cut), entry(answer, Direction.RECEIVED), raw]
    record = transcript_of(*entries)
    tail = PROOF[-6:].encode()

    assert tail not in to_pcapng(record)
    assert tail.hex() not in bundle.of_transcript(record).encode().decode()
    record.keeps_proofs = True
    assert to_pcapng(record).count(tail) >= 3 - (cut == 30)


def test_a_transcript_shows_no_proof() -> None:
    assert PROOF not in transcript_of(*login_with_proof()).render()


def test_a_transcript_keeps_its_first_and_its_latest_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "FIRST_KEPT", 4)
    monkeypatch.setattr(kept, "MOST_ENTRIES", 20)
    record = transcript_of(*(entry(NOPOut(cmd_sn=number)) for number in range(100)))
    position = len(record)
    record.add(entry(NOPOut(cmd_sn=100)))

    numbers = [pdu.cmd_sn for pdu in record.sent()]
    assert len(record) == 101
    assert len(record.entries) <= 20
    assert numbers[:4] == [0, 1, 2, 3]
    assert numbers[-5:] == [96, 97, 98, 99, 100]
    assert [pdu.cmd_sn for pdu in record.sent(since=position)] == [100]
    assert f"... {record.left_out} entries left out" in record.render()
    assert b"PDUs before this one are left out" in to_pcapng(record)


def test_the_bytes_of_a_transcript_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "FIRST_KEPT", 2)
    monkeypatch.setattr(kept, "MOST_BYTES", 100_000)
    record = transcript_of(*(entry(NOPOut(data=bytes(8192))) for _ in range(64)))

    assert sum(len(one.wire) for one in record.entries) <= 100_000
    assert record.left_out == 64 - len(record.entries)
