# SPDX-License-Identifier: GPL-2.0-only
"""SCSI status codes (SAM-5 section 5.3)."""

from enum import IntEnum


class SCSIStatus(IntEnum):
    """The status of a command."""

    GOOD = 0x00
    CHECK_CONDITION = 0x02
    CONDITION_MET = 0x04
    BUSY = 0x08
    RESERVATION_CONFLICT = 0x18
    TASK_SET_FULL = 0x28
    ACA_ACTIVE = 0x30
    TASK_ABORTED = 0x40
