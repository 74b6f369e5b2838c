# SPDX-License-Identifier: GPL-2.0-only
"""Ways to cut what is sent into TCP segments."""

import pytest

from initiator.segments import Cut, pieces

_WIRE = bytes(range(256)) * 2


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("length", [48, 49, 52, 512])
def test_nothing_is_lost(cut: Cut, length: int) -> None:
    parts = pieces(_WIRE[:length], cut)

    assert b"".join(parts) == _WIRE[:length]
    assert all(parts)


def test_each_cuts_where_it_says() -> None:
    lengths = {cut: [len(part) for part in pieces(_WIRE, cut)] for cut in Cut}

    assert lengths[Cut.WHOLE] == [512]
    assert lengths[Cut.HEADER_APART] == [48, 464]
    assert lengths[Cut.MID_HEADER] == [1, 6, 40, 3, 462]
    assert lengths[Cut.TRICKLE] == [1] * 63 + [449]
