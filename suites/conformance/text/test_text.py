# SPDX-License-Identifier: GPL-2.0-only
"""Text Requests and Responses (RFC 7143 sections 6.2, 6.4, 11.10 and 11.11)."""

import pytest

from initiator.expect import check, expect_reject_or_drop
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi import serial, text
from iscsi.constants import RESERVED_TAG, Role
from iscsi.keys import KEYS, Key, Kind, Use
from iscsi.pdu import Reject, TextRequest, TextResponse
from suites.plugins.sessions import OpenSession
from suites.support.negotiation import AN_OFFER
from suites.support.text import (
    MANY_UNKNOWN,
    SEGMENT_LENGTH,
    SMALL,
    UNKNOWN,
    answer_or_drop,
    ask,
    complete_text,
    request,
    text_responses,
)

CLOSED = [
    key
    for key in KEYS.values()
    if key.use in (Use.INITIALIZE_ONLY, Use.LEADING_ONLY)
    and key.name in AN_OFFER
    and Role.INITIATOR in key.senders
    and not key.is_declarative
    and key.kind is not Kind.OBSOLETE
]
"""The keys that are negotiated, and only in login."""


@pytest.mark.requirement("RFC7143-11.11.3-i01")
def test_response_has_the_tag_of_its_request(discovery: Session) -> None:
    """A Text Response has the ITT of its request."""
    sent = discovery.send(request(("SendTargets", "All"), initiator_task_tag=0x7E57))

    answer = discovery.receive()

    check(
        isinstance(answer, TextResponse)
        and answer.initiator_task_tag == sent.initiator_task_tag,
        "Text Response with ITT 0x7e57",
        answer,
    )


@pytest.mark.requirement("RFC7143-11.11.1-02")
def test_final_response_has_no_transfer_tag(discovery: Session) -> None:
    """A Text Response with F=1 has the reserved Target Transfer Tag."""
    answer = ask(discovery, ("SendTargets", "All"))

    is_right = not answer.final or answer.target_transfer_tag == RESERVED_TAG
    check(is_right, "TTT ffffffff with F=1", answer, field="Target Transfer Tag")


@pytest.mark.requirement("RFC7143-6.4-08", "RFC7143-11.10.4-01", "RFC7143-11.11.1-03")
def test_unfinished_response_has_a_transfer_tag(discovery: Session) -> None:
    """A Text Response with F=0 has a Target Transfer Tag."""
    answer = ask(discovery, ("SendTargets", "All"), final=0)

    is_right = answer.final or answer.target_transfer_tag != RESERVED_TAG
    check(is_right, "a TTT with F=0", answer)


@pytest.mark.requirement("RFC7143-11.11.1-i01")
def test_unfinished_request_gets_no_final_response(discovery: Session) -> None:
    """The target does not answer a Text Request with F=0 by F=1."""
    answer = ask(discovery, ("SendTargets", "All"), final=0)

    check(not answer.final, "F=0", answer)


@pytest.mark.requirement("RFC7143-11.11.5-i01", "RFC7143-4.2.2.2-i01")
def test_response_advances_stat_sn(discovery: Session) -> None:
    """Each Text Response takes the next StatSN."""
    stat_sn = discovery.leading.status.exp_stat_sn

    first = ask(discovery, ("SendTargets", "All"))
    second = ask(discovery, ("SendTargets", "All"))

    check(first.stat_sn == stat_sn, f"StatSN {stat_sn}", first)
    check(second.stat_sn == serial.add(stat_sn, 1), "the StatSN after it", second)


@pytest.mark.requirement("RFC7143-6.1-01")
def test_pairs_end_with_nul(discovery: Session) -> None:
    """Each key=value pair of a response ends with a NUL byte."""
    answer = ask(discovery, ("SendTargets", "All"))

    # With C=1 the text continues in the next response, and a pair may be cut.
    may_end = answer.continuation or bytes(answer.data).endswith(b"\0")
    check(not answer.data or may_end, "a NUL byte", answer)


