# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY: how a unit is named in it, and what a failed copy must leave."""

import pytest

from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.extended_copy import CSCD, MAX_DESIGNATOR_LENGTH
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.vpd import (
    Association,
    DesignatorType,
    VPDPage,
    parse_designators,
)
from suites.support.pages import body_of

DESIGNATING = (DesignatorType.NAA, DesignatorType.EUI_64, DesignatorType.T10_VENDOR_ID)
"""The types of designators that a CSCD descriptor can hold, the best first."""
NOT_REACHED = (SenseKey.COPY_ABORTED, SenseKey.ILLEGAL_REQUEST)
"""The sense keys of a copy that was not carried out."""


def cscd_of(session: Session, block_size: int) -> CSCD:
    """Return a CSCD descriptor of a session's unit; skip if no designator fits.

    Args:
        session: the session.
        block_size: the length of the unit's blocks, in bytes.
    """
    body = body_of(session, VPDPage.DEVICE_IDENTIFICATION) or b""
    designators = [
        one
        for one in parse_designators(body)
        if one.association == Association.LOGICAL_UNIT
        and one.type in DESIGNATING
        and len(one.designator) <= MAX_DESIGNATOR_LENGTH
    ]
    if not designators:
        pytest.skip("not applicable: no designator of the unit fits a CSCD descriptor")
    preferred = min(
        designators, key=lambda one: DESIGNATING.index(DesignatorType(one.type))
    )
    return CSCD(preferred, block_size)


def send_copy(
    session: Session, parameter_list: bytes, *, patience: float = 0.0
) -> Result:
    """Send EXTENDED COPY with a parameter list.

    Args:
        session: a session with the unit of the copy manager.
        parameter_list: the descriptors.
        patience: seconds that the answer may take, if that is more than usual.
    """
    command = cdb.extended_copy(parameter_list_length=len(parameter_list))
    timeout = max(patience, session.patience())
    return session.execute(command, write=parameter_list, timeout=timeout)


def is_aborted(result: Result) -> bool:
    """Tell whether a unit reports that it has not carried out a copy."""
    return result.sense is not None and result.sense.key in NOT_REACHED
