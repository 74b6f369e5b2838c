# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on a target's behaviour: expected, actual, and the PDUs.

Only `ConformanceFailure` crosses from here into a verdict. It is an AssertionError, so
a test runner counts it as failed and not as a fault of the tool.
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
"""Characters: what a target chose is one line of a report."""

OTHER_DATA = "other data"
NO_DATA = "no data"
OTHER_LENGTH = "data of another length"
"""What came, normalised, where data is wrong."""

_SHOWN_BYTES = 16
"""Bytes of data that differs, from the first wrong one on."""

_CHOICES: ContextVar[list[str] | None] = ContextVar("choices", default=None)
_CLAUSE: ContextVar[str | None] = ContextVar("clause", default=None)


class ConformanceFailure(AssertionError):
    """A target broke a requirement.

    Attributes:
        requirement: the ID of the clause that this expectation belongs to; None where
            nobody named one, so that the check's first requirement is meant.
        expected: what the requirement allows, one item an alternative.
        actual: what the target did, in words.
        answer: what came, normalised: kind and codes without tags, numbers and data.
        offending: the PDU that is wrong, or None.
        pdu: the kind of that PDU, such as NOPIn, or an empty string.
        field: the field, text key or sense field that is wrong, if it is a single one.
        transcript: what passed, or None.
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
        """Keep the answer as values.

        Args:
            expected: one alternative or several.
            actual: a PDU, a `Result`, an error of the peer, or words. An error that
                names a clause keeps it, whatever `requirement` says.
            transcript: what passed.
            requirement: the clause; None for that of `clause`, if there is one.
            field: the field that is wrong; an error of the peer may name it itself.
            answer: the normalised answer, where `actual` does not show it.
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
"""What was expected of the peer, by the kind of its error."""


def failure_of(error: ISCSIError, transcript: Transcript | None) -> ConformanceFailure:
    """Return the verdict on an error of the peer that no check has expected."""
    expected = next(
        (what for kind, what in _EXPECTED if isinstance(error, kind)),
        _EXPECTED_OF_A_PEER,
    )
    return ConformanceFailure(expected, error, transcript)


@contextmanager
def clause(requirement: str) -> Iterator[None]:
    """Say to which clause the expectations in a block belong.

    What names a clause by itself keeps it: an argument `requirement`, an inner block,
    an error of the peer that shows which clause is broken.

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
    """Collect which of several permitted outcomes the target chooses meanwhile."""
    choices: list[str] = []
    token = _CHOICES.set(choices)
    try:
        yield choices
    finally:
        _CHOICES.reset(token)


def chose(outcome: object) -> None:
    """Note the outcome that the target chose where a clause permits several.

    Args:
        outcome: words; or a PDU, whose kind and codes are noted without its numbers;
            or None for a connection that the target dropped.
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
    """Fail unless something holds.

    Several alternatives in `expected` are outcomes that a clause permits: the one that
    the target chose is noted.

    Args:
        holds: whether the target has done what it must.
        expected: what it must do.
        actual: what it did: a PDU, a result, or words that say what came.
        transcript: what passed.
        requirement: the ID of the clause, where a check carries several.
        field: the field or text key that is looked at, if it is a single one.
        answer: the normalised answer, where `actual` does not show it.

    Raises:
        ConformanceFailure: it does not.
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
        ConformanceFailure: it has ended otherwise.
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
        received: what was read.
        *allowed: what it may be, the likeliest first; several where a clause leaves the
            target a choice.
        what: what it is, in words.
        requirement: the ID of the clause, where a check carries several.

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
    """Expect that the target closes the connection; FIN and RST count alike.

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
    """Return the next PDU, or None where the target dropped the connection.

    Pings of the target's own are left aside: it may send one at any time (11.19).

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
        of: the PDU that had to be refused.
        reasons: the Reject reasons allowed; None for any.
        timeout: seconds to wait.

    Returns:
        The Reject, or None where the connection was dropped.

    Raises:
        ConformanceFailure: something else came, or nothing.
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

    A wrong one breaks section 11.17.4 and says nothing of any other clause.

    Raises:
        ConformanceFailure: it returns another, or less.
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
