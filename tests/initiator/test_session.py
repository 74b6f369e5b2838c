# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Callable
from typing import Any

import pytest

from initiator.expect import ConformanceFailure
from initiator.login import DEFAULT_KEYS, LoginOptions, LoginRefused
from initiator.session import Session
from initiator.slips import EVERY_CLAUSE
from initiator.transcript import Event, Transcript
from initiator.waits import watched
from iscsi import chap, text
from iscsi.constants import BHS_LENGTH, RESERVED_TAG, RejectReason, Stage
from iscsi.errors import (
    ConnectionLost,
    NumberingError,
    PeerError,
    PeerTimeout,
    UnexpectedPDU,
)
from iscsi.pdu import (
    PDU,
    R2T,
    DataIn,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    UnknownPDU,
)
from tests.initiator.peer import Peer, listening

OPTIONS = LoginOptions(target_name="iqn.2026-11.org.example:t")
ANSWERS = [("HeaderDigest", "None"), ("DataDigest", "None")]
CDB = bytes(6)


def accept_login(
    peer: Peer, pairs: list[tuple[str, str]] | None = None, **fields: Any
) -> None:
    """Answer one Login Request."""
    request = peer.receive()
    values: dict[str, Any] = {
        "transit": request.transit,
        "csg": request.csg,
        "nsg": request.nsg,
        "isid": request.isid,
        "tsih": 1,
        "initiator_task_tag": request.initiator_task_tag,
        "stat_sn": 100,
        "exp_cmd_sn": request.cmd_sn,
        "max_cmd_sn": request.cmd_sn + 7,
        "data": text.encode(ANSWERS if pairs is None else pairs),
    }
    peer.send(LoginResponse(**{**values, **fields}))


def wait(peer: Peer) -> None:
    """Say nothing until the initiator goes away."""
    while True:
        peer.receive()


def speak_http(peer: Peer) -> None:
    """Be no iSCSI target at all."""
    peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 20)
    wait(peer)


def numbers(stat_sn: int, done: int = 1) -> dict[str, int]:
    return {"stat_sn": stat_sn, "exp_cmd_sn": 1 + done, "max_cmd_sn": 8 + done}


def open_session(portal: Any, **how: Any) -> Session:
    return Session(portal, how.pop("options", OPTIONS), timeout=1.0, **how)


def test_a_login_walks_to_full_feature_phase() -> None:
    peers = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        accept_login(peer, [*ANSWERS, ("TargetPortalGroupTag", "1")])

    with listening(script) as portal:
        session = open_session(portal)
        session.close()

    request = peers[0].seen[0]
    assert (request.csg, request.nsg, request.transit) == (1, 3, 1)
    pairs = dict(text.decode(bytes(request.data)))
    assert pairs["SessionType"] == "Normal"
    assert pairs["MaxRecvDataSegmentLength"] == "262144"
    assert session.tsih == 1
    assert session.login.declared == {"TargetPortalGroupTag": "1"}
    assert session.leading.status.exp_stat_sn == 101


def test_an_unassigned_opcode_is_no_answer_and_leaves_nothing_open() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        for _request in range(2):
            peer.receive()
            peer.send(UnknownPDU(opcode=0x27))
        wait(peer)

    with (
        listening(script) as portal,
        open_session(portal) as session,
        pytest.raises(ConformanceFailure) as raised,
    ):
        session.ping()

    assert "UnknownPDU" in raised.value.actual
    assert not session.connection.is_open


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (
            lambda peer: accept_login(peer, status_class=2, status_detail=3),
            LoginRefused,
            "0x0203",
        ),
        (lambda peer: bool(peer.receive()) and None, ConnectionLost, "FIN"),
        (lambda peer: peer.send(NOPIn()), UnexpectedPDU, "NOPIn"),
        (
            speak_http,
            PeerTimeout,
            "only 520 bytes of one: b'HTTP/1.1'",
        ),
        (wait, PeerTimeout, "1 s"),
    ],
)
def test_a_bad_login_names_its_fault(
    script: Callable[[Peer], None], error: type[Exception], words: str
) -> None:
    with listening(script) as portal, pytest.raises(error, match=words):
        open_session(portal)


def test_a_login_that_leads_nowhere_ends() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer, transit=0)
        while True:
            accept_login(peer, [], transit=0, stat_sn=100 + len(peer.seen) - 1)

    with listening(script) as portal, pytest.raises(PeerError, match="has not ended"):
        open_session(portal)


