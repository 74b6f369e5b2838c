# SPDX-License-Identifier: GPL-2.0-only
"""The habits of disks: sizes, numbers, what they say of themselves, sense data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iscsi.scsi.sense import AdditionalSense
from reftarget.habits.row import Habit
from reftarget.scsi.rules import (
    AdmissionRules,
    BlockRules,
    BufferRules,
    ChangeRules,
    IdentityRules,
    MediumRules,
    ModeRules,
    ProvisioningRules,
)

if TYPE_CHECKING:
    from iscsi.scsi.vpd import BlockLimits

_SENSE_LENGTH_FIXED: Final = 7
_LONGEST_SENSE: Final = 252
_VENDOR_DESCRIPTOR: Final = bytes([0x80, 6, *b"vendor"])
_NO_LIMIT: Final = 0xFFFFFFFF
_MEBIBYTE: Final = 1 << 20
_SHOULD_NAME_STANDARDS: Final = frozenset({"SPC4-6.6.2-02"})


def _is_fixed(data: bytes) -> bool:
    return data[0] & 0x7E == 0x70


def _with_more(data: bytes, count: int) -> bytes:
    """Return fixed format sense data with additional bytes, which are zero."""
    if not _is_fixed(data):
        return data
    length = data[_SENSE_LENGTH_FIXED] + count
    head, tail = data[:_SENSE_LENGTH_FIXED], data[_SENSE_LENGTH_FIXED + 1 :]
    return head + bytes([length]) + tail + bytes(count)


def _longest(data: bytes) -> bytes:
    return _with_more(data, _LONGEST_SENSE - len(data))


def _with_descriptor(data: bytes) -> bytes:
    """Return descriptor format sense data with a vendor's descriptor at its end."""
    if _is_fixed(data):
        return data
    addition = _VENDOR_DESCRIPTOR
    length = bytes([data[_SENSE_LENGTH_FIXED] + len(addition)])
    head, tail = data[:_SENSE_LENGTH_FIXED], data[_SENSE_LENGTH_FIXED + 1 :]
    return head + length + tail + addition


def _without_limits(page: BlockLimits) -> BlockLimits:
    return replace(
        page,
        maximum_transfer_length=0,
        optimal_transfer_length=0,
        maximum_write_same_length=0,
    )


def _without_unmap_limits(page: BlockLimits) -> BlockLimits:
    return replace(
        page,
        maximum_unmap_lba_count=_NO_LIMIT,
        maximum_unmap_block_descriptor_count=_NO_LIMIT,
    )


def _without_granularity(page: BlockLimits) -> BlockLimits:
    return replace(page, optimal_unmap_granularity=0, ugavalid=0)


