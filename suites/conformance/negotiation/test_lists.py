# SPDX-License-Identifier: GPL-2.0-only
"""Keys that choose from a list (RFC 7143 section 6.2.1)."""

import pytest

from initiator.expect import check
from iscsi import text
from iscsi.keys import KEYS, Key
from suites.support.negotiation import DIGESTS, REFUSED, Offer, answer_of, identify

_UNKNOWN = "Y-com.example.crc"
_NOTHING = (REFUSED, text.REJECT)

_by_digest = pytest.mark.parametrize("key", DIGESTS, ids=identify)


@_by_digest
@pytest.mark.requirement("RFC7143-6.2.1-01")
@pytest.mark.parametrize("value", ["None", "None,CRC32C", "None,None"])
def test_first_value_that_everybody_has(offer: Offer, key: Key, value: str) -> None:
    """The target chooses None if it is the first value of a list of digests."""
    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    check(answer == "None", f"{key.name}=None", answer)


@pytest.mark.requirement("RFC7143-6.2.1-01", "RFC7143-13.1-01")
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(KEYS["HeaderDigest"], marks=pytest.mark.needs("header-digest")),
        pytest.param(KEYS["DataDigest"], marks=pytest.mark.needs("data-digest")),
    ],
    ids=identify,
)
@pytest.mark.parametrize("value", ["CRC32C", "CRC32C,None", f"{_UNKNOWN},CRC32C,None"])
def test_first_value_that_is_supported(offer: Offer, key: Key, value: str) -> None:
    """A target with CRC32C chooses CRC32C if it precedes None."""
    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    is_ignored = answer != REFUSED or _UNKNOWN not in value
    check(is_ignored, "no refusal", answer, requirement="RFC7143-6.2.1-03")
    check(answer == "CRC32C", f"{key.name}=CRC32C", answer)


@_by_digest
@pytest.mark.requirement("RFC7143-6.2.1-03")
@pytest.mark.parametrize(
    "value",
    [f"{_UNKNOWN},None", "crc32c,None", "CRC32,SHA1,MD5,None", "CRC32CC,None"],
    ids=identify,
)
def test_unknown_values_are_ignored(offer: Offer, key: Key, value: str) -> None:
    """The target ignores unknown values of a list."""
    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    check(answer == "None", f"{key.name}=None", answer)


@_by_digest
@pytest.mark.requirement("RFC7143-6.2.1-02", "RFC7143-6.1-i01")
@pytest.mark.parametrize("value", [_UNKNOWN, "none", "crc32c", "Non", ""], ids=identify)
def test_list_without_a_supported_value(offer: Offer, key: Key, value: str) -> None:
    """The target rejects or refuses a list of unknown values, and assumes no None."""
    answers = offer([(key.name, value)])

    answer = answer_of(answers, key.name)
    check(answer in _NOTHING, ["Reject", "a refusal"], answer)


@_by_digest
@pytest.mark.requirement("RFC7143-6.2.1-02")
def test_none_is_not_chosen_unasked(offer: Offer, key: Key) -> None:
    """The target does not answer a list without None with None."""
    answers = offer([(key.name, "CRC32C")])

    answer = answer_of(answers, key.name)
    check(answer in ("CRC32C", *_NOTHING), "CRC32C, Reject or a refusal", answer)


@pytest.mark.requirement("RFC7143-6.2.1-01", "RFC7143-6.2-10")
@pytest.mark.parametrize(
    "value",
    [
        "RFC3720,ResponseFence",
        "ResponseFence,RFC3720",
        "FastAbort,ResponseFence,RFC3720",
    ],
)
def test_task_reporting_is_chosen_from_the_list(offer: Offer, value: str) -> None:
    """The target chooses TaskReporting from the list, RFC3720 if it is first."""
    answers = offer([("TaskReporting", value)])

    answer = answer_of(answers, "TaskReporting")
    allowed = value.split(",")[: 1 if value.startswith("RFC3720") else None]
    check(answer in allowed, list(allowed), answer)
