# SPDX-License-Identifier: GPL-2.0-only
"""Negotiation in full-feature phase (RFC 7143 sections 6.4, 7.12 and 13.12)."""

import pytest

from initiator.expect import check, clause, expect_reject_or_drop
from initiator.session import Session
from iscsi.constants import RESERVED_TAG, RejectReason
from iscsi.keys import KEYS
from iscsi.pdu import TextRequest, TextResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.text import (
    LARGE,
    SEGMENT_LENGTH,
    SMALL,
    UNKNOWN,
    ask,
    declare,
    expect_still_small,
    go_on,
    longest_data_in,
    provoke_text_reject,
    request,
    text_responses,
)
from suites.support.traffic import require_room

TO_LARGE = (SEGMENT_LENGTH, str(LARGE))
TO_SMALL = (SEGMENT_LENGTH, str(SMALL))


@pytest.fixture
def small(open_session: OpenSession) -> Session:
    """A session whose initiator takes no more than 512 bytes at a time."""
    return open_session({SEGMENT_LENGTH: str(SMALL)})


@pytest.mark.requirement("RFC7143-13.12-i02", "RFC7143-13.12-i01")
def test_segment_length_can_be_declared_anew(session: Session, disk: Disk) -> None:
    """The target follows a MaxRecvDataSegmentLength declared in full-feature phase."""
    session.text([TO_SMALL])

    longest = longest_data_in(session, disk)

    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-13.12-i02", "RFC7143-11.19-02")
def test_segment_length_declared_anew_bounds_echoes(session: Session) -> None:
    """A MaxRecvDataSegmentLength declared later also limits the echo of a ping."""
    require_room(session, 2 * SMALL)
    session.text([TO_SMALL])
    data = bytes(number % 251 for number in range(2 * SMALL))

    answer = session.ping(data)

    echo = bytes(answer.data)
    check(
        echo == data[:SMALL],
        f"the first {SMALL} bytes",
        answer,
        requirement=None if len(echo) > SMALL else "RFC7143-11.19-02",
    )


@pytest.mark.requirement("RFC7143-13.12-i02")
def test_segment_length_can_be_raised(small: Session, disk: Disk) -> None:
    """The target completes reads after MaxRecvDataSegmentLength was raised."""
    small.text([TO_LARGE])

    longest = longest_data_in(small, disk)

    check(longest <= LARGE, f"Data-In of at most {LARGE} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-13.12-i02", "RFC7143-11.11.1-i01")
def test_negotiation_may_take_two_steps(session: Session, disk: Disk) -> None:
    """The target applies a value offered with F=0 once the exchange has ended."""
    first = ask(session, TO_SMALL, final=0)

    last = go_on(session, first)

    check(last.final, "F=1", last)
    longest = longest_data_in(session, disk)
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-6.1-i05", "RFC7143-6.2-02")
@pytest.mark.parametrize("cut", [1, 14, 24, 25, 28])
def test_negotiation_may_be_cut(session: Session, disk: Disk, cut: int) -> None:
    """The target applies a value whose pair comes in two Text Requests."""
    pair = f"{SEGMENT_LENGTH}={SMALL}\0".encode()
    sent = session.send(TextRequest(data=pair[:cut], final=0, continuation=1))
    first = session.expect(TextResponse, of=sent)

    last = go_on(session, first, pair[cut:])

    check(last.final, "F=1", last)
    longest = longest_data_in(session, disk)
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-6.4-i01")
def test_values_wait_for_the_end(small: Session, disk: Disk) -> None:
    """The target does not yet apply a value of an unfinished exchange."""
    answer = ask(small, TO_LARGE, final=0)

    longest = longest_data_in(small, disk)

    check(not answer.final, "F=0", answer)
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-6.4-i01", "RFC7143-11.10.4-i01", "RFC7143-7.12-04")
def test_values_of_an_abandoned_exchange_are_lost(small: Session, disk: Disk) -> None:
    """The target never applies a value of an exchange that was reset."""
    first = ask(small, TO_LARGE, final=0)

    with clause("RFC7143-11.10.4-i01"):
        last = ask(small, UNKNOWN, initiator_task_tag=first.initiator_task_tag)

    assert small.transcript.sent()[-1].target_transfer_tag == RESERVED_TAG
    check(last.final, "F=1", last, requirement="RFC7143-11.10.4-i01")
    expect_still_small(small, disk)


