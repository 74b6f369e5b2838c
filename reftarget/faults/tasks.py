# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the order of tasks, of LUNs, and of what is written of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.constants import TaskAttribute
from iscsi.scsi.luns import decode
from iscsi.scsi.sense import AdditionalSense
from reftarget.faults.row import Fault
from reftarget.rules.tasks import TaskRules
from reftarget.scsi.check_condition import CheckCondition, illegal_request
from reftarget.scsi.rules import (
    AdmissionRules,
    BlockRules,
    IdentityRules,
    MediumRules,
    ProvisioningRules,
)
from reftarget.scsi.task import completed

if TYPE_CHECKING:
    from iscsi.scsi.layout import Layout
    from iscsi.scsi.luns import SelectReport
    from reftarget.rules.tasks import AbortedTask
    from reftarget.scsi.attention import Attentions
    from reftarget.scsi.rules.blocks import Reader
    from reftarget.scsi.rules.medium import Data
    from reftarget.scsi.task import Task

_FLAT: Final = 0x4000
_FIRST_LEVEL: Final = 0xFFFF << 48


def _refuses_attributes(_layout: Layout, task: Task) -> CheckCondition | None:
    if task.attribute in {TaskAttribute.UNTAGGED, TaskAttribute.SIMPLE}:
        return None
    return illegal_request(AdditionalSense.INVALID_MESSAGE_ERROR)


def _reset_comes_last(attentions: Attentions, additional: AdditionalSense) -> None:
    for nexus in attentions:
        attentions.pending(nexus).append(additional)


def _read_early(read: Reader) -> Reader:
    data = bytes(read())
    return lambda: data


def _torn(lba: int, data: Data, block_size: int, _blocks: int) -> tuple[int, Data]:
    return lba, data[: -block_size // 2] if len(data) > block_size else data


def _head_waits(attribute: TaskAttribute, is_enabled: bool) -> bool:
    return is_enabled and attribute is not TaskAttribute.HEAD_OF_QUEUE


def _flat_space_is_unknown(number: int) -> int:
    return number if number >> 62 == 1 else decode(number)


def _write_what_came(task: AbortedTask) -> None:
    if task.finish and task.buffer:
        completed(task.finish(bytes(task.buffer).ljust(task.wanted, b"\0")))


def _in_flat_space(luns: list[int], _select: SelectReport) -> list[int]:
    return [lun if lun >> 48 else (_FLAT | lun) << 48 for lun in luns]


TASKS: Final = (
    Fault(
        name="only-simple-tasks-are-taken",
        breaks=("SAM5-8.5-02",),
        says="Refuses ORDERED and HEAD OF QUEUE commands.",
        also="tasks in order cannot be seen where ORDERED is refused",
        rules=AdmissionRules(objection=_refuses_attributes),
    ),
    Fault(
        name="task-set-stays-full",
        breaks=("SAM5-5.3.1-01",),
        says="Answers TASK SET FULL for good once four tasks were in progress.",
        also="checks with as many tasks get no other status either",
        rules=TaskRules(is_full=lambda _in_progress, most: most > 4),
    ),
    Fault(
        name="ordered-tasks-do-not-wait",
        breaks=("SAM5-8.7-01",),
        says="Begins ORDERED tasks at once.",
        rules=TaskRules(
            begins=lambda attribute, is_enabled: (
                is_enabled or attribute is TaskAttribute.ORDERED
            )
        ),
    ),
    Fault(
        name="simple-tasks-pass-ordered-ones",
        breaks=("SAM5-8.7-02",),
        says="Begins SIMPLE tasks at once, whatever is older.",
        rules=TaskRules(
            begins=lambda attribute, is_enabled: (
                is_enabled or attribute is TaskAttribute.SIMPLE
            )
        ),
    ),
    Fault(
        name="head-of-queue-waits",
        breaks=("SAM5-8.7-03",),
        says="Has HEAD OF QUEUE tasks wait for older ones.",
        rules=TaskRules(begins=_head_waits),
    ),
    Fault(
        name="reset-is-reported-after-older-changes",
        breaks=("SAM5-5.14-04",),
        says="Reports a reset after what was pending.",
        rules=MediumRules(report_reset=_reset_comes_last),
    ),
    Fault(
        name="compare-and-write-is-two-commands",
        breaks=("SBC3-5.2-04",),
        says="Compares with what the medium held when COMPARE AND WRITE came.",
        rules=BlockRules(comparand=_read_early),
    ),
    Fault(
        name="compare-and-write-takes-what-comes",
        breaks=("SBC3-5.2-03",),
        says="Answers COMPARE AND WRITE of half its data with GOOD.",
        rules=BlockRules(compare_and_write_needs_all=False),
    ),
    Fault(
        name="write-same-takes-half-a-block",
        breaks=("SBC3-5.44-07",),
        says="Fills what WRITE SAME lacks of a block with zeros.",
        rules=ProvisioningRules(same_needs_block=False),
    ),
    Fault(
        name="listed-lun-addresses-nothing",
        breaks=("SAM5-4.7-03",),
        says="Lists LUNs in flat space addressing and does not know it in commands.",
        rules=(
            IdentityRules(listed_luns=_in_flat_space),
            TaskRules(lun=_flat_space_is_unknown),
        ),
    ),
    Fault(
        name="further-lun-levels-are-ignored",
        breaks=("SAM5-4.7-04",),
        says="Takes the first level of a LUN for the whole.",
        rules=TaskRules(lun=lambda number: decode(number & _FIRST_LEVEL)),
    ),
    Fault(
        name="last-block-of-a-write-is-torn",
        breaks=("SBC3-5.34-04",),
        says="Writes half of the last block where there are several.",
        also="data is checked wherever it is written",
        rules=MediumRules(stored=_torn),
    ),
    Fault(
        name="aborted-write-is-torn",
        breaks=("SBC3-5.34-05",),
        says="Writes what has come of a write that is aborted, and zeros behind it.",
        rules=TaskRules(after_abort=_write_what_came),
    ),
)
