# SPDX-License-Identifier: GPL-2.0-only
"""What Scapy's own functions make of PDUs: answers(), summary(), wrong names."""

import pytest

from iscsi.pdu import (
    BY_OPCODE,
    PDU,
    R2T,
    AsyncMessage,
    DataIn,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    NOPIn,
    NOPOut,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
)

PAIRS = [
    (NOPOut, NOPIn),
    (SCSICommand, SCSIResponse),
    (SCSICommand, DataIn),
    (SCSICommand, R2T),
    (TaskManagementRequest, TaskManagementResponse),
    (LoginRequest, LoginResponse),
    (TextRequest, TextResponse),
    (LogoutRequest, LogoutResponse),
]


@pytest.mark.parametrize(("request_class", "answer_class"), PAIRS)
def test_an_answer_bears_the_tag_of_its_request(
    request_class: type[PDU], answer_class: type[PDU]
) -> None:
    request = request_class(initiator_task_tag=7)

    assert answer_class(initiator_task_tag=7).answers(request)
    assert not answer_class(initiator_task_tag=8).answers(request)
    assert not request.answers(answer_class(initiator_task_tag=7))


@pytest.mark.parametrize("answer_class", [NOPIn, AsyncMessage])
def test_what_a_target_says_unasked_answers_nothing(answer_class: type[PDU]) -> None:
    assert not answer_class().answers(NOPOut(initiator_task_tag=0xFFFFFFFF))


def test_data_out_and_pings_of_a_target_are_answered_by_transfer_tag() -> None:
    r2t = R2T(initiator_task_tag=1, target_transfer_tag=5)
    ping = NOPIn(target_transfer_tag=6)

    assert DataOut(initiator_task_tag=1, target_transfer_tag=5).answers(r2t)
    assert not DataOut(initiator_task_tag=1, target_transfer_tag=6).answers(r2t)
    assert NOPOut(target_transfer_tag=6).answers(ping)
    assert not NOPOut(target_transfer_tag=0xFFFFFFFF).answers(ping)


def test_a_reject_answers_the_pdu_whose_header_it_returns() -> None:
    request = TextRequest(initiator_task_tag=3, data=b"x=y\0")

    assert Reject(data=bytes(request)[:48]).answers(request)
    assert not Reject(data=bytes(request)[:47]).answers(request)
    assert not Reject(data=bytes(TextRequest())[:48]).answers(request)


@pytest.mark.parametrize("cls", BY_OPCODE.values())
def test_each_pdu_has_a_line(cls: type[PDU]) -> None:
    line = cls(data=b"\x1b\n").summary()

    assert line.startswith(cls.__name__)
    assert line.endswith("data[2]")
    assert line.isprintable()


def test_the_line_has_tags_numbers_and_the_command() -> None:
    command = SCSICommand(initiator_task_tag=0x11, cmd_sn=4, lun=1 << 48, cdb=bytes(16))
    response = SCSIResponse(initiator_task_tag=0x11, stat_sn=9, status=2)

    assert command.summary() == (
        "SCSICommand LUN=0x1000000000000 ITT=0x11 CmdSN=4 CDB=" + " ".join(["00"] * 16)
    )
    assert "ITT=0x11 StatSN=9 status=0x2 response=0x0" in response.summary()


@pytest.mark.parametrize(
    ("name", "why"),
    [("cmdsn", "did you mean cmd_sn?"), ("zzz", "it has reserved1, immediate, opcode")],
)
def test_a_field_that_is_not_there_is_named(name: str, why: str) -> None:
    pdu = NOPOut()

    with pytest.raises(AttributeError) as error:
        NOPOut(**{name: 1})
    with pytest.raises(AttributeError) as changed:
        setattr(pdu, name, 1)

    assert str(error.value).startswith(f"NOPOut has no field '{name}': {why}")
    assert str(changed.value) == str(error.value)
    assert name not in vars(pdu)


def test_a_value_that_does_not_fit_names_its_field() -> None:
    with pytest.raises(ValueError, match="field 'initiator_task_tag'"):
        bytes(NOPOut(initiator_task_tag=1 << 32))
