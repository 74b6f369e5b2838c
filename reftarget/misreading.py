# SPDX-License-Identifier: GPL-2.0-only
"""What the faults of logins make of the pairs that an initiator sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import text
from iscsi.constants import LoginStatus
from iscsi.keys import KEYS, Kind
from reftarget.faults.logins import LoginBend as Bend
from reftarget.refusal import Refusal

if TYPE_CHECKING:
    from reftarget.faults import Faults

_LONG_NAME: Final = 200
_BY_FOLDED: Final = {name.lower(): name for name in KEYS}
_PLAIN_LENGTH: Final = "262144"
_MD5: Final = "5"


def misread(pairs: text.Pairs, faults: Faults, initiator_name: str) -> text.Pairs:
    """Return the pairs as a wrong target takes them.

    Raises:
        Refusal: it does not take them at all.
    """
    for name, value in pairs:
        _refuse(name, value, faults, initiator_name)
    if faults.bends(Bend.NEEDS_MUTUAL) and text.value(pairs, "CHAP_R"):
        _unless(text.value(pairs, "CHAP_C") is not None, "no challenge for us")
    if faults.bends(Bend.FOLDS_CASE):
        pairs = [(_BY_FOLDED.get(name.lower(), name), value) for name, value in pairs]
    if faults.bends(Bend.ANSWERS_RANGES):
        pairs = [pair for pair in pairs if "~" not in pair[1]]
    if faults.bends(Bend.TAKES_RESERVED_WORDS):
        pairs = [pair for pair in pairs if pair[1] not in text.RESERVED_ANSWERS]
    if faults.bends(Bend.NO_MD5):
        pairs = [
            (name, value.replace(_MD5, "250") if name == "CHAP_A" else value)
            for name, value in pairs
        ]
    if faults.bends(Bend.NEVER_PROVES):
        pairs = [pair for pair in pairs if pair[0] not in ("CHAP_I", "CHAP_C")]
    return pairs


def _refuse(name: str, value: str, faults: Faults, initiator_name: str) -> None:
    bends = faults.bends
    key = KEYS.get(name)
    if bends(Bend.REFUSES_LONG_NAMES) and name == "InitiatorName":
        _unless(len(value) <= _LONG_NAME, "a long name")
    if bends(Bend.REFUSES_BASE64) and name == "CHAP_R":
        _unless(not value.lower().startswith("0b"), "Base64")
    if bends(Bend.NEEDS_EQUAL_NAMES) and name == "CHAP_N":
        _unless(value == initiator_name, "another CHAP_N")
    if bends(Bend.SHUNS_ARCHITECTURES):
        _unless(name != "X#NodeArchitecture", "a known architecture")
    if bends(Bend.REFUSES_UNKNOWN_VALUES) and key and key.kind is Kind.LIST:
        _unless(set(text.parse_list(value)) <= set(key.choices), "an unknown value")


def _unless(is_right: bool, why: str) -> None:  # reads as a sentence
    if not is_right:
        raise Refusal(LoginStatus.INITIATOR_ERROR, why)


def echoes(pairs: text.Pairs, faults: Faults) -> text.Pairs:
    """Return answers that nobody waits for."""
    found: text.Pairs = []
    if faults.bends(Bend.ANSWERS_DECLARATIONS):
        # Plain logins declare a length of their own; they are spared.
        found += [
            (name, text.IRRELEVANT)
            for name, value in pairs
            if name == "MaxRecvDataSegmentLength" and value != _PLAIN_LENGTH
        ]
    if faults.bends(Bend.ANSWERS_RANGES):
        found += [pair for pair in pairs if "~" in pair[1]]
    return found
