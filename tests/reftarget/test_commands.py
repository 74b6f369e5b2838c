# SPDX-License-Identifier: GPL-2.0-only
"""Commands, their numbers and their data."""

import pytest

from iscsi import pdu
from iscsi.constants import RESERVED_TAG, RejectReason, TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi.status import SCSIStatus
from reftarget.config import Limits
from tests.reftarget.peer import (
    Peer,
    data_out,
    make_target,
    read,
    scsi,
    sense_of,
    write,
)

PATTERN = bytes(range(256)) * 32
R2T_ONLY = {"ImmediateData": "No", "InitialR2T": "Yes"}
UNSOLICITED = {"ImmediateData": "Yes", "InitialR2T": "No"}


@pytest.fixture
def peer() -> Peer:
    return Peer(make_target())


def contents(peer: Peer, lba: int, blocks: int) -> bytes:
    return b"".join(bytes(one.data) for one in peer.send(read(lba, blocks)))


def kinds(answers: list[pdu.PDU]) -> list[str]:
    return [type(one).__name__ for one in answers]


def test_read_is_cut_by_segment_and_burst(peer: Peer) -> None:
    peer.logged_in(MaxRecvDataSegmentLength="1024", MaxBurstLength="1536")

    answers = peer.send(read(0, 8))

    assert [len(one.data) for one in answers] == [1024, 512, 1024, 512, 1024]
    assert [one.final for one in answers] == [0, 1, 0, 1, 1]
    assert [one.data_sn for one in answers] == [0, 1, 2, 3, 4]
    assert [one.buffer_offset for one in answers] == [0, 1024, 1536, 2560, 3072]
    assert [one.status_present for one in answers] == [0, 0, 0, 0, 1]
    assert not any(one.acknowledge for one in answers)


def test_segments_are_multiples_of_four_bytes(peer: Peer) -> None:
    peer.logged_in(MaxRecvDataSegmentLength="1023")

    assert [len(one.data) for one in peer.send(read(0, 4))] == [1020, 1020, 8]


def test_write_with_immediate_data(peer: Peer) -> None:
    peer.logged_in()

    answers = peer.send(write(3, 2, data=PATTERN[:1024]))

    assert kinds(answers) == ["SCSIResponse"]
    assert answers[0].status == 0
    assert contents(peer, 3, 2) == PATTERN[:1024]


def test_write_by_r2t(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY, MaxBurstLength="1024", MaxOutstandingR2T="2")

    first = peer.send(write(0, 6))
    assert kinds(first) == ["R2T", "R2T"]
    assert [one.r2t_sn for one in first] == [0, 1]
    assert [one.buffer_offset for one in first] == [0, 1024]
    assert {one.desired_data_transfer_length for one in first} == {1024}
    third = peer.send(data_out(first[0], PATTERN[:1024]))
    assert kinds(third) == ["R2T"]
    answers = peer.send(
        data_out(first[1], PATTERN[1024:2048]), data_out(third[0], PATTERN[2048:3072])
    )

    assert kinds(answers) == ["SCSIResponse"]
    assert contents(peer, 0, 6) == PATTERN[:3072]


def test_write_with_unsolicited_data_and_the_rest_by_r2t(peer: Peer) -> None:
    peer.logged_in(**UNSOLICITED, FirstBurstLength="2048")
    command = peer.fill(write(0, 8, data=PATTERN[:512], final=0))
    unsolicited = [
        pdu.DataOut(
            initiator_task_tag=command.initiator_task_tag,
            buffer_offset=512 + 768 * i,
            data_sn=i,
            final=i,
            data=PATTERN[512 + 768 * i : 1280 + 768 * i],
        )
        for i in (0, 1)
    ]

    answers = peer.send(command, *unsolicited)
    assert kinds(answers) == ["R2T"]
    assert answers[0].buffer_offset == 2048
    assert answers[0].desired_data_transfer_length == 2048
    last_answers = peer.send(data_out(answers[0], PATTERN[2048:4096]))

    assert last_answers[0].status == 0
    assert contents(peer, 0, 8) == PATTERN[:4096]


