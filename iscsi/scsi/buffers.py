# SPDX-License-Identifier: GPL-2.0-only
"""READ BUFFER and WRITE BUFFER: the echo buffer (SPC-4 sections 6.18 and 6.49)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from iscsi.errors import DecodeError

DESCRIPTOR_LENGTH = 4
ALIGNMENT = 4
"""The capacity of an echo buffer is a multiple of as many bytes."""
_CAPACITY = 0x1FFF


class BufferMode(IntEnum):
    """MODE of both commands, as far as the echo buffer is concerned."""

    ECHO = 0x0A
    """Write the echo buffer, or read what was written to it."""
    ECHO_DESCRIPTOR = 0x0B
    """Read the echo buffer descriptor; READ BUFFER alone has this mode."""


@dataclass(frozen=True, slots=True)
class EchoDescriptor:
    """The echo buffer descriptor."""

    capacity: int
    """Bytes, at most 8191; 0: there is no echo buffer."""
    is_kept: bool
    """EBOS: what one nexus wrote is never returned as another's: each has a buffer of
    its own, or is informed that its data was overwritten."""

    def build(self) -> bytes:
        """Return the descriptor: 4 bytes."""
        return bytes([int(self.is_kept), 0, *(self.capacity & _CAPACITY).to_bytes(2)])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a descriptor of at least 4 bytes.

        Raises:
            DecodeError: it is shorter.
        """
        if len(data) < DESCRIPTOR_LENGTH:
            raise DecodeError(
                f"an echo buffer descriptor has {DESCRIPTOR_LENGTH} bytes, "
                f"not {len(data)}",
                offset=len(data),
            )
        capacity = int.from_bytes(data[2:4]) & _CAPACITY
        return cls(capacity, bool(data[0] & 1))
