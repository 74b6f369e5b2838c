# SPDX-License-Identifier: GPL-2.0-only
"""What came, as values: the clause, the PDU, the field and the normalised answer."""

import pytest

from initiator.answers import normalise, words
from initiator.expect import (
    ConformanceFailure,
    check,
    clause,
    expect_data,
    expect_good,
    expect_header_of,
    failure_of,
)
from initiator.task import Task
from initiator.transcript import Transcript
from iscsi.errors import (
    ConnectionLost,
    DigestError,
    NegotiationError,
    NotConnected,
    NumberingError,
    PeerTimeout,
)
from iscsi.pdu import (
    PDU,
    AsyncMessage,
    DataIn,
    LoginResponse,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementResponse,
)
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey

_SENSE = Sense.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB)


def refused(sense: bytes = _SENSE.build()) -> SCSIResponse:
    data = len(sense).to_bytes(2, "big") + sense
    return SCSIResponse(status=2, data=data, stat_sn=17, initiator_task_tag=5)


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (refused(), "SCSIResponse CHECK CONDITION 5h/24h/00h"),
        (refused(b"\xff" * 18), "SCSIResponse CHECK CONDITION malformed sense"),
        (SCSIResponse(status=0), "SCSIResponse GOOD"),
        (SCSIResponse(status=0x77), "SCSIResponse status 0x77"),
        (SCSIResponse(response=1), "SCSIResponse service response 0x01"),
        (DataIn(data=b"x" * 512, data_sn=3), "DataIn"),
        (DataIn(status_present=1, final=1), "DataIn GOOD"),
        (Reject(reason=4, stat_sn=9), "Reject 0x04"),
        (LoginResponse(status_class=2, status_detail=7), "LoginResponse 0207"),
        (LoginResponse(transit=1, nsg=1), "LoginResponse 0000"),
        (LoginResponse(transit=1, nsg=3), "LoginResponse 0000 FULL_FEATURE"),
        (TaskManagementResponse(response=255), "TaskManagementResponse 0xff"),
        (AsyncMessage(async_event=1), "AsyncMessage event 1"),
        (NOPIn(stat_sn=4), "NOPIn"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_is_its_kind_and_its_codes(pdu: PDU, answer: str) -> None:
    assert normalise(pdu) == answer


def test_like_answers_are_equal() -> None:
    one = NumberingError("StatSN 7 where 6 was expected", pdu=NOPIn(), field="StatSN")
    other = NumberingError("StatSN 9 where 6 was expected", pdu=NOPIn(), field="StatSN")

    assert normalise(one) == normalise(other) == "NOPIn with another StatSN"
    assert normalise("CmdSN 0x17 at 3.5") == normalise("CmdSN 0x9 at 12")
    assert normalise(PeerTimeout("none in 5 s", waited=5)) == "no answer"
    assert normalise(None) == "no answer"
    assert normalise(ConnectionLost("FIN")) == "connection dropped"
    assert normalise("the connection is dropped") == "connection dropped"
    assert normalise(NotConnected("refused")) == "no connection"


def test_malformed_sense_is_shown_and_does_not_raise() -> None:
    task = Task(SCSICommand())
    task.take(refused(b"\xff" * 18))

    with pytest.raises(ConformanceFailure) as caught:
        expect_good(task.result())

    assert "CHECK CONDITION" in caught.value.actual
    assert "ff ff ff" in caught.value.actual


def test_a_failure_has_the_pdu_that_is_wrong() -> None:
    reject = Reject(reason=4)

    failure = ConformanceFailure("NOPIn", [NOPIn(), reject])

    assert failure.offending is reject
    assert failure.pdu == "Reject"
    assert failure.answer == "NOPIn; Reject 0x04"
    assert failure.requirement is None


def test_an_error_of_the_peer_keeps_its_clause_and_field() -> None:
    error = DigestError("wrong", requirement="A-1", pdu=NOPIn(), field="data digest")

    with pytest.raises(DigestError) as caught, clause("B-2"):
        raise error
    failure = failure_of(caught.value, None)

    assert (failure.requirement, failure.field) == ("A-1", "data digest")
    assert failure.answer == "NOPIn with a wrong data digest"
    assert failure_of(NegotiationError("no", key="AuthMethod"), None).field == (
        "AuthMethod"
    )


def test_an_expectation_belongs_to_the_clause_that_it_or_its_block_names() -> None:
    with clause("A-1"):
        with pytest.raises(ConformanceFailure) as of_block:
            check(False, "x", NOPIn())
        with pytest.raises(ConformanceFailure) as of_its_own:
            check(False, "x", NOPIn(), requirement="B-2", field="LUN")
        with pytest.raises(PeerTimeout) as error, clause("C-3"):
            raise PeerTimeout("none", waited=1)
    with pytest.raises(ConformanceFailure) as of_none:
        check(False, "x", NOPIn())

    assert of_block.value.requirement == "A-1"
    assert (of_its_own.value.requirement, of_its_own.value.field) == ("B-2", "LUN")
    assert failure_of(error.value, None).requirement == "C-3"
    assert of_none.value.requirement is None


def test_a_reject_with_a_wrong_header_breaks_its_own_clause() -> None:
    request = NOPOut(initiator_task_tag=3)
    header = bytearray(request.segments()[0])
    header[20] ^= 0xFF

    expect_header_of(Reject(data=request.segments()[0]), request, Transcript())
    with clause("A-1"), pytest.raises(ConformanceFailure) as caught:
        expect_header_of(Reject(data=bytes(header)), request, Transcript())

    assert caught.value.requirement == "RFC7143-11.17.4-i01"
    assert caught.value.pdu == "Reject"
    assert "at byte 20 of 48" in caught.value.expected[0]


def test_data_that_differs_is_shown_from_its_first_wrong_byte() -> None:
    expected = bytes(512)
    data = bytearray(expected)
    data[100], data[511] = 1, 2

    expect_data(expected, bytes(8), expected)
    with pytest.raises(ConformanceFailure) as caught:
        expect_data(bytes(data), expected, what="the block as it was")
    with pytest.raises(ConformanceFailure) as short:
        expect_data(expected[:-1], expected)

    assert caught.value.expected[0].startswith("the block as it was: 00 00")
    assert "at byte 100 of 512" in caught.value.expected[0]
    assert "2 bytes differ, the last one at byte 511" in caught.value.actual
    assert caught.value.answer == "other data"
    assert short.value.actual == "511 bytes"
    assert short.value.answer == "data of another length"


def test_an_empty_value_is_described_in_words() -> None:
    assert words(None) == "nothing"


def test_a_key_that_is_not_understood_is_the_answer_however_it_shows() -> None:
    error = NegotiationError(
        "TaskReporting=NotUnderstood answers TaskReporting=RFC3720",
        key="TaskReporting",
        answered="NotUnderstood",
    )
    slip = failure_of(error, None)
    looked_at = ConformanceFailure("another answer", "NotUnderstood")

    assert slip.answer == looked_at.answer == "NotUnderstood"
    assert slip.field == "TaskReporting"


def test_empty_values_are_described_in_words() -> None:
    assert ConformanceFailure("a list", []).actual == "none"
    assert ConformanceFailure("a list", ()).answer == "none"
    assert ConformanceFailure("00 01", b"".hex(" ")).actual == "no data"


def test_an_incomplete_pdu_is_not_silence() -> None:
    silence = PeerTimeout("no PDU within 5 s", waited=5.0)
    cut = PeerTimeout("no PDU within 5 s, only 49 bytes of one", waited=5.0, part=49)

    assert failure_of(silence, None).answer == "no answer"
    assert failure_of(cut, None).answer == "a part of a PDU"