@pytest.mark.requirement("RFC7143-7.12-03", "RFC7143-7.12-04", "RFC7143-6.2-19")
def test_failed_negotiation_changes_nothing(small: Session, disk: Disk) -> None:
    """The target keeps the values in force when it refuses a negotiation."""
    bad, _reject = provoke_text_reject(small, TO_LARGE, TO_LARGE)

    longest = longest_data_in(small, disk)

    assert bytes(bad.data).count(SEGMENT_LENGTH.encode()) == 2
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-7.12-03", "RFC7143-6.2-i01")
@pytest.mark.parametrize("value", ["0", "511", "16777216", "-1", "many", ""])
def test_inadmissible_value_is_not_used(small: Session, disk: Disk, value: str) -> None:
    """The target does not apply a MaxRecvDataSegmentLength out of range."""
    declare(small, (SEGMENT_LENGTH, value))

    sent = small.transcript.sent()[-1]
    assert bytes(sent.data) == f"{SEGMENT_LENGTH}={value}\0".encode()
    expect_still_small(small, disk)


@pytest.mark.requirement("RFC7143-6.4-07", "RFC7143-11.11.1-01")
def test_final_response_needs_no_answer(session: Session) -> None:
    """A Text Response with F=1 offers no key that would need an answer.

    An unknown key of a vendor may be a declaration (section 13).
    """
    sent_pairs = [UNKNOWN, TO_SMALL, ("InitiatorAlias", "assay")]

    pairs = session.text(sent_pairs)

    offered_names = {name for name, _ in sent_pairs}
    offers = [
        pair
        for pair in pairs
        if pair[0] not in offered_names
        and pair[0] in KEYS
        and not KEYS[pair[0]].is_declarative
    ]
    check(text_responses(session)[-1].final, "F=1", text_responses(session)[-1])
    check(not offers, "answers and declarations alone", offers)


@pytest.mark.requirement("RFC7143-11.17.1-i01")
@pytest.mark.parametrize("field", ["initiator_task_tag", "target_transfer_tag"])
def test_wrong_tag_is_refused(discovery: Session, field: str) -> None:
    """The target refuses a Text Request with a wrong tag of its exchange."""
    first = ask(discovery, ("SendTargets", "All"), final=0)
    tags = {
        "initiator_task_tag": int(first.initiator_task_tag),
        "target_transfer_tag": int(first.target_transfer_tag),
    }

    bad = discovery.send(TextRequest(**{**tags, field: tags[field] ^ 0x5A5A00}))

    assert getattr(discovery.transcript.sent()[-1], field) != tags[field]
    expect_reject_or_drop(
        discovery.connection, of=bad, reasons=[RejectReason.INVALID_PDU_FIELD]
    )


@pytest.mark.requirement("RFC7143-6.4-10")
def test_key_repeated_in_a_later_request_is_rejected(session: Session) -> None:
    """The target refuses a key that is repeated in the next request of an exchange."""
    first = ask(session, TO_SMALL, final=0)
    check(
        not first.final and first.target_transfer_tag != RESERVED_TAG,
        "F=0 and a Target Transfer Tag",
        first,
        requirement="RFC7143-11.11.1-03",
        field="TargetTransferTag",
    )

    bad = session.send(
        request(
            TO_SMALL,
            initiator_task_tag=first.initiator_task_tag,
            target_transfer_tag=first.target_transfer_tag,
        )
    )

    assert bad.data == session.transcript.sent()[-2].data
    expect_reject_or_drop(
        session.connection, of=bad, reasons=[RejectReason.PROTOCOL_ERROR]
    )


@pytest.mark.requirement("RFC7143-6.4-i01", "RFC7143-11.10.4-i01")
def test_negotiation_can_begin_again(session: Session, disk: Disk) -> None:
    """After a reset the target accepts the key whose exchange was abandoned."""
    first = ask(session, TO_LARGE, final=0)

    with clause("RFC7143-11.10.4-i01"):
        last = ask(session, TO_SMALL, initiator_task_tag=first.initiator_task_tag)

    check(last.final, "F=1", last, requirement="RFC7143-11.10.4-i01")
    longest = longest_data_in(session, disk)
    check(longest <= SMALL, f"Data-In of at most {SMALL} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-11.10.4-i01")
def test_commands_are_served_during_a_negotiation(session: Session) -> None:
    """The target executes commands while a text exchange is open, and continues it."""
    first = ask(session, UNKNOWN, final=0)

    result = session.execute(cdb.test_unit_ready())

    last = go_on(session, first)
    check(result.is_good, "GOOD", result)
    check(last.final, "F=1", last)
