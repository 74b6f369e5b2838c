# SPDX-License-Identifier: GPL-2.0-only
"""What sessions offer in addition to the default: the values, and each check's row.

A row here holds only the differences from the default. The plain row is empty.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence

from initiator.login import DEFAULT_KEYS
from initiator.segments import Cut
from reports.combinations import CUT, ROW
from suites.combining.arrays import Row, Values, covering

VALUES: Values = {
    "HeaderDigest": ("None", "CRC32C"),
    "DataDigest": ("None", "CRC32C"),
    "ImmediateData": ("Yes", "No"),
    "InitialR2T": ("Yes", "No"),
    "FirstBurstLength": ("65536", "512"),
    "MaxBurstLength": ("262144", "512", "8192"),
    "MaxRecvDataSegmentLength": (
        DEFAULT_KEYS["MaxRecvDataSegmentLength"],
        "512",
        "8192",
    ),
    "DataPDUInOrder": ("Yes", "No"),
    "DataSequenceInOrder": ("Yes", "No"),
    "MaxOutstandingR2T": ("1", "8"),
    "ErrorRecoveryLevel": ("0", "1", "2"),
    CUT: (Cut.WHOLE, Cut.HEADER_APART, Cut.MID_HEADER, Cut.TRICKLE),
}
"""The parameters that are combined. The first value of each is the plain one, which
sessions agree on if they offer `DEFAULT_KEYS`."""

PLAIN: Row = {name: values[0] for name, values in VALUES.items()}

_DIGESTS = frozenset({"HeaderDigest", "DataDigest"})

_SHORT: Mapping[str, str] = {
    "HeaderDigest": "HD",
    "DataDigest": "DD",
    "ImmediateData": "Imm",
    "InitialR2T": "R2T",
    "FirstBurstLength": "First",
    "MaxBurstLength": "Burst",
    "MaxRecvDataSegmentLength": "Seg",
    "DataPDUInOrder": "PDUs",
    "DataSequenceInOrder": "Seqs",
    "MaxOutstandingR2T": "Out",
    "ErrorRecoveryLevel": "ERL",
    CUT: "",
}
_IMPLIED = frozenset({"CRC32C", "Yes", "No"})
"""Values that a short name omits, since the parameter has only one other value."""

_LONG_ENOUGH = 2
_MOST_THREEWISE = 18
"""Three parameters with at most this many tuples of values still give a small array."""


def offered(results: Row, fixed: Collection[str] = ()) -> Values:
    """Return the values that a target can agree to.

    Args:
        results: the result of a login that offered every feature.
        fixed: the parameters that are not varied.
    """
    values = {name: (*options,) for name, options in VALUES.items()}
    for name in _DIGESTS:
        if not results.get(name, "").startswith("CRC32C"):
            values[name] = values[name][:1]
    for name in ("InitialR2T", "DataPDUInOrder", "DataSequenceInOrder"):
        if results.get(name) != "No":
            values[name] = values[name][:1]
    if results.get("ImmediateData") != "Yes":
        values["ImmediateData"] = values["ImmediateData"][:1]
    for name, lowest in (("MaxOutstandingR2T", 1), ("ErrorRecoveryLevel", 0)):
        limit = _number(results.get(name, ""), lowest)
        # Beyond its own limit, a target would agree on a value that is in the list
        # already.
        values[name] = tuple(
            one
            for one in values[name]
            if int(one) <= limit or (name == "MaxOutstandingR2T" and limit > 1)
        )
    return {
        name: options[:1] if name in fixed else options
        for name, options in values.items()
    }


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() else otherwise


def rows(values: Values, strength: int = 2) -> list[Row]:
    """Return the rows of a covering array without plain values; the empty one first.

    Args:
        values: those that the target can agree to (see `offered`).
        strength: 2 for pairs; 3 for triples if few rows cover them, else pairs.
    """
    sizes = sorted((len(options) for options in values.values()), reverse=True)
    product = 1
    for size in sizes[:3]:
        product *= size
    if strength > _LONG_ENOUGH and product > _MOST_THREEWISE:
        strength = _LONG_ENOUGH
    return [without_plain(row) for row in covering(values, strength, is_legal)]


def without_plain(row: Row) -> Row:
    """Return the values of a row that differ from the default."""
    return {name: value for name, value in row.items() if value != PLAIN[name]}


def row_of(check: str, array: Sequence[Row]) -> Row:
    """Return the row of a check, which does not depend on the order of checks.

    Args:
        check: its node ID below the folder of the suite.
        array: the rows.
    """
    return array[zlib.crc32(check.encode()) % len(array)]


def is_legal(row: Row) -> bool:
    """Tell whether an initiator may offer a row, which may still lack parameters.

    FirstBurstLength never exceeds MaxBurstLength (RFC 7143 section 13.14). With an
    ErrorRecoveryLevel above 0 and sequences in order, MaxOutstandingR2T is 1 (13.19).
    """
    return not _clashes(row)


def _clashes(row: Row) -> tuple[str, ...]:
    """Return the parameters of a rule that a row breaks, or nothing."""
    burst = row.get("MaxBurstLength")
    first = row.get("FirstBurstLength")
    if burst and first and _number(first, 0) > _number(burst, 0):
        return "FirstBurstLength", "MaxBurstLength"
    if (
        _number(row.get("MaxOutstandingR2T", "1"), 1) > 1
        and row.get("ErrorRecoveryLevel", "0") != "0"
        and row.get("DataSequenceInOrder") == "Yes"
    ):
        return "MaxOutstandingR2T", "ErrorRecoveryLevel", "DataSequenceInOrder"
    return ()


def beside(row: Row, own: Mapping[str, str | None]) -> dict[str, str]:
    """Return the keys of a row that a session may offer beside those of its check.

    A check's own keys take precedence: the row's values for them are left out, and so
    are values that no initiator may offer together with them.

    Args:
        row: the row.
        own: the keys that the check sets; a value of None means that it does not offer
            the key.
    """
    keys = {
        name: value for name, value in row.items() if name not in own and name != CUT
    }
    fixed = {name: value for name, value in own.items() if value is not None}
    while clashing := set(_clashes({**PLAIN, **fixed, **keys})) & set(keys):
        for name in clashing:
            del keys[name]
    for name in _DIGESTS & set(keys):
        # The target's other names may not support digests.
        keys[name] = f"{keys[name]},None"
    return keys


def name_of(row: Row) -> str:
    """Return a short name of a row for node IDs, which begins with `ROW`."""
    words = []
    for name, value in row.items():
        is_implied = value in _IMPLIED and len(VALUES[name]) == _LONG_ENOUGH
        suffix = ("0" if value == "No" else "") if is_implied else value
        words.append(f"{_SHORT[name]}{suffix}")
    return ROW + ("+".join(words) or "plain")
