# SPDX-License-Identifier: GPL-2.0-only
"""The switchable faults: each names a requirement, and each does something."""

import pytest

from iscsi import framing, pdu
from iscsi.constants import LoginStatus, LogoutReason, RejectReason, TMFunction
from iscsi.scsi import cdb
from reftarget.faults import FAULTS, UnknownFaultError, rules_with
from reftarget.faults.twists import TWISTS
from spec import catalogue
from tests.reftarget.peer import (
    CHAP_ACCESS,
    Peer,
    data_out,
    make_target,
    names,
    pairs_of,
    read,
    write,
)


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) >= 30


def test_each_breaks_a_requirement_of_the_catalogue() -> None:
    requirements = set(catalogue.load())

    assert {fault.requirement for fault in FAULTS.values()} <= requirements


def test_unknown_fault_is_named() -> None:
    with pytest.raises(UnknownFaultError, match="no-such-fault"):
        rules_with(["no-such-fault"])


def conversation(faults: tuple[str, ...]) -> list[bytes]:
    """Return all that a target says in an exchange that touches every PDU."""
    target = make_target(faults=faults, alias="alias")
    peer = Peer(target)
    reported: list[pdu.PDU] = []

    def send(*requests: pdu.PDU) -> list[pdu.PDU]:
        answers = peer.send(*requests)
        reported.extend(answers)
        return answers

    send(peer.login_request([*names(), ("X-odd", "1")], csg=0, nsg=1, transit=0))
    send(peer.login_request([("AuthMethod", "None")], csg=0, nsg=1))
    keys = {
        "HeaderDigest": "None",
        "MaxBurstLength": "1024",
        "FirstBurstLength": "512",
        "DefaultTime2Wait": "5",
        "InitialR2T": "Yes",
        "ImmediateData": "Yes",
        "IFMarker": "No",
        "MaxRecvDataSegmentLength": "512",
    }
    send(peer.login_request(list(keys.items())))
    peer.exp_stat_sn = peer.connection.stat_sn
    for lun in (0, 1):
        send(pdu.SCSICommand(cdb=cdb.test_unit_ready().ljust(16, b"\0"), lun=lun << 48))
    peer.exp_stat_sn = peer.connection.stat_sn
    send(read(0, 4), read(0, 1, expected_data_transfer_length=1024))
    send(read(0, 2, expected_data_transfer_length=512), read(1 << 20, 2))
    r2t = send(write(0, 1))
    if r2t and isinstance(r2t[0], pdu.R2T):
        send(data_out(r2t[0], bytes(512)))
    send(pdu.NOPOut(data=b"ping", immediate=1))
    send(pdu.TextRequest(data=b"SendTargets=\0"))
    send(pdu.UnknownPDU(opcode=0x1D))
    send(pdu.TaskManagementRequest(function=int(TMFunction.ABORT_TASK), ref_cmd_sn=1))
    send(pdu.LogoutRequest(reason=int(LogoutReason.CLOSE_SESSION)))
    return [bytes(one) for one in reported]


@pytest.mark.parametrize("name", [fault.name for fault in TWISTS])
def test_twist_changes_the_text(name: str) -> None:
    assert conversation((name,)) != conversation(())


@pytest.mark.parametrize(
    ("fault", "header", "data"),
    [
        ("header-digest-is-wrong", False, True),
        ("data-digest-is-wrong", True, False),
        ("data-digest-leaves-padding-out", True, False),
        ("padding-is-not-zero", True, True),
        ("reserved-bits-are-set", True, True),
    ],
)
def test_wire_is_corrupted(fault: str, header: bool, data: bool) -> None:
    peer = Peer(make_target(faults=(fault,)))
    peer.login(HeaderDigest="CRC32C", DataDigest="CRC32C")

    peer.send_bytes(wire_of(peer, pdu.NOPOut(data=b"ping!", immediate=1)))

    decoder = framing.Decoder(digests=peer.digests)
    decoder.feed(b"".join(map(bytes, peer.connection.take_output())))
    frame = decoder.next_frame()
    assert frame is not None
    assert frame.is_header_digest_right is header
    assert frame.is_data_digest_right is data
    assert (frame.header[0] == 0xA0) is (fault == "reserved-bits-are-set")
    assert (frame.data[5:] == bytes(3)) is (fault != "padding-is-not-zero")


def wire_of(peer: Peer, request: pdu.PDU) -> bytes:
    header, data = peer.fill(request).segments()
    return framing.encode(header, data, header_digest=True, data_digest=True)


def peer_with_fault(fault: str, **keys: str) -> Peer:
    return Peer(make_target(faults=(fault,))).logged_in(**keys)


def test_commands_outside_the_window_are_executed() -> None:
    below, above = (
        peer_with_fault("command-below-window-is-executed"),
        peer_with_fault("command-above-window-is-executed"),
    )

    assert below.send(read(0, 1, cmd_sn=below.cmd_sn - 3))
    assert above.send(read(0, 1, cmd_sn=above.cmd_sn + 500))
    assert below.send(read(0, 1, cmd_sn=below.cmd_sn + 500)) == []


