# SPDX-License-Identifier: GPL-2.0-only
"""Several tasks at once, whatever comes between their R2Ts."""

from initiator.login import LoginOptions
from initiator.session import Session
from iscsi import text
from iscsi.constants import RESERVED_TAG, Opcode
from iscsi.framing import encode
from iscsi.pdu import R2T, LoginResponse, NOPIn, SCSIResponse
from iscsi.scsi import cdb
from suites.support.trials import finish_together
from tests.initiator.peer import Peer, listening

OPTIONS = LoginOptions(target_name="iqn.2026-11.org.example:t")


def ask_and_ping(peer: Peer) -> None:
    """Ask for a write's data, ping at once, and wait for the data."""
    request = peer.receive()
    common = {"exp_cmd_sn": request.cmd_sn, "max_cmd_sn": request.cmd_sn + 7}
    answers = [("HeaderDigest", "None"), ("DataDigest", "None"), ("InitialR2T", "Yes")]
    peer.send(
        LoginResponse(
            transit=request.transit,
            csg=request.csg,
            nsg=request.nsg,
            isid=request.isid,
            tsih=1,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=100,
            data=text.encode(answers),
            **common,
        )
    )
    command = peer.receive()
    itt = command.initiator_task_tag
    common = {"exp_cmd_sn": command.cmd_sn + 1, "max_cmd_sn": command.cmd_sn + 8}
    r2t = R2T(
        initiator_task_tag=itt,
        target_transfer_tag=5,
        desired_data_transfer_length=512,
        stat_sn=101,
        **common,
    )
    ping = NOPIn(
        initiator_task_tag=RESERVED_TAG, target_transfer_tag=6, stat_sn=101, **common
    )
    # Both have arrived before the initiator reads the first.
    peer.socket.sendall(encode(*r2t.segments()) + encode(*ping.segments()))
    while peer.receive().opcode != Opcode.DATA_OUT:
        pass
    peer.send(SCSIResponse(initiator_task_tag=itt, stat_sn=101, **common))


def test_a_ping_behind_an_r2t_does_not_stall_the_write() -> None:
    with listening(ask_and_ping) as portal:
        session = Session(portal, OPTIONS, timeout=1.0)
        command = cdb.write_10(lba=0, blocks=1)
        task = session.start(command, write=bytes(512), immediate_data=0, unsolicited=0)

        finish_together(session, [task])

        session.close()
    assert task.result().is_good
    assert len(task.r2ts) == 1
