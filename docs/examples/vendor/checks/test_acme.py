# SPDX-License-Identifier: GPL-2.0-only
"""What ACME promises of its target, and a clause of RFC 7143 that it cares for."""

from collections.abc import Callable

import pytest

from initiator.expect import check
from initiator.scripting import sr1
from initiator.session import Session
from iscsi.pdu import NOPIn, NOPOut
from iscsi.scsi import cdb
from iscsi.scsi.inquiry import StandardInquiry
from suites.plugins.sessions import Disk


def test_the_unit_reports_its_maker(inquiry: StandardInquiry) -> None:
    assert inquiry.vendor.strip()
    assert inquiry.product.strip()


def test_the_first_block_can_be_read(session: Session, disk: Disk) -> None:
    result = session.execute(cdb.read_10(lba=0, blocks=1), read=disk.block_size)

    assert result.is_good, result
    assert len(result.data) == disk.block_size


def test_a_session_outlives_its_neighbour(open_session: Callable[..., Session]) -> None:
    first, second = open_session(), open_session()

    first.end()

    assert second.ping(b"still there").data == b"still there"


@pytest.mark.requirement("RFC7143-11.19-02")
def test_our_management_tool_is_answered(session: Session) -> None:
    """A NOP-In returns the data of the NOP-Out that asked for it."""
    answer = sr1(session, NOPOut(data=b"acme\0management", immediate=1))

    is_echo = isinstance(answer, NOPIn) and answer.data == b"acme\0management"
    check(is_echo, "a NOP-In with the 15 bytes that were sent", answer or "no answer")
