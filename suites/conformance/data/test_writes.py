# SPDX-License-Identifier: GPL-2.0-only
"""Data-Out, R2T and the four modes of a write (RFC 7143 sections 11.7, 11.8, 13)."""

import itertools
from contextlib import suppress
from typing import Any

import pytest

from initiator.expect import ConformanceFailure, check, expect_data, expect_good
from initiator.session import Session
from initiator.task import data_outs
from iscsi.constants import RESERVED_TAG
from iscsi.errors import ISCSIError
from iscsi.pdu import R2T, NOPIn, NOPOut
from iscsi.scsi import cdb
from iscsi.scsi.sense import SenseKey
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import (
    INCORRECT_AMOUNT_OF_DATA,
    KIB,
    UNEXPECTED_UNSOLICITED_DATA,
    blocks_for,
    expect_refused,
    pattern,
    reaching,
    read,
    start_write,
    write,
)
from suites.support.numbering import skip_without_room
from suites.support.pages import longest_transfer

MODES = {
    f"immediate-{immediate}-initial-r2t-{initial}": {
        "ImmediateData": immediate,
        "InitialR2T": initial,
        "FirstBurstLength": "8192",
        "MaxBurstLength": "16384",
    }
    for immediate, initial in itertools.product(("Yes", "No"), repeat=2)
}
SOLICITED = MODES["immediate-No-initial-r2t-Yes"]
WRITE_LENGTH = 56 * KIB


@pytest.fixture(params=MODES)
def writer(request: pytest.FixtureRequest, open_session: OpenSession) -> Session:
    """Sessions in each of the four modes."""
    return open_session(MODES[request.param])


@pytest.fixture
def solicited(open_session: OpenSession) -> Session:
    """A session in which the target requests all data by R2Ts."""
    return open_session(SOLICITED)


@pytest.mark.requirement("RFC7143-13.10-i02", "RFC7143-13.11-i02")
@pytest.mark.parametrize("length", [1, 8 * KIB, 9 * KIB, WRITE_LENGTH])
def test_what_is_written_is_read(
    writer: Session, scratch_disk: Disk, length: int
) -> None:
    """The target returns what was written in each of the four modes."""
    data = pattern(scratch_disk, length, seed=length)

    write(writer, scratch_disk, data)

    read_back = read(writer, scratch_disk, len(data)).data
    expect_data(read_back, data, what="the data written")