@pytest.mark.requirement("RFC7143-6.1-02")
def test_keys_are_standard_labels(discovery: Session) -> None:
    """The keys of a response begin with a capital letter and have at most 63 bytes."""
    pairs = discovery.text([("SendTargets", "All")])

    wrong = [key for key, _ in pairs if not text.is_standard_label(key)]
    check(not wrong, "standard labels", wrong)


@pytest.mark.requirement("RFC7143-6.2-08")
def test_unknown_key_is_not_understood(session: Session) -> None:
    """The target answers an unknown key with NotUnderstood."""
    pairs = session.text([UNKNOWN])

    check((UNKNOWN[0], "NotUnderstood") in pairs, "NotUnderstood", pairs)


@pytest.mark.requirement("RFC7143-6.2-02")
def test_continued_request_gets_an_empty_response(discovery: Session) -> None:
    """The target answers a Text Request with C=1 by an empty response."""
    sent = discovery.send(TextRequest(data=b"SendTar", final=0, continuation=1))

    answer = discovery.expect(TextResponse, of=sent)

    check(not answer.data and not answer.final, "an empty response, F=0", answer)


@pytest.mark.requirement("RFC7143-6.1-i05")
def test_a_pair_may_be_cut(discovery: Session, options: LoginOptions) -> None:
    """The target reads a key=value pair that comes in two Text Requests."""
    sent = discovery.send(TextRequest(data=b"SendTar", final=0, continuation=1))
    first = discovery.expect(TextResponse, of=sent)

    last = discovery.send(
        TextRequest(
            data=b"gets=All\0",
            initiator_task_tag=sent.initiator_task_tag,
            target_transfer_tag=first.target_transfer_tag,
        )
    )

    answer = discovery.expect(TextResponse, of=last)
    expected = ("TargetName", options.target_name)
    pairs = complete_text(discovery, answer)
    record = "the record of the target"
    if expected not in pairs:
        # If the name is missing from the list, or the list is empty, another clause is
        # broken.
        listed_targets = discovery.send_targets("All")
        clause = "RFC7143-C-04" if listed_targets else "RFC7143-C-08"
        check(expected in listed_targets, record, listed_targets, requirement=clause)
    check(expected in pairs, record, pairs)


@pytest.mark.requirement("RFC7143-11.11.2-01", "RFC7143-6.2-01")
def test_continued_response_is_not_final(open_session: OpenSession) -> None:
    """No Text Response has both C=1 and F=1."""
    session = open_session({SEGMENT_LENGTH: str(SMALL)})

    session.text(MANY_UNKNOWN)

    wrong = [pdu for pdu in text_responses(session) if pdu.continuation and pdu.final]
    check(not wrong, "never both", [pdu.summary() for pdu in wrong])


@pytest.mark.requirement("RFC7143-11.11.6-01")
def test_response_fits_the_initiator(open_session: OpenSession) -> None:
    """A Text Response's data does not exceed MaxRecvDataSegmentLength."""
    session = open_session({SEGMENT_LENGTH: str(SMALL)})

    session.text(MANY_UNKNOWN)

    longest = max(len(pdu.data) for pdu in text_responses(session))
    check(longest <= SMALL, f"at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement(
    "RFC7143-11.11.4-01",
    "RFC7143-11.11.4-02",
    "RFC7143-11.11.1-03",
    "RFC7143-6.2-08",
)
def test_long_answer_continues_in_further_responses(open_session: OpenSession) -> None:
    """The target continues an answer too long for one response under transfer tags."""
    session = open_session({SEGMENT_LENGTH: str(SMALL)})

    pairs = session.text(MANY_UNKNOWN)

    tags = [int(pdu.target_transfer_tag) for pdu in text_responses(session)]
    check(
        len(pairs) == len(MANY_UNKNOWN),
        f"{len(MANY_UNKNOWN)} answers",
        f"{len(pairs)} answers",
        requirement="RFC7143-6.2-08",
    )
    check(len(tags) > 1, "several responses", f"{len(tags)} response")
    check(
        tags[-1] == RESERVED_TAG,
        "TTT ffffffff at the end",
        text_responses(session)[-1],
        requirement="RFC7143-11.11.4-02",
        field="Target Transfer Tag",
    )
    check(RESERVED_TAG not in tags[:-1], "a TTT in each response but the last", tags)


