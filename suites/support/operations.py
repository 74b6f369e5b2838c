# SPDX-License-Identifier: GPL-2.0-only
"""Commands that a logical unit may or may not have."""

import pytest

from initiator.session import Session
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense

_UNKNOWN = (
    AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    AdditionalSense.INVALID_FIELD_IN_CDB,
)


def skip_without(session: Session, layout: Layout) -> None:
    """Skip the check where the unit does not know a command of zero length."""
    sense = session.execute(layout()).sense
    if sense and sense.additional in _UNKNOWN:
        pytest.skip(f"not applicable: the unit has no {layout.name}")