def test_command_overtakes_a_gap_that_can_still_be_filled() -> None:
    peer = peer_with_fault("command-runs-before-the-gap-is-filled")
    number = peer.cmd_sn

    assert peer.send(read(0, 1, cmd_sn=number + 1))
    peer.send(read(0, 1, cmd_sn=number))
    peer.cmd_sn = number + 2
    assert peer.send(read(0, 1))[-1].exp_cmd_sn == number + 3


def test_r2ts_beyond_what_was_agreed() -> None:
    keys = {"ImmediateData": "No", "MaxBurstLength": "512", "MaxOutstandingR2T": "1"}

    long = peer_with_fault("r2t-asks-beyond-max-burst", **keys).send(write(0, 4))
    many = peer_with_fault("r2t-beyond-max-outstanding", **keys).send(write(0, 4))

    assert [one.desired_data_transfer_length for one in long] == [2048]
    assert len(many) == 2


def test_data_in_beyond_the_segment_limit() -> None:
    keys = {"MaxRecvDataSegmentLength": "512"}

    answers = peer_with_fault("data-in-beyond-max-recv-data-segment", **keys).send(
        read(0, 2)
    )

    assert [len(one.data) for one in answers] == [1024]


def test_login_is_lenient_if_asked() -> None:
    def status(fault: str, *keys: tuple[str, str], csg: int = 1) -> int:
        peer = Peer(make_target(faults=(fault,)))
        request = peer.login_request([*names(), *keys], csg=csg, nsg=3)
        return int(peer.send(request)[0].status)

    digest = ("DataDigest", "None")
    assert status("login-takes-repeated-key", digest, digest) == 0
    assert status("login-takes-key-of-other-stage", digest, csg=0) == 0


def test_wrong_chap_response_lets_in() -> None:
    peer = Peer(make_target(faults=("chap-takes-any-response",), access=CHAP_ACCESS))
    wrong = [("CHAP_N", "user"), ("CHAP_R", "0x00")]
    for pairs in ([*names(), ("AuthMethod", "CHAP")], [("CHAP_A", "5")], wrong):
        answer = peer.send(peer.login_request(pairs, csg=0, nsg=1, transit=0))[0]

    assert answer.status == LoginStatus.SUCCESS


def test_security_may_be_skipped() -> None:
    peer = Peer(
        make_target(faults=("login-may-skip-authentication",), access=CHAP_ACCESS)
    )

    assert peer.login().status == LoginStatus.SUCCESS


def test_session_rules_are_not_kept() -> None:
    target = make_target(faults=("isid-rule-is-not-kept", "login-takes-unknown-tsih"))
    Peer(target).login()
    Peer(target).login(fields={"tsih": 77})

    assert len(target.sessions) == 2


def test_more_connections_than_agreed() -> None:
    peer = peer_with_fault("max-connections-is-not-kept")
    second = Peer(peer.target, cid=1)
    second.tsih = peer.tsih

    assert second.login().status == LoginStatus.SUCCESS


def test_connection_survives_a_first_pdu_that_is_no_login() -> None:
    peer = Peer(make_target(faults=("first-pdu-need-not-be-login",)))

    peer.send(pdu.NOPOut())

    assert peer.login().status == LoginStatus.SUCCESS


def test_send_targets_says_too_much() -> None:
    peer = peer_with_fault("send-targets-all-on-normal-session")

    answer = peer.send(pdu.TextRequest(data=b"SendTargets=All\0"))[0]

    assert "TargetName" in pairs_of(answer)


def test_lun_of_data_out_is_not_looked_at() -> None:
    peer = peer_with_fault("data-out-lun-is-not-checked", ImmediateData="No")
    r2t = peer.send(write(0, 1))[0]

    assert peer.send(data_out(r2t, bytes(512), lun=5 << 48))[0].status == 0


def test_unknown_connection_is_logged_out() -> None:
    answer = peer_with_fault("logout-of-unknown-cid-succeeds").send(
        pdu.LogoutRequest(reason=1, cid=9)
    )[0]

    assert answer.response == 0


def test_snack_for_the_future_is_ignored() -> None:
    peer = peer_with_fault("snack-of-unsent-is-ignored", ErrorRecoveryLevel="1")

    assert peer.send(pdu.SNACK(type=1, beg_run=999, initiator_task_tag=2**32 - 1)) == []


def test_tasks_survive_a_reset() -> None:
    peer = peer_with_fault("lun-reset-leaves-tasks", ImmediateData="No")
    peer.send(write(0, 1))
    peer.connection.parameters.task_reporting = "FastAbort"
    peer.session.parameters.task_reporting = "FastAbort"

    peer.send(pdu.TaskManagementRequest(function=int(TMFunction.LOGICAL_UNIT_RESET)))

    assert peer.session.commands


def test_discovery_answers_a_ping() -> None:
    peer = Peer(make_target(faults=("discovery-takes-any-request",)))
    keys = [("InitiatorName", "iqn.x"), ("SessionType", "Discovery")]
    peer.send(peer.login_request(keys))

    answers = peer.send(pdu.NOPOut(immediate=1), read(0, 1))

    assert isinstance(answers[0], pdu.NOPIn)
    assert answers[1].reason == RejectReason.PROTOCOL_ERROR