@pytest.mark.requirement("RFC7143-6.4-10")
def test_repeated_key_is_rejected(session: Session) -> None:
    """The target rejects a key that comes twice in one negotiation."""
    pair = ("MaxRecvDataSegmentLength", "4096")
    bad = session.send(request(pair, pair))

    assert bytes(session.transcript.sent()[-1].data).count(b"MaxRecv") == 2
    expect_reject_or_drop(session.connection, of=bad)


@pytest.mark.requirement("RFC7143-11.10.4-i01")
def test_a_fresh_request_starts_anew(session: Session) -> None:
    """A Text Request with the reserved TTT resets the exchange under its ITT."""
    first = session.send(request(("SendTargets", ""), final=0))
    session.expect(TextResponse, of=first)

    fresh = session.send(request(UNKNOWN, initiator_task_tag=first.initiator_task_tag))

    answer = session.expect(TextResponse, of=fresh)
    pairs = complete_text(session, answer)
    last = text_responses(session)[-1]
    check(last.final and "TargetName" not in dict(pairs), "an answer only to it", last)


@pytest.mark.requirement("RFC7143-13-i01", "RFC7143-13-01")
@pytest.mark.parametrize("key", CLOSED, ids=lambda key: key.name)
def test_login_keys_are_refused_later(session: Session, key: Key) -> None:
    """The target refuses login keys in full-feature phase."""
    sent = session.send(request((key.name, AN_OFFER[key.name])))

    answer = answer_or_drop(session)

    is_refused = answer is None or isinstance(answer, Reject)
    if isinstance(answer, TextResponse):
        value = text.value(complete_text(session, answer), key.name)
        is_refused = value in text.RESERVED_ANSWERS
    assert key.name.encode() in bytes(sent.data)
    check(is_refused, [f"{key.name}=Reject", "Reject", "a dropped connection"], answer)


@pytest.mark.requirement("RFC7143-13-i02", "RFC7143-6.2-15")
def test_alias_may_change(session: Session) -> None:
    """The target accepts an InitiatorAlias declared in full-feature phase."""
    pairs = session.text([("InitiatorAlias", "assay")])

    alias = text.value(pairs, "InitiatorAlias")
    check(
        alias not in text.RESERVED_ANSWERS,
        "no answer to what is declared",
        pairs,
        requirement="RFC7143-6.2-15" if alias == text.NOT_UNDERSTOOD else None,
    )


@pytest.mark.requirement("RFC7143-6.4-06")
def test_final_request_gets_a_final_response(discovery: Session) -> None:
    """The target does not answer F=1 by an empty response with F=0."""
    answer = ask(discovery, ("SendTargets", "All"))

    check(answer.final or answer.data, ["F=1", "pairs"], answer)


@pytest.mark.requirement("RFC7143-6.3-08")
@pytest.mark.parametrize("key", ["AuthMethod", "CHAP_A"])
def test_authentication_belongs_to_login(session: Session, key: str) -> None:
    """The target does not accept authentication keys in full-feature phase."""
    sent = session.send(request((key, "CHAP" if key == "AuthMethod" else "5")))

    answer = answer_or_drop(session)

    assert key.encode() in bytes(sent.data)
    pairs = complete_text(session, answer) if isinstance(answer, TextResponse) else []
    is_begun = "CHAP_C" in dict(pairs) or ("AuthMethod", "CHAP") in pairs
    check(not is_begun, "no authentication", answer)
