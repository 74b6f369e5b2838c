# SPDX-License-Identifier: GPL-2.0-only
"""NOP-Out pings and their answers (RFC 7143 sections 11.18 and 11.19)."""

import pytest
from initiator.expect import check
from initiator.session import Session
from iscsi.constants import RESERVED_TAG


@pytest.mark.requirement("RFC7143-11.19-02", "RFC7143-11.19-03")
@pytest.mark.parametrize("length", [0, 1, 4, 509, 4096])
def test_ping_data_is_returned(session: Session, length: int) -> None:
    """The target returns the data of a ping unchanged."""
    data = bytes(number % 251 for number in range(length))

    answer = session.ping(data)

    check(bytes(answer.data) == data, f"{length} bytes returned", answer)
    check(answer.target_transfer_tag == RESERVED_TAG, "TTT ffffffff", answer)
