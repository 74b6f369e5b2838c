# SPDX-License-Identifier: GPL-2.0-only
"""INQUIRY: who the disk is and what it can do (SPC-4 section 6.6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.inquiry import StandardInquiry, VersionDescriptor
from iscsi.scsi.vpd import (
    Association,
    BlockDeviceCharacteristics,
    BlockLimits,
    CodeSet,
    Designator,
    DesignatorType,
    ExtendedInquiry,
    LogicalBlockProvisioning,
    Page,
    ProvisioningType,
    VPDPage,
    build_designators,
)
from reftarget.faults import Bend
from reftarget.faults.devices import DeviceBend
from reftarget.faults.primary import PrimaryBend
from reftarget.scsi import limits
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.commands import Access, Command
from reftarget.scsi.extended_copy import third_party_copy_page
from reftarget.scsi.task import Outcome, Task, truncated

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.scsi.unit import LogicalUnit

_PROTOCOL_ISCSI = 5


def _standard(unit: LogicalUnit, task: Task) -> bytes:
    config = unit.config
    bends = unit.device.bends
    return StandardInquiry(
        response_data_format=1 if bends(DeviceBend.FORMAT_IS_OLD) else 2,
        is_removable=config.removable,
        normaca=not unit.device.bends(Bend.OFFERS_NO_ACA),
        third_party_copy=True,
        multip=True,
        vendor=config.vendor,
        product=config.product,
        revision=config.revision,
        version_descriptors=()
        if bends(DeviceBend.CLAIMS_NOTHING)
        else (
            VersionDescriptor.SAM_5,
            VersionDescriptor.ISCSI
            + (0 if unit.device.bends(Bend.SHOWS_NO_LEVEL) else task.protocol_level),
            VersionDescriptor.SPC_4,
            VersionDescriptor.SBC_3,
        ),
    ).build()


def _supported_pages(unit: LogicalUnit, _task: Task) -> bytes:
    is_reversed = unit.device.bends(PrimaryBend.PAGES_UNSORTED)
    return bytes(sorted(_PAGES, reverse=is_reversed))


def _serial_number(unit: LogicalUnit, _task: Task) -> bytes:
    return unit.serial.encode("ascii")


def _name_string(name: str) -> bytes:
    """Return a SCSI name string: ended by zero, a multiple of four bytes long."""
    data = name.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def _device_identification(unit: LogicalUnit, task: Task) -> bytes:
    config = unit.config
    portal_group = task.nexus.target_portal_group_tag
    vendor = config.vendor.ljust(8) + config.product.ljust(16) + unit.serial
    port = {"association": Association.TARGET_PORT, "protocol": _PROTOCOL_ISCSI}
    target = named = unit.device.target_name
    if unit.device.bends(Bend.NAMES_ANOTHER_DEVICE):
        named = "iqn.2001-04.com.example:another"
    place = f"{target},t,0x{portal_group:04x}"
    if unit.device.bends(Bend.NAMES_ANOTHER_PORT):
        place = f"{target},p,{portal_group}"
    of_unit = [
        Designator(DesignatorType.NAA, unit.naa),
        Designator(
            DesignatorType.T10_VENDOR_ID, vendor.encode(), code_set=CodeSet.ASCII
        ),
    ]
    if unit.device.bends(PrimaryBend.UNIT_IS_NAMELESS):
        of_unit.clear()
    return build_designators(
        [
            *of_unit,
            Designator(
                DesignatorType.RELATIVE_TARGET_PORT,
                struct.pack(">2xH", portal_group),
                **port,
            ),
            Designator(
                DesignatorType.SCSI_NAME_STRING,
                _name_string(place),
                code_set=CodeSet.UTF_8,
                **port,
            ),
            Designator(
                DesignatorType.SCSI_NAME_STRING,
                _name_string(named),
                Association.TARGET_DEVICE,
                CodeSet.UTF_8,
                _PROTOCOL_ISCSI,
            ),
        ]
    )


def _extended_inquiry(_unit: LogicalUnit, _task: Task) -> bytes:
    return ExtendedInquiry(headsup=1, ordsup=1, simpsup=1, luiclr=1).build()


def _block_limits(unit: LogicalUnit, _task: Task) -> bytes:
    is_thin = unit.mapped is not None
    return BlockLimits(
        optimal_transfer_length_granularity=unit.config.blocks_per_physical_block,
        maximum_compare_and_write_length=limits.COMPARE_AND_WRITE_BLOCKS,
        maximum_transfer_length=unit.maximum_blocks,
        optimal_transfer_length=unit.maximum_blocks
        + unit.device.bends(DeviceBend.LIMITS_DISAGREE),
        maximum_unmap_lba_count=limits.UNMAP_BLOCKS if is_thin else 0,
        maximum_unmap_block_descriptor_count=limits.UNMAP_DESCRIPTORS if is_thin else 0,
        optimal_unmap_granularity=1 if is_thin else 0,
        ugavalid=is_thin,
        maximum_write_same_length=limits.WRITE_SAME_BLOCKS,
        maximum_atomic_transfer_length=limits.ATOMIC_BLOCKS,
        atomic_transfer_length_granularity=1,
        maximum_atomic_transfer_length_with_atomic_boundary=limits.ATOMIC_BLOCKS,
        maximum_atomic_boundary_size=limits.ATOMIC_BLOCKS,
    ).build()


def _characteristics(_unit: LogicalUnit, _task: Task) -> bytes:
    return BlockDeviceCharacteristics(
        medium_rotation_rate=1, wabereq=1, wacereq=1
    ).build()


def _provisioning(unit: LogicalUnit, _task: Task) -> bytes:
    is_thin = unit.mapped is not None
    bends = unit.device.bends
    kind = ProvisioningType.THIN if is_thin else ProvisioningType.FULL
    return LogicalBlockProvisioning(
        lbpu=is_thin and not bends(DeviceBend.UNMAP_IS_UNTOLD),
        lbpws=is_thin,
        lbpws10=is_thin and unit.config.lbpws10,
        lbprz=is_thin and not bends(DeviceBend.ZEROS_ARE_UNTOLD),
        provisioning_type=kind,
    ).build()


_PAGES: dict[int, Callable[[LogicalUnit, Task], bytes]] = {
    VPDPage.SUPPORTED_VPD_PAGES: _supported_pages,
    VPDPage.UNIT_SERIAL_NUMBER: _serial_number,
    VPDPage.DEVICE_IDENTIFICATION: _device_identification,
    VPDPage.EXTENDED_INQUIRY_DATA: _extended_inquiry,
    VPDPage.THIRD_PARTY_COPY: third_party_copy_page,
    VPDPage.BLOCK_LIMITS: _block_limits,
    VPDPage.BLOCK_DEVICE_CHARACTERISTICS: _characteristics,
    VPDPage.LOGICAL_BLOCK_PROVISIONING: _provisioning,
}


def _inquiry(unit: LogicalUnit, task: Task) -> Outcome:
    fields = cdb.inquiry.parse(task.cdb)
    code, room = fields["page_code"], fields["allocation_length"]
    bends = unit.device.bends
    if not fields["evpd"]:
        if code and not bends(PrimaryBend.PAGE_WITHOUT_EVPD):
            raise invalid_field_in_cdb(2, 7)
        data = _standard(unit, task)
        told = data[4] + 4 * bends(PrimaryBend.INQUIRY_IS_LONGER)
        if bends(PrimaryBend.INQUIRY_TELLS_THE_CUT):
            told = min(told, max(room - 5, 0))
        data = data[:4] + bytes([told]) + data[5:]
    else:
        page = _PAGES.get(code)
        if page is None and bends(PrimaryBend.UNKNOWN_PAGE_IS_EMPTY):
            return truncated(Page(code, b"").build(), room)
        if page is None:
            raise invalid_field_in_cdb(2, 7)
        data = Page(code, page(unit, task)).build()
        length = len(data) - 4 + bends(PrimaryBend.PAGE_IS_LONGER)
        data = data[:2] + length.to_bytes(2, "big") + data[4:]
    return truncated(data, room)


COMMANDS = (
    Command(
        cdb.inquiry,
        _inquiry,
        Access.FREE,
        unsupported=("cmddt",),
        needs_medium=False,
        clears_attention=False,
    ),
)
