# SPDX-License-Identifier: GPL-2.0-only
import pytest

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.buffers import BufferMode, EchoDescriptor


def test_a_descriptor_is_built_and_parsed() -> None:
    descriptor = EchoDescriptor(capacity=4096, is_kept=True)

    assert descriptor.build() == bytes.fromhex("01001000")
    assert EchoDescriptor.parse(descriptor.build()) == descriptor


def test_reserved_bits_and_further_bytes_are_ignored() -> None:
    parsed = EchoDescriptor.parse(bytes.fromhex("fefff004aa"))

    assert parsed == EchoDescriptor(capacity=0x1004, is_kept=False)


def test_a_short_descriptor_is_refused() -> None:
    with pytest.raises(DecodeError, match="4 bytes, not 3"):
        EchoDescriptor.parse(bytes(3))


def test_the_commands_hold_24_bits_of_length() -> None:
    read = cdb.read_buffer(mode=BufferMode.ECHO, allocation_length=0x010203)
    write = cdb.write_buffer(
        mode=BufferMode.ECHO, buffer_offset=4, parameter_list_length=0x030201
    )

    assert read == bytes.fromhex("3c0a0000000001020300")
    assert write == bytes.fromhex("3b0a0000000403020100")
