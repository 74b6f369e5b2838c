# SPDX-License-Identifier: GPL-2.0-only
"""What a target does wrong and a session can live with: noted, or judged when asked."""

from collections.abc import Callable, Container
from typing import Any

import pytest

from initiator.login import LoginOptions
from initiator.session import Session
from initiator.slips import EVERY_CLAUSE, Slip, Slips
from initiator.transcript import Event, Transcript
from iscsi import text
from iscsi.errors import ISCSIError, PeerError
from iscsi.framing import encode
from iscsi.pdu import LoginResponse, NOPIn, SCSIResponse, TextResponse
from iscsi.scsi.sense import SenseKey
from tests.initiator.peer import Peer, listening
from tests.initiator.test_session import (
    ANSWERS,
    CDB,
    MUTUAL,
    OPTIONS,
    accept_login,
    chap_script,
    numbers,
    open_session,
    wait,
)

LEVEL = LoginOptions(
    target_name="iqn.2026-11.org.example:t",
    keys={"MaxBurstLength": "16384", "InitialR2T": "Yes", "DefaultTime2Wait": "5"},
)


def once(**fields: Any) -> Callable[[Peer], None]:
    """Return a script that answers one login, with some fields of its own."""

    def script(peer: Peer) -> None:
        accept_login(peer, **fields)
        wait(peer)

    return script


def answering(*pairs: tuple[str, str]) -> Callable[[Peer], None]:
    return once(pairs=list(pairs))


def twice(peer: Peer) -> None:
    request = peer.receive()
    answers = [
        LoginResponse(
            csg=request.csg,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=100 + number,
            exp_cmd_sn=request.cmd_sn,
            max_cmd_sn=request.cmd_sn + 7,
            data=b"" if number else text.encode(ANSWERS),
        )
        for number in range(2)
    ]
    # In one segment, so that both arrive before the next request is sent.
    peer.socket.sendall(b"".join(encode(*pdu.segments()) for pdu in answers))
    accept_login(peer, [], stat_sn=102)
    wait(peer)


LENGTH = "MaxRecvDataSegmentLength"

SLIPS = [
    pytest.param(once(csg=0), "RFC7143-6.3-12", "CSG SECURITY", id="another-CSG"),
    pytest.param(once(nsg=2), "RFC7143-11.12.3-i01", "reserved", id="reserved-NSG"),
    pytest.param(
        once(data=b"HeaderDigest=None\0DataDigest=None\0junk\0"),
        "RFC7143-6.1-01",
        "holds no '='",
        id="no-pair",
    ),
    pytest.param(
        once(data=b"HeaderDigest=None\0DataDigest=None"),
        "RFC7143-6.1-01",
        "does not end with NUL",
        id="no-NUL",
    ),
    pytest.param(
        answering(("HeaderDigest", "CRC32C"), ANSWERS[1]),
        "RFC7143-6.2.1-01",
        "HeaderDigest=CRC32C answers HeaderDigest=None",
        id="not-offered",
    ),
    pytest.param(
        answering(ANSWERS[0]),
        "RFC7143-6.2.1-01",
        "the answer is missing",
        id="no-answer",
    ),
    pytest.param(
        answering(*ANSWERS, ("MaxBurstLength", "512")),
        "RFC7143-11.13.6-01",
        "asks for answers to MaxBurstLength",
        id="offer-with-T",
    ),
    pytest.param(
        answering(*ANSWERS, (LENGTH, "65536"), (LENGTH, "4096")),
        "RFC7143-6.3-14",
        "sent twice",
        id="declared-twice",
    ),
    pytest.param(
        answering(*ANSWERS, (LENGTH, "511")),
        "RFC7143-13.12-i01",
        "is not a value of the key",
        id="out-of-range",
    ),
    pytest.param(
        answering(*ANSWERS, ("ImmediateData", "Reject")),
        "RFC7143-6.2-12",
        "reserved word",
        id="reserved-word",
    ),
    pytest.param(
        answering(*ANSWERS, ("SessionType", "Normal")),
        "RFC7143-6.2-06",
        "not be sent by the target",
        id="not-its-key",
    ),
    pytest.param(twice, "RFC7143-6.3-01", "no request is open", id="two-responses"),
]


def judging(clauses: Container[str]) -> Transcript:
    transcript = Transcript()
    transcript.slips.judge(clauses)
    return transcript


@pytest.mark.parametrize(("script", "clause", "words"), SLIPS)
def test_a_slip_is_noted_and_the_login_goes_on(
    script: Callable[[Peer], None], clause: str, words: str
) -> None:
    with listening(script) as portal:
        session = open_session(portal)
        session.close()

    assert list(session.transcript.slips.first) == [clause]
    assert words in str(session.transcript.slips.first[clause].error)
    events = [
        entry for entry in session.transcript.entries if entry.event is Event.SLIP
    ]
    assert len(events) == 1
    assert words in events[0].note


