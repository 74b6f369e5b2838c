# SPDX-License-Identifier: GPL-2.0-only
import pytest

from reports.progress import describe


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "expected"),
    [
        (1, 4, 10.0, "1 of 4 checks (25 %), about 30 s left"),
        (100, 1000, 20.0, "100 of 1000 checks (10 %), about 3 min 0 s left"),
        (999, 1000, 20.0, "999 of 1000 checks (99 %), about a moment left"),
    ],
)
def test_what_is_left_follows_from_what_is_done(
    done: int, total: int, elapsed: float, expected: str
) -> None:
    assert describe(done, total, elapsed) == expected