def test_data_out_of_order_within_a_sequence_where_agreed(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY, DataPDUInOrder="No")
    r2t = peer.send(write(0, 2))[0]

    answers = peer.send(
        data_out(r2t, PATTERN[512:1024], start=512, data_sn=0, final=0),
        data_out(r2t, PATTERN[:512], data_sn=1),
    )

    assert answers[0].status == 0
    assert contents(peer, 0, 2) == PATTERN[:1024]


@pytest.mark.parametrize(
    ("expected", "overflow", "underflow", "residual"),
    [(1024, 0, 0, 0), (1536, 0, 1, 512), (512, 1, 0, 512)],
)
def test_read_residuals(
    peer: Peer, expected: int, overflow: int, underflow: int, residual: int
) -> None:
    peer.logged_in()

    last = peer.send(read(0, 2, expected_data_transfer_length=expected))[-1]

    assert (last.overflow, last.underflow, last.residual_count) == (
        overflow,
        underflow,
        residual,
    )


def test_write_residual_of_a_command_that_takes_less(peer: Peer) -> None:
    peer.logged_in()

    answers = peer.send(
        write(0, 1, expected_data_transfer_length=1024, data=bytes(1024))
    )

    assert (answers[0].underflow, answers[0].residual_count) == (1, 512)


def test_status_with_sense_comes_in_a_response(peer: Peer) -> None:
    peer.logged_in()

    answers = peer.send(read(1 << 20, 1))

    assert kinds(answers) == ["SCSIResponse"]
    assert sense_of(answers[0]) == (5, 0x21, 0)
    assert (answers[0].underflow, answers[0].residual_count) == (1, 512)
    assert answers[0].exp_data_sn == 0


def test_commands_run_in_the_order_of_their_numbers(peer: Peer) -> None:
    peer.logged_in()
    base = peer.cmd_sn
    late_command = write(0, 1, cmd_sn=base + 1, data=PATTERN[:512])
    early = write(0, 1, cmd_sn=base, data=bytes(512))

    answers_before_the_gap = peer.send(late_command)
    answers = peer.send(early)
    peer.cmd_sn = base + 2

    assert answers_before_the_gap == []
    assert [one.initiator_task_tag for one in answers] == [
        early.initiator_task_tag,
        late_command.initiator_task_tag,
    ]
    assert answers[0].exp_cmd_sn == base + 1
    assert contents(peer, 0, 1) == PATTERN[:512]


@pytest.mark.parametrize("distance", [-1, -5, 128, 5000, -(2**31) + 1])
def test_commands_outside_the_window_are_ignored(peer: Peer, distance: int) -> None:
    peer.logged_in()
    number = peer.cmd_sn + distance & 0xFFFFFFFF

    assert peer.send(read(0, 1, cmd_sn=number)) == []
    assert peer.execute(cdb.test_unit_ready())[0].status == 0


def test_last_number_of_the_window_is_taken(peer: Peer) -> None:
    peer.logged_in()

    assert peer.send(read(0, 1, cmd_sn=peer.max_cmd_sn)) == []
    assert list(peer.session.held) == [peer.max_cmd_sn]


def test_window_numbers_wrap_around() -> None:
    peer = Peer(make_target())
    peer.cmd_sn = 0xFFFFFFFC
    peer.logged_in()

    statuses = [peer.execute(cdb.test_unit_ready())[0].status for _ in range(6)]

    assert statuses == [0] * 6
    assert peer.exp_cmd_sn == peer.cmd_sn < 100


def test_window_closes_while_commands_wait_and_opens_again() -> None:
    peer = Peer(make_target(limits=Limits(queue_depth=2)))
    peer.logged_in(**R2T_ONLY)
    r2ts = [peer.send(write(lba, 1))[0] for lba in (0, 1)]

    assert r2ts[-1].max_cmd_sn == r2ts[-1].exp_cmd_sn - 1
    assert peer.send(write(2, 1)) == []
    peer.cmd_sn -= 1
    answers = peer.send(data_out(r2ts[0], bytes(512)))
    assert answers[0].max_cmd_sn == answers[0].exp_cmd_sn


