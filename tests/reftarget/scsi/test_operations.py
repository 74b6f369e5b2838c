# SPDX-License-Identifier: GPL-2.0-only
"""What the target says that it supports is what it supports."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.layout import service_action_of
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.supported_operations import (
    TASK_MANAGEMENT_FUNCTIONS,
    OneCommand,
    Support,
    parse_all,
    parse_one,
)
from reftarget.scsi.task import DataOutNeeded
from tests.reftarget.scsi.disk import Disk

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
UNKNOWN = AdditionalSense.INVALID_COMMAND_OPERATION_CODE
REPORT = cdb.report_supported_operation_codes


@pytest.fixture
def disk() -> Disk:
    return Disk(removable=True)


def ask(disk: Disk, option: int, opcode: int, action: int = 0) -> OneCommand:
    command = REPORT(
        reporting_options=option,
        requested_operation_code=opcode,
        requested_service_action=action,
        allocation_length=1024,
    )
    return parse_one(disk.good(command))


@pytest.mark.parametrize("opcode", range(256))
def test_commands_reported_are_those_that_are_known(disk: Disk, opcode: int) -> None:
    entries = parse_all(disk.good(REPORT(allocation_length=0x10000)))
    actions = [entry.service_action for entry in entries if entry.opcode == opcode]

    command = bytes([opcode]).ljust(16, b"\0")
    if not actions:
        assert disk.refusal(command) is UNKNOWN
    elif actions == [None]:
        answer = disk.start(command)
        if not isinstance(answer, DataOutNeeded) and answer.sense:
            assert disk.refusal(command) is not UNKNOWN
    else:
        free = next(number for number in range(32) if number not in actions)
        assert disk.refusal(bytes([opcode, free]).ljust(16, b"\0")) is IN_CDB


def test_each_command_of_the_list_is_found_alone(disk: Disk) -> None:
    for entry in parse_all(disk.good(REPORT(allocation_length=0x10000))):
        option = 1 if entry.service_action is None else 2
        one = ask(disk, option, entry.opcode, entry.service_action or 0)
        assert one == ask(disk, 3, entry.opcode, entry.service_action or 0)
        assert one.support == Support.SUPPORTED
        assert len(one.usage) == entry.cdb_length
        assert one.usage[0] == entry.opcode
        if entry.service_action is not None:
            assert service_action_of(one.usage) == entry.service_action


def test_every_bit_outside_the_usage_map_is_refused(disk: Disk) -> None:
    """But for GROUP NUMBER and its like, which are ignored."""
    for command in [*disk.unit.commands.values(), *disk.unit.actions.values()]:
        layout = command.layout
        complete_data = int.from_bytes(layout(), "big")
        ignored = layout.structure.mask(
            *(name for name in command.ignored if name in layout.structure.fields)
        )
        for bit in range(8 * layout.length):
            if (command.usage | ignored) >> bit & 1:
                continue
            cdb_with_bit = (complete_data | 1 << bit).to_bytes(layout.length, "big")
            sense = disk.refused(cdb_with_bit)
            assert sense.additional is IN_CDB, layout
            assert sense.field_pointer is not None
            assert sense.field_pointer.bit == bit % 8
            assert sense.field_pointer.byte == layout.length - 1 - bit // 8


def test_timeouts_come_if_asked(disk: Disk) -> None:
    entries = parse_all(disk.good(REPORT(rctd=1, allocation_length=0x10000)))

    assert all(entry.has_timeouts for entry in entries)


def test_questions_that_do_not_fit_the_opcode_are_refused(disk: Disk) -> None:
    for option, opcode in ((1, 0x9E), (2, 0x28), (4, 0), (7, 0)):
        command = REPORT(
            reporting_options=option,
            requested_operation_code=opcode,
            allocation_length=64,
        )
        assert disk.refusal(command) is IN_CDB


def test_command_that_is_not_there_is_reported(disk: Disk) -> None:
    assert ask(disk, 1, 0xFF) == OneCommand(Support.NOT_SUPPORTED)
    assert ask(disk, 3, 0x9E, 0x1F) == OneCommand(Support.NOT_SUPPORTED)
    assert ask(disk, 3, 0x28, 1) == OneCommand(Support.NOT_SUPPORTED)


def test_task_management_functions_are_reported_short_and_long(disk: Disk) -> None:
    report = cdb.report_supported_task_management_functions
    short = disk.good(report(allocation_length=255))
    long = disk.good(report(repd=1, allocation_length=255))

    assert (len(short), len(long)) == (4, 16)
    assert long[3] == 12
    fields = TASK_MANAGEMENT_FUNCTIONS.parse(short)
    assert fields["lurs"] == fields["ats"] == fields["itnrs"] == fields["cacas"] == 1
    assert fields["wakes"] == 0


def test_self_test_passes_and_others_are_refused(disk: Disk) -> None:
    disk.good(cdb.send_diagnostic(selftest=1))
    assert disk.refusal(cdb.send_diagnostic()) is IN_CDB
    assert disk.refusal(cdb.send_diagnostic(self_test_code=1)) is IN_CDB


@pytest.mark.parametrize(
    ("command", "header"),
    [
        (
            cdb.read_defect_data_10(
                req_plist=1, defect_list_format=5, allocation_length=64
            ),
            "00150000",
        ),
        (
            cdb.read_defect_data_12(
                req_glist=1, defect_list_format=3, allocation_length=64
            ),
            "000b000000000000",
        ),
    ],
    ids=["10", "12"],
)
def test_disk_has_no_defects(disk: Disk, command: bytes, header: str) -> None:
    assert disk.good(command) == bytes.fromhex(header)


def test_every_opcode_is_answered(disk: Disk) -> None:
    for opcode in range(256):
        answer = disk.start(bytes([opcode]))
        if not isinstance(answer, DataOutNeeded):
            assert answer.status in set(SCSIStatus)
