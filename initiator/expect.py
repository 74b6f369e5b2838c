# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts on what a target did: what was expected, what came, and the PDUs between.

Only `ConformanceFailure` crosses from here into a verdict. It is an AssertionError, so
a test runner counts it as failed and not as a fault of the tool.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from initiator.connection import Connection
from initiator.describe import describe, outline
from initiator.transcript import Transcript
from iscsi.errors import (
    ConnectionLost,
    DecodeError,
    DigestError,
    ISCSIError,
    PeerTimeout,
)
from iscsi.pdu import PDU, Reject

_LONGEST_CHOICE = 120
"""Characters: what a target chose is one line of a report."""

_CHOICES: ContextVar[list[str] | None] = ContextVar("choices", default=None)

SHOWN_PDUS = 12
"""How many of the last entries a failure prints."""


class ConformanceFailure(AssertionError):
    """A target broke a requirement.

    Attributes:
        expected: what the requirement allows, one item an alternative.
        actual: what the target did.
        transcript: what passed, or None.
    """

    def __init__(
        self,
        expected: str | Sequence[str],
        actual: str,
        transcript: Transcript | None = None,
    ) -> None:
        self.expected = [expected] if isinstance(expected, str) else list(expected)
        self.actual = actual
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


def failure_of(error: ISCSIError, transcript: Transcript | None) -> ConformanceFailure:
    """Return the verdict on an error of the peer that no check has expected."""
    return ConformanceFailure(
        "an exchange that follows RFC 7143 to its end", str(error), transcript
    )


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
        text = _words(outcome)
    choices.append(" ".join(text.split())[:_LONGEST_CHOICE])


def check(
    holds: object,
    expected: str | Sequence[str],
    actual: object,
    transcript: Transcript | None = None,
) -> None:
    """Fail unless something holds.

    Several alternatives in `expected` are outcomes that a clause permits: the one that
    the target chose is noted.

    Raises:
        ConformanceFailure: it does not.
    """
    __tracebackhide__ = True
    if not holds:
        raise ConformanceFailure(expected, _words(actual), transcript)
    if not isinstance(expected, str) and len(expected) > 1:
        chose(actual)


def _words(actual: object) -> str:
    """Return what came in words: PDUs as the transcript shows them."""
    if isinstance(actual, PDU):
        return describe(actual)
    if isinstance(actual, list | tuple) and any(
        isinstance(item, PDU) for item in actual
    ):
        shown = [_words(item) for item in actual[:SHOWN_PDUS]]
        if len(actual) > SHOWN_PDUS:
            shown.append(f"and {len(actual) - SHOWN_PDUS} more")
        return "; ".join(shown)
    return str(actual)


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

    Raises:
        PeerTimeout: neither came in time.
        DecodeError: garbage came.
    """
    try:
        return connection.receive(timeout)
    except ConnectionLost:
        return None


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
        raise ConformanceFailure(expected, str(error), connection.transcript) from error
    if answer is None:
        chose(answer)
        return None
    if not isinstance(answer, Reject) or (
        reasons is not None and answer.reason not in reasons
    ):
        raise ConformanceFailure(expected, describe(answer), connection.transcript)
    header = of.segments()[0][:48]
    check(
        answer.rejected_header == header,
        f"the Reject returns the header {header.hex()}",
        f"it returns {answer.rejected_header.hex()}",
        connection.transcript,
    )
    chose(answer)
    return answer
