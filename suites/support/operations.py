# SPDX-License-Identifier: GPL-2.0-only
"""Commands that are optional for a logical unit."""

from collections.abc import Mapping
from types import MappingProxyType

from initiator.session import Session
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.supported_operations import ReportingOptions, Support, parse_one

_UNKNOWN = (
    AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    AdditionalSense.INVALID_FIELD_IN_CDB,
)
_NEVER_NOTHING = frozenset(
    {
        cdb.sanitize_overwrite,
        cdb.sanitize_block_erase,
        cdb.sanitize_cryptographic_erase,
    }
)
"""Commands whose effect is too large for a try, whatever their fields are."""

_HARMLESS: Mapping[Layout, Mapping[str, int]] = MappingProxyType(
    {
        cdb.read_6: {"blocks": 1},
        cdb.write_6: {"lba": (1 << 21) - 1, "blocks": 1},
        cdb.write_same_10: {"lba": (1 << 32) - 1, "blocks": 1},
        cdb.write_same_16: {"lba": (1 << 64) - 1, "blocks": 1},
        cdb.start_stop_unit: {"start": 1},
    }
)
"""Fields of commands whose effect is large if every field is 0: whole ranges, or a
stop. Writes address blocks beyond the end of all but the largest units.

What writes goes beyond the end of all but the largest units.
"""

_ROOM = 64
_BRINGS = frozenset(
    {
        cdb.inquiry,
        cdb.report_luns,
        cdb.request_sense,
        cdb.read_capacity_10,
        cdb.read_capacity_16,
        cdb.read_defect_data_10,
        cdb.read_defect_data_12,
        cdb.get_lba_status,
        cdb.report_supported_operation_codes,
        cdb.receive_copy_status,
        cdb.receive_copy_operating_parameters,
        cdb.report_target_port_groups,
    }
)
_TAKES = frozenset(
    {
        cdb.write_6,
        cdb.write_same_10,
        cdb.write_same_16,
        cdb.write_10,
        cdb.write_12,
        cdb.write_16,
        cdb.write_and_verify_10,
        cdb.write_and_verify_12,
        cdb.write_and_verify_16,
        cdb.write_atomic_16,
        cdb.compare_and_write,
        cdb.orwrite,
        cdb.unmap,
        cdb.mode_select_6,
        cdb.mode_select_10,
        cdb.extended_copy,
    }
)
"""Commands that are tried with R or W set: some targets never answer without (istgt
0.4)."""

_READS = frozenset({cdb.read_6, cdb.read_10, cdb.read_12, cdb.read_16})
_BLOCK = 4096


def is_there(session: Session, layout: Layout) -> bool:
    """Tell whether the unit supports a command.

    The unit is asked which commands it supports. Some units cannot answer, and some
    report commands that they do not support, so the command is also tried if it has no
    effect with a length of zero.
    """
    support = reported(session, layout)
    is_known = support in (Support.SUPPORTED, Support.VENDOR_SPECIFIC)
    is_present = is_known or support in (None, Support.NOT_AVAILABLE)
    if is_present and layout not in _NEVER_NOTHING:
        room = _room(layout)
        data = None
        if layout in _TAKES:
            data = bytes(_BLOCK) if layout in _HARMLESS else b""
        command = layout(**_least(layout, room))
        sense = session.execute(command, read=room, write=data).sense
        code = sense.additional if sense else None
        absent = _UNKNOWN[:1] if is_known or layout in _HARMLESS else _UNKNOWN
        is_present = code not in absent
    return is_present


def _room(layout: Layout) -> int:
    if layout in _READS:
        return _BLOCK
    return _ROOM if layout in _BRINGS else 0


def _least(layout: Layout, room: int) -> dict[str, int]:
    """Return the expected bytes of a command that returns data.

    LIO drops an initiator that expects data of a command without data, and targets
    refuse some lists if there is no room for their header (REPORT LUNS).
    """
    if layout in _HARMLESS:
        return dict(_HARMLESS[layout])
    if layout in _READS:
        return {"blocks": 1}
    if room and "allocation_length" in layout.structure.fields:
        return {"allocation_length": room}
    return {}


def reported(session: Session, layout: Layout) -> Support | None:
    """Return the answer of REPORT SUPPORTED OPERATION CODES, or None."""
    has_action = layout.service_action is not None
    command = cdb.report_supported_operation_codes(
        reporting_options=ReportingOptions.ONE_SERVICE_ACTION
        if has_action
        else ReportingOptions.ONE_OPCODE,
        requested_operation_code=layout.opcode,
        requested_service_action=layout.service_action or 0,
        allocation_length=_ROOM,
    )
    result = session.execute(command, read=_ROOM)
    try:
        return Support(parse_one(result.data).support) if result.is_good else None
    except (DecodeError, ValueError):
        return None