def test_long_text_goes_in_parts_and_comes_in_parts() -> None:
    encoded = text.encode([("X-com.example.k", "NotUnderstood"), *ANSWERS])
    parts: list[bytes] = []

    def script(peer: Peer) -> None:
        request = peer.receive()
        while request.continuation:
            parts.append(bytes(request.data))
            answer_to(peer, request, b"")
            request = peer.receive()
        parts.append(bytes(request.data))
        answer_to(peer, request, encoded[:20], continuation=1, transit=0)
        request = peer.receive()
        assert bytes(request.data) == b""
        answer_to(peer, request, encoded[20:])

    def answer_to(peer: Peer, request: Any, data: bytes, **fields: Any) -> None:
        count = len(peer.seen)
        peer.send(
            LoginResponse(
                **{
                    "transit": request.transit,
                    "csg": request.csg,
                    "nsg": request.nsg,
                    "tsih": 1,
                    "initiator_task_tag": request.initiator_task_tag,
                    "stat_sn": count,
                    "data": data,
                    **fields,
                }
            )
        )

    value = "v" * 9000
    options = LoginOptions(
        target_name="iqn.2026-11.org.example:t",
        keys={**DEFAULT_KEYS, "X-com.example.k": value},
    )
    with listening(script) as portal:
        open_session(portal, options=options).close()

    assert ("X-com.example.k", value) in text.decode(b"".join(parts))
    assert [len(part) <= 8192 for part in parts] == [True, True]


def chap_script(peer: Peer, *, proof: bytes | None = None) -> None:
    """The target's ladder of `iscsi.chap`, mutual."""
    security = {"tsih": 0, "max_cmd_sn": 1}
    accept_login(peer, [("AuthMethod", "CHAP")], stat_sn=1, **security)
    challenge = [("CHAP_A", "5"), ("CHAP_I", "9"), ("CHAP_C", "0x0102030405060708")]
    accept_login(peer, challenge, stat_sn=2, **security)
    request = peer.receive()
    pairs = dict(text.decode(bytes(request.data)))
    peers = chap.parse_challenge("5", pairs["CHAP_I"], pairs["CHAP_C"])
    own = chap.response(chap.Algorithm.MD5, 9, b"initiator-secret", bytes(range(1, 9)))
    assert text.parse_binary(pairs["CHAP_R"]) == own
    answer = proof or peers.respond(b"target-secret")
    peer.send(
        LoginResponse(
            transit=1,
            csg=request.csg,
            nsg=request.nsg,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=3,
            data=text.encode(
                [("CHAP_N", "target"), ("CHAP_R", text.format_hex(answer))]
            ),
        )
    )
    accept_login(peer, stat_sn=4)


MUTUAL = LoginOptions(
    target_name="iqn.2026-11.org.example:t",
    credentials=chap.Credentials("initiator", b"initiator-secret"),
    mutual=chap.Credentials("target", b"target-secret"),
)


def test_mutual_chap() -> None:
    with listening(chap_script) as portal:
        session = open_session(portal, options=MUTUAL)
        session.close()

    assert session.login.response.csg == Stage.OPERATIONAL


def test_a_target_that_does_not_know_the_secret_is_found() -> None:
    with (
        listening(lambda peer: chap_script(peer, proof=bytes(16))) as portal,
        pytest.raises(PeerError, match="does not know the secret"),
    ):
        open_session(portal, options=MUTUAL)


def test_what_the_caller_sets_leaves_as_it_is() -> None:
    peers = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        accept_login(peer)
        for _ in range(3):
            peer.receive()

    with listening(script) as portal:
        session = open_session(portal)
        session.send(NOPOut(cmd_sn=77, exp_stat_sn=0, initiator_task_tag=0))
        session.send(NOPOut())
        session.send(NOPOut(immediate=1))
        session.close()

    lie, plain, immediate = peers[0].seen[1:]
    assert (lie.cmd_sn, lie.exp_stat_sn, lie.initiator_task_tag) == (77, 0, 0)
    assert (plain.cmd_sn, immediate.cmd_sn) == (1, 2)
    assert plain.exp_stat_sn == 101
    assert plain.initiator_task_tag != immediate.initiator_task_tag


def test_a_read_collects_its_data_and_status() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        tag = peer.receive().initiator_task_tag
        first = {"final": 0, "data_sn": 0, "data": b"abcd", **numbers(0)}
        last = {
            "data_sn": 1,
            "buffer_offset": 4,
            "status_present": 1,
            "data": b"ef",
            "underflow": 1,
            "residual_count": 2,
            **numbers(101),
        }
        peer.send(DataIn(initiator_task_tag=tag, **first))
        peer.send(DataIn(initiator_task_tag=tag, **last))

    with listening(script) as portal:
        session = open_session(portal)
        result = session.execute(CDB, read=8)
        session.close()

    assert result.is_good
    assert result.data == b"abcdef"
    assert (result.underflow, result.residual_count) == (True, 2)


