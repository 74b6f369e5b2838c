# SPDX-License-Identifier: GPL-2.0-only
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.digest import crc32c, digest
from iscsi.errors import DecodeError
from iscsi.framing import Decoder, Digests, encode
from iscsi.pdu import ExtendedCDB, NOPOut, SCSICommand

DIGESTS = st.builds(Digests, st.booleans(), st.booleans())


# RFC 3720 appendix B.4: CRC examples, in the order of the wire.
@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (bytes(32), "aa36918a"),
        (b"\xff" * 32, "43aba862"),
        (bytes(range(32)), "4e79dd46"),
        (bytes(range(31, -1, -1)), "5cdb3f11"),
        (
            bytes.fromhex(
                "01c00000000000000000000000000000"
                "14000000000004000000001400000018"
                "28000000000000000200000000000000"
            ),
            "563a96d9",
        ),
    ],
)
def test_crc32c_matches_the_examples_of_rfc_3720(data: bytes, wire: str) -> None:
    assert digest([data]).hex() == wire
    assert crc32c(data) == int.from_bytes(bytes.fromhex(wire), "little")


@given(st.lists(st.binary(max_size=70), max_size=4), DIGESTS, st.integers(1, 80))
def test_a_stream_in_pieces_gives_back_its_pdus(
    payloads: list[bytes], digests: Digests, size: int
) -> None:
    pdus = [
        SCSICommand(data=data, ahs=[ExtendedCDB(extended_cdb=data)] if data else [])
        for data in payloads
    ]
    stream = b"".join(
        encode(*pdu.segments(), header_digest=digests.header, data_digest=digests.data)
        for pdu in pdus
    )
    decoder = Decoder(digests=digests)
    frames = []
    for start in range(0, len(stream), size):
        decoder.feed(stream[start : start + size])
        frames += list(decoder)

    assert [(frame.header, frame.data) for frame in frames] == [
        pdu.segments() for pdu in pdus
    ]
    assert all(f.is_header_digest_right and f.is_data_digest_right for f in frames)
    assert b"".join(frame.wire for frame in frames) == stream
    assert decoder.pending == b""


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10_000))
def test_a_flipped_bit_shows_in_its_digest(data: bytes, position: int) -> None:
    header, segment = NOPOut(data=data).segments()
    wire = bytearray(encode(header, segment, header_digest=True, data_digest=True))
    # Leave bytes 4 to 7 alone: other lengths would move the cut.
    places = [i for i in range(len(wire)) if not 4 <= i < 8]
    place = places[position % len(places)]
    wire[place] ^= 1 << position % 8
    decoder = Decoder(digests=Digests(header=True, data=True))
    decoder.feed(wire)

    frame = decoder.next_frame()

    assert frame is not None
    is_in_header = place < 52
    assert frame.is_header_digest_right is not is_in_header
    assert frame.is_data_digest_right is is_in_header


def test_an_empty_data_segment_has_no_digest() -> None:
    wire = encode(*NOPOut().segments(), header_digest=True, data_digest=True)

    assert len(wire) == 52


def test_a_digest_may_be_a_lie() -> None:
    wire = encode(bytes(48), b"data", header_digest=b"HEAD", data_digest=b"DATA")

    assert wire == bytes(48) + b"HEAD" + b"data" + b"DATA"


def test_a_data_segment_beyond_the_limit_is_refused_before_it_is_here() -> None:
    decoder = Decoder(max_data_segment_length=8192)
    decoder.feed(bytes(NOPOut(data_segment_length=8193))[:48])

    with pytest.raises(DecodeError, match="8193") as caught:
        decoder.next_frame()

    assert caught.value.field == "DataSegmentLength"
