# SPDX-License-Identifier: GPL-2.0-only
"""What a failure says of the PDUs that came, and that its capture holds any of it."""

from pathlib import Path

import pytest

from initiator.answers import SHOWN_PDUS
from initiator.captures.read import segments
from initiator.expect import (
    ConformanceFailure,
    check,
    chose,
    noting_choices,
)
from iscsi.pcap import Capture
from iscsi.pdu import DataIn, NOPIn, Reject


def words(actual: object) -> str:
    with pytest.raises(ConformanceFailure) as caught:
        check(holds=False, expected="nothing", actual=actual)
    return caught.value.actual


def test_pdus_are_shown_without_their_data() -> None:
    one = DataIn(data=bytes(8192), data_sn=3)

    assert words(one).startswith("DataIn")
    assert words([one, NOPIn()]).count("DataSN=3") == 1
    assert "; NOPIn" in words([one, NOPIn()])
    assert len(words([one])) < 500


def test_the_first_of_many_pdus_are_shown() -> None:
    assert words([NOPIn()] * (SHOWN_PDUS + 2)).endswith("; and 2 more")


def test_other_lists_are_shown_as_they_are() -> None:
    assert words([1, 2]) == "[1, 2]"
    assert words([]) == "none"


def test_a_comment_of_any_length_leaves_the_capture_readable(tmp_path: Path) -> None:
    capture = Capture()
    capture.open(1, 1.0, ("192.0.2.1", 5000), ("192.0.2.2", 3260))
    capture.data(1, 2.0, b"x" * 48, from_near=True, comment="\N{WHITE SQUARE}" * 30000)
    path = tmp_path / "c.pcapng"
    path.write_bytes(capture.take())

    assert b"".join(one.data for one in segments(path)) == b"x" * 48


def test_the_outcome_that_was_chosen_of_several_is_noted() -> None:
    reject = Reject(reason=4, stat_sn=7)

    with noting_choices() as choices:
        check(holds=True, expected=["Reject", "a drop"], actual=reject)
        check(holds=True, expected="the one answer", actual=reject)
        chose(None)
        chose("x" * 1000)
    chose("when nobody asks")

    assert choices[:2] == [
        "Reject reason=0x4 PROTOCOL_ERROR",
        "the connection is dropped",
    ]
    assert len(choices) == 3
    assert len(choices[2]) < 200


def test_what_fails_is_no_choice() -> None:
    with noting_choices() as choices, pytest.raises(ConformanceFailure):
        check(holds=False, expected=["Reject", "a drop"], actual=NOPIn())

    assert choices == []