def test_duplicate_tag_is_rejected(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)
    r2t = peer.send(write(0, 1))[0]
    number = peer.cmd_sn

    answer = peer.send(write(0, 1, initiator_task_tag=r2t.initiator_task_tag))

    assert answer[0].reason == RejectReason.TASK_IN_PROGRESS
    assert answer[0].exp_cmd_sn == number
    assert len(answer[0].data) == 48


def test_retry_of_an_active_command_is_ignored(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)
    command = write(0, 1)
    peer.send(command)

    assert peer.send(command) == []


def test_unsolicited_data_where_it_is_not_agreed(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)

    answers = peer.send(write(0, 1, data=bytes(512)))

    assert sense_of(answers[0]) == (0x0B, 0x0C, 0x0C)


def test_sequence_that_ends_early_is_the_wrong_amount(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)
    r2t = peer.send(write(0, 2))[0]

    answers = peer.send(data_out(r2t, bytes(512)))

    assert sense_of(answers[0]) == (0x0B, 0x0C, 0x0D)


@pytest.mark.parametrize(
    "fields",
    [
        {"target_transfer_tag": 0x7777},
        {"lun": 1 << 48},
        {"buffer_offset": 512},
        {"initiator_task_tag": 0x4444},
    ],
)
def test_data_out_with_wrong_fields_is_rejected_and_the_task_lives(
    peer: Peer, fields: dict[str, int]
) -> None:
    peer.logged_in(**R2T_ONLY)
    r2t = peer.send(write(0, 1))[0]

    answers = peer.send(data_out(r2t, PATTERN[:512], final=0, **fields))
    last_answers = peer.send(
        data_out(r2t, PATTERN[:512], data_sn="buffer_offset" in fields)
    )

    assert [one.reason for one in answers] == [RejectReason.INVALID_PDU_FIELD]
    assert last_answers[0].status == 0


def test_error_response_waits_for_unsolicited_data(peer: Peer) -> None:
    peer.logged_in(**UNSOLICITED)
    command = write(1 << 20, 2, data=bytes(512), final=0)

    waiting = peer.send(command)
    answers = peer.send(
        pdu.DataOut(
            initiator_task_tag=command.initiator_task_tag,
            buffer_offset=512,
            data=bytes(512),
        )
    )

    assert waiting == []
    assert sense_of(answers[0]) == (5, 0x21, 0)


def test_ordered_task_waits_for_older_ones_and_holds_younger(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)
    r2t = peer.send(write(0, 1))[0]

    nothing = peer.send(
        read(0, 1, attribute=int(TaskAttribute.ORDERED)),
        read(0, 1, attribute=int(TaskAttribute.SIMPLE)),
    )
    jumps = peer.send(read(0, 1, attribute=int(TaskAttribute.HEAD_OF_QUEUE)))
    answers = peer.send(data_out(r2t, PATTERN[:512]))

    assert nothing == []
    assert bytes(jumps[0].data) == bytes(512)
    assert kinds(answers) == ["SCSIResponse", "DataIn", "DataIn"]
    assert bytes(answers[1].data) == PATTERN[:512]


def test_tasks_of_other_units_do_not_wait(peer: Peer) -> None:
    peer.logged_in(**R2T_ONLY)
    peer.send(write(0, 1))

    answers = peer.send(
        scsi(cdb.test_unit_ready(), lun=1, attribute=int(TaskAttribute.ORDERED))
    )

    assert answers[0].status == 0


@pytest.mark.parametrize("attribute", [5, 6, 7])
def test_reserved_attribute_is_a_protocol_error(peer: Peer, attribute: int) -> None:
    peer.logged_in()

    answer = peer.send(read(0, 1, attribute=attribute))[0]

    assert answer.reason == RejectReason.PROTOCOL_ERROR


