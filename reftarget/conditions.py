# SPDX-License-Identifier: GPL-2.0-only
"""iSCSI conditions that are reported as CHECK CONDITION (RFC 7143 section 11.4.7.2)."""

from typing import Final

from iscsi.scsi.sense import Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.task import Outcome


def _check_condition(key: SenseKey, asc: int, ascq: int) -> Outcome:
    sense = Sense(key, asc, ascq).build()
    return Outcome(SCSIStatus.CHECK_CONDITION, sense=sense)


UNEXPECTED_UNSOLICITED_DATA: Final = _check_condition(
    SenseKey.ABORTED_COMMAND, 0x0C, 0x0C
)
INCORRECT_AMOUNT_OF_DATA: Final = _check_condition(SenseKey.ABORTED_COMMAND, 0x0C, 0x0D)
PROTOCOL_SERVICE_CRC_ERROR: Final = _check_condition(
    SenseKey.ABORTED_COMMAND, 0x47, 0x05
)
SNACK_REJECTED: Final = _check_condition(SenseKey.ABORTED_COMMAND, 0x11, 0x13)
INVALID_MESSAGE: Final = _check_condition(SenseKey.ILLEGAL_REQUEST, 0x49, 0x00)
"""An ACA task where no ACA is in effect (SAM-5 section 8.6)."""
