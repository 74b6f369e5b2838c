# SPDX-License-Identifier: GPL-2.0-only
"""Finds the commands of a logical unit: by its report, else by trying reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from initiator.session import Session
from iscsi.errors import DecodeError
from iscsi.printable import printable
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import ModePage
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.supported_operations import ReportingOptions, parse_all

_ROOM = 16384
_SHORT = 252
_BLOCK = 4096

_TRIED: Mapping[Layout, Mapping[str, int]] = MappingProxyType(
    {
        cdb.test_unit_ready: {},
        cdb.inquiry: {"allocation_length": _SHORT},
        cdb.request_sense: {"allocation_length": _SHORT},
        cdb.report_luns: {"allocation_length": _SHORT},
        cdb.mode_sense_6: {
            "dbd": 1,
            "page_code": ModePage.CONTROL,
            "allocation_length": _SHORT,
        },
        cdb.mode_sense_10: {
            "dbd": 1,
            "page_code": ModePage.CONTROL,
            "allocation_length": _SHORT,
        },
        cdb.read_capacity_10: {},
        cdb.read_capacity_16: {"allocation_length": 32},
        cdb.read_6: {"blocks": 1},
        cdb.read_10: {"blocks": 1},
        cdb.read_12: {"blocks": 1},
        cdb.read_16: {"blocks": 1},
        cdb.get_lba_status: {"allocation_length": _SHORT},
        cdb.persistent_reserve_in_read_keys: {"allocation_length": _SHORT},
        cdb.persistent_reserve_in_read_reservation: {"allocation_length": _SHORT},
        cdb.persistent_reserve_in_report_capabilities: {"allocation_length": _SHORT},
        cdb.persistent_reserve_in_read_full_status: {"allocation_length": _SHORT},
        cdb.report_target_port_groups: {"allocation_length": _SHORT},
        cdb.report_supported_task_management_functions: {"allocation_length": _SHORT},
    }
)
"""Commands that change nothing, each with room for its data.

Some targets do not survive an allocation length of zero (see
`suites/support/operations`). Commands that write are never tried, even with a length of
zero, since the data belongs to the user.
"""

_ABSENT = (
    AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    AdditionalSense.INVALID_FIELD_IN_CDB,
)


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a logical unit."""

    names: tuple[str, ...]
    is_reported: bool
    """True if the unit lists its commands; else only commands that read were tried."""


def commands_of(session: Session) -> Commands:
    """Return the commands of the session's unit.

    Raises:
        ConformanceFailure, ISCSIError: as `Session.execute`.
    """
    command = cdb.report_supported_operation_codes(
        reporting_options=ReportingOptions.ALL, allocation_length=_ROOM
    )
    result = session.execute(command, read=_ROOM)
    if result.is_good:
        try:
            supported = parse_all(result.data)
        except DecodeError:
            supported = []
        if supported:
            return Commands(
                tuple(_name(one.opcode, one.service_action) for one in supported), True
            )
    names = [one.name for one in _TRIED if _is_there(session, one)]
    return Commands(tuple(names), is_reported=False)


def _name(opcode: int, service_action: int | None) -> str:
    layout = cdb.LAYOUTS.get((opcode, service_action))
    if layout is not None:
        return printable(layout.name)
    action = "" if service_action is None else f"/{service_action:02X}h"
    return f"{opcode:02X}h{action}"


def _is_there(session: Session, layout: Layout) -> bool:
    fields = _TRIED[layout]
    room = fields.get("allocation_length", _BLOCK if "blocks" in fields else 0)
    if layout is cdb.read_capacity_10:
        room = 8
    sense = session.execute(layout(**fields), read=room).sense
    return sense is None or sense.additional not in _ABSENT
