# SPDX-License-Identifier: GPL-2.0-only
"""Expectations about the result of any command."""

from initiator.expect import check
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus


def expect_status(result: Result, status: SCSIStatus) -> None:
    """Expect that a command ended with a status."""
    __tracebackhide__ = True
    check(result.status == status, status.name.replace("_", " "), result)


def expect_done(result: Result, layout: Layout) -> None:
    """Expect GOOD, or CONDITION MET from PRE-FETCH (SBC-3 section 5.7)."""
    __tracebackhide__ = True
    allowed = [SCSIStatus.GOOD]
    if layout in (cdb.pre_fetch_10, cdb.pre_fetch_16):
        allowed.append(SCSIStatus.CONDITION_MET)
    check(result.status in allowed, [status.name for status in allowed], result)


def expect_conflict(result: Result) -> None:
    """Expect RESERVATION CONFLICT.

    Raises:
        ConformanceFailure: the result differs.
    """
    __tracebackhide__ = True
    check(
        result.status == SCSIStatus.RESERVATION_CONFLICT, "RESERVATION CONFLICT", result
    )


def expect_sense(result: Result, key: SenseKey, *codes: AdditionalSense) -> None:
    """Expect CHECK CONDITION with a sense key and one of some codes.

    If the sense data ends before the code, the checks of sense data judge that.
    """
    __tracebackhide__ = True
    sense = result.sense
    is_right = (
        result.status == SCSIStatus.CHECK_CONDITION
        and sense is not None
        and sense.key == key
        and (not codes or sense.is_or_is_cut_off(*codes))
    )
    words = " or ".join(code.name.replace("_", " ") for code in codes)
    expected = ", ".join(filter(None, (key.name.replace("_", " "), words)))
    check(is_right, expected, result)


def expect_illegal_request(result: Result, *allowed: AdditionalSense) -> None:
    """Expect CHECK CONDITION, ILLEGAL REQUEST, with one of these additional senses.

    Raises:
        ConformanceFailure: the result differs.
    """
    __tracebackhide__ = True
    sense = result.sense
    words = [f"ILLEGAL REQUEST, {one.name.replace('_', ' ')}" for one in allowed]
    check(
        sense is not None
        and sense.key == SenseKey.ILLEGAL_REQUEST
        and sense.is_or_is_cut_off(*allowed),
        words,
        result,
    )


def expect_residual(result: Result, *, over: int = 0, under: int = 0) -> None:
    """Expect an overflow or an underflow with its residual count, or neither.

    Args:
        result: the result.
        over: bytes that the target could not transfer; 0 for no overflow.
        under: bytes that were expected beyond the available data; 0 for no underflow.

    Raises:
        ConformanceFailure: a flag or the count is wrong.
    """
    __tracebackhide__ = True
    final, expected = result.final, over or under
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
        result.residual_count == expected,
        f"residual count {expected}",
        final,
        requirement=_clause_of_count(result.residual_count, over, under),
        field="Residual Count",
    )


def _clause_of_count(count: int, over: int, under: int) -> str:
    """Return the clause that a wrong count breaks."""
    expected = over or under
    if (
        count
        and expected
        and count.to_bytes(4, "little") == expected.to_bytes(4, "big")
    ):
        return "RFC7143-11-i01"
    if not expected:
        return "RFC7143-11.4.5.1-03"
    return "RFC7143-11.4.5.2-02" if over else "RFC7143-11.4.5.2-04"
