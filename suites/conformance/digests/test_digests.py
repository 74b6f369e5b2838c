# SPDX-License-Identifier: GPL-2.0-only
"""Header and data digests (RFC 7143 sections 7.8, 11.2.3 and 13.1)."""

import pytest

from initiator.connection import Connection
from initiator.expect import (
    check,
    expect_data,
    expect_good,
    expect_reject_or_drop,
    next_or_drop,
)
from initiator.session import Session
from iscsi.constants import RejectReason
from iscsi.pdu import NOPIn, NOPOut, SCSIResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import KIB, blocks_for, pattern, read, write
from suites.support.traffic import converse

HEADER = pytest.mark.needs("header-digest")
DATA = pytest.mark.needs("data-digest")
WRONG = b"\x12\x34\x56\x78"
COMBINATIONS = [("CRC32C", "CRC32C"), ("CRC32C", "None"), ("None", "CRC32C")]


def keys(header: str = "CRC32C", data: str = "CRC32C") -> dict[str, str]:
    """Return the offer of digests."""
    return {"HeaderDigest": header, "DataDigest": data}


@pytest.fixture
def digested(open_session: OpenSession) -> Session:
    """A session with both digests."""
    return open_session(keys())


@HEADER
@DATA
@pytest.mark.requirement("RFC7143-13.1-02", "RFC7143-13.1-04", "RFC7143-11.2.3-i01")
@pytest.mark.parametrize(("header", "data"), COMBINATIONS)
def test_every_pdu_has_its_digests(
    open_session: OpenSession, header: str, data: str
) -> None:
    """Each PDU of full-feature phase has the negotiated digests, and they are right."""
    session = open_session(keys(header, data))

    received = converse(session)

    # A missing or wrong digest raises an error of its own in `converse`.
    kinds = {type(pdu).__name__ for pdu in received}
    check(
        {"NOPIn", "SCSIResponse", "LogoutResponse"} <= kinds,
        "an answer to every request",
        kinds,
    )


@pytest.mark.requirement("RFC7143-13.1-i01")
def test_login_has_no_digests(open_session: OpenSession) -> None:
    """The target uses digests from full-feature phase on, not in the login."""
    # A wrong digest would break the login in which the run learns the target's
    # features.
    session = open_session(keys("CRC32C,None", "CRC32C,None"))
    if "CRC32C" not in session.login.results.values():
        pytest.skip("not applicable: the target agrees to no digest")

    entry = next(
        entry
        for entry in session.transcript.entries
        if entry.pdu is not None and type(entry.pdu).__name__ == "LoginResponse"
    )
    assert entry.frame is not None
    plain = len(entry.frame.header) + len(entry.frame.data)
    check(len(entry.wire) == plain, "no digest on a Login Response", len(entry.wire))


@HEADER
@DATA
@pytest.mark.requirement("RFC7143-13.1-01", "RFC7143-13.1-04")
@pytest.mark.parametrize("offer", ["None", "CRC32C", "None,CRC32C", "CRC32C,None"])
def test_both_values_are_known(open_session: OpenSession, offer: str) -> None:
    """The target supports both CRC32C and None."""
    session = open_session(keys(offer, offer))

    results = session.login.results
    chosen = {results["HeaderDigest"], results["DataDigest"]}
    check(chosen <= set(offer.split(",")), f"a value of {offer}", chosen)
    expect_good(session.execute(cdb.test_unit_ready()))


@HEADER
@DATA
@pytest.mark.requirement("RFC7143-13.1-02")
@pytest.mark.parametrize(("header", "data"), COMBINATIONS)
def test_data_passes_under_digests(
    open_session: OpenSession, scratch_disk: Disk, header: str, data: str
) -> None:
    """The target returns what was written while digests are in use."""
    session = open_session(keys(header, data))
    written = pattern(scratch_disk, 40 * KIB, seed=7)

    write(session, scratch_disk, written)

    expect_data(
        read(session, scratch_disk, len(written)).data, written, what="the same"
    )


