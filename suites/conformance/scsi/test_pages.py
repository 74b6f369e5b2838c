# SPDX-License-Identifier: GPL-2.0-only
"""Whether the pages of a disk agree with each other (SPC-4, SBC-3)."""

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.inquiry import VersionDescriptor
from iscsi.scsi.layout import Layout
from iscsi.scsi.supported_operations import CommandDescriptor, parse_all
from iscsi.scsi.vpd import VPDPage
from suites.support.applicability import skip_without
from suites.support.media import name
from suites.support.operations import is_there
from suites.support.pages import (
    body_of,
    capacity_of,
    limits_of,
    provisioning_of,
    standard_of,
)

ROOM = 0xFFFF
DATA_FORMAT = 2
MANDATORY = [
    cdb.inquiry,
    cdb.report_luns,
    cdb.test_unit_ready,
    cdb.request_sense,
    cdb.read_capacity_10,
    cdb.read_capacity_16,
    cdb.read_10,
    cdb.read_16,
]
STANDARDS = {
    "SAM": (0x0020, 0x00DF),
    "SPC": (
        0x0120,
        0x013F,
        0x0260,
        0x027F,
        0x0300,
        0x031F,
        0x0460,
        0x047F,
        0x05C0,
        0x05DF,
    ),
    "SBC": (0x0180, 0x019F, 0x0320, 0x033F, 0x04C0, 0x04DF, 0x0600, 0x061F),
    "iSCSI": (VersionDescriptor.ISCSI, VersionDescriptor.ISCSI + 0x1F),
}
"""Ranges of VERSION DESCRIPTOR, first and last in turn."""


def listed_commands(session: Session, *, rctd: int = 0) -> list[CommandDescriptor]:
    """Return the list of all commands; skip if the unit does not return it."""
    layout = cdb.report_supported_operation_codes
    skip_without(session, layout)
    command = layout(rctd=rctd, allocation_length=ROOM)
    result = session.execute(command, read=ROOM)
    expect_good(result)
    return parse_all(result.data)


@pytest.mark.requirement("SPC4-6.6.2-01")
def test_the_unit_says_what_it_is(session: Session) -> None:
    """RESPONSE DATA FORMAT is 2; vendor, product and revision are ASCII."""
    command = cdb.inquiry(allocation_length=36)
    data = session.execute(command, read=36).data

    check(data[3] & 0x0F == DATA_FORMAT, "RESPONSE DATA FORMAT 2", data[3] & 0x0F)
    text = data[8:36]
    is_ascii = all(0x20 <= byte <= 0x7E for byte in text)
    check(is_ascii, "printable ASCII characters", text)


@pytest.mark.requirement("SPC4-6.6.2-02")
def test_version_descriptors_are_known(session: Session) -> None:
    """The version descriptors are those of an iSCSI disk."""
    versions = standard_of(session).version_descriptors

    missing = [
        of
        for of, ends in STANDARDS.items()
        if not any(
            first <= one <= last
            for one in versions
            for first, last in zip(ends[::2], ends[1::2], strict=True)
        )
    ]
    check(not missing, "SAM, SPC, SBC and iSCSI", f"none of {missing}")


@pytest.mark.requirement("SBC3-5.1-01")
@pytest.mark.parametrize("layout", MANDATORY, ids=name)
def test_the_commands_of_a_disk_are_there(session: Session, layout: Layout) -> None:
    """The unit supports the mandatory commands of a disk."""
    is_supported = is_there(session, layout)

    check(
        is_supported,
        f"{layout.name} is supported",
        "it is reported or refused as unknown",
    )


@pytest.mark.requirement("SBC3-6.6.4-01")
def test_limits_agree(session: Session) -> None:
    """The limits in VPD page B0h do not contradict each other."""
    if body_of(session, VPDPage.BLOCK_LIMITS) is None:
        pytest.skip("not applicable: the unit has no VPD page B0h")
    limits = limits_of(session)

    maximum, optimal = limits.maximum_transfer_length, limits.optimal_transfer_length
    check(
        not maximum or optimal <= maximum,
        f"an optimal length of {maximum} at most",
        optimal,
    )
    compared = limits.maximum_compare_and_write_length
    check(not maximum or compared <= maximum, f"{maximum} blocks at most", compared)
    counts = (
        limits.maximum_unmap_lba_count,
        limits.maximum_unmap_block_descriptor_count,
    )
    check(all(counts) or not any(counts), "both UNMAP limits, or none", counts)


@pytest.mark.requirement("SBC3-6.6.4-02")
def test_unmap_works_if_it_is_reported(session: Session) -> None:
    """UNMAP is supported if, and only if, LBPU is 1 and limits are reported."""
    provisioning = provisioning_of(session)
    is_supported = is_there(session, cdb.unmap)

    check(
        bool(provisioning.lbpu) == is_supported,
        f"LBPU {int(is_supported)}",
        provisioning.lbpu,
    )
    if body_of(session, VPDPage.BLOCK_LIMITS) is None:
        return  # the unit reports no limits (see `limits_of`)
    count = limits_of(session).maximum_unmap_lba_count
    check(
        bool(count) == is_supported,
        f"MAXIMUM UNMAP LBA COUNT with UNMAP {is_supported}",
        count,
    )


@pytest.mark.requirement("SBC3-6.6.5-01")
def test_provisioning_is_reported_consistently(session: Session) -> None:
    """LBPME and LBPRZ of READ CAPACITY (16) agree with VPD page B2h."""
    capacity = capacity_of(session)
    if not capacity.lbpme:
        check(not capacity.lbprz, "LBPRZ 0 without LBPME", capacity.lbprz)
        return

    check(
        body_of(session, VPDPage.LOGICAL_BLOCK_PROVISIONING) is not None,
        "VPD page B2h, as LBPME is 1",
        "VPD page B2h is refused",
    )
    provisioning = provisioning_of(session)
    check(
        bool(provisioning.lbprz & 1) == bool(capacity.lbprz),
        f"LBPRZ {capacity.lbprz}",
        provisioning.lbprz,
    )
    ways = (provisioning.lbpu, provisioning.lbpws, provisioning.lbpws10)
    check(any(ways), "a way to unmap, as LBPME is 1", ways)


@pytest.mark.requirement("SBC3-5.16-02")
def test_protection_is_reported_consistently(session: Session) -> None:
    """PROT_EN is 0 if INQUIRY reports no protection."""
    capacity = capacity_of(session)

    if not standard_of(session).protect:
        check(not capacity.prot_en, "PROT_EN 0, as PROTECT is 0", capacity.prot_en)


@pytest.mark.requirement("SPC4-6.35-03")
def test_timeouts_are_returned_if_requested(session: Session) -> None:
    """The unit returns command timeouts descriptors only if RCTD is 1."""
    without = [one for one in listed_commands(session) if one.has_timeouts]
    check(not without, "none with RCTD 0", without[:3])

    missing = [one for one in listed_commands(session, rctd=1) if not one.has_timeouts]
    check(not missing, "one for each with RCTD 1", missing[:3])


@pytest.mark.requirement("SPC4-6.35-04")
def test_service_actions_are_reported(session: Session) -> None:
    """SERVACTV is 1 for opcodes with service actions, and 0 for the others."""
    wrong = [
        one
        for one in listed_commands(session)
        for layout in cdb.LAYOUTS.values()
        if one.opcode == layout.opcode
        and (one.service_action is None) != (layout.service_action is None)
    ]

    check(not wrong, "SERVACTV as the opcodes have it", wrong[:3])
