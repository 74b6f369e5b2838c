# SPDX-License-Identifier: GPL-2.0-only
"""Removes what hostile commands left on a unit: reservations, a stopped medium."""

from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from suites.support.positions import TargetFacts

_RESET_SECONDS = 20.0
"""The seconds that a reset may take, since it waits for tasks in progress."""


def free(facts: TargetFacts) -> None:
    """Reset the unit, start it, and clear its registrations if it may be overwritten.

    Raises:
        ConformanceFailure, ISCSIError: the target does not serve.
    """
    with Session(
        facts.portal,
        facts.options,
        timeout=max(facts.timeout, _RESET_SECONDS),
        lun=facts.lun,
    ) as session:
        session.task_management(TMFunction.LOGICAL_UNIT_RESET)
        session.clear_unit_attention()
        if not facts.may_overwrite:
            return
        session.execute(cdb.start_stop_unit(start=1))
        key = bytes(15) + b"\x01" + bytes(8)
        session.execute(bytes([0x5F, 6]) + bytes(6) + b"\x18\0", write=key)
        clear = bytes(7) + b"\x01" + bytes(16)
        session.execute(bytes([0x5F, 3]) + bytes(6) + b"\x18\0", write=clear)
