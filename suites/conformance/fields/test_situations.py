# SPDX-License-Identifier: GPL-2.0-only
"""Fields of a target's PDUs in each situation in which it sends them.

A field that is right in one situation can be wrong in another (RFC 7143 chapter 11).
docs/field-ledger.md says which check judges which field where.
"""

import pytest

from initiator.expect import check
from initiator.login import LoginExchange
from initiator.transcript import Transcript
from iscsi import serial
from iscsi.constants import RESERVED_TAG, SCSIResponseCode
from iscsi.pdu import DataIn, SCSIResponse
from iscsi.scsi.status import SCSIStatus
from suites.support.numbering import acknowledgements
from suites.support.situations import PROVOCATIONS, carry_out, provoke
from suites.support.traffic import reserved_fields

FINAL = {
    "SCSIResponse": "RFC7143-11.4-i01",
    "TaskManagementResponse": "RFC7143-11.6-i01",
    "R2T": "RFC7143-11.8-i03",
    "AsyncMessage": "RFC7143-11.9-i02",
    "LogoutResponse": "RFC7143-11.15-i01",
    "Reject": "RFC7143-11.17-i01",
    "NOPIn": "RFC7143-11.19-i01",
}
"""The kinds whose F bit is always 1, each with its clause."""


COUNTED = (
    *("TextResponse", "LogoutResponse", "SCSIResponse", "TaskManagementResponse"),
    "DataIn",
)
"""PDUs with a status whose StatSN no other check judges."""
TASKLESS = {"AsyncMessage": "RFC7143-11.9-i01", "Reject": "RFC7143-11.17-i01"}
"""The kinds that belong to no task, each with the clause of its ITT."""

UNUSED = [
    ("LoginResponse@within-login", "nsg"),
    *(
        (f"SCSIResponse@{where}", "bidirectional_read_residual_count")
        for where in ("without-data", "after-data-in", "after-r2t", "check-condition")
    ),
    *(
        (f"TaskManagementResponse@{where}", "additional_response_information")
        for where in ("complete", "not-complete")
    ),
    *(
        (f"AsyncMessage@{where}", "async_vcode")
        for where in (
            "scsi-event",
            "logout-request",
            "connection-drop",
            "session-drop",
            "negotiation-request",
            "task-termination",
        )
    ),
    *(
        (f"AsyncMessage@{where}", "lun")
        for where in (
            "logout-request",
            "connection-drop",
            "session-drop",
            "negotiation-request",
        )
    ),
    ("AsyncMessage@logout-request", "parameter1"),
    ("AsyncMessage@logout-request", "parameter2"),
    ("AsyncMessage@session-drop", "parameter1"),
]
"""The fields that are reserved in one situation and have a use in another: sections
11.4.6, 11.6, 11.9.1 to 11.9.3 and 11.12.3."""

DATA_IN = [name for name in PROVOCATIONS if name.startswith("DataIn@")]
NOT_GIVEN = (RESERVED_TAG, 0)
"""The permitted values of a reserved Target Transfer Tag: the tag for none, or 0."""

FIRST_OF_VENDORS = 0x80
"""From here on the codes of the Response field are the vendor's (section 11.4.3)."""


def kind_of(situation: str) -> str:
    """Return the kind of PDU of a situation."""
    return situation.partition("@")[0]


@pytest.mark.requirement("RFC7143-11-01")
@pytest.mark.parametrize("situation", PROVOCATIONS)
def test_reserved_fields_are_zero(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """The target sends reserved bits and fields as 0 in each situation."""
    packets = provoke(request, situation)

    wrong = {
        name: value
        for packet in packets
        for name, value in reserved_fields(packet).items()
        if value
    }
    named = ", ".join(f"{name} {value:#x}" for name, value in wrong.items())
    check(not wrong, "every reserved field 0", named, field=", ".join(wrong))


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param(name, marks=pytest.mark.requirement(FINAL[kind_of(name)]))
        for name in PROVOCATIONS
        if kind_of(name) in FINAL
    ],
)
def test_final_bit_is_set(request: pytest.FixtureRequest, situation: str) -> None:
    """PDUs that occur once in an exchange have F=1."""
    packets = provoke(request, situation)

    wrong = [packet for packet in packets if not packet.final]
    check(not wrong, "F=1", wrong and wrong[0], field="F")


