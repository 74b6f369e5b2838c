# SPDX-License-Identifier: GPL-2.0-only
"""Discovery sessions and SendTargets (RFC 7143 section 4.3 and appendix C)."""

import pytest

from initiator.connection import Portal
from initiator.expect import check, expect_reject_or_drop
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi import names, text
from iscsi.constants import LogoutReason, SNACKType, TMFunction
from iscsi.pdu import (
    PDU,
    SNACK,
    DataOut,
    LogoutRequest,
    NOPOut,
    Reject,
    SCSICommand,
    TaskManagementRequest,
    TextRequest,
    TextResponse,
)
from iscsi.scsi import cdb
from iscsi.text import Pairs
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.discovery import (
    address_values,
    addresses,
    is_well_formed,
    target_names,
)
from suites.support.text import SEGMENT_LENGTH, SMALL, answer_or_drop, complete_text

FORBIDDEN: dict[str, PDU] = {
    "scsi-command": SCSICommand(cdb=cdb.test_unit_ready()),
    "ping": NOPOut(immediate=1, data=b"ping"),
    "task-management": TaskManagementRequest(function=TMFunction.ABORT_TASK_SET),
    "logout-of-connection": LogoutRequest(reason=LogoutReason.CLOSE_CONNECTION, cid=1),
    "logout-for-recovery": LogoutRequest(
        reason=LogoutReason.REMOVE_FOR_RECOVERY, cid=1
    ),
    "snack": SNACK(type=SNACKType.STATUS, beg_run=0, run_length=0),
    "data-out": DataOut(initiator_task_tag=0x77, target_transfer_tag=0x77, data=b"1"),
}


@pytest.mark.requirement("RFC7143-C-03", "RFC7143-C-08", "RFC7143-C-04")
def test_all_names_the_target(discovery: Session, options: LoginOptions) -> None:
    """SendTargets=All on a Discovery session lists the target under test."""
    pairs = discovery.send_targets("All")

    names_others = any(key == "TargetName" for key, _value in pairs)
    check(
        ("TargetName", options.target_name) in pairs,
        f"TargetName={options.target_name}",
        pairs,
        requirement="RFC7143-C-04" if names_others else "RFC7143-C-08",
    )


@pytest.mark.requirement("RFC7143-C-04")
@pytest.mark.needs("several-targets")
def test_all_names_every_open_target(discovery: Session, target: TestedTarget) -> None:
    """SendTargets=All omits no target that the initiator may use."""
    named = {value for key, value in discovery.send_targets() if key == "TargetName"}

    configured = {node.name for node in target.running.open_targets}
    check(named >= configured, f"all of {sorted(configured)}", sorted(named))


@pytest.mark.requirement("RFC7143-C-i01")
def test_records_start_with_the_name(discovery: Session) -> None:
    """Each record is a TargetName, followed by its TargetAddress keys."""
    keys = [key for key, _ in discovery.send_targets()]

    check(keys[:1] in ([], ["TargetName"]), "TargetName first", keys)


@pytest.mark.requirement("RFC7143-C-i02")
def test_no_other_keys_appear(discovery: Session) -> None:
    """An answer to SendTargets holds only TargetName and TargetAddress."""
    keys = {key for key, _ in discovery.send_targets()}

    check(keys <= {"TargetName", "TargetAddress"}, "only these two", keys)


@pytest.mark.requirement("RFC7143-13.8-02")
def test_addresses_carry_the_portal_group_tag(discovery: Session) -> None:
    """Each TargetAddress in an answer to SendTargets has a portal group tag."""
    pairs = discovery.send_targets()

    tags = [address.portal_group_tag for address in addresses(pairs)]
    check(None not in tags, "a tag in each", address_values(pairs))


@pytest.mark.requirement("RFC7143-C-04")
def test_the_portal_in_use_is_among_the_addresses(
    discovery: Session, portal: Portal, options: LoginOptions, target: TestedTarget
) -> None:
    """The addresses of a target, if given, include the portal that is in use.

    Behind address translation a target knows another address of its own.
    """
    if "translated-ports" in target.features:
        pytest.skip("not applicable: the target knows other ports than we do")
    pairs = discovery.send_targets(options.target_name or "All")

    ports = {address.port for address in addresses(pairs)}
    check(not ports or portal.port in ports, f"port {portal.port}", pairs)


def _clause_of(name: str) -> str:
    """Return the clause that a malformed name breaks."""
    kinds = {
        "iqn.": "RFC7143-4.2.7.4-i01",
        "eui.": "RFC7143-4.2.7.5-i01",
        "naa.": "RFC7143-4.2.7.6-i01",
    }
    if len(name.encode()) > names.MAX_NAME_LENGTH or name != name.lower():
        return "RFC7143-4.2.7.2-01"
    return kinds.get(name[:4], "RFC7143-4.2.7.1-01")


