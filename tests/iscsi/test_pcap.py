# SPDX-License-Identifier: GPL-2.0-only
"""Capture files, read by a reader of pcapng, IP and TCP that is written here."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from iscsi.pcap import Capture

NEAR, FAR = ("192.0.2.1", 50000), ("192.0.2.2", 3260)
SYN, FIN, RST, PSH, ACK = 0x02, 0x01, 0x04, 0x08, 0x10
ETHERNET_HEADER = 14


@dataclass(frozen=True)
class Segment:
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    acknowledged: int
    flags: int
    data: bytes
    nanoseconds: int
    comment: str


def blocks(file: bytes) -> list[tuple[int, bytes]]:
    """Return type and body of each block."""
    matches = []
    while file:
        kind, length = struct.unpack_from("<II", file)
        assert length % 4 == 0
        assert struct.unpack_from("<I", file, length - 4) == (length,)
        matches.append((kind, file[8 : length - 4]))
        file = file[length:]
    return matches


def comment_of(options: bytes) -> str:
    if not options:
        return ""
    code, length = struct.unpack_from("<HH", options)
    assert code == 1
    return options[4 : 4 + length].decode()


def ones_complement(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def segment_of(body: bytes) -> Segment:
    _, high, low, captured, length = struct.unpack_from("<IIIII", body)
    assert captured == length
    packet = body[20 + ETHERNET_HEADER : 20 + length]
    if packet[0] >> 4 == 4:
        assert body[20 + 12 : 20 + 14] == b"\x08\x00"
        assert ones_complement(packet[:20]) == 0xFFFF
        assert struct.unpack_from(">H", packet, 2) == (len(packet),)
        addresses, tcp = packet[12:20], packet[20:]
    else:
        assert body[20 + 12 : 20 + 14] == b"\x86\xdd"
        assert struct.unpack_from(">H", packet, 4) == (len(packet) - 40,)
        addresses, tcp = packet[8:40], packet[40:]
    pseudo = addresses + struct.pack(">II", len(tcp), 6)
    assert ones_complement(pseudo + tcp) == 0xFFFF
    half = len(addresses) // 2
    source, target, sequence, acknowledged, offset, flags = struct.unpack_from(
        ">HHIIBB", tcp
    )
    return Segment(
        (str(ip_address(addresses[:half])), source),
        (str(ip_address(addresses[half:])), target),
        sequence,
        acknowledged,
        flags,
        tcp[offset >> 2 :],
        high << 32 | low,
        comment_of(body[20 + length + -length % 4 :]),
    )


def segments(file: bytes) -> list[Segment]:
    return [segment_of(body) for kind, body in blocks(file) if kind == 6]


def test_the_file_begins_with_a_section_and_an_ethernet_interface() -> None:
    section, interface = blocks(Capture("made by a test").take())

    assert section[0] == 0x0A0D0D0A
    assert struct.unpack_from("<IHH", section[1]) == (0x1A2B3C4D, 1, 0)
    assert comment_of(section[1][16:]) == "made by a test"
    assert (interface[0], interface[1][:2]) == (1, b"\x01\x00")


def test_a_connection_is_a_handshake_data_and_an_end() -> None:
    capture = Capture()
    capture.open(1, 1.5, NEAR, FAR)
    capture.data(1, 2.0, b"request", from_near=True, comment="a PDU")
    capture.data(1, 3.0, b"answer!!", from_near=False)
    capture.close(1, 4.0, from_near=True)

    tcp_segments = segments(capture.take())

    assert [one.flags for one in tcp_segments] == [
        SYN,
        SYN | ACK,
        ACK,
        PSH | ACK,
        PSH | ACK,
        FIN | ACK,
    ]
    assert tcp_segments[0].nanoseconds == 1_500_000_000
    assert [(one.sequence, one.acknowledged) for one in tcp_segments[3:]] == [
        (1, 1),
        (1, 8),
        (8, 9),
    ]
    assert [one.data for one in tcp_segments[3:5]] == [b"request", b"answer!!"]
    assert [one.comment for one in tcp_segments[3:5]] == ["a PDU", ""]
    assert {(one.source, one.target) for one in tcp_segments} == {
        (NEAR, FAR),
        (FAR, NEAR),
    }


def test_much_data_is_cut_into_segments_that_fit_a_packet() -> None:
    capture = Capture()
    capture.open(1, 0.0, NEAR, FAR)
    data = bytes(range(256)) * 512
    capture.data(1, 0.0, data, from_near=True, comment="once")

    tcp_segments = segments(capture.take())[3:]

    assert b"".join(one.data for one in tcp_segments) == data
    assert [one.comment for one in tcp_segments] == ["once", "", ""]
    assert [one.sequence for one in tcp_segments] == [1, 60001, 120001]


def test_a_reset_ends_a_connection_over_ipv6() -> None:
    capture = Capture()
    capture.open(7, 0.0, ("2001:db8::1%eth0", 1), ("2001:db8::2", 3260))
    capture.close(7, 0.0, from_near=False, reset=True)

    end = segments(capture.take())[-1]

    assert end.flags == RST | ACK
    assert end.source == ("2001:db8::2", 3260)


def test_a_comment_longer_than_its_length_field_ends_between_characters() -> None:
    capture = Capture()
    capture.open(1, 0.0, NEAR, FAR)
    capture.data(1, 0.0, b"x", from_near=True, comment="x" + "ä" * 40000)

    comment = segments(capture.take())[-1].comment

    assert comment == "x" + "ä" * 32767


def test_what_was_taken_is_not_given_again() -> None:
    capture = Capture()
    first = capture.take()
    capture.open(1, 0.0, NEAR, FAR)

    assert first
    assert [kind for kind, _body in blocks(capture.take())] == [6, 6, 6]