@pytest.mark.requirement("RFC7143-4.2.2.1-10", "RFC7143-11.4.10-i01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if not name.startswith("Login")]
)
def test_exp_cmd_sn_follows_what_was_sent(
    request: pytest.FixtureRequest, transcript: Transcript, situation: str
) -> None:
    """ExpCmdSN never passes the commands that were sent, and never moves back."""
    judged = {id(packet) for packet in provoke(request, situation)}

    for packet, earliest, latest in acknowledgements(transcript):
        if id(packet) not in judged:
            continue
        expected = f"ExpCmdSN {earliest} to {latest}"
        number = packet.exp_cmd_sn
        is_sent = serial.less_or_equal(number, latest)
        check(is_sent, expected, packet, field="ExpCmdSN")
        check(
            serial.less_or_equal(earliest, number),
            expected,
            packet,
            requirement="RFC7143-11.4.10-i01",
            field="ExpCmdSN",
        )


@pytest.mark.requirement("RFC7143-4.2.2.1-12")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if name != "LoginResponse@refused"]
)
def test_max_cmd_sn_is_never_below_the_window(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """MaxCmdSN is never lower than ExpCmdSN - 1, in each situation."""
    for packet in provoke(request, situation):
        least = serial.add(packet.exp_cmd_sn, -1)
        is_right = serial.less_or_equal(least, packet.max_cmd_sn)
        check(is_right, f"MaxCmdSN {least} or more", packet, field="MaxCmdSN")


@pytest.mark.requirement("RFC7143-11.4.5.2-01", "RFC7143-11.4.5.2-03")
@pytest.mark.parametrize(
    "situation",
    [
        "SCSIResponse@without-data",
        "SCSIResponse@after-r2t",
        "SCSIResponse@check-condition",
    ],
)
def test_no_residual_if_all_data_was_transferred(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """A command that moved the expected data has no residual flag.

    A refused command without data has none either.
    """
    for packet in provoke(request, situation):
        check(not packet.overflow, "O=0", packet, field="O")
        check(
            not packet.underflow,
            "U=0",
            packet,
            requirement="RFC7143-11.4.5.2-03",
            field="U",
        )


@pytest.mark.requirement("RFC7143-11.4.5.1-03")
@pytest.mark.parametrize(
    "situation",
    [
        "SCSIResponse@without-data",
        "SCSIResponse@after-r2t",
        "SCSIResponse@check-condition",
    ],
)
def test_residual_count_is_zero_without_residual(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """Residual Count is 0 if neither O nor U is set."""
    for packet in provoke(request, situation):
        is_right = packet.overflow or packet.underflow or not packet.residual_count
        check(is_right, "Residual Count 0", packet, field="Residual Count")


@pytest.mark.requirement("RFC7143-11.4.4-i01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if kind_of(name) == "SCSIResponse"]
)
def test_snack_tag_is_zero(request: pytest.FixtureRequest, situation: str) -> None:
    """SNACK Tag is 0 if no R-Data SNACK was accepted."""
    for packet in provoke(request, situation):
        check(packet.snack_tag == 0, "SNACK Tag 0", packet, field="SNACK Tag")


@pytest.mark.requirement("RFC7143-11.4.8-01")
@pytest.mark.parametrize(
    "situation",
    [
        "SCSIResponse@without-data",
        "SCSIResponse@after-r2t",
        "SCSIResponse@check-condition",
    ],
)
def test_exp_data_sn_is_zero_without_data_in(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """ExpDataSN is 0 if the command had no Data-In, also after R2Ts."""
    for packet in provoke(request, situation):
        assert isinstance(packet, SCSIResponse)
        check(packet.exp_data_sn == 0, "ExpDataSN 0", packet, field="ExpDataSN")


@pytest.mark.requirement("RFC7143-4.2.2.2-i01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if kind_of(name) in COUNTED]
)
def test_stat_sn_is_the_next(
    request: pytest.FixtureRequest, transcript: Transcript, situation: str
) -> None:
    """Each response with a status has the next StatSN.

    Other checks ignore a wrong one as a slip; this one judges it.
    """
    for packet in provoke(request, situation):
        slip = transcript.slips.first.get("RFC7143-4.2.2.2-i01")
        check(slip is None, "the next StatSN", packet, field="StatSN")


@pytest.mark.requirement("RFC7143-11.13-i01")
@pytest.mark.parametrize(
    "situation", ["LoginResponse@within-login", "LoginResponse@last"]
)
def test_logins_echo_isid_and_tag(
    request: pytest.FixtureRequest, login: LoginExchange, situation: str
) -> None:
    """Each Login Response has the ISID and the ITT of its request."""
    for packet in provoke(request, situation):
        tag = login.initiator_task_tag
        check(packet.initiator_task_tag == tag, f"ITT {tag:#x}", packet, field="ITT")
        is_right = packet.isid == login.isid
        check(is_right, f"ISID {login.isid.hex()}", packet, field="ISID")


@pytest.mark.parametrize(
    "situation",
    [
        pytest.param(name, marks=pytest.mark.requirement(TASKLESS[kind_of(name)]))
        for name in PROVOCATIONS
        if kind_of(name) in TASKLESS
    ],
)
def test_task_tag_is_the_reserved_one(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """PDUs that belong to no task have the reserved Initiator Task Tag."""
    for packet in provoke(request, situation):
        is_right = packet.reserved_task_tag == RESERVED_TAG
        check(is_right, "ITT 0xffffffff", packet, field="ITT")


@pytest.mark.requirement("RFC7143-11-01")
@pytest.mark.parametrize(("situation", "field"), UNUSED, ids=map("-".join, UNUSED))
def test_fields_without_use_are_zero(
    request: pytest.FixtureRequest, situation: str, field: str
) -> None:
    """Fields that are reserved in a situation are 0 in it."""
    for packet in provoke(request, situation):
        is_used = field == "nsg" and packet.transit
        number = getattr(packet, field)
        check(is_used or not number, f"{field} 0", packet, field=field)


@pytest.mark.requirement("RFC7143-11-01")
@pytest.mark.parametrize("situation", DATA_IN)
def test_an_unneeded_tag_is_left_out(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """A Data-In that requests no acknowledgement has no Target Transfer Tag."""
    for packet in _unacknowledged(request, situation):
        is_right = packet.target_transfer_tag in NOT_GIVEN
        expected = "Target Transfer Tag 0xffffffff"
        check(is_right, expected, packet, field="Target Transfer Tag")


@pytest.mark.requirement("RFC7143-11-01")
@pytest.mark.parametrize("situation", DATA_IN)
def test_without_a_tag_there_is_no_lun(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """The LUN of a Data-In without a Target Transfer Tag is 0."""
    for packet in _unacknowledged(request, situation):
        is_right = packet.target_transfer_tag != RESERVED_TAG or not packet.lun
        check(is_right, "LUN 0", packet, field="LUN")


def _unacknowledged(request: pytest.FixtureRequest, situation: str) -> list[DataIn]:
    """Return the Data-In PDUs of a situation that request no acknowledgement."""
    return [
        packet
        for packet in provoke(request, situation)
        if isinstance(packet, DataIn) and not packet.acknowledge
    ]


@pytest.mark.requirement("RFC7143-11.4.6-01")
@pytest.mark.parametrize(
    "situation",
    [
        "SCSIResponse@without-data",
        "SCSIResponse@after-data-in",
        "SCSIResponse@after-r2t",
        "SCSIResponse@check-condition",
    ],
)
def test_one_way_commands_have_no_read_residual(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """A command that is not bidirectional reports no residual of a read half."""
    for packet in provoke(request, situation):
        is_set = packet.bidirectional_overflow or packet.bidirectional_underflow
        check(not is_set, "o=0 and u=0", packet, field="o and u")


@pytest.mark.requirement("RFC7144-5.2.1-01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if kind_of(name) == "SCSIResponse"]
)
def test_status_qualifier_is_zero_below_level_2(
    request: pytest.FixtureRequest, situation: str
) -> None:
    """Status Qualifier is 0 unless iSCSIProtocolLevel 2 was negotiated."""
    for packet in provoke(request, situation):
        is_right = not packet.status_qualifier
        check(is_right, "Status Qualifier 0", packet, field="Status Qualifier")


@pytest.mark.requirement("RFC7143-11.4.3-i01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if kind_of(name) == "SCSIResponse"]
)
def test_response_is_assigned(request: pytest.FixtureRequest, situation: str) -> None:
    """The Response field holds 00, 01 or a vendor's code."""
    for _name, packet in carry_out(request, situation):
        if isinstance(packet, SCSIResponse):
            is_right = packet.response in set(SCSIResponseCode) or (
                packet.response >= FIRST_OF_VENDORS
            )
            check(is_right, "00, 01 or 80 to ff", packet, field="Response")


@pytest.mark.requirement("RFC7143-11.13.3-02")
def test_a_refused_login_returns_no_tsih(request: pytest.FixtureRequest) -> None:
    """A Login Response that refuses a new session has TSIH 0."""
    for packet in provoke(request, "LoginResponse@refused"):
        check(packet.tsih == 0, "TSIH 0", packet, field="TSIH")


@pytest.mark.requirement("RFC7143-11.4.2-i01")
@pytest.mark.parametrize(
    "situation", [name for name in PROVOCATIONS if kind_of(name) == "SCSIResponse"]
)
def test_status_is_assigned(request: pytest.FixtureRequest, situation: str) -> None:
    """The Status field holds a status code of SAM."""
    for _name, packet in carry_out(request, situation):
        if isinstance(packet, SCSIResponse) and not packet.response:
            is_right = packet.status in set(SCSIStatus)
            check(is_right, "a status code of SAM", packet, field="Status")