@pytest.mark.requirement(
    "RFC7143-4.2.7.2-01",
    "RFC7143-4.2.7.4-i01",
    "RFC7143-4.2.7.1-01",
    "RFC7143-4.2.7.5-i01",
    "RFC7143-4.2.7.6-i01",
)
def test_names_are_well_formed(discovery: Session) -> None:
    """Every target name has one of the three forms and at most 223 bytes."""
    named = [value for key, value in discovery.send_targets() if key == "TargetName"]

    wrong = [name for name in named if not names.is_iscsi_name(name)]
    check(
        not wrong,
        "iqn, eui or naa names",
        wrong,
        requirement=_clause_of(wrong[0]) if wrong else None,
        field="TargetName",
    )


@pytest.mark.requirement("RFC7143-C-10", "RFC7143-C-11")
def test_a_name_returns_only_that_target(
    discovery: Session, options: LoginOptions
) -> None:
    """SendTargets=<name> on a Discovery session returns that target's record alone."""
    pairs = discovery.send_targets(options.target_name or "")

    named = [value for key, value in pairs if key == "TargetName"]
    check(named == [options.target_name], f"{options.target_name} once", pairs)


@pytest.mark.requirement("RFC7143-C-11")
def test_every_listed_target_can_be_asked_for(discovery: Session) -> None:
    """SendTargets=<name> returns each target that SendTargets=All lists."""
    listed = target_names(discovery.send_targets("All"))

    listed_names = [target_names(discovery.send_targets(name)) for name in listed]

    check(
        listed_names == [[name] for name in listed], f"each of {listed}", listed_names
    )


@pytest.mark.requirement("RFC7143-13.8-i01")
def test_addresses_are_well_formed(discovery: Session) -> None:
    """A TargetAddress is a host, a port and a tag; IPv6 addresses have brackets."""
    values = address_values(discovery.send_targets("All"))

    wrong = [value for value in values if not is_well_formed(value)]
    check(not wrong, "host[:port],tag", wrong)


@pytest.mark.requirement("RFC7143-C-i03", "RFC7143-11.11.4-01")
def test_long_list_is_split(open_session: OpenSession) -> None:
    """A list longer than the initiator's segments comes whole, in several responses.

    The next check reports a response that ends within a pair.
    """
    small, whole_list = with_short_segments(open_session)

    pairs, _slips = text.read(_list_in_parts(small))

    missing = [pair for pair in whole_list if pair not in pairs]
    added = [pair for pair in pairs if pair not in whole_list]
    check(
        pairs == whole_list,
        f"the {len(whole_list)} pairs that come in one response",
        f"{len(pairs)} pairs; missing {missing}, added {added}",
    )


def _list_in_parts(session: Session) -> bytes:
    """Send SendTargets=All; return the joined data of the responses."""
    mark = len(session.transcript)
    session.send_targets("All")
    responses = session.transcript.received(mark)
    return b"".join(
        bytes(one.data) for one in responses if isinstance(one, TextResponse)
    )


@pytest.mark.requirement("RFC7143-6.1-01")
def test_a_split_list_ends_with_nul(open_session: OpenSession) -> None:
    """The last pair of a list that comes in several responses ends with a NUL byte."""
    small, _whole_list = with_short_segments(open_session)

    data = _list_in_parts(small)

    check(data.endswith(b"\0"), "a NUL byte", data[-32:])


def with_short_segments(open_session: OpenSession) -> tuple[Session, Pairs]:
    """Return a Discovery session that accepts short segments, and the whole list.

    The check is skipped if the list fits one segment.
    """
    large = open_session(is_discovery=True, target_name=None)
    whole_list = large.send_targets("All")
    large.end()
    if len(text.encode(whole_list)) <= SMALL:
        pytest.skip(f"not applicable: the list has no more than {SMALL} bytes")
    small = open_session(
        {SEGMENT_LENGTH: str(SMALL)}, is_discovery=True, target_name=None
    )
    return small, whole_list


@pytest.mark.requirement("RFC7143-C-13", "RFC7143-C-12", "RFC7143-C-i02")
def test_an_empty_value_needs_a_target(discovery: Session) -> None:
    """The target answers or refuses an empty SendTargets on a Discovery session.

    Appendix C does not define an empty value on a session without a target, and permits
    the complete list as the answer to any SendTargets on a Discovery session. So an
    empty text, all targets, `SendTargets=Reject`, a Reject and the end of the
    connection are right; no response, other keys and NotUnderstood are wrong.
    """
    request = discovery.send(TextRequest(data=b"SendTargets=\0"))

    answer = answer_or_drop(discovery)

    assert bytes(request.data) == b"SendTargets=\0"
    if not isinstance(answer, TextResponse):
        is_refusal = answer is None or isinstance(answer, Reject)
        check(is_refusal, ["Text Response", "Reject", "a dropped connection"], answer)
        return
    pairs = complete_text(discovery, answer)
    turned_down = ("SendTargets", text.REJECT)
    others = [
        pair
        for pair in pairs
        if pair[0] not in {"TargetName", "TargetAddress"} and pair != turned_down
    ]
    expected = "records, nothing or SendTargets=Reject"
    check(not others, expected, pairs, requirement="RFC7143-C-i02")


