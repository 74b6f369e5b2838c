# SPDX-License-Identifier: GPL-2.0-only
"""EXTENDED COPY (LID1) between the units of a target (SPC-4 sections 5.17.3 and 6.4).

What is wrong with the parameter list is an ILLEGAL REQUEST before anything is copied.
What goes wrong with a segment is COPY ABORTED, with the segment's number in the
COMMAND-SPECIFIC INFORMATION field, after the segments before it were copied.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.copy_results import (
    CopyManagerStatus,
    CopyStatus,
    OperatingParameters,
    build_failure_details,
    build_third_party_copy_page,
)
from iscsi.scsi.extended_copy import (
    BLOCK_TO_BLOCK,
    CSCD,
    CSCD_LENGTH,
    HEADER_LENGTH,
    IDENTIFICATION_DESCRIPTOR,
    THIS_LOGICAL_UNIT,
    CopyHeader,
    ListIDUsage,
    Segment,
    split_cscds,
    split_segments,
)
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.vpd import Association, CodeSet, DesignatorType
from reftarget.backing import BackingError
from reftarget.scsi import limits
from reftarget.scsi.check_condition import (
    CheckCondition,
    illegal_request,
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
    parameter_list_length_error,
)
from reftarget.scsi.copy_results import CopyResult
from reftarget.scsi.task import GOOD, DataOutNeeded, Nexus, Outcome, Steps, Task
from reftarget.scsi.unit import Command

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from reftarget.scsi.rules import CopyRules
    from reftarget.scsi.unit import LogicalUnit

_MAX_SEGMENT_BYTES = 256 << 20
"""The most that 16 bits of blocks can say, of 4096 bytes each."""
_SEGMENT_LENGTH = 28
CHUNK = 1 << 20
_DIRECT_ACCESS = 0x00

LIMITS = OperatingParameters(
    maximum_cscd_count=limits.COPY_CSCDS,
    maximum_segment_count=limits.COPY_SEGMENTS,
    maximum_descriptor_list_length=(
        limits.COPY_CSCDS * CSCD_LENGTH + limits.COPY_SEGMENTS * _SEGMENT_LENGTH
    ),
    maximum_segment_length=_MAX_SEGMENT_BYTES,
    data_segment_granularity=9,
    descriptor_types=(BLOCK_TO_BLOCK, IDENTIFICATION_DESCRIPTOR),
)
_MAX_LIST = HEADER_LENGTH + LIMITS.maximum_descriptor_list_length


class _SegmentError(Exception):
    """What is wrong with a segment."""

    def __init__(self, additional: AdditionalSense) -> None:
        super().__init__(additional)
        self.additional = additional


@dataclass(slots=True)
class _Job:
    """A parameter list that is well formed."""

    unit: LogicalUnit
    nexus: Nexus
    now: float
    cscds: Sequence[CSCD]
    segments: Sequence[Segment]
    bytes_copied: int = 0
    segments_done: int = 0

    def status(self, status: CopyManagerStatus, segments: int) -> CopyStatus:
        """Return what RECEIVE COPY STATUS says after so many segments."""
        # In KiB, so that 32 bits hold the largest copy; the result is rounded up.
        return CopyStatus(status, segments, -(-self.bytes_copied // 1024), 1)

    def progress(self) -> CopyResult:
        """Return how far the copy has come."""
        status = self.status(CopyManagerStatus.IN_PROGRESS, self.segments_done)
        return CopyResult(status, is_final=False)


def _extended_copy(unit: LogicalUnit, task: Task) -> Outcome | DataOutNeeded:
    length = cdb.extended_copy.parse(task.cdb)["parameter_list_length"]
    if unit.rules.copies.is_copy_of_nothing(length):
        return GOOD  # an incomplete copy is no error here (SPC-4 section 6.4.1)
    if not HEADER_LENGTH <= length <= _MAX_LIST:
        raise parameter_list_length_error()
    now = unit.device.now
    return DataOutNeeded(
        length, lambda data: _finish(unit, task.nexus, now, length, bytes(data))
    )


def _finish(
    unit: LogicalUnit, nexus: Nexus, now: float, length: int, data: bytes
) -> Outcome | Steps:
    rules = unit.rules.copies
    header = CopyHeader.parse(data) if len(data) == length else None
    if header is None or header.total > length:
        if rules.refuses_cut_list:
            raise parameter_list_length_error()
        return GOOD
    _check_header(header)
    cscds_end = HEADER_LENGTH + header.cscd_length
    segments_end = cscds_end + header.segment_length
    job = _Job(
        unit,
        nexus,
        now,
        _cscds(data[HEADER_LENGTH:cscds_end], rules),
        _segments(data[cscds_end:segments_end], rules),
    )
    results, identifier = unit.copies, header.list_identifier
    if header.list_id_usage == ListIDUsage.NONE:
        return _copy_all(job, header)
    if results.is_in_progress(nexus, identifier):
        raise illegal_request(AdditionalSense.OPERATION_IN_PROGRESS)
    return results.keep_until_done(
        nexus, identifier, job.progress, _copy_all(job, header)
    )


def _copy_all(job: _Job, header: CopyHeader) -> Steps:
    """Copy segment by segment; others have their turn after each MiB."""
    unit, nexus = job.unit, job.nexus
    results, identifier = unit.copies, header.list_identifier
    rules = unit.rules.copies
    results.discard(nexus, identifier)
    holds = header.list_id_usage == ListIDUsage.HOLD
    for number, segment in enumerate(job.segments):
        job.segments_done = number
        try:
            yield from _copy(job, segment)
        except _SegmentError as error:
            if not rules.bad_segment_ends_copy:
                continue
            sense = Sense(
                SenseKey.COPY_ABORTED, *error.additional.value, command_specific=number
            )
            if holds:
                status = job.status(CopyManagerStatus.FAILED, number)
                built = sense.build(descriptor=unit.modes.d_sense)
                results.hold(nexus, identifier, CopyResult(status, built))
            raise CheckCondition(sense) from None
    if holds:
        status = job.status(rules.final_status, len(job.segments))
        results.hold(nexus, identifier, CopyResult(status))
    return GOOD


def _check_header(header: CopyHeader) -> None:
    if header.list_id_usage not in set(ListIDUsage):
        raise invalid_field_in_parameter_list(1, 4)
    if header.list_id_usage == ListIDUsage.NONE and header.list_identifier:
        raise invalid_field_in_parameter_list(0)
    if header.inline_length:
        raise illegal_request(AdditionalSense.INLINE_DATA_LENGTH_EXCEEDED)


def _cscds(data: bytes, rules: CopyRules) -> list[CSCD]:
    try:
        entries = split_cscds(data)
    except DecodeError as error:
        raise invalid_field_in_parameter_list(error.offset) from None
    if len(entries) > rules.maximum_cscds:
        raise illegal_request(AdditionalSense.TOO_MANY_TARGET_DESCRIPTORS)
    cscds = []
    for number, entry in enumerate(entries):
        start = HEADER_LENGTH + number * CSCD_LENGTH
        if entry[0] != IDENTIFICATION_DESCRIPTOR:
            if rules.refuses_unknown_types:
                raise illegal_request(
                    AdditionalSense.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE
                )
            continue
        try:
            # LU ID TYPE does not concern a designator, and NUL is obsolete.
            cscds.append(CSCD.parse(entry))
        except DecodeError as error:
            raise invalid_field_in_parameter_list(start + error.offset) from None
    return cscds


def _segments(data: bytes, rules: CopyRules) -> list[Segment]:
    try:
        entries = split_segments(data)
    except DecodeError as error:
        raise invalid_field_in_parameter_list(error.offset) from None
    if len(entries) > rules.maximum_segments:
        raise illegal_request(AdditionalSense.TOO_MANY_SEGMENT_DESCRIPTORS)
    segments = []
    for entry in entries:
        if entry[0] != BLOCK_TO_BLOCK:
            if rules.refuses_unknown_types:
                raise illegal_request(
                    AdditionalSense.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE
                )
            continue
        try:
            segments.append(Segment.parse(entry))
        except DecodeError:
            raise illegal_request(
                AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
            ) from None
    return segments


def _copy(job: _Job, segment: Segment) -> Generator[None]:
    rules = job.unit.rules
    if not rules.copies.copies:
        return
    source = _unit(job, segment.source, Access.READ)
    destination = _unit(job, segment.destination, Access.WRITE)
    if rules.copies.destination_is_self:
        destination = job.unit
    counted = destination if segment.destination_count else source
    length = segment.blocks * counted.block_size
    blocks_in, inexact_in = divmod(length, source.block_size)
    blocks_out, inexact_out = divmod(length, destination.block_size)
    if inexact_in or inexact_out:
        raise _SegmentError(AdditionalSense.UNEXPECTED_INEXACT_SEGMENT)
    if (
        segment.source_lba + blocks_in > source.blocks
        or segment.destination_lba + blocks_out > destination.blocks
    ):
        raise _SegmentError(AdditionalSense.NO_ADDITIONAL_SENSE_INFORMATION)
    try:
        destination.check_writable()
    except CheckCondition:
        raise _SegmentError(AdditionalSense.THIRD_PARTY_DEVICE_FAILURE) from None
    length = rules.copies.copied_bytes(length)
    # A step has whole blocks of both units.
    unit = math.lcm(source.block_size, destination.block_size)
    step = max(CHUNK // unit, 1) * unit
    starts = range(0, length, step)
    if destination is source and segment.destination_lba > segment.source_lba:
        # Overlapping blocks are read before they are overwritten.
        starts = starts[::-1]
    try:
        yield from _move(job, segment, source, destination, length, starts)
    except BackingError:
        raise _SegmentError(AdditionalSense.THIRD_PARTY_DEVICE_FAILURE) from None


def _move(
    job: _Job,
    segment: Segment,
    source: LogicalUnit,
    destination: LogicalUnit,
    length: int,
    starts: range,
) -> Generator[None]:
    for start in starts:
        size = min(abs(starts.step), length - start)
        data = bytes(
            source.read(
                segment.source_lba + start // source.block_size,
                size // source.block_size,
            )
        )
        destination.write(
            segment.destination_lba + start // destination.block_size, data
        )
        job.bytes_copied += size
        yield


def _unit(job: _Job, number: int, access: Access) -> LogicalUnit:
    """Return a segment's unit, if it is there and lets the sender's data through."""
    unit = job.unit if number == THIS_LOGICAL_UNIT else _described(job, number)
    is_checked = job.unit.rules.copies.checks_reservations
    if is_checked and not unit.reservations.allows(job.nexus, access):
        raise _SegmentError(AdditionalSense.THIRD_PARTY_DEVICE_FAILURE)
    if not unit.is_always_ready and unit.not_ready(job.now) is not None:
        raise _SegmentError(AdditionalSense.COPY_TARGET_DEVICE_NOT_REACHABLE)
    return unit


def _described(job: _Job, number: int) -> LogicalUnit:
    if number >= len(job.cscds):
        raise _SegmentError(AdditionalSense.UNREACHABLE_COPY_TARGET)
    cscd = job.cscds[number]
    named = cscd.designator
    is_naa = (named.type, named.association, named.code_set) == (
        DesignatorType.NAA,
        Association.LOGICAL_UNIT,
        CodeSet.BINARY,
    )
    device = job.unit.device
    for unit in device.units.values():
        if is_naa and unit.naa == named.designator:
            break
    else:
        rules = job.unit.rules.copies
        if rules.unknown_designator_is_self:
            return job.unit
        raise _SegmentError(AdditionalSense.COPY_TARGET_DEVICE_NOT_REACHABLE)
    if cscd.device_type != _DIRECT_ACCESS or cscd.block_length != unit.block_size:
        raise _SegmentError(AdditionalSense.INCORRECT_COPY_TARGET_DEVICE_TYPE)
    return unit


def _held(unit: LogicalUnit, task: Task) -> CopyResult:
    """Return the result that the CDB asks for."""
    result = unit.copies.get(task.nexus, task.cdb[2]) or unit.rules.copies.unknown_copy
    if result is None:
        raise invalid_field_in_cdb(2, 7)
    return result


def _receive_status(unit: LogicalUnit, task: Task) -> Outcome:
    return _cut(task, _held(unit, task).status.build())


def _receive_operating_parameters(unit: LogicalUnit, task: Task) -> Outcome:
    data = LIMITS.build()
    length = unit.rules.copies.limits_length(len(data) - 4)
    return _cut(task, length.to_bytes(4, "big") + data[4:])


def _receive_failure_details(unit: LogicalUnit, task: Task) -> Outcome:
    result = _held(unit, task)
    if not result.is_final:
        raise invalid_field_in_cdb(2, 7)
    if not result.sense:
        return _cut(task, bytes(4))
    return _cut(task, build_failure_details(SCSIStatus.CHECK_CONDITION, result.sense))


def _cut(task: Task, data: bytes) -> Outcome:
    fields = cdb.receive_copy_status.structure.parse(task.cdb)
    return Outcome(SCSIStatus.GOOD, data[: fields["allocation_length"]])


COMMANDS = (
    # Each unit that a segment reads or writes checks its own reservations. This check
    # is that of SPC-4 table 58 for the unit that received the command.
    Command(cdb.extended_copy, _extended_copy, Access.WRITE),
    Command(cdb.receive_copy_status, _receive_status, Access.READ, needs_medium=False),
    Command(
        cdb.receive_copy_operating_parameters,
        _receive_operating_parameters,
        Access.READ,
        ignored=("list_identifier",),
        needs_medium=False,
    ),
    Command(
        cdb.receive_copy_failure_details,
        _receive_failure_details,
        Access.READ,
        needs_medium=False,
    ),
)


def third_party_copy_page(_unit: LogicalUnit, _task: Task) -> bytes:
    """Return the body of the third-party copy VPD page."""
    offered: dict[int, list[int]] = defaultdict(list)
    for command in COMMANDS:
        offered[command.layout.opcode].append(command.layout.service_action or 0)
    return build_third_party_copy_page(LIMITS, offered)
