# SPDX-License-Identifier: GPL-2.0-only
"""Hostile commands: none of them breaks the device server."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb, sense
from iscsi.scsi.layout import Layout
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi import limits
from reftarget.scsi.task import DataOutNeeded, Outcome, completed
from tests.reftarget.scsi.disk import HOST, OTHER, Disk

DISK = Disk(size=3 << 40, removable=True)

ANY = st.binary(min_size=16, max_size=16)
EDGES = st.sampled_from([0, 1, 2, 255, 256, 0xFFFF, 2**31, 2**32 - 1, 2**64 - 1])


@st.composite
def commands(draw: st.DrawFn) -> bytes:
    """A known command whose fields hold anything, mostly the edges."""
    layout: Layout = draw(st.sampled_from(list(cdb.LAYOUTS.values())))
    names = draw(st.lists(st.sampled_from(sorted(layout.structure.fields)), max_size=4))
    values = {
        name: draw(EDGES | st.integers(0, 2**64 - 1))
        & (1 << layout.structure.fields[name].width) - 1
        for name in names
        if name not in ("operation_code", "service_action")
    }
    return layout(**values)


def bounded(outcome: Outcome) -> None:
    """Check what must hold of every outcome."""
    assert outcome.status in set(SCSIStatus)
    data = outcome.data_in
    size = len(data) if isinstance(data, bytes | memoryview) else sum(map(len, data))
    assert size <= limits.MAXIMUM_TRANSFER
    if outcome.status is SCSIStatus.CHECK_CONDITION:
        sense.parse(outcome.sense)
        assert not size
    else:
        assert not outcome.sense


@settings(max_examples=2000, deadline=None)
@given(
    ANY | commands(),
    st.binary(max_size=2048),
    st.sampled_from([HOST, OTHER]),
    st.sampled_from(TaskAttribute),
)
def test_any_command_comes_to_something(
    command: bytes, data: bytes, nexus: object, attribute: TaskAttribute
) -> None:
    answer = DISK.start(command, data, nexus=nexus, attribute=attribute)  # type: ignore[arg-type]

    if isinstance(answer, DataOutNeeded):
        assert 0 < answer.length <= limits.MAXIMUM_TRANSFER
        answer = completed(answer.finish(data[: answer.length]))
    bounded(answer)


@pytest.mark.parametrize("layout", cdb.LAYOUTS.values(), ids=lambda layout: layout.name)
def test_lengths_at_their_largest_come_to_something(layout: Layout) -> None:
    lengths = {
        name: 2**field.width - 1
        for name, field in layout.structure.fields.items()
        if name in ("blocks", "allocation_length", "parameter_list_length")
    }

    answer = DISK.start(layout(**lengths), b"")

    if isinstance(answer, DataOutNeeded):
        assert 0 < answer.length <= limits.MAXIMUM_TRANSFER
        answer = completed(answer.finish(b""))
    bounded(answer)
