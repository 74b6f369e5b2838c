# SPDX-License-Identifier: GPL-2.0-only
"""Commands that take long are done in steps; others have their turn between them."""

import pytest

from iscsi import pdu
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from iscsi.scsi.copy_results import CopyManagerStatus, CopyStatus
from iscsi.scsi.extended_copy import (
    THIS_LOGICAL_UNIT,
    ListIDUsage,
    Segment,
    build_parameter_list,
)
from reftarget.turns import Turns
from tests.reftarget.peer import BLOCK, SIZE, Peer, make_target, scsi, sense_of

GOOD, NOT_READY, ILLEGAL_REQUEST = 0, 2, 5
BLOCKS = SIZE // BLOCK
NACA = 4


def peer_with_short_turns(**keys: str) -> Peer:
    """Return a peer of a target whose turns are over after one step."""
    target = make_target()
    peer = Peer(target).logged_in(**keys)
    target.turns.has_time = lambda: False
    return peer


def copy(segments: int, *, identifier: int = 1, **fields: int) -> pdu.SCSICommand:
    """Return an EXTENDED COPY of the first block to that many others."""
    data = build_parameter_list(
        [],
        [
            Segment(THIS_LOGICAL_UNIT, THIS_LOGICAL_UNIT, 1, 0, number)
            for number in range(1, segments + 1)
        ],
        list_identifier=identifier,
        list_id_usage=ListIDUsage.HOLD,
    )
    return scsi(
        cdb.extended_copy(parameter_list_length=len(data)),
        write=1,
        expected_data_transfer_length=len(data),
        data=data,
        **fields,
    )


def copy_status(peer: Peer, identifier: int = 1) -> CopyStatus:
    """Return what RECEIVE COPY STATUS shows."""
    command = cdb.receive_copy_status(
        list_identifier=identifier, allocation_length=1024
    )
    (answer,) = peer.execute(command, read=1, expected_data_transfer_length=1024)
    return CopyStatus.parse(bytes(answer.data))


def finish(peer: Peer) -> list[pdu.PDU]:
    """Do what is left to be done; return what the peer hears of it."""
    while peer.target.turns:
        peer.target.turns.go_on()
    return peer.receive()


def fill(peer: Peer, lba: int, blocks: int) -> None:
    unit = peer.target.nodes[next(iter(peer.target.nodes))].device.units[0]
    unit.write(lba, b"\x5a" * (blocks * BLOCK))


def stored(peer: Peer, lba: int, blocks: int = 1) -> bytes:
    unit = peer.target.nodes[next(iter(peer.target.nodes))].device.units[0]
    return bytes(unit.read(lba, blocks))


def test_a_copy_lets_others_have_their_turn() -> None:
    peer = peer_with_short_turns()
    fill(peer, 0, 1)

    assert peer.send(copy(3)) == []
    assert isinstance(peer.send(pdu.NOPOut(immediate=1))[0], pdu.NOPIn)
    (response,) = finish(peer)

    assert response.status == GOOD
    assert stored(peer, 1, 3) == b"\x5a" * (3 * BLOCK)


def test_a_copy_shows_how_far_it_is() -> None:
    peer = peer_with_short_turns()
    peer.send(copy(3))

    assert copy_status(peer).status == CopyManagerStatus.IN_PROGRESS
    finish(peer)

    assert copy_status(peer) == CopyStatus(CopyManagerStatus.COMPLETED, 3, 2, 1)


def test_a_copy_in_progress_keeps_its_identifier() -> None:
    peer = peer_with_short_turns()
    peer.send(copy(3))

    (same,) = peer.send(copy(1))
    assert sense_of(same) == (ILLEGAL_REQUEST, 0x00, 0x16)
    assert peer.send(copy(1, identifier=2)) == []

    assert [one.status for one in finish(peer)] == [GOOD, GOOD]


