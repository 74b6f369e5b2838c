# SPDX-License-Identifier: GPL-2.0-only
"""What a task knows of itself before its status is here."""

import pytest

from initiator.task import Task
from iscsi.pdu import R2T, SCSICommand


@pytest.mark.parametrize(
    ("unasked", "asked", "is_supplied"),
    [
        (24, [], True),
        (0, [], False),
        (8, [], False),
        (8, [(8, 16)], True),
        (0, [(0, 8), (8, 16)], True),
        (0, [(8, 16), (0, 8)], True),
        (0, [(0, 8)], False),
        (0, [(8, 16)], False),
    ],
)
def test_a_task_is_supplied_once_all_data_went_out(
    unasked: int, asked: list[tuple[int, int]], is_supplied: bool
) -> None:
    task = Task(SCSICommand(), bytes(24), unasked)
    for start, length in asked:
        r2t = R2T(buffer_offset=start, desired_data_transfer_length=length)
        task.take(r2t)

    answered = list(task.unanswered())

    assert task.is_supplied is is_supplied
    assert len(answered) == len(asked)


def test_an_r2t_without_an_answer_supplies_nothing() -> None:
    task = Task(SCSICommand(), bytes(24))

    task.take(R2T(buffer_offset=0, desired_data_transfer_length=24))

    assert not task.is_supplied
