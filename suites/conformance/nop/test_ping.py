# SPDX-License-Identifier: GPL-2.0-only
"""NOP-Out pings and their answers (RFC 7143 sections 11.18 and 11.19)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi import serial
from iscsi.constants import RESERVED_TAG
from iscsi.pdu import NOPOut
from suites.plugins.sessions import OpenSession


@pytest.mark.requirement("RFC7143-11.19-02")
@pytest.mark.parametrize("length", [0, 1, 4, 509, 4096])
def test_ping_data_is_returned(session: Session, length: int) -> None:
    """The target returns the data of a ping unchanged."""
    data = bytes(number % 251 for number in range(length))

    answer = session.ping(data)

    check(bytes(answer.data) == data, f"{length} bytes returned", answer)


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-01")
@pytest.mark.parametrize("immediate", [0, 1])
def test_ping_is_answered_under_its_tag(session: Session, immediate: int) -> None:
    """The target answers a ping, immediate or not, by a NOP-In with its ITT."""
    request = session.send(NOPOut(immediate=immediate, initiator_task_tag=0x5A5A5A5A))

    answer = session.receive()

    tag = getattr(answer, "initiator_task_tag", None)
    check(
        type(answer).__name__ == "NOPIn" and tag == request.initiator_task_tag,
        "NOP-In with ITT 0x5a5a5a5a",
        answer,
    )


@pytest.mark.requirement("RFC7143-11.19-03")
def test_answer_has_no_transfer_tag(session: Session) -> None:
    """The answer to a ping has the reserved Target Transfer Tag."""
    answer = session.ping(b"ping")

    check(answer.target_transfer_tag == RESERVED_TAG, "TTT ffffffff", answer)


@pytest.mark.requirement("RFC7143-11.19-02")
def test_echo_is_cut_to_what_the_initiator_takes(open_session: OpenSession) -> None:
    """The target cuts the echo to the initiator's MaxRecvDataSegmentLength."""
    session = open_session({"MaxRecvDataSegmentLength": "512"})
    data = bytes(number % 251 for number in range(1024))

    answer = session.ping(data)

    check(bytes(answer.data) == data[:512], "the first 512 bytes", answer)


@pytest.mark.requirement("RFC7143-11.19-04")
def test_nop_out_without_tag_is_not_answered(session: Session) -> None:
    """The target does not answer a NOP-Out whose ITT is reserved."""
    request = session.send(NOPOut(immediate=1, initiator_task_tag=RESERVED_TAG))

    session.expect_silence(after=request)


@pytest.mark.requirement("RFC7143-11.19.2-i01")
def test_answer_advances_stat_sn(session: Session) -> None:
    """Each answer to a ping takes the next StatSN."""
    first, second = session.ping(), session.ping()

    check(second.stat_sn == serial.add(first.stat_sn, 1), "the next StatSN", second)


@pytest.mark.requirement("RFC7143-4.2.2.1-15")
def test_only_a_non_immediate_ping_takes_a_number(session: Session) -> None:
    """A non-immediate ping advances ExpCmdSN, an immediate one does not."""
    start = session.cmd_sn

    immediate = session.ping(immediate=1)
    ordinary = session.ping(immediate=0)

    check(immediate.exp_cmd_sn == start, f"ExpCmdSN {start}", immediate)
    check(ordinary.exp_cmd_sn == serial.add(start, 1), "ExpCmdSN one more", ordinary)
