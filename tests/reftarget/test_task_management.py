# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions, fences and what other sessions see of them."""

from typing import Any

import pytest

from iscsi import pdu
from iscsi.constants import RESERVED_TAG, TMFunction, TMResponse
from iscsi.scsi import cdb
from reftarget.target import ReferenceTarget
from tests.reftarget.peer import Peer, data_out, make_target, read, sense_of, write

R2T_ONLY = {"ImmediateData": "No", "iSCSIProtocolLevel": "2"}


@pytest.fixture
def target() -> ReferenceTarget:
    return make_target()


@pytest.fixture
def peer(target: ReferenceTarget) -> Peer:
    return Peer(target).logged_in(**R2T_ONLY)


def other(target: ReferenceTarget, **keys: str) -> Peer:
    second = Peer(target)
    second.isid = b"\x80\x00\x01\x02\x03\x05"
    second.itt = 0x9000
    return second.logged_in(**{**R2T_ONLY, **keys})


def function(kind: TMFunction, *, lun: int = 0, **fields: Any) -> pdu.PDU:
    return pdu.TaskManagementRequest(function=int(kind), lun=lun << 48, **fields)


def test_abort_task_ends_it_in_silence(peer: Peer) -> None:
    r2t = peer.send(write(0, 1))[0]
    number = peer.cmd_sn - 1

    answer = peer.send(
        function(
            TMFunction.ABORT_TASK,
            referenced_task_tag=r2t.initiator_task_tag,
            ref_cmd_sn=number,
        )
    )
    late_command = peer.send(data_out(r2t, bytes(512)))

    assert answer[0].response == TMResponse.FUNCTION_COMPLETE
    assert late_command == []
    assert peer.execute(cdb.test_unit_ready())[0].status == 0


def test_abort_task_that_never_came_fills_the_gap(peer: Peer) -> None:
    missing = peer.cmd_sn
    peer.cmd_sn += 1
    early = peer.execute(cdb.test_unit_ready())

    answers = peer.send(
        function(TMFunction.ABORT_TASK, referenced_task_tag=0x77, ref_cmd_sn=missing)
    )

    assert early == []
    assert sorted(type(one).__name__ for one in answers) == [
        "SCSIResponse",
        "TaskManagementResponse",
    ]
    assert answers[-1].response == TMResponse.FUNCTION_COMPLETE
    assert answers[-1].exp_cmd_sn == peer.cmd_sn


@pytest.mark.parametrize("distance", [-1, 1000])
def test_abort_task_outside_the_window_does_not_exist(
    peer: Peer, distance: int
) -> None:
    answer = peer.send(
        function(
            TMFunction.ABORT_TASK,
            referenced_task_tag=0x77,
            ref_cmd_sn=peer.cmd_sn + distance,
        )
    )[0]

    assert answer.response == TMResponse.TASK_DOES_NOT_EXIST


def test_abort_of_a_function_is_rejected(peer: Peer) -> None:
    missing = peer.cmd_sn
    early = function(TMFunction.ABORT_TASK_SET, immediate=0, cmd_sn=missing + 1)
    peer.send(early)

    answer = peer.send(
        function(
            TMFunction.ABORT_TASK,
            referenced_task_tag=early.initiator_task_tag,
            ref_cmd_sn=missing + 1,
            cmd_sn=missing + 2,
        )
    )[0]

    assert answer.response == TMResponse.FUNCTION_REJECTED


def test_abort_task_set_waits_for_outstanding_data(peer: Peer) -> None:
    r2t = peer.send(write(0, 2))[0]

    waiting = peer.send(function(TMFunction.ABORT_TASK_SET))
    answers = peer.send(data_out(r2t, b""))

    assert waiting == []
    assert [type(one).__name__ for one in answers] == ["TaskManagementResponse"]
    assert answers[0].response == TMResponse.FUNCTION_COMPLETE
    assert peer.execute(cdb.test_unit_ready())[0].status == 0


def test_abort_task_set_with_fast_abort_does_not_wait(target: ReferenceTarget) -> None:
    peer = Peer(target).logged_in(**R2T_ONLY, TaskReporting="FastAbort")
    r2t = peer.send(write(0, 2))[0]

    answer = peer.send(function(TMFunction.ABORT_TASK_SET))[0]
    late_command = peer.send(data_out(r2t, bytes(1024)))

    assert answer.response == TMResponse.FUNCTION_COMPLETE
    assert late_command == []


def test_abort_task_set_waits_for_earlier_commands(peer: Peer) -> None:
    missing = peer.cmd_sn
    peer.cmd_sn += 1

    waiting = peer.send(function(TMFunction.ABORT_TASK_SET))
    answers = peer.execute(cdb.test_unit_ready(), cmd_sn=missing)

    assert waiting == []
    assert [type(one).__name__ for one in answers] == [
        "SCSIResponse",
        "TaskManagementResponse",
    ]


def test_lun_reset_ends_all_tasks_and_notifies_their_nexuses(
    target: ReferenceTarget,
) -> None:
    peer, third = Peer(target).logged_in(**R2T_ONLY), other(target)
    elsewhere = third.send(write(0, 1, lun=1))[0]
    third.send(write(0, 1))

    answer = peer.send(function(TMFunction.LOGICAL_UNIT_RESET))[0]

    assert answer.response == TMResponse.FUNCTION_COMPLETE
    third.receive()
    for one in (peer, third):
        assert sense_of(one.execute(cdb.test_unit_ready())[0]) == (6, 0x29, 3)
    assert third.send(data_out(elsewhere, bytes(512)))[0].status == 0


