# SPDX-License-Identifier: GPL-2.0-only
"""NOP-Out pings and their answers (RFC 7143 sections 11.18 and 11.19)."""

import pytest

from initiator.expect import check, is_own_ping
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import serial
from iscsi.constants import RESERVED_TAG
from iscsi.errors import NumberingError
from iscsi.pdu import NOPIn, NOPOut
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.traffic import require_room


@pytest.mark.requirement("RFC7143-11.19-02")
@pytest.mark.parametrize("length", [0, 1, 4, 509, 4096])
def test_ping_data_is_returned(session: Session, length: int) -> None:
    """The target returns the data of a ping unchanged."""
    agreed = session.parameters
    limit = min(
        agreed.target_max_recv_data_segment_length,
        agreed.initiator_max_recv_data_segment_length,
    )
    data = bytes(number % 251 for number in range(min(length, limit)))

    answer = session.ping(data)

    check(bytes(answer.data) == data, f"{len(data)} bytes returned", answer)


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-01")
@pytest.mark.parametrize("immediate", [0, 1])
def test_ping_is_answered_with_its_tag(session: Session, immediate: int) -> None:
    """The target answers a ping, immediate or not, by a NOP-In with its ITT."""
    request = session.send(NOPOut(immediate=immediate, initiator_task_tag=0x5A5A5A5A))

    answer = session.receive()

    tag = getattr(answer, "initiator_task_tag", None)
    check(
        type(answer).__name__ == "NOPIn" and tag == request.initiator_task_tag,
        "NOP-In with ITT 0x5a5a5a5a",
        answer,
        requirement="RFC7143-11.19-01" if isinstance(answer, NOPIn) else None,
    )


@pytest.mark.requirement("RFC7143-11.19-03")
def test_answer_has_no_transfer_tag(session: Session) -> None:
    """The answer to a ping has the reserved Target Transfer Tag."""
    answer = session.ping(b"ping")

    check(answer.target_transfer_tag == RESERVED_TAG, "TTT ffffffff", answer)


@pytest.mark.requirement("RFC7143-11.19-02")
def test_echo_is_cut_to_the_initiators_limit(open_session: OpenSession) -> None:
    """The target cuts the echo to the initiator's MaxRecvDataSegmentLength."""
    session = open_session({"MaxRecvDataSegmentLength": "512"})
    require_room(session, 1024)
    data = bytes(number % 251 for number in range(1024))

    answer = session.ping(data)

    check(bytes(answer.data) == data[:512], "the first 512 bytes", answer)


@pytest.mark.requirement("RFC7143-11.19-04", "RFC7143-4.2.2.2-i01")
def test_nop_out_without_tag_is_not_answered(
    session: Session, transcript: Transcript
) -> None:
    """The target does not answer a NOP-Out whose ITT is reserved."""
    before = len(transcript)
    request = session.send(NOPOut(immediate=1, initiator_task_tag=RESERVED_TAG))

    try:
        session.expect_silence(after=request)
    except NumberingError as error:
        # The target's own ping uses no StatSN (section 11.19.2). If a StatSN is missing
        # after one, that ping has used it and is an answer without a tag.
        *earlier, last = transcript.received(before)
        answer = next(filter(is_own_ping, earlier), None)
        check(answer is None or last is not error.pdu, "no answer to NOPOut", answer)
        raise


@pytest.mark.requirement("RFC7143-11.19.2-i01")
def test_answer_advances_stat_sn(session: Session) -> None:
    """Each answer to a ping has the next StatSN."""
    first, second = session.ping(), session.ping()

    check(second.stat_sn == serial.add(first.stat_sn, 1), "the next StatSN", second)


@pytest.mark.requirement("RFC7143-4.2.2.1-15")
def test_only_a_non_immediate_ping_advances_exp_cmd_sn(session: Session) -> None:
    """A non-immediate ping advances ExpCmdSN, an immediate one does not."""
    start = session.cmd_sn

    immediate = session.ping(immediate=1)
    ordinary = session.ping(immediate=0)

    check(immediate.exp_cmd_sn == start, f"ExpCmdSN {start}", immediate)
    check(ordinary.exp_cmd_sn == serial.add(start, 1), "ExpCmdSN one more", ordinary)