class Writing:
    """A target that takes a write, and what it saw: kind, F, DataSN and length."""

    def __init__(self, answers: list[tuple[str, str]], *, solicited: int) -> None:
        self.answers = answers
        self.solicited = solicited
        self.data = bytearray()
        self.seen: list[tuple[str, int, int, int]] = []

    def __call__(self, peer: Peer) -> None:
        """Ask for the last bytes when the unsolicited ones have come."""
        accept_login(peer, [*ANSWERS, *self.answers])
        command = peer.receive()
        self._note(command, start=0, data_sn=0)
        self._take_sequence(peer)
        tag = command.initiator_task_tag
        r2t = R2T(
            initiator_task_tag=tag,
            target_transfer_tag=5,
            buffer_offset=len(self.data),
            desired_data_transfer_length=self.solicited,
            **numbers(101),
        )
        peer.send(r2t)
        self._take_sequence(peer)
        peer.send(SCSIResponse(initiator_task_tag=tag, **numbers(101)))

    def _take_sequence(self, peer: Peer) -> None:
        is_final = False
        while not is_final:
            pdu = peer.receive()
            assert isinstance(pdu, DataOut)
            self._note(pdu, start=pdu.buffer_offset, data_sn=pdu.data_sn)
            is_final = bool(pdu.final)

    def _note(self, pdu: PDU, *, start: int, data_sn: int) -> None:
        self.data[start : start + len(pdu.data)] = pdu.data
        self.seen.append((type(pdu).__name__, pdu.final, data_sn, len(pdu.data)))


def test_a_write_sends_immediate_unsolicited_and_solicited_data() -> None:
    data = bytes(range(256)) * 8  # 2048 bytes
    bursts = [("InitialR2T", "No"), ("FirstBurstLength", "1024")]
    target = Writing([*bursts, ("MaxRecvDataSegmentLength", "512")], solicited=1024)
    options = LoginOptions(
        target_name=OPTIONS.target_name, keys={**DEFAULT_KEYS, **dict(bursts)}
    )

    with listening(target) as portal:
        session = open_session(portal, options=options)
        result = session.execute(CDB, write=data)
        session.close()

    assert result.is_good
    assert bytes(target.data) == data
    assert target.seen == [
        ("SCSICommand", 0, 0, 512),
        ("DataOut", 1, 0, 512),
        ("DataOut", 0, 0, 512),
        ("DataOut", 1, 1, 512),
    ]


def test_answers_of_two_tasks_are_distinguished() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        tags = [peer.receive().initiator_task_tag for _ in range(2)]
        for place, tag in enumerate(reversed(tags)):
            peer.send(
                SCSIResponse(
                    initiator_task_tag=tag, status=8 * place, **numbers(101 + place, 2)
                )
            )

    with listening(script) as portal:
        session = open_session(portal)
        first, second = session.start(CDB), session.start(CDB)
        assert session.finish(first).status == 8
        assert session.finish(second).status == 0
        session.close()


def test_a_ping_of_the_target_is_answered_on_the_way() -> None:
    answers = []

    def script(peer: Peer) -> None:
        accept_login(peer)
        tag = peer.receive().initiator_task_tag
        peer.send(NOPIn(target_transfer_tag=9, lun=1 << 48, **numbers(101)))
        answers.append(peer.receive())
        peer.send(SCSIResponse(initiator_task_tag=tag, **numbers(101)))

    with listening(script) as portal:
        session = open_session(portal)
        assert session.execute(CDB).is_good
        session.close()

    (answer,) = answers
    assert answer.target_transfer_tag == 9
    assert answer.initiator_task_tag == RESERVED_TAG
    assert (answer.lun, answer.immediate) == (1 << 48, 1)


def test_a_gap_in_stat_sn_is_found() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        tag = peer.receive().initiator_task_tag
        peer.send(SCSIResponse(initiator_task_tag=tag, **numbers(103)))

    with listening(script) as portal:
        session = open_session(portal)
        session.transcript.slips.judge(EVERY_CLAUSE)
        with pytest.raises(NumberingError, match=r"StatSN 103 .* 101 was expected"):
            session.execute(CDB)
        session.close()


def test_a_gap_in_stat_sn_is_passed_over_where_it_is_not_judged() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        for stat_sn in (103, 104):
            tag = peer.receive().initiator_task_tag
            peer.send(SCSIResponse(initiator_task_tag=tag, **numbers(stat_sn)))

    with listening(script) as portal:
        session = open_session(portal)

        assert session.execute(CDB).is_good
        assert session.execute(CDB).is_good

        slip = session.transcript.slips.first["RFC7143-4.2.2.2-i01"]
        assert "StatSN 103 on SCSIResponse where 101 was expected" in str(slip.error)
        assert session.leading.status.exp_stat_sn == 105
        session.close()


