# SPDX-License-Identifier: GPL-2.0-only
"""The fields of Login Responses (RFC 7143 sections 11.13.1 to 11.13.4)."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from initiator.expect import check, clause
from initiator.login import LoginExchange
from initiator.session import Session
from iscsi import serial
from iscsi.constants import LogoutReason, Stage
from iscsi.scsi import cdb
from iscsi.text import Pairs
from suites.support.login import (
    advance,
    ask,
    expect_full_feature,
    log_in_through_all_stages,
)

NewLogin = Callable[..., LoginExchange]
OpenSession = Callable[..., Session]


@pytest.mark.requirement("RFC7143-6.3.1-i02", "RFC7143-11.13.3-01", "RFC7143-4.2.1-01")
def test_new_session_gets_a_tsih(login: LoginExchange, first_pairs: Pairs) -> None:
    """The target gives a new session a TSIH other than 0 in the final response."""
    response = advance(login, first_pairs)

    check(
        response.tsih != 0,
        "TSIH other than 0",
        response,
        requirement="RFC7143-11.13.3-01",
        field="TSIH",
    )


@pytest.mark.requirement(
    "RFC7143-11.13.3-02", "RFC7143-11.13.3-i01", "RFC7143-11.13.3-01"
)
def test_tsih_comes_with_the_final_response_only(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target returns the new session's TSIH in the final response only."""
    *partial, final = log_in_through_all_stages(login, first_pairs)

    early = [response for response in partial if response.tsih != 0]
    check(not early, "TSIH 0 before the end of the login", early and early[0])
    check(
        final.tsih != 0,
        "TSIH other than 0",
        final,
        requirement="RFC7143-11.13.3-01",
        field="TSIH",
    )


