# SPDX-License-Identifier: GPL-2.0-only
"""PDUs in a byte stream: split, joined, broken off (RFC 7143 chapters 8 and 11)."""

import pytest

from initiator.expect import check, expect_data
from initiator.session import Session
from iscsi.pdu import NOPIn, NOPOut, SCSIResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern, read, write

HEADER = 48


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-02")
def test_ping_may_come_byte_by_byte(session: Session) -> None:
    """The target serves a PDU whose bytes arrive one at a time."""
    request = session.number(NOPOut(immediate=1, data=b"drops"))
    length = sum(len(part) for part in request.segments())

    session.connection.send_pieces(request, list(range(1, length)))

    answer = session.expect(NOPIn, of=request)
    check(
        bytes(answer.data) == b"drops",
        "its data",
        answer,
        requirement="RFC7143-11.19-02",
    )


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-02")
@pytest.mark.parametrize("cut", [1, 4, 8, 47, HEADER, HEADER + 1, HEADER + 15])
def test_ping_may_come_in_two_parts(session: Session, cut: int) -> None:
    """The target serves a PDU that is split within its header or its data."""
    request = session.number(NOPOut(immediate=1, data=b"two parts of it"))

    session.connection.send_pieces(request, [cut], pause=0.01)

    answer = session.expect(NOPIn, of=request)
    check(
        bytes(answer.data) == bytes(request.data),
        "its data",
        answer,
        requirement="RFC7143-11.19-02",
    )


@pytest.mark.requirement("RFC7143-11.1-i01", "RFC7143-11.19-02")
@pytest.mark.parametrize("count", [2, 7])
def test_pdus_may_come_together(open_session: OpenSession, count: int) -> None:
    """The target serves PDUs that arrive together in one segment."""
    session = open_session({"HeaderDigest": "None", "DataDigest": "None"})
    data = [bytes([number]) * number for number in range(count)]
    requests = [session.number(NOPOut(data=each)) for each in data]

    session.connection.send_bytes(b"".join(b"".join(p.segments()) for p in requests))

    answers = [session.expect(NOPIn, is_answer=True) for _ in requests]
    check([bytes(pdu.data) for pdu in answers] == data, "the data of each", answers[-1])


@pytest.mark.requirement("RFC7143-4.2.2.1-08")
def test_a_pdu_may_begin_in_the_segment_of_another(open_session: OpenSession) -> None:
    """The target serves a PDU that begins in the segment in which another one ends."""
    session = open_session({"HeaderDigest": "None", "DataDigest": "None"})
    first = session.number(NOPOut(data=b"whole"))
    second = session.number(NOPOut(data=b"half"))
    wire = [b"".join(pdu.segments()) for pdu in (first, second)]

    session.connection.send_bytes(wire[0] + wire[1][:20], note="one and a part")
    session.expect(NOPIn, of=first)
    session.connection.send_bytes(wire[1][20:], note="the rest")

    session.expect(NOPIn, of=second)


@pytest.mark.requirement("RFC7143-8.3.2-i05", "RFC7143-6.3.1-i03")
@pytest.mark.parametrize("cut", [1, 24, 47, HEADER, HEADER + 4])
def test_broken_off_write_is_not_carried_out(
    open_session: OpenSession, scratch_disk: Disk, cut: int
) -> None:
    """A WRITE that breaks off within its PDU changes nothing; a new login works."""
    before = pattern(scratch_disk, 512)
    first = open_session({"ImmediateData": "Yes"})
    write(first, scratch_disk, before)
    pdu, _plan = first.command(
        cdb.write_10(lba=0, blocks=1), write=bytes(len(before))[::-1]
    )
    wire = b"".join(first.number(pdu).segments())

    first.connection.send_bytes(wire[:cut], note=f"{cut} of {len(wire)} bytes")
    first.connection.reset()

    second = open_session(isid=first.options.isid)
    read_back = read(second, scratch_disk, 512)
    expect_data(read_back.data, before, what="the data written before")


@pytest.mark.requirement("RFC7143-8.3.2-i05", "RFC7143-6.3.1-i03")
@pytest.mark.parametrize("end", ["close", "reset", "shutdown_write"])
def test_login_succeeds_after_a_lost_connection(
    open_session: OpenSession, end: str
) -> None:
    """The target accepts a login after the port's connection ended without logout."""
    first = open_session()
    first.send(NOPOut(data=b"unanswered"))

    getattr(first.connection, end)()

    second = open_session(isid=first.options.isid)
    result = second.execute(cdb.test_unit_ready())
    check(result.is_good, SCSIResponse.__name__ + " GOOD", result)