@pytest.mark.requirement("RFC7143-11.19-02", "RFC7143-13.12-i01")
def test_longest_ping_is_answered(session: Session) -> None:
    """The target echoes a ping with as much data as one segment may hold."""
    parameters = session.parameters
    longest = min(
        parameters.target_max_recv_data_segment_length,
        parameters.initiator_max_recv_data_segment_length,
    )
    data = (b"0123456789abcdef" * (longest // 16 + 1))[:longest]

    answer = session.ping(data)

    check(bytes(answer.data) == data, f"{longest} bytes returned", answer)


@pytest.mark.requirement("RFC7143-11.19-02")
@pytest.mark.parametrize("length", [511, 512, 513])
def test_echo_at_the_edge(open_session: OpenSession, length: int) -> None:
    """The echo is complete up to MaxRecvDataSegmentLength and not a byte longer."""
    session = open_session({"MaxRecvDataSegmentLength": "512"})
    require_room(session, length)
    data = bytes(number % 251 for number in range(length))

    answer = session.ping(data)

    check(bytes(answer.data) == data[:512], f"{min(length, 512)} bytes", answer)


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-01", "RFC7143-11.19-02")
def test_each_of_many_pings_is_answered(session: Session) -> None:
    """The target answers each of many pings sent without a pause, with its data."""
    room = serial.distance(session.cmd_sn, session.max_cmd_sn) + 1
    pings = [
        session.send(NOPOut(data=bytes([number]) * number))
        for number in range(min(room, 16))
    ]

    answers = [session.expect(NOPIn, is_answer=True) for _ in pings]

    echoed = {answer.initiator_task_tag: bytes(answer.data) for answer in answers}
    expected = {ping.initiator_task_tag: bytes(ping.data) for ping in pings}
    check(
        echoed.keys() == expected.keys(),
        "an answer under each tag",
        answers,
        requirement="RFC7143-11.19-01",
    )
    check(
        echoed == expected,
        "each with its data",
        answers,
        requirement="RFC7143-11.19-02",
    )


@pytest.mark.requirement("RFC7143-11.18.1-03")
def test_ping_is_answered_beside_a_write(session: Session, scratch_disk: Disk) -> None:
    """The target answers a ping while a write waits for data, and continues it."""
    data = bytes(scratch_disk.block_size)
    task = session.start(
        cdb.write_10(lba=0, blocks=1), write=data, immediate_data=0, unsolicited=0
    )
    session.route()

    session.ping(b"meanwhile")

    result = session.finish(task)
    check(result.is_good, "GOOD", result)


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-01")
@pytest.mark.parametrize("tag", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE], ids=hex)
def test_any_tag_but_the_reserved_one_is_valid(session: Session, tag: int) -> None:
    """The target answers a ping with any ITT except the reserved one."""
    answer = session.ping(b"tag", initiator_task_tag=tag)

    check(
        answer.initiator_task_tag == tag,
        f"NOP-In with ITT {tag:#x}",
        answer,
        requirement="RFC7143-11.19-01",
    )


@pytest.mark.requirement("RFC7143-11.19.2-i01", "RFC7143-4.2.2.2-i01")
def test_nop_out_without_tag_changes_no_number(session: Session) -> None:
    """A NOP-Out whose ITT is reserved changes neither StatSN nor ExpCmdSN."""
    before = session.ping()

    session.send(NOPOut(immediate=1, initiator_task_tag=RESERVED_TAG))

    after = session.ping()
    expected_stat_sn = serial.add(before.stat_sn, 1)
    check(after.stat_sn == expected_stat_sn, f"StatSN {expected_stat_sn}", after)
    check(after.exp_cmd_sn == before.exp_cmd_sn, "ExpCmdSN as before", after)


@pytest.mark.requirement("RFC7143-11.18.1-03", "RFC7143-11.19-02")
@pytest.mark.needs("header-digest", "data-digest")
@pytest.mark.parametrize("length", [0, 1, 4])
def test_ping_data_is_returned_with_digests(
    open_session: OpenSession, length: int
) -> None:
    """With digests in use the target returns the data of a ping unchanged."""
    session = open_session({"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"})

    answer = session.ping(b"d" * length)

    assert session.connection.digests.data
    check(
        bytes(answer.data) == b"d" * length,
        f"{length} bytes returned",
        answer,
        requirement="RFC7143-11.19-02",
    )