@pytest.mark.requirement("RFC7143-6.3.2-04")
def test_tsih_comes_from_the_security_stage(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """A security stage that leads to full-feature phase returns the TSIH."""
    pairs = [*first_pairs, ("AuthMethod", "None")]

    response = advance(login, pairs, csg=Stage.SECURITY, nsg=Stage.FULL_FEATURE)

    check(response.nsg != Stage.FULL_FEATURE or response.tsih, "a TSIH", response)


@pytest.mark.requirement("RFC7143-6.3-i04", "RFC7143-11.13-i01")
@pytest.mark.parametrize("tag", [0, 1, 0x12345678, 0xFFFFFFFE])
def test_task_tag_is_echoed(login: LoginExchange, first_pairs: Pairs, tag: int) -> None:
    """Every Login Response has the Initiator Task Tag of its request."""
    login.initiator_task_tag = tag

    responses = log_in_through_all_stages(login, first_pairs)

    wrong = [item for item in responses if item.initiator_task_tag != tag]
    check(not wrong, f"ITT {tag:#x}", wrong and wrong[0], login.connection.transcript)


@pytest.mark.requirement("RFC7143-11.13-i01")
@pytest.mark.parametrize(
    "isid",
    ["00023d000001", "3fffffffffff", "400000010002", "80123456ffff"],
    ids=["OUI", "OUI-all-ones", "enterprise-number", "random"],
)
def test_isid_is_echoed(new_login: NewLogin, first_pairs: Pairs, isid: str) -> None:
    """Every Login Response has the ISID of its request, whatever its type."""
    login = new_login(isid=bytes.fromhex(isid))

    responses = log_in_through_all_stages(login, first_pairs)

    wrong = [item for item in responses if item.isid != login.isid]
    check(not wrong, f"ISID {isid}", wrong and wrong[0].isid.hex())


@pytest.mark.requirement("RFC7143-11.13.1-01", "RFC7143-11.13.2-01")
def test_versions_stay_the_same(login: LoginExchange, first_pairs: Pairs) -> None:
    """All Login Responses of a login have the same Version-max and Version-active."""
    responses = log_in_through_all_stages(login, first_pairs)

    highest = {item.version_max for item in responses}
    check(len(highest) == 1, "one Version-max", highest, field="Version-max")
    active = {item.version_active for item in responses}
    check(
        len(active) == 1,
        "one Version-active",
        active,
        requirement="RFC7143-11.13.2-01",
        field="Version-active",
    )


@pytest.mark.requirement("RFC7143-11.13.2-i01")
def test_active_version_is_this_protocols(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """Version-active is 0 for an initiator that supports only version 0."""
    response, _text = ask(login, first_pairs)

    check(response.version_active == 0, "Version-active 0", response.version_active)


@pytest.mark.requirement("RFC7143-11.13.4-i01", "RFC7143-4.2.2.2-i01")
def test_stat_sn_rises_by_one(login: LoginExchange, first_pairs: Pairs) -> None:
    """Each response has the next StatSN, from the first Login Response on."""
    log_in_through_all_stages(login, first_pairs)
    expect_full_feature(login)

    numbers = [pdu.stat_sn for pdu in login.connection.transcript.received()]
    steps = {serial.distance(one, other) for one, other in pairwise(numbers)}
    check(steps == {1}, "StatSN rising by 1", numbers, login.connection.transcript)


@pytest.mark.requirement("RFC7143-11.12.8-01")
@pytest.mark.parametrize("cmd_sn", [0, 1, 123, 2**31 - 1, 2**31, 2**32 - 1])
def test_leading_login_sets_exp_cmd_sn(
    new_login: NewLogin, first_pairs: Pairs, cmd_sn: int
) -> None:
    """The first ExpCmdSN is the CmdSN of the leading login."""
    login = new_login(cmd_sn=cmd_sn)

    responses = log_in_through_all_stages(login, first_pairs)

    numbers = [item.exp_cmd_sn for item in responses]
    check(set(numbers) == {cmd_sn}, f"ExpCmdSN {cmd_sn}", numbers)


@pytest.mark.requirement("RFC7143-4.2.2.1-12")
@pytest.mark.parametrize("cmd_sn", [0, 1, 2**31, 2**32 - 1])
def test_login_opens_no_window_backwards(
    new_login: NewLogin, first_pairs: Pairs, cmd_sn: int
) -> None:
    """MaxCmdSN in a Login Response is never below ExpCmdSN - 1."""
    login = new_login(cmd_sn=cmd_sn)

    responses = log_in_through_all_stages(login, first_pairs)

    windows = [serial.distance(item.exp_cmd_sn, item.max_cmd_sn) for item in responses]
    check(min(windows) >= -1, "MaxCmdSN >= ExpCmdSN - 1", windows)


@pytest.mark.requirement("RFC7143-11.12.8-i01")
@pytest.mark.parametrize("cmd_sn", [0, 123, 2**31 - 1, 2**32 - 1])
def test_first_command_bears_the_cmd_sn_of_the_login(
    open_session: OpenSession, cmd_sn: int
) -> None:
    """The target executes a first command that has the login's CmdSN."""
    session = open_session(cmd_sn=cmd_sn, clears_unit_attention=False)

    session.execute(cdb.test_unit_ready())

    # A wrong ExpCmdSN in the SCSI Response alone breaks another clause.
    exp_cmd_sn = session.ping().exp_cmd_sn
    expected = serial.add(cmd_sn, 1)
    check(exp_cmd_sn == expected, f"ExpCmdSN {expected}", exp_cmd_sn)


@pytest.mark.requirement("RFC7143-11-01")
def test_reserved_fields_are_zero(login: LoginExchange, first_pairs: Pairs) -> None:
    """The reserved fields of Login Responses are 0."""
    responses = log_in_through_all_stages(login, first_pairs)

    names = [f"reserved{number}" for number in range(1, 6)] + ["reserved_immediate"]
    dirty = [
        (name, getattr(item, name))
        for item in responses
        for name in names
        if getattr(item, name) != 0
    ]
    check(not dirty, "reserved fields that are 0", dirty)


@pytest.mark.requirement("RFC7143-11-02", "RFC7143-11.13.6-02")
@pytest.mark.parametrize(
    "fields",
    [
        {"reserved1": 1},
        {"reserved2": 3},
        {"reserved3": 0xFFFF},
        {"reserved4": 2**128 - 1},
        {"nsg": Stage.FULL_FEATURE, "transit": 0},
        {"nsg": 2, "transit": 0},
        {"exp_stat_sn": 0xDEADBEEF},
    ],
    ids=["byte-0", "flags", "after-cid", "tail", "nsg-3", "nsg-2", "exp-stat-sn"],
)
def test_reserved_fields_are_ignored(
    login: LoginExchange, first_pairs: Pairs, fields: dict[str, int]
) -> None:
    """The target ignores the reserved fields of the first Login Request."""
    response, _text = ask(login, first_pairs, **fields)

    # The request did not ask for a transition, whatever its NSG holds.
    check(not response.transit, "T=0", response, requirement="RFC7143-11.13.6-02")


@pytest.mark.requirement("RFC7143-11.2.1.5-01", "RFC7143-11.2-i01")
def test_login_responses_carry_no_ahs(login: LoginExchange, first_pairs: Pairs) -> None:
    """Login Responses carry no additional header segment."""
    responses = log_in_through_all_stages(login, first_pairs)

    lengths = {item.total_ahs_length for item in responses}
    check(lengths == {0}, "TotalAHSLength 0", lengths)


@pytest.mark.requirement("RFC7143-6.3-i03", "RFC7143-6.1-04")
def test_login_responses_keep_to_the_default_length(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """No data segment of a Login Response is longer than 8192 bytes."""
    large = [("MaxRecvDataSegmentLength", "262144")]
    filler = [(f"X-com.example.{number:03}", "value") for number in range(200)]

    with clause("RFC7143-6.1-04"):
        ask(login, [*first_pairs, *large, *filler])

    lengths = [len(bytes(item.data)) for item in login.responses]
    check(max(lengths) <= 8192, "at most 8192 bytes in a data segment", lengths)


@pytest.mark.requirement("RFC7143-11.12.7-02")
@pytest.mark.parametrize("cid", [0, 1, 7, 0xFFFF])
def test_cid_is_the_initiators(open_session: OpenSession, cid: int) -> None:
    """The target knows a connection by the CID of its login, whatever its value."""
    session = open_session(cid=cid)

    response = session.logout(LogoutReason.CLOSE_CONNECTION, cid=cid)

    check(response.response == 0, "Logout Response 0", response)