def test_an_answer_to_nothing_is_a_failure_with_its_pdus() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        peer.receive()
        peer.send(SCSIResponse(initiator_task_tag=0x7777, **numbers(101)))

    with listening(script) as portal:
        session = open_session(portal)
        with pytest.raises(ConformanceFailure) as caught:
            session.execute(CDB)
        session.close()

    assert "0x7777" in caught.value.actual
    assert "last PDUs:" in str(caught.value)


def test_silence_is_proved_by_a_ping_that_overtakes() -> None:
    def quiet(peer: Peer) -> None:
        accept_login(peer)
        peer.receive()
        ping = peer.receive()
        pong = NOPIn(initiator_task_tag=ping.initiator_task_tag, data=bytes(ping.data))
        pong.stat_sn, pong.exp_cmd_sn, pong.max_cmd_sn = 101, 1, 8
        peer.send(pong)

    def flooding_peer(peer: Peer) -> None:
        accept_login(peer)
        tag = peer.receive().initiator_task_tag
        peer.send(SCSIResponse(initiator_task_tag=tag, **numbers(101)))
        peer.receive()

    with listening(quiet) as portal:
        session = open_session(portal)
        session.expect_silence(after=session.send(SCSICommand(cmd_sn=1000)))
        session.close()
    with listening(flooding_peer) as portal:
        session = open_session(portal)
        with pytest.raises(ConformanceFailure, match="no answer to SCSICommand"):
            session.expect_silence(after=session.send(SCSICommand(cmd_sn=1000)))
        session.close()


def test_a_reject_of_a_logout_is_its_answer_and_that_of_another_is_not() -> None:
    def script(peer: Peer) -> None:
        accept_login(peer)
        request = peer.receive()
        other = LogoutRequest(initiator_task_tag=request.initiator_task_tag + 1)
        reasons = (RejectReason.PROTOCOL_ERROR, RejectReason.COMMAND_NOT_SUPPORTED)
        for number, rejected in enumerate((other, request)):
            peer.send(
                Reject(
                    reason=reasons[number],
                    data=bytes(rejected)[:BHS_LENGTH],
                    **numbers(101 + number, done=0),
                )
            )
        wait(peer)

    with (
        listening(script) as portal,
        open_session(portal) as session,
        pytest.raises(ConformanceFailure) as raised,
    ):
        session.logout()

    assert raised.value.answer == "Reject 0x05"


def refuse(peer: Peer) -> None:
    """Refuse a login as the initiator's error."""
    accept_login(peer, [], transit=0, nsg=0, tsih=0, status_class=2)


def begin_in_security(peer: Peer) -> None:
    """Let a login in by way of the security stage alone."""
    request = peer.receive()
    assert isinstance(request, LoginRequest)
    if request.csg == Stage.OPERATIONAL:
        peer.send(LoginResponse(status_class=2, initiator_task_tag=1))
        return
    fields = {
        "transit": 1,
        "csg": Stage.SECURITY,
        "nsg": Stage.OPERATIONAL,
        "initiator_task_tag": 1,
        "stat_sn": 99,
    }
    peer.send(LoginResponse(**fields, data=text.encode([("AuthMethod", "None")])))
    accept_login(peer)


DISCOVERY = LoginOptions(is_discovery=True)


def test_a_discovery_goes_through_security_where_a_target_insists_on_it() -> None:
    with listening(begin_in_security, connections=2) as portal:
        session = Session(portal, DISCOVERY)
        session.close()

    assert list(session.transcript.slips.first) == ["RFC7143-6.3.3-01"]


def test_a_discovery_that_is_refused_both_ways_is_refused_as_at_first() -> None:
    with (
        listening(refuse, connections=2) as portal,
        pytest.raises(LoginRefused) as refusal,
    ):
        Session(portal, DISCOVERY)

    assert refusal.value.requirement == "RFC7143-6.3.3-01"


def test_a_login_that_the_caller_breaks_off_closes_its_connection() -> None:
    transcript = Transcript()

    def look() -> None:
        if transcript.sent():
            raise KeyboardInterrupt

    with (
        listening(wait) as portal,
        pytest.raises(KeyboardInterrupt),
        watched(look),
    ):
        Session(portal, OPTIONS, transcript=transcript)

    assert transcript.entries[-1].event is Event.FIN_SENT


def test_a_session_without_a_tsih_cannot_be_named() -> None:
    with listening(lambda peer: accept_login(peer, tsih=0)) as portal:
        session = Session(portal, OPTIONS)
        session.close()

    with pytest.raises(PeerError, match="without a TSIH") as error:
        session.add_connection(2)
    assert error.value.requirement == "RFC7143-11.13.3-01"
