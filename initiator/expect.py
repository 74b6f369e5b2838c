# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on a target's behaviour: expected, actual, and the PDUs.

Only a `ConformanceFailure` is a verdict. It is an AssertionError, so a test runner
counts it as a failed test, not as an error of the tool.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeGuard

from initiator.answers import (
    SHOWN_PDUS,
    field_of,
    normalise,
    offending,
    words,
)
from initiator.connection import Connection
from initiator.deadline import Deadline
from initiator.describe import outline
from initiator.task import Result
from initiator.transcript import Transcript
from iscsi.constants import RESERVED_TAG
from iscsi.errors import (
    ConnectionLost,
    DecodeError,
    DigestError,
    ISCSIError,
    NegotiationError,
    NotConnected,
    NumberingError,
    PeerTimeout,
    UnexpectedPDU,
)
from iscsi.pdu import PDU, NOPIn, Reject
from iscsi.printable import printable

_LONGEST_CHOICE = 120
"""The maximum length of a target's choice, which is one line of a report, in
characters."""

OTHER_DATA = "other data"
NO_DATA = "no data"
OTHER_LENGTH = "data of another length"
"""The normalised answer for wrong data."""

_SHOWN_BYTES = 16
"""The number of differing bytes that are shown, from the first wrong one on."""

_CHOICES: ContextVar[list[str] | None] = ContextVar("choices", default=None)
_CLAUSE: ContextVar[str | None] = ContextVar("clause", default=None)


