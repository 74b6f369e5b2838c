# SPDX-License-Identifier: GPL-2.0-only
"""The echo buffer of READ BUFFER and WRITE BUFFER (SPC-4 sections 6.18 and 6.49)."""

from dataclasses import dataclass

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.buffers import (
    ALIGNMENT,
    DESCRIPTOR_LENGTH,
    BufferMode,
    EchoDescriptor,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import OpenSession
from suites.support.applicability import skip_if_refused, skip_if_unknown
from suites.support.expect import expect_illegal_request
from suites.support.media import Medium

LENGTH = 512
"""Bytes that are written; fewer where the buffer is smaller."""


@dataclass(frozen=True, slots=True)
class EchoBuffer:
    """The echo buffer of a unit."""

    medium: Medium
    descriptor: EchoDescriptor

    def bytes_of(self, seed: int) -> bytes:
        """Return data that fits the buffer and differs for each seed."""
        whole = self.medium.blocks(1, seed)
        return whole[: min(LENGTH, self.descriptor.capacity)]


@pytest.fixture
def echo(medium: Medium) -> EchoBuffer:
    """The echo buffer of a scratch unit; skip if the unit has none."""
    result = read(medium.session, DESCRIPTOR_LENGTH, BufferMode.ECHO_DESCRIPTOR)
    skip_if_unknown(result, cdb.read_buffer)
    skip_if_refused(result, "the modes of the echo buffer")
    expect_good(result)
    check(
        len(result.data) == DESCRIPTOR_LENGTH,
        f"{DESCRIPTOR_LENGTH} bytes of echo buffer descriptor",
        result,
        requirement="SPC4-6.18-05",
    )
    descriptor = EchoDescriptor.parse(result.data)
    if not descriptor.capacity:
        pytest.skip("not applicable: the capacity of the echo buffer is 0")
    return EchoBuffer(medium, descriptor)


@pytest.fixture
def kept(echo: EchoBuffer) -> EchoBuffer:
    """An echo buffer that other nexuses do not overwrite unnoticed."""
    if not echo.descriptor.is_kept:
        pytest.skip("not applicable: EBOS is 0, all nexuses may share the echo buffer")
    return echo


def read(session: Session, length: int, mode: BufferMode = BufferMode.ECHO) -> Result:
    """Send READ BUFFER."""
    command = cdb.read_buffer(mode=mode, allocation_length=length)
    return session.execute(command, read=length)


def write(session: Session, data: bytes) -> None:
    """Write the echo buffer; skip if WRITE BUFFER cannot."""
    command = cdb.write_buffer(mode=BufferMode.ECHO, parameter_list_length=len(data))
    result = session.execute(command, write=data)
    skip_if_unknown(result, cdb.write_buffer)
    skip_if_refused(result, "the echo buffer mode")
    expect_good(result)


def is_overwritten(result: Result) -> bool:
    """Tell whether the unit reports that other data was written meanwhile."""
    sense = result.sense
    return (
        sense is not None
        and sense.key == SenseKey.ABORTED_COMMAND
        and sense.additional == AdditionalSense.ECHO_BUFFER_OVERWRITTEN
    )


def read_own(session: Session, length: int) -> bytes:
    """Return what this nexus wrote; skip if another initiator has overwritten it."""
    result = read(session, length)
    if is_overwritten(result):
        pytest.skip("not applicable: another initiator has written the echo buffer")
    expect_good(result)
    return result.data


@pytest.mark.requirement("SPC4-6.18-01")
def test_the_echo_buffer_returns_what_was_written(echo: EchoBuffer) -> None:
    """READ BUFFER returns the bytes that WRITE BUFFER stored, also the second time."""
    session = echo.medium.session
    for seed in (1, 2):
        data = echo.bytes_of(seed)
        write(session, data)

        expect_data(read_own(session, len(data)), data, what="the bytes written")


@pytest.mark.requirement("SPC4-6.18-02")
def test_a_short_allocation_length_returns_the_beginning(echo: EchoBuffer) -> None:
    """A READ BUFFER of half of the data returns the first half."""
    session, data = echo.medium.session, echo.bytes_of(3)
    write(session, data)
    half = len(data) // 2

    expect_data(read_own(session, half), data[:half], what="the first half")


@pytest.mark.requirement("SPC4-6.18-03")
def test_an_unwritten_echo_buffer_is_not_read(
    kept: EchoBuffer, open_session: OpenSession
) -> None:
    """A nexus that has not written the echo buffer reads none of it."""
    write(kept.medium.session, kept.bytes_of(4))
    stranger = open_session(lun=kept.medium.disk.lun)

    result = read(stranger, LENGTH)

    if not is_overwritten(result):
        expect_illegal_request(result, AdditionalSense.COMMAND_SEQUENCE_ERROR)


@pytest.mark.requirement("SPC4-6.18-04")
def test_data_of_other_initiators_is_not_returned(
    kept: EchoBuffer, open_session: OpenSession
) -> None:
    """A nexus reads its own data, or is informed that it was overwritten."""
    session = kept.medium.session
    own, others = kept.bytes_of(5), kept.bytes_of(6)
    other = open_session(lun=kept.medium.disk.lun)
    write(session, own)
    write(other, others)

    result = read(session, len(own))

    if not is_overwritten(result):
        expect_good(result)
        expect_data(result.data, own, what="the nexus's own bytes")
    expect_data(read_own(other, len(others)), others, what="the other nexus's bytes")


@pytest.mark.requirement("SPC4-6.18-05")
def test_the_capacity_is_a_multiple_of_four(echo: EchoBuffer) -> None:
    """BUFFER CAPACITY of the echo buffer descriptor is a multiple of 4 bytes."""
    capacity = echo.descriptor.capacity
    check(capacity % ALIGNMENT == 0, "a multiple of 4 bytes", f"{capacity} bytes")


@pytest.mark.requirement("SPC4-6.49-01")
def test_more_than_the_capacity_is_refused(echo: EchoBuffer) -> None:
    """WRITE BUFFER refuses more data than the echo buffer holds."""
    session = echo.medium.session
    write(session, echo.bytes_of(7))
    length = echo.descriptor.capacity + ALIGNMENT
    command = cdb.write_buffer(mode=BufferMode.ECHO, parameter_list_length=length)

    result = session.execute(command, write=bytes(length))

    key = result.sense.key if result.sense else None
    check(key == SenseKey.ILLEGAL_REQUEST, "ILLEGAL REQUEST", result)