@pytest.mark.requirement("RFC7143-11.8.2-i01", "RFC7143-4.2.2.4-01")
def test_r2ts_count_from_zero(writer: Session, scratch_disk: Disk) -> None:
    """R2TSN counts the R2Ts of a command from 0."""
    result = write(writer, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    numbers = [int(pdu.r2t_sn) for pdu in result.r2ts]
    check(numbers == list(range(len(numbers))), "0, 1, 2 ...", numbers)


@pytest.mark.requirement("RFC7143-11.8.4-01", "RFC7143-11.8.4-02")
def test_r2t_asks_for_at_most_a_burst(writer: Session, scratch_disk: Disk) -> None:
    """An R2T requests at least one byte and at most MaxBurstLength."""
    result = write(writer, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    lengths = [int(pdu.desired_data_transfer_length) for pdu in result.r2ts]
    limit = writer.parameters.max_burst_length
    check(min(lengths) > 0, "more than 0 bytes each", lengths)
    check(
        max(lengths) <= limit,
        f"at most {limit} bytes each",
        lengths,
        requirement="RFC7143-11.8.4-02",
    )


@pytest.mark.requirement("RFC7143-13.19-01", "RFC7143-11.8-09")
def test_r2ts_follow_one_another(writer: Session, scratch_disk: Disk) -> None:
    """Each R2T begins at the offset where the one before it ended."""
    result = write(writer, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    spans = [(p.buffer_offset, p.desired_data_transfer_length) for p in result.r2ts]
    is_right = all(a[0] + a[1] == b[0] for a, b in itertools.pairwise(spans))
    check(is_right, "contiguous offsets", spans)


@pytest.mark.requirement("RFC7143-4.2.5.2-07", "RFC7143-13.10-i02", "RFC7143-11.8-01")
def test_r2ts_ask_for_the_rest_and_no_more(writer: Session, scratch_disk: Disk) -> None:
    """R2Ts request all data that was not sent unsolicited, each byte once."""
    data = pattern(scratch_disk, WRITE_LENGTH)
    task = start_write(writer, scratch_disk, data)
    unasked = task.sent_unsolicited

    result = writer.finish(task)

    requested = sum(int(pdu.desired_data_transfer_length) for pdu in result.r2ts)
    expected = len(data) - unasked
    check(
        requested == expected,
        f"{expected} bytes",
        f"{requested} bytes",
        requirement="RFC7143-13.10-i02"
        if requested < expected
        else "RFC7143-4.2.5.2-07",
    )


@pytest.mark.requirement("RFC7143-11.8.5-01", "RFC7143-4.2.5.3-02")
def test_r2t_has_a_tag_and_the_lun(writer: Session, scratch_disk: Disk) -> None:
    """An R2T has a Target Transfer Tag and the command's LUN."""
    task = start_write(writer, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    while not task.is_done:
        for r2t in task.unanswered():
            is_tagged = r2t.target_transfer_tag != RESERVED_TAG
            check(is_tagged, "a TTT", r2t, field="Target Transfer Tag")
            check(
                r2t.lun == task.command.lun,
                "the LUN of the command",
                r2t,
                requirement="RFC7143-4.2.5.3-02",
                field="LUN",
            )
            writer.answer_r2t(task, r2t)
        writer.route(waiting_for=task)
    expect_good(task.result())


@pytest.mark.requirement("RFC7143-11.8.3-i01")
def test_r2t_does_not_advance_stat_sn(solicited: Session, scratch_disk: Disk) -> None:
    """An R2T carries the next StatSN and does not advance it."""
    stat_sn = solicited.leading.status.exp_stat_sn

    result = write(solicited, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    numbers = [int(pdu.stat_sn) for pdu in [*result.r2ts, result.final]]
    check(set(numbers) == {stat_sn}, f"StatSN {stat_sn} in each", numbers)


@pytest.mark.requirement("RFC7143-11.8.1-01")
def test_r2t_has_only_a_header(solicited: Session, scratch_disk: Disk) -> None:
    """An R2T has neither additional headers nor data."""
    result = write(solicited, scratch_disk, pattern(scratch_disk, WRITE_LENGTH))

    wrong = [p for p in result.r2ts if p.total_ahs_length or p.data_segment_length]
    check(not wrong, "both lengths 0", wrong)


@pytest.mark.requirement("RFC7143-11.8-i01", "RFC7143-13.17-i01")
@pytest.mark.parametrize("limit", [1, 2, 8])
def test_outstanding_r2ts_are_bounded(
    open_session: OpenSession, scratch_disk: Disk, limit: int
) -> None:
    """A task never has more outstanding R2Ts than MaxOutstandingR2T."""
    session = open_session({**SOLICITED, "MaxOutstandingR2T": str(limit)})
    length = min(160 * KIB, longest_transfer(session, scratch_disk))
    task = start_write(session, scratch_disk, pattern(scratch_disk, length))
    ping = session.send(NOPOut(immediate=1))

    # A target that answers the ping before it sends an R2T has none outstanding yet.
    arrived = [session.receive()]
    while not isinstance(arrived[-1], NOPIn):
        arrived.append(session.receive())

    r2ts = [pdu for pdu in arrived if isinstance(pdu, R2T)]
    assert arrived[-1].initiator_task_tag == ping.initiator_task_tag
    agreed = session.parameters.max_outstanding_r2t
    check(len(r2ts) <= agreed, f"at most {agreed} R2Ts", f"{len(r2ts)}")
    for r2t in r2ts:
        task.take(r2t)
    expect_good(session.finish(task))


@pytest.mark.requirement("RFC7143-11.7.7-01")
def test_empty_data_out_is_accepted(solicited: Session, scratch_disk: Disk) -> None:
    """The target accepts a Data-Out without data and completes the write."""
    data = pattern(scratch_disk, 1)
    task = start_write(solicited, scratch_disk, data)
    r2t = solicited.expect(R2T, of=task.command)
    common = {
        "initiator_task_tag": task.initiator_task_tag,
        "target_transfer_tag": int(r2t.target_transfer_tag),
        "lun": int(r2t.lun),
    }
    # A target may request less than a block at a time.
    requested = data[: int(r2t.desired_data_transfer_length)]

    for pdu in data_outs(b"", offset=0, size=1, final=0, **common):
        solicited.send(pdu, note="without data")
    size = solicited.parameters.target_max_recv_data_segment_length
    for number, pdu in enumerate(
        data_outs(requested, offset=0, size=size, **common), 1
    ):
        pdu.data_sn = number
        solicited.send(pdu)

    expect_good(solicited.finish(task))
    repeated = [one for one in task.r2ts if int(one.buffer_offset) < len(requested)]
    check(not repeated, "no R2T for data that was sent", repeated)


@pytest.mark.requirement("RFC7143-13.11-02", "RFC7143-11.4.7.2-i01")
def test_immediate_data_is_refused_where_it_was_excluded(
    solicited: Session, scratch_disk: Disk
) -> None:
    """The target refuses immediate data after ImmediateData=No and InitialR2T=Yes."""
    data = pattern(scratch_disk, 1)

    task = start_write(solicited, scratch_disk, data, immediate_data=len(data))

    assert len(solicited.transcript.sent()[-1].data) == len(data)
    expect_refused(solicited, task, *UNEXPECTED_UNSOLICITED_DATA)


@pytest.mark.requirement("RFC7143-11.4.7.2-i01")
def test_immediate_data_beyond_the_first_burst_is_refused(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target refuses immediate data beyond FirstBurstLength."""
    session = open_session({"FirstBurstLength": "512", "InitialR2T": "Yes"})
    data = pattern(scratch_disk, 4 * KIB)

    task = start_write(session, scratch_disk, data, immediate_data=len(data))

    assert len(session.transcript.sent()[-1].data) == len(data)
    expect_refused(session, task)


@pytest.mark.requirement("RFC7143-4.2.5.3-01")
@pytest.mark.parametrize("field", ["target_transfer_tag", "lun", "buffer_offset"])
def test_data_out_that_fits_no_r2t_is_refused(
    solicited: Session, scratch_disk: Disk, field: str
) -> None:
    """A Data-Out with a wrong tag, LUN or offset does not complete a write."""
    data = pattern(scratch_disk, 8 * KIB)
    task = start_write(solicited, scratch_disk, data)
    r2t = solicited.expect(R2T, of=task.command)
    wrong = {
        "target_transfer_tag": int(r2t.target_transfer_tag) ^ 0x10000,
        "lun": int(r2t.lun) ^ 0x3F << 48,
        "buffer_offset": scratch_disk.block_size * blocks_for(scratch_disk, KIB * 512),
    }[field]

    task.take(r2t)
    fields: dict[str, Any] = {field: wrong}
    solicited.answer_r2t(task, r2t, **fields)

    assert all(getattr(p, field) == wrong for p in solicited.transcript.sent()[-1:])
    expect_refused(solicited, task)


@pytest.mark.requirement("RFC7143-4.2.5.3-01")
def test_data_with_a_wrong_offset_leaves_no_foreign_data(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """After Data-Out with a wrong offset each block holds its old or the sent data.

    It must not hold the former contents of a buffer, which may be another initiator's
    data.
    """
    length = 8 * KIB
    before = pattern(scratch_disk, length, seed=0x10)
    other = pattern(scratch_disk, length, seed=0x20)
    session = open_session(SOLICITED)
    write(session, scratch_disk, before)
    blocks = len(other) // scratch_disk.block_size
    for lba in range(blocks, 9 * blocks, blocks):
        command = cdb.write_10(lba=lba, blocks=blocks)
        expect_good(session.execute(command, write=other))
    sent = pattern(scratch_disk, length, seed=0x30)
    task = start_write(session, scratch_disk, sent)
    r2t = session.expect(R2T, of=task.command)

    session.answer_r2t(task, r2t, buffer_offset=len(sent) * 16)
    with suppress(ConformanceFailure, ISCSIError):
        session.finish(task)

    size = scratch_disk.block_size
    read_back = read(open_session(), scratch_disk, length).data
    strange = [
        lba
        for lba, at in enumerate(range(0, len(read_back), size))
        if read_back[at : at + size]
        not in (before[at : at + size], sent[at : at + size])
    ]
    check(not strange, "each block as before or as sent", f"blocks {strange} differ")


@pytest.mark.requirement("RFC7143-11.4.7.2-i02", "RFC7143-4.2.5.2-09")
def test_more_data_than_was_asked_for_is_refused(
    solicited: Session, scratch_disk: Disk
) -> None:
    """Data beyond what an R2T requested does not complete a write."""
    data = pattern(scratch_disk, 8 * KIB)
    task = start_write(solicited, scratch_disk, data)
    r2t = solicited.expect(R2T, of=task.command)
    excess = data + pattern(scratch_disk, 32 * KIB)

    limit = solicited.parameters.target_max_recv_data_segment_length
    for pdu in data_outs(
        excess,
        offset=0,
        size=min(limit, len(excess)),
        initiator_task_tag=task.initiator_task_tag,
        target_transfer_tag=int(r2t.target_transfer_tag),
        lun=int(r2t.lun),
    ):
        solicited.connection.send(pdu, note="beyond the R2T")

    expect_refused(solicited, task, *INCORRECT_AMOUNT_OF_DATA)


@pytest.mark.requirement("RFC7143-4.2.5.2-09")
def test_the_response_waits_for_the_data(
    solicited: Session, scratch_disk: Disk
) -> None:
    """The target completes a write only after the data that its R2T requested."""
    task = start_write(solicited, scratch_disk, pattern(scratch_disk, 1))
    r2t = solicited.expect(R2T, of=task.command)

    solicited.expect_silence(after=task.command)

    task.take(r2t)
    expect_good(solicited.finish(task))


@pytest.mark.needs("initial-r2t-no")
@pytest.mark.requirement("RFC7143-11.4.2-01")
def test_an_error_is_reported_after_the_final_data(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """The target refuses a write beyond the end after its unsolicited data."""
    session = open_session(MODES["immediate-No-initial-r2t-No"])
    data = pattern(scratch_disk, 4 * KIB)
    layout = reaching(scratch_disk, cdb.write_10, cdb.write_16)
    blocks = len(data) // scratch_disk.block_size
    command = layout(lba=scratch_disk.blocks, blocks=blocks)
    # F=0: its data follows unsolicited.
    task = session.start(command, write=data, unsolicited=0, final=0)

    session.expect_silence(after=task.command)
    session.send_unsolicited(task, len(data))

    result = session.finish(task)
    key = result.sense.key if result.sense else None
    check(key == SenseKey.ILLEGAL_REQUEST, "ILLEGAL REQUEST", result)


@pytest.mark.requirement("RFC7143-4.2.5.2-09")
def test_two_writes_keep_their_data_apart(
    solicited: Session, scratch_disk: Disk
) -> None:
    """The target keeps the data of two concurrent writes apart."""
    skip_without_room(solicited, 2)
    blocks = blocks_for(scratch_disk, 4 * KIB)
    size = blocks * scratch_disk.block_size
    first, second = pattern(scratch_disk, size, 1), pattern(scratch_disk, size, 10**6)
    tasks = [
        start_write(solicited, scratch_disk, first),
        solicited.start(
            cdb.write_10(lba=blocks, blocks=blocks),
            write=second,
        ),
    ]

    results = [solicited.finish(task) for task in tasks]

    for result in results:
        expect_good(result)
    read_back = read(solicited, scratch_disk, 2 * size).data
    expect_data(read_back, first + second, what="both patterns, one after the other")
