# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from initiator import impair
from initiator.login import LoginOptions
from initiator.session import Session
from initiator.transcript import Direction
from iscsi.digest import crc32c
from iscsi.framing import Digests
from iscsi.pdu import PDU, NOPOut
from tests.initiator.peer import Peer, listening
from tests.initiator.test_session import accept_login, wait

OPTIONS = LoginOptions(target_name="iqn.2026-11.org.example:t")


def script(peer: Peer) -> None:
    """Let the initiator in and swallow what it sends."""
    accept_login(peer)
    wait(peer)


@contextmanager
def opened() -> Iterator[Session]:
    """Open a session whose PDUs bear digests."""
    with listening(script) as portal:
        session = Session(portal, OPTIONS)
        session.connection.digests = Digests(header=True, data=True)
        try:
            yield session
        finally:
            session.close()


def test_what_is_withheld_has_its_numbers_and_does_not_leave() -> None:
    with opened() as session:
        before = session.cmd_sn
        pdu = impair.withhold(session, NOPOut())
        sent = len(session.transcript.sent())
        impair.deliver(session, pdu)

        assert pdu.cmd_sn == before
        assert session.cmd_sn == before + 1
        assert len(session.transcript.sent()) == sent + 1
        assert session.transcript.sent()[-1].cmd_sn == before


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [(impair.corrupt_header_digest, "header"), (impair.corrupt_data_digest, "data")],
)
def test_one_digest_is_corrupted_and_the_other_is_right(
    spoil: Callable[[Session, PDU], PDU], wrong: str
) -> None:
    with opened() as session:
        spoil(session, NOPOut(data=b"12345"))

    wire = session.transcript.entries[-2].wire
    rights = {
        "header": crc32c(wire[:48]).to_bytes(4, "little") == wire[48:52],
        "data": crc32c(wire[52:60]).to_bytes(4, "little") == wire[60:64],
    }
    assert [name for name, is_right in rights.items() if not is_right] == [wrong]


@pytest.mark.parametrize("length", [1, 47, 48, 55])
def test_a_part_of_a_pdu_is_its_beginning(length: int) -> None:
    with opened() as session:
        pdu = impair.send_part(session, NOPOut(data=b"12345"), length)

    last = [e for e in session.transcript.entries if e.direction is Direction.SENT][-1]
    assert last.frame is None
    assert last.wire == (bytes(pdu)[:48] + last.wire[48:])[:length]
    assert len(last.wire) == length


def test_half_a_pdu_is_half_of_its_bytes() -> None:
    with opened() as session:
        impair.send_half(session, NOPOut(data=bytes(8)))

    last = [e for e in session.transcript.entries if e.direction is Direction.SENT][-1]
    assert len(last.wire) == (48 + 4 + 8 + 4) // 2