class ConformanceFailure(AssertionError):
    """A target broke a requirement.

    Attributes:
        requirement: the ID of the clause of this expectation; None means the check's
            first requirement.
        expected: what the requirement allows; each item is an alternative.
        actual: what the target did, in words.
        answer: the normalised answer: kind and codes, without tags, numbers and data.
        offending: the wrong PDU, or None.
        pdu: the kind of that PDU, such as NOPIn, or an empty string.
        field: the wrong field, text key or sense field, if it is a single one.
        transcript: the transcript, or None.
    """

    def __init__(
        self,
        expected: str | Sequence[str],
        actual: object,
        transcript: Transcript | None = None,
        *,
        requirement: str | None = None,
        field: str = "",
        answer: str = "",
    ) -> None:
        """Store the answer as values.

        Args:
            expected: one alternative or several.
            actual: a PDU, a `Result`, an error of the peer, or words. An error that
                names a clause takes precedence over `requirement`.
            transcript: the transcript.
            requirement: the clause; None for that of `clause`, if there is one.
            field: the wrong field; an error of the peer may name it itself.
            answer: the normalised answer, if `actual` does not show it.
        """
        own = actual.requirement if isinstance(actual, ISCSIError) else ""
        self.requirement = own or requirement or _CLAUSE.get()
        alternatives = [expected] if isinstance(expected, str) else expected
        self.expected = [printable(one) for one in alternatives]
        self.actual = words(actual) or NO_DATA
        self.answer = answer or normalise(actual)
        self.offending = offending(actual)
        self.pdu = "" if self.offending is None else type(self.offending).__name__
        self.field = field or field_of(actual)
        self.transcript = transcript
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return expected and actual, and the last PDUs."""
        lines = [f"expected: {self.expected[0]}"]
        lines += [f"      or: {item}" for item in self.expected[1:]]
        lines.append(f"  actual: {self.actual}")
        if self.transcript is not None:
            lines += ["", "last PDUs:", self.transcript.render(SHOWN_PDUS)]
        return "\n".join(lines)


_EXPECTED_OF_A_PEER = "an exchange that follows RFC 7143 to its end"

_EXPECTED: Sequence[tuple[type[ISCSIError], str]] = (
    (DigestError, "digests that match what they cover"),
    (NumberingError, "the next StatSN"),
    (PeerTimeout, "an answer in time"),
    (NotConnected, "a portal that takes connections"),
    (ConnectionLost, "a connection that stays open"),
    (NegotiationError, "a negotiation with a valid result"),
    (DecodeError, "well-formed PDUs and text"),
)
"""What was expected of the peer, by type of error."""


def failure_of(error: ISCSIError, transcript: Transcript | None) -> ConformanceFailure:
    """Return the verdict on an unexpected error of the peer."""
    expected = next(
        (what for kind, what in _EXPECTED if isinstance(error, kind)),
        _EXPECTED_OF_A_PEER,
    )
    return ConformanceFailure(expected, error, transcript)


@contextmanager
def clause(requirement: str) -> Iterator[None]:
    """Set the clause of the expectations in a block.

    These take precedence: an argument `requirement`, an inner block, and an error of
    the peer that shows the broken clause.

    Args:
        requirement: the ID in the catalogue.
    """
    token = _CLAUSE.set(requirement)
    try:
        yield
    except ISCSIError as error:
        error.requirement = error.requirement or requirement
        raise
    finally:
        _CLAUSE.reset(token)


@contextmanager
def noting_choices() -> Iterator[list[str]]:
    """Collect the permitted outcomes that the target chooses in a block."""
    choices: list[str] = []
    token = _CHOICES.set(choices)
    try:
        yield choices
    finally:
        _CHOICES.reset(token)


def chose(outcome: object) -> None:
    """Record the outcome that the target chose if a clause permits several.

    Args:
        outcome: words; or a PDU, whose kind and codes are recorded without its numbers;
            or None for a dropped connection.
    """
    choices = _CHOICES.get()
    if choices is None:
        return
    if outcome is None:
        text = "the connection is dropped"
    elif isinstance(outcome, PDU):
        text = outline(outcome)
    else:
        text = words(outcome)
    choices.append(" ".join(text.split())[:_LONGEST_CHOICE])


def check(
    holds: object,
    expected: str | Sequence[str],
    actual: object,
    transcript: Transcript | None = None,
    *,
    requirement: str | None = None,
    field: str = "",
    answer: str = "",
) -> None:
    """Fail unless a condition holds.

    Several alternatives in `expected` are outcomes that a clause permits; the one that
    the target chose is recorded.

    Args:
        holds: whether the target has met the expectation.
        expected: what it must do, in words.
        actual: what it did: a PDU, a result, or words.
        transcript: the transcript.
        requirement: the ID of the clause, if a check carries several.
        field: the judged field or text key, if it is a single one.
        answer: the normalised answer, if `actual` does not show it.

    Raises:
        ConformanceFailure: the condition does not hold.
    """
    __tracebackhide__ = True
    if not holds:
        raise ConformanceFailure(
            expected,
            actual,
            transcript,
            requirement=requirement,
            field=field,
            answer=answer,
        )
    if not isinstance(expected, str) and len(expected) > 1:
        chose(actual)


def expect_good(result: Result, *, requirement: str | None = None) -> Result:
    """Expect that a command has ended with status GOOD; return its result.

    Raises:
        ConformanceFailure: it has ended with another result.
    """
    __tracebackhide__ = True
    check(result.is_good, "status GOOD", result, requirement=requirement)
    return result


def expect_data(
    received: bytes,
    *allowed: bytes,
    what: str = "the data",
    requirement: str | None = None,
) -> None:
    """Expect certain data; a failure names the first byte that differs.

    Args:
        received: the data that was read.
        *allowed: the permitted data, the most likely first; several if a clause leaves
            the target a choice.
        what: what it is, in words.
        requirement: the ID of the clause, if a check carries several.

    Raises:
        ConformanceFailure: it differs from all of them.
    """
    __tracebackhide__ = True
    if bytes(received) in allowed:
        return
    expected, actual = difference(bytes(received), bytes(allowed[0]))
    others = ", or another content that is allowed" if len(allowed) > 1 else ""
    raise ConformanceFailure(
        f"{what}: {expected}{others}",
        actual,
        requirement=requirement,
        answer=OTHER_DATA if len(received) == len(allowed[0]) else OTHER_LENGTH,
    )


def difference(received: bytes, expected: bytes) -> tuple[str, str]:
    """Describe the difference between expected and received data."""
    if len(received) != len(expected):
        return f"{len(expected)} bytes", f"{len(received)} bytes"
    wrong = [
        at
        for at, (one, other) in enumerate(zip(received, expected, strict=True))
        if one != other
    ]
    if not wrong:
        return f"{len(expected)} bytes", "the same bytes"
    at = wrong[0]
    span = slice(at, at + _SHOWN_BYTES)
    much = f"{len(wrong)} bytes differ, the last one at byte {wrong[-1]}"
    return (
        f"{expected[span].hex(' ')} at byte {at} of {len(expected)}",
        f"{received[span].hex(' ')}; {much}",
    )


def expect_drop(connection: Connection, *, timeout: float | None = None) -> None:
    """Expect that the target closes the connection, by FIN or RST.

    Raises:
        ConformanceFailure: it has not done so in time.
    """
    __tracebackhide__ = True
    if not connection.wait_closed(timeout):
        raise ConformanceFailure(
            "the target closes the connection",
            "it is still open",
            connection.transcript,
        )


def next_or_drop(connection: Connection, timeout: float | None = None) -> PDU | None:
    """Return the next PDU, or None if the target dropped the connection.

    Pings of the target are skipped, since it may send one at any time (11.19).

    Raises:
        PeerTimeout: neither came in time.
        DecodeError: garbage came.
    """
    deadline = Deadline(connection.timeout if timeout is None else timeout)
    try:
        while is_own_ping(answer := connection.receive(deadline.left)):
            deadline.check("nothing but pings of the target's own accord")
    except ConnectionLost:
        return None
    return answer


def is_own_ping(pdu: PDU) -> TypeGuard[NOPIn]:
    """Tell whether a PDU is an unsolicited NOP-In (section 11.19)."""
    return isinstance(pdu, NOPIn) and pdu.initiator_task_tag == RESERVED_TAG


def expect_reject_or_drop(
    connection: Connection,
    *,
    of: PDU,
    reasons: Sequence[int] | None = None,
    timeout: float | None = None,
) -> Reject | None:
    """Expect a Reject that returns the header of a PDU, or a dropped connection.

    Args:
        connection: where the PDU was sent.
        of: the PDU that must be refused.
        reasons: the Reject reasons allowed; None for any.
        timeout: seconds to wait.

    Returns:
        The Reject, or None if the connection was dropped.

    Raises:
        ConformanceFailure: another PDU came, or none.
    """
    __tracebackhide__ = True
    expected = [f"Reject of {type(of).__name__}", "the connection is dropped"]
    if reasons is not None:
        expected[0] += " with reason " + " or ".join(f"{code:#04x}" for code in reasons)
    try:
        answer = next_or_drop(connection, timeout)
    except (PeerTimeout, DecodeError, DigestError) as error:
        raise ConformanceFailure(expected, error, connection.transcript) from error
    if answer is None:
        chose(answer)
        return None
    if not isinstance(answer, Reject):
        raise ConformanceFailure(expected, answer, connection.transcript)
    if reasons is not None and answer.reason not in reasons:
        raise ConformanceFailure(
            expected, answer, connection.transcript, field="Reason"
        )
    expect_header_of(answer, of, connection.transcript)
    chose(answer)
    return answer


def expect_header_of(reject: Reject, of: PDU, transcript: Transcript) -> None:
    """Expect that a Reject returns the header of the PDU that it refuses.

    A wrong one breaks section 11.17.4 and proves nothing about other clauses.

    Raises:
        ConformanceFailure: the header differs or is incomplete.
    """
    __tracebackhide__ = True
    sent, returned = of.segments()[0][:48], bytes(reject.rejected_header)
    if returned == sent:
        return
    expected, actual = difference(returned, sent)
    raise ConformanceFailure(
        f"a Reject that returns the header {sent.hex()}: {expected}",
        UnexpectedPDU(
            f"it returns {returned.hex() or 'nothing'}: {actual}",
            requirement="RFC7143-11.17.4-i01",
            pdu=reject,
            field="header of the bad PDU",
        ),
        transcript,
    )