@pytest.mark.parametrize(("script", "clause", "words"), SLIPS)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_slip_is_raised_where_its_clause_is_judged(
    script: Callable[[Peer], None], clause: str, words: str, is_named: bool
) -> None:
    transcript = judging({clause} if is_named else EVERY_CLAUSE)

    with listening(script) as portal, pytest.raises(ISCSIError, match=words) as raised:
        open_session(portal, transcript=transcript)

    assert raised.value.requirement == clause


def test_other_clauses_are_not_judged() -> None:
    script = answering(*ANSWERS, (LENGTH, "65536"), (LENGTH, "4096"))

    transcript = judging({"RFC7143-6.1-01"})
    with listening(script) as portal:
        open_session(portal, transcript=transcript).close()

    assert transcript.slips.first.keys().isdisjoint({"RFC7143-6.1-01"})
    assert transcript.slips.first


def test_what_was_noted_before_is_judged_when_that_is_asked_for() -> None:
    slips = Slips()
    slips.note(Slip("RFC7143-6.1-01", PeerError("text"), 1))
    slips.note(Slip("RFC7143-6.1-01", PeerError("once more"), 1))
    slips.judge({"RFC7143-6.3-01"})

    with pytest.raises(PeerError, match="text"):
        slips.judge({"RFC7143-6.1-01"})

    assert len(slips.first) == 1


def negotiated(*pairs: tuple[str, str]) -> Session:
    with listening(answering(*pairs)) as portal:
        session = open_session(portal, options=LEVEL)
        session.close()
    return session


def test_a_wrong_answer_leaves_what_suits_both() -> None:
    session = negotiated(
        ("MaxBurstLength", "32768"), ("InitialR2T", "No"), ("DefaultTime2Wait", "0")
    )

    assert session.parameters.max_burst_length == 16384
    assert session.parameters.initial_r2t
    assert session.parameters.default_time2wait == 5


def test_no_answer_leaves_what_suits_the_default_too() -> None:
    session = negotiated()

    assert session.parameters.max_burst_length == 16384
    assert session.parameters.default_time2wait == 5


def test_a_length_declared_twice_is_the_smaller_one() -> None:
    with listening(answering(*ANSWERS, (LENGTH, "65536"), (LENGTH, "4096"))) as portal:
        session = open_session(portal)
        session.close()

    assert session.parameters.target_max_recv_data_segment_length == 4096


def test_digests_offered_with_the_last_response_are_not_used() -> None:
    options = LoginOptions(target_name="iqn.2026-11.org.example:t", keys={})

    with listening(answering(("HeaderDigest", "CRC32C,None"))) as portal:
        session = open_session(portal, options=options)
        session.close()

    assert not session.connection.digests.header


def test_a_late_login_response_is_passed_over() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        ping = peer.receive()
        numbers = {"exp_cmd_sn": 1, "max_cmd_sn": 8}
        peer.send(LoginResponse(stat_sn=101, **numbers))
        peer.send(
            NOPIn(initiator_task_tag=ping.initiator_task_tag, stat_sn=102, **numbers)
        )
        wait(peer)

    with listening(script) as portal:
        session = open_session(portal)
        session.ping()
        session.close()

    assert list(session.transcript.slips.first) == ["RFC7143-6.3-01"]


def test_malformed_text_of_full_feature_phase_is_read_as_far_as_it_goes() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        request = peer.receive()
        peer.send(
            TextResponse(
                final=1,
                initiator_task_tag=request.initiator_task_tag,
                stat_sn=101,
                exp_cmd_sn=2,
                max_cmd_sn=9,
                data=b"TargetName=iqn.2026-11.org.example:t\0left over",
            )
        )
        wait(peer)

    with listening(script) as portal:
        session = open_session(portal)
        pairs = session.send_targets()
        session.close()

    assert pairs == [("TargetName", "iqn.2026-11.org.example:t")]
    assert list(session.transcript.slips.first) == ["RFC7143-6.1-01"]


def test_short_sense_is_read_as_far_as_it_goes() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        command = peer.receive()
        peer.send(
            SCSIResponse(
                initiator_task_tag=command.initiator_task_tag,
                status=2,
                data=b"\0\4\x70\0\5\0",
                **numbers(101),
            )
        )
        wait(peer)

    with listening(script) as portal:
        session = open_session(portal)
        result = session.execute(CDB)
        session.close()

    assert result.sense is not None
    assert result.sense.key is SenseKey.ILLEGAL_REQUEST
    assert list(session.transcript.slips.first) == ["RFC7143-11.4.7-i01"]


def test_a_target_without_its_secret_is_never_passed_over() -> None:
    with (
        listening(lambda peer: chap_script(peer, proof=bytes(16))) as portal,
        pytest.raises(PeerError, match="does not know the secret"),
    ):
        open_session(portal, options=MUTUAL)


def test_a_plain_login_has_no_slips() -> None:
    with listening(once()) as portal:
        session = Session(portal, OPTIONS, timeout=1.0)
        session.close()

    assert not session.transcript.slips.first
