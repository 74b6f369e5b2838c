# SPDX-License-Identifier: GPL-2.0-only
"""Rejects, and requests that must be served (RFC 7143 7.3, 11.17)."""

import pytest

from initiator.expect import check, expect_reject_or_drop
from initiator.session import Session
from iscsi import serial
from iscsi.constants import RESERVED_TAG, Opcode, RejectReason, TMFunction
from iscsi.pdu import NOPIn, NOPOut, TaskManagementRequest
from suites.plugins.sessions import OpenSession
from suites.support.functions import skip_if_unsupported
from suites.support.numbering import skip_without_room
from suites.support.reject import SERVED, UNASSIGNED, with_reserved_bits
from suites.support.traffic import (
    converse,
    fields_of,
    provoke_reject,
    reserved_fields,
    unassigned,
)

ANSWER = Opcode.NOP_IN - Opcode.NOP_OUT
"""The difference between the opcodes of an answer and of its request."""

INITIATOR_OPCODES = frozenset(opcode for opcode in Opcode if opcode < Opcode.NOP_IN)


@pytest.mark.requirement("RFC7143-11.2.1.2-i01")
@pytest.mark.parametrize("opcode", UNASSIGNED, ids=hex)
def test_unassigned_opcode_is_refused(session: Session, opcode: int) -> None:
    """The target refuses a PDU with an unassigned opcode."""
    bad = unassigned(session, opcode)

    session.connection.send(bad, note="unassigned opcode")

    assert session.transcript.sent()[-1].opcode == opcode
    expect_reject_or_drop(session.connection, of=bad)


@pytest.mark.requirement("RFC7143-11.2.1.2-i01")
@pytest.mark.parametrize(
    "opcode",
    [opcode for opcode in Opcode if opcode >= Opcode.NOP_IN],
    ids=lambda opcode: opcode.name.lower(),
)
def test_opcode_of_a_target_is_refused(session: Session, opcode: Opcode) -> None:
    """The target refuses a PDU that only targets may send."""
    bad = unassigned(session, opcode)

    session.connection.send(bad, note="a target's opcode")

    assert session.transcript.sent()[-1].opcode == opcode
    expect_reject_or_drop(session.connection, of=bad)


@pytest.mark.requirement("RFC7143-11.17-i01")
def test_reject_has_no_task_tag(session: Session) -> None:
    """A Reject has the reserved Initiator Task Tag."""
    _bad, reject = provoke_reject(session)

    check(reject.reserved_task_tag == RESERVED_TAG, "ITT ffffffff", reject)


@pytest.mark.requirement("RFC7143-11.17-i01")
def test_reject_is_final(session: Session) -> None:
    """A Reject has F=1."""
    _bad, reject = provoke_reject(session)

    check(reject.final, "F=1", reject)


@pytest.mark.requirement("RFC7143-11.17.4-i01")
def test_reject_returns_the_complete_header(session: Session) -> None:
    """A Reject returns the 48 header bytes of the refused PDU."""
    bad, reject = provoke_reject(session)

    header = bad.segments()[0]
    check(bytes(reject.data) == header, f"data {header.hex()}", reject)


@pytest.mark.requirement("RFC7143-11.17.3-i01", "RFC7143-4.2.2.2-i01")
def test_reject_advances_stat_sn(session: Session) -> None:
    """A Reject has the next StatSN, and the session continues."""
    stat_sn = session.leading.status.exp_stat_sn

    _bad, reject = provoke_reject(session)

    check(reject.stat_sn == stat_sn, f"StatSN {stat_sn}", reject)
    session.leading.status.receive(reject.stat_sn)
    pong = session.ping()
    check(pong.stat_sn == serial.add(stat_sn, 1), "the StatSN after it", pong)


@pytest.mark.requirement("RFC7143-11.17.1-01")
def test_deprecated_reason_is_not_used(session: Session) -> None:
    """A Reject never gives the deprecated reason 0b."""
    _bad, reject = provoke_reject(session)

    check(
        reject.reason != RejectReason.NEGOTIATION_RESET,
        "a reason code that is not obsolete",
        reject,
    )


@pytest.mark.requirement("RFC7143-7.3-01")
def test_reject_leaves_other_tasks_alone(session: Session) -> None:
    """The target executes a task that waits for its turn in spite of a Reject."""
    skip_without_room(session, 2)
    waiting = session.send(NOPOut(cmd_sn=serial.add(session.cmd_sn, 1)))
    provoke_reject(session)
    session.judges_stat_sn = False

    first = session.send(NOPOut())

    tags = [session.expect(NOPIn, is_answer=True).initiator_task_tag for _ in range(2)]
    check(
        tags == [first.initiator_task_tag, waiting.initiator_task_tag],
        "both answers",
        f"answers to ITTs {tags}",
    )


@pytest.mark.requirement("RFC7143-11-02")
@pytest.mark.parametrize("kind", SERVED)
def test_reserved_bits_are_ignored(session: Session, kind: str) -> None:
    """The target ignores the reserved bits and fields of a request."""
    sent = session.send(with_reserved_bits(SERVED[kind]))

    assert any(reserved_fields(session.transcript.sent()[-1]).values())
    answer = session.receive()
    if isinstance(sent, TaskManagementRequest):
        skip_if_unsupported(answer, TMFunction(sent.function))
    check(
        answer.opcode == sent.opcode + ANSWER and answer.initiator_task_tag,
        f"the answer to a {type(sent).__name__}",
        answer,
    )


@pytest.mark.requirement("RFC7143-11-01")
def test_reserved_fields_are_zero(session: Session) -> None:
    """The target sends reserved bits and fields as 0."""
    received = converse(session)

    wrong = {
        f"{type(pdu).__name__}.{name}": value
        for pdu in received
        for name, value in reserved_fields(pdu).items()
        if value
    }
    check(not wrong, "every reserved field 0", wrong)


@pytest.mark.requirement("RFC7143-11.1-01")
def test_padding_is_zero(session: Session) -> None:
    """The target pads with zeros."""
    paddings = [bytes(pdu.padding or b"") for pdu in converse(session)]

    check(not any(map(any, paddings)), "padding of zeros", paddings)


@pytest.mark.requirement("RFC7143-11.2-i01", "RFC7143-11.2.1.5-01")
def test_responses_have_no_additional_headers(session: Session) -> None:
    """PDUs of a target carry no additional header segment."""
    received = converse(session)

    lengths = [pdu.total_ahs_length for pdu in received]
    check(not any(lengths), "TotalAHSLength 0 in each", lengths)


@pytest.mark.requirement("RFC7143-11.2.1.2-02")
def test_targets_use_their_own_opcodes(open_session: OpenSession) -> None:
    """The target sends no opcode of an initiator."""
    session = open_session(clears_unit_attention=False)
    opcodes = {pdu.opcode for pdu in converse(session)}

    check(not opcodes & INITIATOR_OPCODES, "opcodes of targets", opcodes)


@pytest.mark.requirement("RFC7143-11.2.1.6-01")
def test_no_data_means_length_zero(session: Session) -> None:
    """A PDU without data has DataSegmentLength 0."""
    received = converse(session)

    bare = [pdu for pdu in received if type(pdu).__name__ == "TaskManagementResponse"]
    check(
        all(pdu.data_segment_length == 0 for pdu in bare),
        "DataSegmentLength 0",
        [fields_of(pdu, "data_segment_length") for pdu in bare],
    )
