# SPDX-License-Identifier: GPL-2.0-only
"""The limits that a logical unit reports, for checks that depend on them."""

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.inquiry import StandardInquiry
from iscsi.scsi.vpd import BlockLimits, LogicalBlockProvisioning, Page, VPDPage
from suites.plugins.sessions import Disk
from suites.support.operations import is_there

ROOM = 4096


def body_of(session: Session, code: int) -> bytes | None:
    """Return the body of a VPD page; None if the unit does not list it."""
    listed = _body(session, VPDPage.SUPPORTED_VPD_PAGES)
    return _body(session, code) if listed and code in listed else None


def _body(session: Session, code: int) -> bytes | None:
    command = cdb.inquiry(evpd=1, page_code=code, allocation_length=ROOM)
    result = session.execute(command, read=ROOM)
    if not result.is_good:
        return None
    try:
        return Page.parse(result.data).body
    except DecodeError:
        return None


def standard_of(session: Session) -> StandardInquiry:
    """Return standard INQUIRY data."""
    result = session.execute(cdb.inquiry(allocation_length=255), read=255)
    expect_good(result)
    return StandardInquiry.parse(result.data)


def limits_of(session: Session) -> BlockLimits:
    """Return the page of block limits; zeros if there is none.

    The page is optional, and without it the limits are unknown; no check requires it.
    The text of SBC-3 was not available to us; the layout, and the meaning of 0 in each
    field, follow other implementations and a vendor's manual.
    """
    return BlockLimits.parse(body_of(session, VPDPage.BLOCK_LIMITS) or b"")


def longest_transfer(session: Session, disk: Disk) -> int:
    """Return how many bytes a command may transfer: the whole disk without a limit."""
    limit = limits_of(session).maximum_transfer_length
    return min(limit or disk.blocks, disk.blocks) * disk.block_size


def provisioning_of(session: Session) -> LogicalBlockProvisioning:
    """Return the page of logical block provisioning; skip if there is none."""
    body = body_of(session, VPDPage.LOGICAL_BLOCK_PROVISIONING)
    if body is None:
        pytest.skip("not applicable: the unit has no VPD page B2h")
    return LogicalBlockProvisioning.parse(body)


def capacity_of(session: Session) -> Capacity16:
    """Return the data of READ CAPACITY (16); skip if there is none."""
    if not is_there(session, cdb.read_capacity_16):
        pytest.skip("not applicable: the unit has no READ CAPACITY (16)")
    result = session.execute(cdb.read_capacity_16(allocation_length=32), read=32)
    expect_good(result)
    check(
        len(result.data) == 32,
        "32 bytes",
        f"{len(result.data)} bytes",
        requirement="SBC3-5.16-01",
    )
    return Capacity16.parse(result.data)