@DATA
@pytest.mark.requirement("RFC7143-11.2.3-i01", "RFC7143-13.1-04", "RFC7143-13.1-03")
@pytest.mark.parametrize("length", [1, 2, 3])
def test_padding_counts_into_the_digest(digested: Session, length: int) -> None:
    """The target computes data digests over the padding, whatever its bytes are."""
    data = b"abc"[:length]

    answer = digested.ping(data, padding=b"\xff" * (4 - length))

    assert bytes(digested.transcript.sent()[-1].padding) == b"\xff" * (4 - length)
    check(bytes(answer.data) == data, "the ping data", answer)


@HEADER
@pytest.mark.requirement("RFC7143-7.8-01")
def test_wrong_header_digest_is_not_served(digested: Session) -> None:
    """The target drops a PDU with a wrong header digest, or the connection."""
    bad = digested.number(NOPOut(immediate=1))

    digested.connection.send(bad, header_digest=WRONG, note="wrong header digest")

    assert digested.transcript.entries[-1].wire[48:52] == WRONG
    answer = answer_to_next_ping(digested)
    is_right = answer is None or answer.initiator_task_tag != bad.initiator_task_tag
    check(is_right, ["no answer", "a dropped connection"], answer)


def answer_to_next_ping(session: Session) -> NOPIn | None:
    """Return the answer to a ping with right digests; None if the connection drops."""
    ping = session.number(NOPOut(immediate=1))
    try:
        session.connection.send(ping)
    except OSError:
        return None
    answer = next_or_drop(session.connection)
    return answer if isinstance(answer, NOPIn) else None


@DATA
@pytest.mark.requirement("RFC7143-7.8-02")
def test_wrong_data_digest_is_rejected(digested: Session) -> None:
    """The target rejects a PDU with a wrong data digest, or drops the connection."""
    bad = digested.number(NOPOut(immediate=1, data=b"ping"))

    digested.connection.send(bad, data_digest=WRONG, note="wrong data digest")

    assert digested.transcript.entries[-1].wire[-4:] == WRONG
    expect_reject_or_drop(
        digested.connection, of=bad, reasons=[RejectReason.DATA_DIGEST_ERROR]
    )


@DATA
@pytest.mark.requirement("RFC7143-7.8-03")
def test_damaged_data_is_not_written(
    scratch_disk: Disk, open_session: OpenSession
) -> None:
    """The target writes no data whose digest is wrong."""
    digested = open_session({**keys(), "ImmediateData": "Yes"})
    if not digested.parameters.immediate_data:
        pytest.skip("not applicable: the target does not offer immediate-data")
    before = pattern(scratch_disk, 1, seed=1)
    after = pattern(scratch_disk, 1, seed=2)
    write(digested, scratch_disk, before)
    blocks = blocks_for(scratch_disk, 1)
    bad, _plan = digested.command(cdb.write_10(lba=0, blocks=blocks), write=after)

    digested.number(bad)
    digested.connection.send(bad, data_digest=WRONG, note="wrong data digest")

    damaged = bytes(digested.transcript.sent()[-1].data)
    assert damaged
    assert after.startswith(damaged)
    next_or_drop(digested.connection)
    read_back = read(open_session(), scratch_disk, 1).data
    expect_data(read_back, before, what="the data written before")


@HEADER
@DATA
@pytest.mark.requirement("RFC7143-13.1-02")
@pytest.mark.parametrize("cut", [1, 47, 48, 50, 52, 53])
def test_a_pdu_may_come_in_pieces(digested: Session, cut: int) -> None:
    """The target serves a PDU with digests that TCP segments cut anywhere."""
    request = digested.number(NOPOut(immediate=1, data=b"ping"))

    digested.connection.send_pieces(request, [cut])

    answer = digested.expect(NOPIn, of=request)
    check(bytes(answer.data) == b"ping", "the ping data", answer)


@HEADER
@pytest.mark.requirement("RFC7143-13.1-02")
def test_missing_digests_are_noticed(digested: Session) -> None:
    """The target does not serve a command without the negotiated digests."""
    connection: Connection = digested.connection
    bad, _plan = digested.command(cdb.test_unit_ready())
    digested.number(bad)

    connection.send(bad, header_digest=b"\0\0\0\0", note="zeros for a digest")

    assert digested.transcript.entries[-1].wire[48:52] == bytes(4)
    answer = answer_to_next_ping(digested)
    check(not isinstance(answer, SCSIResponse), "no response", answer)
