# SPDX-License-Identifier: GPL-2.0-only
"""A fixture of the vendor's own, made of one of the toolkit's."""

import pytest

from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.inquiry import StandardInquiry

_LENGTH = 96


@pytest.fixture
def inquiry(session: Session) -> StandardInquiry:
    """What the unit says of itself."""
    result = session.execute(cdb.inquiry(allocation_length=_LENGTH), read=_LENGTH)
    assert result.is_good, result
    return StandardInquiry.parse(result.data)
