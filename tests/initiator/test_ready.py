# SPDX-License-Identifier: GPL-2.0-only
from initiator.ready import Ready


def test_segments_leave_as_they_are() -> None:
    header, data = b"\xff" * 47, b"no padding"

    assert Ready(header, data).segments() == (header, data)
