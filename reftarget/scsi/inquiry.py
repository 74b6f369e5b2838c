# SPDX-License-Identifier: GPL-2.0-only
"""INQUIRY: the identity and the abilities of the disk (SPC-4 section 6.6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from iscsi.scsi import cdb
from iscsi.scsi.inquiry import StandardInquiry
from iscsi.scsi.port_groups import AccessManagement
from iscsi.scsi.reservation_conflicts import Access
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
from reftarget.scsi import limits
from reftarget.scsi.access import management
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.extended_copy import third_party_copy_page
from reftarget.scsi.task import Outcome, Task, truncated
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.scsi.unit import LogicalUnit

_PROTOCOL_ISCSI = 5
_LENGTH_OFFSET = 5
"""Bytes of standard INQUIRY data up to ADDITIONAL LENGTH, inclusive."""


def _standard(unit: LogicalUnit, task: Task) -> bytes:
    config = unit.config
    rules = unit.rules.identity
    return StandardInquiry(
        response_data_format=rules.response_data_format,
        is_removable=config.removable,
        normaca=rules.normaca,
        tpgs=management(unit),
        third_party_copy="EXTENDED COPY (LID1)" not in config.absent,
        multip=rules.multip,
        vendor=config.vendor,
        product=config.product,
        revision=config.revision,
        version_descriptors=rules.version_descriptors(task.protocol_level),
    ).build()


def _supported_pages(unit: LogicalUnit, _task: Task) -> bytes:
    present = (code for code in _PAGES if code not in unit.config.absent_pages)
    return unit.rules.identity.listed_pages(present)


def _serial_number(unit: LogicalUnit, _task: Task) -> bytes:
    return unit.serial.encode("ascii")


def _name_string(name: str) -> bytes:
    """Return a SCSI name string: ended by zero, a multiple of four bytes long."""
    data = name.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def _group_designator(unit: LogicalUnit, portal_group: int) -> list[Designator]:
    """Return what designates the target port group, where there are such groups."""
    if management(unit) is AccessManagement.NONE:
        return []
    group = unit.rules.access.designated_group(portal_group)
    return [
        Designator(
            DesignatorType.TARGET_PORT_GROUP,
            struct.pack(">2xH", group),
            Association.TARGET_PORT,
            protocol=_PROTOCOL_ISCSI,
        )
    ]


def _device_identification(unit: LogicalUnit, task: Task) -> bytes:
    config = unit.config
    portal_group = task.nexus.target_portal_group_tag
    vendor = config.vendor.ljust(8) + config.product.ljust(16) + unit.serial
    port = {"association": Association.TARGET_PORT, "protocol": _PROTOCOL_ISCSI}
    target, rules = unit.device.target_name, unit.rules.identity
    of_unit = [
        Designator(DesignatorType.NAA, unit.naa),
        Designator(
            DesignatorType.T10_VENDOR_ID, vendor.encode(), code_set=CodeSet.ASCII
        ),
    ]
    return build_designators(
        [
            *(of_unit[: rules.unit_designators] if rules.designates_unit else ()),
            Designator(
                DesignatorType.RELATIVE_TARGET_PORT,
                struct.pack(">2xH", portal_group),
                **port,
            ),
            *_group_designator(unit, portal_group),
            Designator(
                DesignatorType.SCSI_NAME_STRING,
                _name_string(rules.port_name(target, portal_group)),
                code_set=CodeSet.UTF_8,
                **port,
            ),
            Designator(
                DesignatorType.SCSI_NAME_STRING,
                _name_string(rules.device_name(target)),
                Association.TARGET_DEVICE,
                CodeSet.UTF_8,
                _PROTOCOL_ISCSI,
            ),
        ]
    )


def _extended_inquiry(unit: LogicalUnit, _task: Task) -> bytes:
    luiclr = int(unit.rules.changes.has_luiclr)
    return ExtendedInquiry(headsup=1, ordsup=1, simpsup=1, luiclr=luiclr).build()


def _block_limits(unit: LogicalUnit, _task: Task) -> bytes:
    is_thin = unit.mapped is not None
    rules = unit.rules.identity
    page = BlockLimits(
        wsnz=unit.rules.provisioning.has_wsnz,
        optimal_transfer_length_granularity=unit.config.blocks_per_physical_block,
        maximum_compare_and_write_length=rules.compare_and_write_blocks,
        maximum_transfer_length=unit.maximum_blocks,
        optimal_transfer_length=rules.optimal_transfer_length(unit.maximum_blocks),
        maximum_unmap_lba_count=limits.UNMAP_BLOCKS if is_thin else 0,
        maximum_unmap_block_descriptor_count=rules.unmap_descriptors if is_thin else 0,
        optimal_unmap_granularity=1 if is_thin else 0,
        ugavalid=is_thin,
        maximum_write_same_length=rules.write_same_blocks,
        maximum_atomic_transfer_length=limits.ATOMIC_BLOCKS,
        atomic_transfer_length_granularity=1,
        maximum_atomic_transfer_length_with_atomic_boundary=limits.ATOMIC_BLOCKS,
        maximum_atomic_boundary_size=limits.ATOMIC_BLOCKS,
    )
    return rules.block_limits(page).build()


def _characteristics(unit: LogicalUnit, _task: Task) -> bytes:
    rules = unit.rules.identity
    return BlockDeviceCharacteristics(
        medium_rotation_rate=rules.rotation_rate,
        wabereq=int(rules.reports_erasure),
        wacereq=int(rules.reports_erasure),
        nominal_form_factor=rules.form_factor,
    ).build()


def _provisioning(unit: LogicalUnit, _task: Task) -> bytes:
    is_thin = unit.mapped is not None
    rules = unit.rules.identity
    kind = ProvisioningType.THIN if is_thin else ProvisioningType.FULL
    absent = unit.config.absent
    return LogicalBlockProvisioning(
        lbpu=is_thin and rules.shows_lbpu,
        lbpws=is_thin and "WRITE SAME (16)" not in absent,
        lbpws10=is_thin and unit.config.lbpws10 and "WRITE SAME (10)" not in absent,
        lbprz=is_thin and rules.shows_lbprz and unit.rules.provisioning.reads_zeros,
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
    rules = unit.rules.identity
    if not fields["evpd"]:
        if code and rules.page_code_needs_evpd:
            raise invalid_field_in_cdb(2, 7)
        data = rules.inquiry_data(_standard(unit, task))
        data = data[:4] + bytes([len(data) - _LENGTH_OFFSET]) + data[5:]
        length = rules.inquiry_length(data[4], room - _LENGTH_OFFSET)
        data = data[:4] + bytes([length]) + data[5:]
    else:
        page = None if code in unit.config.absent_pages else _PAGES.get(code)
        body = rules.unknown_page(code) if page is None else page(unit, task)
        if body is None:
            raise invalid_field_in_cdb(2, 7)
        data = Page(code, body).build()
        length = rules.page_length(len(data) - 4)
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