DEVICES: Final = (
    Habit(
        name="report-luns-clears-its-own-unit",
        clause="SPC-4 7.8",
        says="Says LUICLR=0: REPORT LUNS clears nothing of other units.",
        rules=ChangeRules(has_luiclr=False, report_clears_everywhere=False),
    ),
    Habit(
        name="echo-buffer-is-shared",
        clause="SPC-4 6.18",
        says="Has one echo buffer for all nexuses, and says EBOS=0.",
        rules=BufferRules(is_each_its_own=False, shows_ebos=False),
    ),
    Habit(
        name="overwritten-echo-buffer-is-reported",
        clause="SPC-4 6.18",
        says="Reports ECHO BUFFER OVERWRITTEN after another nexus has written.",
        rules=BufferRules(reports_overwriting=True),
    ),
    Habit(
        name="echo-buffer-of-four-bytes",
        clause="SPC-4 6.18",
        says="Has an echo buffer of 4 bytes.",
        rules=BufferRules(shown_capacity=4, maximum=4),
    ),
    Habit(
        name="capacity-change-may-be-silent",
        clause="SBC-3 5.15",
        says="Notifies no nexus of a new size.",
        rules=ChangeRules(reports_capacity_change=False),
        may_warn=frozenset({"SBC3-5.15-03"}),
    ),
    Habit(
        name="later-protection-may-be-silent",
        clause="SPC-4 6.11",
        says="Notifies no nexus that an operator has protected a unit.",
        rules=ChangeRules(reports_protection_change=False),
        may_warn=frozenset({"SPC4-6.11-09"}),
    ),
    Habit(
        name="blocks-of-4096",
        clause="SBC-3 5.15",
        says="Has blocks of 4096 bytes.",
        unit={"block_size": 4096},
    ),
    Habit(
        name="blocks-of-520",
        clause="SBC-3 5.15",
        says="Has blocks of 520 bytes.",
        unit={"block_size": 520, "size": 520 * 131072},
    ),
    Habit(
        name="physical-blocks-of-4096",
        clause="SBC-3 5.16",
        says="Has eight logical blocks in a physical one.",
        unit={"physical_block_size": 32768},
        apart_from=("blocks-of-520",),
    ),
    Habit(
        name="large-unit",
        clause="SBC-3 5.15",
        says="Has units of 3 TiB, whose last block READ CAPACITY (10) cannot report.",
        unit={"size": 3 << 40},
        apart_from=("blocks-of-4096",),
        is_poor=True,
    ),
    Habit(
        name="other-size",
        clause="SBC-3 5.15",
        says="Has units of 24 MiB and one block more.",
        unit={"size": 24 * _MEBIBYTE + 4096},
    ),
    Habit(
        name="small-unit",
        clause="SBC-3 5.15",
        says="Has units of 2 MiB.",
        unit={"size": 2 * _MEBIBYTE},
        is_poor=True,
    ),
    Habit(
        name="luns-are-high",
        clause="SAM-5 4.7",
        says="Numbers its units from 200 on; there is no LUN 0.",
        luns={number: 200 + number for number in range(4)},
    ),
    Habit(
        name="luns-are-flat",
        clause="SAM-5 4.7",
        says="Numbers its units beyond 255, in flat space addressing.",
        luns={number: 1000 + 300 * number for number in range(4)},
    ),
    Habit(
        name="fully-provisioned",
        clause="SBC-3 6.6.5",
        says="Provisions units fully: there is no UNMAP.",
        unit={"thin": False},
        is_poor=True,
    ),
    Habit(
        name="write-same-10-does-not-unmap",
        clause="SBC-3 6.6.5",
        says="Gives LBPWS10 0.",
        unit={"lbpws10": False},
        is_poor=True,
    ),
    Habit(
        name="short-transfers",
        clause="SBC-3 6.6.4",
        says="Moves at most 64 KiB with a command.",
        unit={"maximum_transfer": 1 << 16},
        is_poor=True,
        # A check can keep to a limit only if the target reports it.
        apart_from=("limits-are-not-reported", "no-vpd-block-limits"),
    ),
    Habit(
        name="shortest-serial-number",
        clause="SPC-4 7.8",
        says="Has a serial number of one character.",
        unit={"serial": "7"},
    ),
    Habit(
        name="longest-serial-number",
        clause="SPC-4 7.8",
        says="Has a serial number of 200 characters.",
        unit={"serial": "0123456789" * 20},
    ),
    Habit(
        name="other-names",
        clause="SPC-4 6.6.2",
        says="Has the shortest vendor, product and revision.",
        unit={"vendor": "A", "product": "D", "revision": "1"},
    ),
    Habit(
        name="longest-names",
        clause="SPC-4 6.6.2",
        says="Has a vendor, product and revision without blanks.",
        unit={"vendor": "VENDORID", "product": "PRODUCT-LONGNAME", "revision": "9999"},
        apart_from=("other-names",),
    ),
    Habit(
        name="one-port",
        clause="SPC-4 6.6.2",
        says="Gives MULTIP 0.",
        rules=IdentityRules(multip=False),
    ),
    Habit(
        name="one-designator-of-the-unit",
        clause="SPC-4 7.8",
        says="Designates the unit only by its NAA.",
        rules=IdentityRules(unit_designators=1),
    ),
    Habit(
        name="optimal-length-is-not-reported",
        clause="SBC-3 6.6.4",
        says="Gives OPTIMAL TRANSFER LENGTH 0.",
        rules=IdentityRules(optimal_transfer_length=lambda _maximum: 0),
    ),
    Habit(
        name="optimal-length-is-one-block",
        clause="SBC-3 6.6.4",
        says="Gives OPTIMAL TRANSFER LENGTH 1.",
        rules=IdentityRules(optimal_transfer_length=lambda _maximum: 1),
    ),
    Habit(
        name="limits-are-not-reported",
        clause="SBC-3 6.6.4",
        says="Gives 0 for the limits of transfers and WRITE SAME.",
        rules=IdentityRules(block_limits=_without_limits),
        is_poor=True,
    ),
    Habit(
        name="unmap-has-no-limit",
        clause="SBC-3 6.6.4",
        says="Gives FFFFFFFFh for the limits of UNMAP.",
        rules=IdentityRules(block_limits=_without_unmap_limits),
    ),
    Habit(
        name="no-unmap-granularity",
        clause="SBC-3 6.6.4",
        says="Gives 0 for OPTIMAL UNMAP GRANULARITY and UGAVALID.",
        rules=IdentityRules(block_limits=_without_granularity),
    ),
    Habit(
        name="a-rotating-disk",
        clause="SPC-4 7.8",
        says="Rotates 7200 times a minute.",
        rules=IdentityRules(rotation_rate=7200),
    ),
    Habit(
        name="rotation-is-not-reported",
        clause="SPC-4 7.8",
        says="Gives MEDIUM ROTATION RATE 0.",
        rules=IdentityRules(rotation_rate=0),
    ),
    Habit(
        name="form-factor-is-reported",
        clause="SPC-4 7.8",
        says="Is a disk of 2.5 inches.",
        rules=IdentityRules(form_factor=3),
    ),
    Habit(
        name="erasure-is-not-reported",
        clause="SPC-4 7.8",
        says="Gives WABEREQ and WACEREQ 0.",
        rules=IdentityRules(reports_erasure=False),
        is_poor=True,
    ),
    Habit(
        name="no-version-descriptors",
        clause="RFC 7144 4.2",
        says="Names no standard in its INQUIRY data.",
        may_warn=_SHOULD_NAME_STANDARDS,
        rules=IdentityRules(version_descriptors=lambda _level: ()),
        is_poor=True,
    ),
    Habit(
        name="inquiry-data-is-short",
        clause="SPC-4 6.6.2",
        says="Returns 36 bytes of standard INQUIRY data.",
        may_warn=_SHOULD_NAME_STANDARDS,
        rules=IdentityRules(inquiry_data=lambda data: data[:36]),
        is_poor=True,
    ),
    Habit(
        name="inquiry-data-is-long",
        clause="SPC-4 6.6.2",
        says="Returns 250 bytes of standard INQUIRY data, some of them its vendor's.",
        rules=IdentityRules(inquiry_data=lambda data: data.ljust(250, b"v")),
    ),
    Habit(
        name="claims-spc-3",
        clause="SPC-4 6.6.2",
        says="Gives VERSION 05h, SPC-3.",
        rules=IdentityRules(inquiry_data=lambda data: data[:2] + b"\5" + data[3:]),
        is_poor=True,
    ),
    Habit(
        name="one-unmap-descriptor",
        clause="SBC-3 6.6.4",
        says="Takes one UNMAP descriptor at a time.",
        rules=(
            IdentityRules(unmap_descriptors=1),
            ProvisioningRules(unmap_descriptors=1),
        ),
        is_poor=True,
    ),
    Habit(
        name="short-write-same",
        clause="SBC-3 6.6.4",
        says="Writes at most 64 blocks by a WRITE SAME, and refuses zero of them.",
        rules=(
            IdentityRules(write_same_blocks=64),
            ProvisioningRules(same_limit=64, has_wsnz=True),
        ),
        is_poor=True,
    ),
    Habit(
        name="compares-one-block",
        clause="SBC-3 6.6.4",
        says="Compares and writes one block at a time.",
        rules=(
            IdentityRules(compare_and_write_blocks=1),
            BlockRules(compare_and_write_blocks=1),
        ),
        is_poor=True,
    ),
    Habit(
        name="deallocated-blocks-are-not-reported-as-zeros",
        clause="SBC-3 6.6.5",
        says="Gives LBPRZ 0 in both places.",
        rules=ProvisioningRules(reads_zeros=False),
        is_poor=True,
    ),
    Habit(
        name="no-field-pointers",
        clause="SPC-4 6.39",
        says="Points at no field in its sense data.",
        rules=AdmissionRules(points_at_fields=False),
    ),
    Habit(
        name="sense-is-longer",
        clause="SPC-4 6.39",
        says="Sends 32 additional sense bytes more than it needs.",
        rules=AdmissionRules(sense_data=lambda data: _with_more(data, 32)),
    ),
    Habit(
        name="sense-is-longest",
        clause="SPC-4 6.39",
        says="Sends 252 bytes of sense data.",
        rules=AdmissionRules(sense_data=_longest),
    ),
    Habit(
        name="sense-has-an-odd-length",
        clause="SPC-4 6.39",
        says="Sends one additional sense byte more than it needs.",
        rules=AdmissionRules(sense_data=lambda data: _with_more(data, 1)),
    ),
    Habit(
        name="sense-has-a-descriptor-of-its-vendor",
        clause="SPC-4 6.39",
        says="Adds a descriptor of type 80h to its sense data, where it has"
        " descriptors.",
        rules=AdmissionRules(sense_data=_with_descriptor),
    ),
    Habit(
        name="sense-has-descriptors",
        clause="SPC-4 7.5.8",
        says="Begins with D_SENSE 1.",
        rules=ModeRules(begins_with_descriptors=True),
    ),
    Habit(
        name="modes-cannot-be-changed",
        clause="SPC-4 6.9",
        says="Lets no mode parameter be changed.",
        rules=ModeRules(can_change=False),
        is_poor=True,
    ),
    Habit(
        name="reordering-is-restricted",
        clause="SPC-4 7.5.8",
        says="Gives QUEUE ALGORITHM MODIFIER 0.",
        rules=ModeRules(queue_algorithm_modifier=0),
    ),
    Habit(
        name="cache-is-not-volatile",
        clause="SPC-4 6.11",
        says="Gives WCE 0.",
        rules=ModeRules(shows_volatile_cache=False),
    ),
    Habit(
        name="no-block-descriptor",
        clause="SPC-4 6.11",
        says="Returns no block descriptor, whatever DBD is.",
        rules=ModeRules(has_block_descriptor=False),
    ),
    Habit(
        name="attention-of-power-on",
        clause="SAM-5 5.14",
        says="Reports power on to a new nexus as 29h/01h.",
        rules=AdmissionRules(first_attentions=(AdditionalSense.POWER_ON_OCCURRED,)),
    ),
    Habit(
        name="attention-of-internal-reset",
        clause="SAM-5 5.14",
        says="Reports an internal reset to a new nexus as 29h/04h.",
        rules=AdmissionRules(first_attentions=(AdditionalSense.DEVICE_INTERNAL_RESET,)),
    ),
    Habit(
        name="five-attentions",
        clause="SAM-5 5.14",
        says="Reports power on to a new nexus, and four changes that no check knows.",
        rules=AdmissionRules(
            first_attentions=(
                AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,
                AdditionalSense.PARAMETERS_CHANGED,
                AdditionalSense.CAPACITY_DATA_HAS_CHANGED,
                AdditionalSense.MICROCODE_HAS_BEEN_CHANGED,
                AdditionalSense.INQUIRY_DATA_HAS_CHANGED,
            )
        ),
    ),
    Habit(
        name="three-attentions",
        clause="SAM-5 5.14",
        says="Reports power on, changed modes and changed units to a new nexus.",
        rules=AdmissionRules(
            first_attentions=(
                AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,
                AdditionalSense.MODE_PARAMETERS_CHANGED,
                AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED,
            )
        ),
    ),
    Habit(
        name="no-attention-at-first",
        clause="SAM-5 5.14",
        says="Reports power on only to nexuses that existed before it.",
        rules=AdmissionRules(first_attentions=()),
    ),
    Habit(
        name="no-power-conditions",
        clause="SBC-3 5.25",
        says="Accepts only POWER CONDITION 0.",
        rules=MediumRules(power_conditions=frozenset({0})),
        is_poor=True,
    ),
)
"""How else a disk may be."""