@pytest.mark.requirement("RFC7143-C-10")
def test_an_unknown_name_returns_nothing(discovery: Session) -> None:
    """SendTargets=<name> returns no target of another name."""
    pairs = discovery.send_targets("iqn.2026-11.org.iscsi-assay:no-such-target")

    check("TargetName" not in dict(pairs), "no record", pairs)


@pytest.mark.requirement("RFC7143-C-05", "RFC7143-C-12", "RFC7143-C-13")
def test_an_empty_value_names_the_connected_target(session: Session) -> None:
    """An empty SendTargets on a Normal session returns the target of the session."""
    pairs = session.send_targets("")

    named = [value for key, value in pairs if key == "TargetName"]
    check(
        named == [session.options.target_name],
        "its own name",
        pairs,
        requirement="RFC7143-C-13" if named else "RFC7143-C-12",
    )


@pytest.mark.requirement("RFC7143-C-09", "RFC7143-C-05")
@pytest.mark.parametrize("value", ["All", "the-other"])
@pytest.mark.needs("several-targets")
def test_other_targets_are_not_for_normal_sessions(
    session: Session, target: TestedTarget, value: str
) -> None:
    """SendTargets on a Normal session, whatever its value, lists no other target."""
    own = session.options.target_name
    others = [node.name for node in target.running.targets if node.name != own]
    requested = {"All": "All", "the-other": others[0]}[value]
    request = session.send(TextRequest(data=f"SendTargets={requested}\0".encode()))

    answer = answer_or_drop(session)

    assert f"={requested}\0".encode() in bytes(request.data)
    pairs = complete_text(session, answer) if isinstance(answer, TextResponse) else []
    listed = [name for name in others if ("TargetName", name) in pairs]
    check(
        not listed,
        ["a refusal", "no other target"],
        answer,
        requirement="RFC7143-C-09" if value == "All" else "RFC7143-C-05",
    )


@pytest.mark.requirement("RFC7143-4.3-02", "RFC7143-4.3-01")
@pytest.mark.parametrize("kind", FORBIDDEN)
def test_other_requests_are_rejected(discovery: Session, kind: str) -> None:
    """A Discovery session accepts only SendTargets and the logout of the session."""
    bad = discovery.send(FORBIDDEN[kind].copy())

    assert type(discovery.transcript.sent()[-1]) is type(bad)
    expect_reject_or_drop(discovery.connection, of=bad)


@pytest.mark.requirement("RFC7143-4.3-02", "RFC7143-4.3-01")
def test_other_keys_are_rejected(discovery: Session) -> None:
    """A Discovery session accepts no text key but SendTargets.

    The clause says "rejected" without saying how, so a Reject and `key=Reject` (section
    6.2) both satisfy it.
    """
    name = SEGMENT_LENGTH
    bad = discovery.send(TextRequest(data=f"{name}=4096\0".encode()))

    answer = answer_or_drop(discovery)

    assert name.encode() in bytes(bad.data)
    is_refused = answer is None or isinstance(answer, Reject)
    if isinstance(answer, TextResponse):
        is_refused = text.value(complete_text(discovery, answer), name) == text.REJECT
    check(is_refused, ["Reject", f"{name}=Reject", "a dropped connection"], answer)


@pytest.mark.requirement("RFC7143-4.3-01")
def test_the_session_can_be_closed(discovery: Session) -> None:
    """A Discovery session accepts a logout with the reason close the session."""
    answer = discovery.logout(LogoutReason.CLOSE_SESSION)

    check(answer.response == 0, "response 0", answer)


@pytest.mark.requirement("RFC7143-7.4.1-01")
@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_recovery_level_is_zero(open_session: OpenSession, level: str) -> None:
    """A Discovery session answers any ErrorRecoveryLevel with 0."""
    session = open_session(
        {"ErrorRecoveryLevel": level}, is_discovery=True, target_name=None
    )

    result = session.login.results.get("ErrorRecoveryLevel", "0")
    check(result == "0", "ErrorRecoveryLevel=0", result, field="ErrorRecoveryLevel")


@pytest.mark.requirement("RFC7143-7.4.3-01")
def test_nothing_but_answers_comes(discovery: Session) -> None:
    """The target sends only Text and Logout Responses on a Discovery session."""
    discovery.send_targets()
    discovery.logout()

    kinds = {type(pdu).__name__ for pdu in discovery.transcript.received()}
    allowed = {"LoginResponse", "TextResponse", "LogoutResponse"}
    check(kinds <= allowed, "only responses", kinds)