def test_an_aborted_copy_goes_no_further() -> None:
    peer = peer_with_short_turns()
    fill(peer, 0, 1)
    request = copy(3)
    peer.send(request)

    (answer,) = peer.send(
        pdu.TaskManagementRequest(
            function=TMFunction.ABORT_TASK,
            referenced_task_tag=request.initiator_task_tag,
            ref_cmd_sn=request.cmd_sn,
            immediate=1,
        )
    )
    assert answer.response == 0
    assert peer.send(copy(1)) == []  # its identifier is free again
    (response,) = finish(peer)

    assert response.status == GOOD
    assert stored(peer, 3) == bytes(BLOCK)


def test_a_copy_waits_while_the_unit_is_in_allegiance() -> None:
    peer = peer_with_short_turns()
    fill(peer, 0, 1)
    peer.send(copy(3))
    beyond = bytearray(cdb.read_10(lba=BLOCKS, blocks=1))
    beyond[9] = NACA
    (answer,) = peer.execute(bytes(beyond), read=1)
    assert answer.status != GOOD

    assert finish(peer) == []
    assert stored(peer, 3) == bytes(BLOCK)
    peer.send(pdu.TaskManagementRequest(function=TMFunction.CLEAR_ACA, immediate=1))
    (response,) = finish(peer)

    assert response.status == GOOD
    assert stored(peer, 3) == b"\x5a" * BLOCK


def test_a_command_goes_on_when_its_connection_is_lost() -> None:
    peer = peer_with_short_turns(ErrorRecoveryLevel="2")
    fill(peer, 0, 1)
    peer.send(copy(3))

    peer.connection.drop()
    finish(peer)

    assert stored(peer, 3) == b"\x5a" * BLOCK


@pytest.mark.parametrize("immed", [0, 1])
def test_a_sanitize_operation_outlives_its_command(immed: int) -> None:
    peer = peer_with_short_turns()
    fill(peer, 0, BLOCKS)
    pattern = b"\x01\0" + (4).to_bytes(2, "big") + b"abcd"
    command = cdb.sanitize_overwrite(parameter_list_length=len(pattern), immed=immed)
    request = scsi(
        command, write=1, expected_data_transfer_length=len(pattern), data=pattern
    )
    answers = peer.send(request)
    assert [one.status for one in answers] == [GOOD] * immed

    (busy,) = peer.execute(cdb.test_unit_ready())
    assert sense_of(busy) == (NOT_READY, 0x04, 0x1B)
    peer.send(
        pdu.TaskManagementRequest(
            function=TMFunction.LOGICAL_UNIT_RESET, immediate=1, lun=0
        )
    )
    finish(peer)
    peer.clear_attentions()

    assert stored(peer, 0, BLOCKS) == b"abcd" * (SIZE // 4)


def test_data_for_a_command_that_takes_none_is_dropped() -> None:
    peer = peer_with_short_turns(InitialR2T="No")
    erase = scsi(
        cdb.sanitize_block_erase(),
        write=1,
        final=0,
        expected_data_transfer_length=2 * BLOCK,
        data=bytes(BLOCK),
    )
    assert peer.send(erase) == []
    assert finish(peer) == []  # the response waits for the data

    (response,) = peer.send(
        pdu.DataOut(
            initiator_task_tag=erase.initiator_task_tag,
            buffer_offset=BLOCK,
            final=1,
            data=bytes(BLOCK),
        )
    )

    assert response.status == GOOD


class Counted:
    """A job of so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> bool:
        self.left -= 1
        return self.left > 0


def test_jobs_take_turns() -> None:
    turns = Turns()
    turns.has_time = lambda: False
    jobs = [Counted(3), Counted(3)]
    for job in jobs:
        turns.begin(job)
    assert [job.left for job in jobs] == [2, 2]

    turns.go_on()
    assert [job.left for job in jobs] == [1, 2]
    turns.go_on()
    assert [job.left for job in jobs] == [1, 1]
    turns.go_on()
    turns.go_on()

    assert not turns