def test_clear_task_set_notifies_others_that_had_tasks(target: ReferenceTarget) -> None:
    peer, third = Peer(target).logged_in(**R2T_ONLY), other(target)
    third.send(write(0, 1))

    peer.send(function(TMFunction.CLEAR_TASK_SET))
    third.receive()

    assert sense_of(third.execute(cdb.test_unit_ready())[0]) == (6, 0x2F, 0)
    assert peer.execute(cdb.test_unit_ready())[0].status == 0


def test_fast_abort_third_party_hears_of_terminated_tasks(
    target: ReferenceTarget,
) -> None:
    peer = Peer(target).logged_in(**R2T_ONLY)
    third = other(target, TaskReporting="FastAbort")
    third.send(write(0, 1, lun=1))

    peer.send(function(TMFunction.LOGICAL_UNIT_RESET, lun=1))

    event = next(one for one in third.receive() if isinstance(one, pdu.AsyncMessage))
    assert (event.async_event, event.lun) == (5, 1 << 48)
    acknowledgement = pdu.NOPOut(
        initiator_task_tag=RESERVED_TAG, immediate=1, lun=1 << 48
    )
    assert third.send(acknowledgement) == []


def test_warm_reset_reaches_all_units(peer: Peer) -> None:
    answer = peer.send(function(TMFunction.TARGET_WARM_RESET))[0]

    assert answer.response == TMResponse.FUNCTION_COMPLETE
    for lun in (0, 1):
        assert sense_of(peer.execute(cdb.test_unit_ready(), lun=lun)[0])[0] == 6


def test_cold_reset_answers_and_ends_all_sessions(target: ReferenceTarget) -> None:
    peer, third = Peer(target).logged_in(**R2T_ONLY), other(target)

    answer = peer.send(function(TMFunction.TARGET_COLD_RESET))[0]

    assert answer.response == TMResponse.FUNCTION_COMPLETE
    assert peer.connection.is_closing
    assert third.connection.is_closing
    assert not target.sessions


@pytest.mark.parametrize(
    ("kind", "lun", "response"),
    [
        (TMFunction.LOGICAL_UNIT_RESET, 9, TMResponse.LUN_DOES_NOT_EXIST),
        (TMFunction.ABORT_TASK_SET, 9, TMResponse.LUN_DOES_NOT_EXIST),
        (TMFunction.CLEAR_ACA, 0, TMResponse.FUNCTION_COMPLETE),
        (77, 0, TMResponse.FUNCTION_NOT_SUPPORTED),
        (TMFunction.QUERY_TASK_SET, 0, TMResponse.FUNCTION_COMPLETE),
    ],
)
def test_answers_of_functions_that_find_nothing(
    peer: Peer, kind: TMFunction, lun: int, response: TMResponse
) -> None:
    assert peer.send(function(kind, lun=lun))[0].response == response


def test_query_functions_find_a_task(peer: Peer) -> None:
    r2t = peer.send(write(0, 1))[0]

    answers = peer.send(
        function(TMFunction.QUERY_TASK, referenced_task_tag=r2t.initiator_task_tag),
        function(TMFunction.QUERY_TASK_SET),
    )

    assert [one.response for one in answers] == [TMResponse.FUNCTION_SUCCEEDED] * 2


def test_query_functions_need_level_2(target: ReferenceTarget) -> None:
    peer = Peer(target).logged_in()

    answer = peer.send(function(TMFunction.QUERY_TASK_SET))[0]

    assert answer.response == TMResponse.FUNCTION_NOT_SUPPORTED


def test_query_asynchronous_event_shows_the_attention(peer: Peer) -> None:
    peer.send(function(TMFunction.LOGICAL_UNIT_RESET))

    answer = peer.send(function(TMFunction.QUERY_ASYNCHRONOUS_EVENT))[0]

    assert answer.response == TMResponse.FUNCTION_SUCCEEDED
    assert answer.additional_response_information & 0xFFFFF == 0x62903


def test_nexus_reset_ends_the_session(target: ReferenceTarget, peer: Peer) -> None:
    answer = peer.send(function(TMFunction.I_T_NEXUS_RESET))[0]

    assert answer.response == TMResponse.FUNCTION_COMPLETE
    assert peer.connection.is_closing
    assert not target.sessions


def test_fenced_response_waits_for_all_connections(target: ReferenceTarget) -> None:
    first, second = Peer(target), Peer(target, cid=1)
    first.logged_in(**R2T_ONLY, MaxConnections="2", TaskReporting="ResponseFence")
    second.tsih = first.tsih
    second.login()
    second.cmd_sn = first.cmd_sn
    status = second.send(read(0, 1))[0]
    first.cmd_sn = second.cmd_sn

    waiting = first.send(function(TMFunction.LOGICAL_UNIT_RESET))
    ping = second.receive()
    assert waiting == []
    assert [type(one).__name__ for one in ping] == ["NOPIn"]
    acknowledge = {"initiator_task_tag": RESERVED_TAG, "immediate": 1}
    second.send(
        pdu.NOPOut(
            **acknowledge,
            target_transfer_tag=ping[0].target_transfer_tag,
            exp_stat_sn=status.stat_sn + 1,
        )
    )
    answer = first.receive()

    assert [type(one).__name__ for one in answer] == ["TaskManagementResponse"]
    second.cmd_sn = first.cmd_sn
    early = second.execute(cdb.test_unit_ready())
    assert early == []
    first.send(pdu.NOPOut(**acknowledge))
    assert sense_of(second.receive()[-1]) == (6, 0x29, 3)