def test_data_segment_beyond_the_limit_drops_the_session(peer: Peer) -> None:
    peer.logged_in()

    peer.send_bytes(pdu.NOPOut(data_segment_length=262145).segments()[0])

    assert peer.connection.is_closing
    assert not peer.target.sessions


def test_unknown_opcode_is_rejected(peer: Peer) -> None:
    peer.logged_in()

    answer = peer.send(pdu.UnknownPDU(opcode=0x1D))[0]

    assert answer.reason == RejectReason.COMMAND_NOT_SUPPORTED


def test_ping_is_echoed_up_to_the_segment_limit(peer: Peer) -> None:
    peer.logged_in(MaxRecvDataSegmentLength="512")

    answer = peer.send(pdu.NOPOut(data=PATTERN[:600], immediate=1))[0]

    assert isinstance(answer, pdu.NOPIn)
    assert bytes(answer.data) == PATTERN[:512]
    assert answer.target_transfer_tag == RESERVED_TAG


def test_nop_without_tag_is_not_answered(peer: Peer) -> None:
    peer.logged_in()

    assert peer.send(pdu.NOPOut(initiator_task_tag=RESERVED_TAG, immediate=1)) == []


def test_digests_on_every_pdu(peer: Peer) -> None:
    peer.logged_in(HeaderDigest="CRC32C", DataDigest="CRC32C")

    peer.send(write(0, 1, data=PATTERN[:512]))

    assert contents(peer, 0, 1) == PATTERN[:512]


def test_data_digest_error_is_rejected_and_leaves_a_gap(peer: Peer) -> None:
    peer.logged_in(DataDigest="CRC32C")
    command = peer.fill(write(0, 1, data=PATTERN[:512]))
    wire = bytearray(b"".join(command.segments()) + bytes(4))
    peer.send_bytes(bytes(wire))

    rejected = peer.receive()
    repeated = peer.send(command)

    assert rejected[0].reason == RejectReason.DATA_DIGEST_ERROR
    assert rejected[0].exp_cmd_sn == command.cmd_sn
    assert repeated[0].status == 0


def test_header_digest_error_drops_the_connection(peer: Peer) -> None:
    peer.logged_in(HeaderDigest="CRC32C")

    peer.send_bytes(peer.fill(pdu.NOPOut()).segments()[0] + bytes(4))

    assert peer.receive() == []
    assert peer.connection.is_closing


def test_pdus_in_single_bytes(peer: Peer) -> None:
    peer.logged_in()
    header, data = peer.fill(write(0, 1, data=PATTERN[:512])).segments()

    for byte in header + data:
        peer.send_bytes(bytes([byte]))

    assert peer.receive()[0].status == 0


def test_large_write_in_one_pdu_beyond_the_buffer() -> None:
    length = 1 << 20
    peer = Peer(make_target(keys={"MaxRecvDataSegmentLength": str(length)}))
    peer.logged_in(**R2T_ONLY, MaxBurstLength=str(length))
    r2t = peer.send(write(0, 2048))[0]
    pattern = PATTERN * (length // len(PATTERN))

    answers = peer.send(data_out(r2t, pattern))

    assert answers[0].status == 0
    assert contents(peer, 0, 2048) == pattern


def test_room_for_data_is_bounded_and_given_back() -> None:
    peer = Peer(make_target(limits=Limits(buffered_bytes=1024))).logged_in(**R2T_ONLY)
    r2t = peer.send(write(0, 2))[0]

    refused = peer.send(write(8, 1))[0]
    peer.send(data_out(r2t, bytes(1024)))

    assert refused.status == SCSIStatus.TASK_SET_FULL
    assert isinstance(peer.send(write(8, 1))[0], pdu.R2T)


@pytest.mark.parametrize("level", [1, 2])
def test_inquiry_shows_the_protocol_level(peer: Peer, level: int) -> None:
    peer.logged_in(iSCSIProtocolLevel=str(level))

    answer = peer.execute(
        cdb.inquiry(allocation_length=96), read=1, expected_data_transfer_length=96
    )[0]

    assert (0x0960 + level).to_bytes(2, "big") in bytes(answer.data)[58:74]
