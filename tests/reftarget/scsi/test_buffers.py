# SPDX-License-Identifier: GPL-2.0-only
"""Echo buffers: one for each nexus, of bounded size."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.buffers import BufferMode, EchoDescriptor
from iscsi.scsi.sense import AdditionalSense
from reftarget.scsi import limits
from tests.reftarget.scsi.disk import HOST, OTHER, Disk

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
SEQUENCE = AdditionalSense.COMMAND_SEQUENCE_ERROR


@pytest.fixture
def disk() -> Disk:
    return Disk()


def written(length: int) -> bytes:
    return cdb.write_buffer(mode=BufferMode.ECHO, parameter_list_length=length)


def read(length: int) -> bytes:
    return cdb.read_buffer(mode=BufferMode.ECHO, allocation_length=length)


def test_each_nexus_reads_its_own_data(disk: Disk) -> None:
    assert disk.refusal(read(8)) is SEQUENCE
    disk.good(written(8), b"of host!")
    assert disk.refusal(read(8), nexus=OTHER) is SEQUENCE
    disk.good(written(5), b"other", nexus=OTHER)

    assert disk.good(read(8)) == b"of host!"
    assert disk.good(read(3)) == b"of "
    assert disk.good(read(8), nexus=OTHER) == b"other"


def test_a_lost_nexus_leaves_nothing(disk: Disk) -> None:
    disk.good(written(4), b"host")
    disk.good(written(4), b"else", nexus=OTHER)

    disk.unit.nexus_lost(HOST)
    disk.unit.attentions.pending(HOST).clear()

    assert disk.refusal(read(4)) is SEQUENCE
    assert disk.good(read(4), nexus=OTHER) == b"else"
    disk.unit.reset(AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
    assert disk.unit.echo.read(OTHER) is None


def test_the_descriptor_states_the_capacity_that_is_taken(disk: Disk) -> None:
    command = cdb.read_buffer(mode=BufferMode.ECHO_DESCRIPTOR, allocation_length=64)

    descriptor = EchoDescriptor.parse(disk.good(command))

    assert descriptor == EchoDescriptor(limits.ECHO_BYTES, is_kept=True)
    disk.good(written(descriptor.capacity), bytes(descriptor.capacity))
    assert disk.refusal(written(descriptor.capacity + 1)) is IN_CDB


@pytest.mark.parametrize("mode", sorted(set(range(32)) - set(BufferMode)))
def test_other_modes_are_refused(disk: Disk, mode: int) -> None:
    assert disk.refusal(cdb.read_buffer(mode=mode, allocation_length=4)) is IN_CDB
    assert disk.refusal(cdb.write_buffer(mode=mode)) is IN_CDB
