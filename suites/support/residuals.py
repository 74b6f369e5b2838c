# SPDX-License-Identifier: GPL-2.0-only
"""Residual counts, each of their parts judged by its own clause (section 11.4.5)."""

from initiator.expect import check
from initiator.task import Result


def expect_residual(result: Result, *, over: int = 0, under: int = 0) -> None:
    """Expect an overflow or an underflow with its residual count, or neither.

    Args:
        result: what came.
        over: bytes that the target could not send or take; 0 for no overflow.
        under: bytes that were expected beyond what there is; 0 for no underflow.

    Raises:
        ConformanceFailure: a flag or the count is another.
    """
    __tracebackhide__ = True
    final, due = result.final, over or under
    check(
        not (result.overflow and result.underflow),
        "O and U not both 1",
        final,
        requirement="RFC7143-11.4.1-i01",
    )
    if over:
        check(
            result.overflow,
            f"O=1, residual {over}",
            final,
            requirement="RFC7143-11.4.5.2-01",
            field="O",
        )
    elif under:
        check(
            result.underflow,
            f"U=1, residual {under}",
            final,
            requirement="RFC7143-11.4.5.2-03",
            field="U",
        )
    else:
        check(not result.overflow and not result.underflow, "O=0 and U=0", final)
    check(
        result.residual_count == due,
        f"residual count {due}",
        final,
        requirement=_clause_of_count(result.residual_count, over, under),
        field="Residual Count",
    )


def _clause_of_count(count: int, over: int, under: int) -> str:
    """Return the clause that a wrong count breaks."""
    due = over or under
    if count and due and count.to_bytes(4, "little") == due.to_bytes(4, "big"):
        return "RFC7143-11-i01"
    if not due:
        return "RFC7143-11.4.5.1-03"
    return "RFC7143-11.4.5.2-02" if over else "RFC7143-11.4.5.2-04"
