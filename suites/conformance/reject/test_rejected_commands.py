# SPDX-License-Identifier: GPL-2.0-only
"""Refused requests, and their effects (RFC 7143 sections 7.3, 11.17)."""

import pytest

from initiator.expect import check, expect_reject_or_drop
from initiator.session import Session
from iscsi import serial
from iscsi.constants import RejectReason
from iscsi.pdu import NOPIn, NOPOut
from suites.plugins.sessions import OpenSession
from suites.support.reject import REFUSED, STRAY, UNDUE, provoke_reject_of

SNACK_REASONS = [
    RejectReason.SNACK_REJECT,
    RejectReason.PROTOCOL_ERROR,
    RejectReason.COMMAND_NOT_SUPPORTED,
    RejectReason.INVALID_DATA_ACK,
    RejectReason.INVALID_PDU_FIELD,
]


@pytest.mark.requirement("RFC7143-7.3-02")
@pytest.mark.parametrize("kind", REFUSED)
def test_rejected_command_leaves_a_gap(session: Session, kind: str) -> None:
    """A rejected command's CmdSN counts as not received; another command takes it."""
    bad, reject = provoke_reject_of(session, REFUSED[kind], immediate=0)

    assert not bad.immediate
    check(reject.exp_cmd_sn == bad.cmd_sn, f"ExpCmdSN {bad.cmd_sn}", reject)
    # With a window of one command, no command can be sent before the gap is filled.
    early = session.send(NOPOut()) if session.numbers.is_open else None
    pong = session.ping()
    check(pong.exp_cmd_sn == bad.cmd_sn, f"ExpCmdSN {bad.cmd_sn}", pong)
    late = session.send(NOPOut(cmd_sn=bad.cmd_sn))
    session.expect(NOPIn, of=late)
    if early is not None:
        session.expect(NOPIn, of=early)


@pytest.mark.requirement("RFC7143-7.3-i02")
@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("immediate", [0, 1], ids=["in-order", "immediate"])
def test_rejected_command_gets_no_response(
    session: Session, kind: str, immediate: int
) -> None:
    """The target sends no other response for a rejected command."""
    bad, _reject = provoke_reject_of(session, REFUSED[kind], immediate=immediate)

    assert session.transcript.sent()[-1].immediate == immediate
    session.expect_silence(after=bad)


@pytest.mark.requirement(
    "RFC7143-11.17.3-i01", "RFC7143-4.2.2.2-i01", "RFC7143-4.2.2.1-12"
)
def test_reject_carries_the_window(session: Session) -> None:
    """A Reject carries ExpCmdSN and MaxCmdSN as any other response does."""
    cmd_sn = session.cmd_sn

    _bad, reject = provoke_reject_of(
        session, REFUSED["text-of-no-exchange"], immediate=1
    )

    check(reject.exp_cmd_sn == cmd_sn, f"ExpCmdSN {cmd_sn}", reject)
    size = serial.distance(reject.exp_cmd_sn, reject.max_cmd_sn) + 1
    check(
        size >= 0,
        "MaxCmdSN >= ExpCmdSN - 1",
        reject,
        requirement="RFC7143-4.2.2.1-12",
        field="MaxCmdSN",
    )


@pytest.mark.requirement("RFC7143-11.16-07")
@pytest.mark.parametrize("kind", UNDUE)
def test_snack_for_unsent_pdus_is_refused(open_session: OpenSession, kind: str) -> None:
    """The target refuses a SNACK Request for PDUs that it has never sent."""
    session = open_session({"ErrorRecoveryLevel": "0"})
    bad = session.send(UNDUE[kind].copy())

    assert session.parameters.error_recovery_level == 0
    assert session.transcript.sent()[-1].type == UNDUE[kind].type
    expect_reject_or_drop(session.connection, of=bad, reasons=SNACK_REASONS)


@pytest.mark.requirement("RFC7143-11.17.1-i01")
def test_data_out_without_a_task_is_refused(session: Session) -> None:
    """The target refuses Data-Out whose tags belong to no task."""
    bad = session.send(STRAY.copy())

    assert bytes(session.transcript.sent()[-1].data) == bytes(STRAY.data)
    expect_reject_or_drop(
        session.connection, of=bad, reasons=[RejectReason.INVALID_PDU_FIELD]
    )
