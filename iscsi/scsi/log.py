# SPDX-License-Identifier: GPL-2.0-only
"""Log pages (SPC-4 section 7.3)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from iscsi.errors import DecodeError

ALL_SUBPAGES = 0xFF


class LogPage(IntEnum):
    """PAGE CODE of the pages that this module names."""

    SUPPORTED_LOG_PAGES = 0x00
    WRITE_ERROR_COUNTERS = 0x02
    READ_ERROR_COUNTERS = 0x03
    LOGICAL_BLOCK_PROVISIONING = 0x0C
    TEMPERATURE = 0x0D
    INFORMATIONAL_EXCEPTIONS = 0x2F


@dataclass(frozen=True, slots=True)
class Parameter:
    """One log parameter."""

    code: int
    value: bytes
    control: int = 0x03
    """DU, TSD, ETC, TMC and FORMAT AND LINKING; 03h is a binary list parameter."""

    def build(self) -> bytes:
        """Return the parameter."""
        head = struct.pack(">HBB", self.code, self.control, len(self.value))
        return head + self.value


@dataclass(frozen=True, slots=True)
class Page:
    """A log page as codes and body."""

    code: int
    body: bytes
    subpage: int = 0
    spf: bool = False

    def build(self) -> bytes:
        """Return the page."""
        head = self.spf << 6 | self.code
        return struct.pack(">BBH", head, self.subpage, len(self.body)) + self.body

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Self:
        """Read any page.

        Raises:
            DecodeError: it is shorter than it says.
        """
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            raise DecodeError(
                f"log page of {len(data)} bytes that should have {4 + length}",
                offset=len(data),
                field="PAGE LENGTH",
                data=bytes(data),
            )
        return cls(
            data[0] & 0x3F, bytes(data[4 : 4 + length]), data[1], bool(data[0] & 0x40)
        )

    @property
    def parameters(self) -> list[Parameter]:
        """The body as log parameters.

        Raises:
            DecodeError: a parameter is cut short.
        """
        entries = []
        offset = 0
        while offset < len(self.body):
            head = self.body[offset : offset + 4]
            end = offset + 4 + (head[3] if len(head) == 4 else 0)
            if len(head) < 4 or len(self.body) < end:
                raise DecodeError(
                    "log parameter cut short",
                    offset=offset,
                    field="PARAMETER LENGTH",
                    data=self.body,
                )
            code = int.from_bytes(head[:2], "big")
            entries.append(Parameter(code, self.body[offset + 4 : end], head[2]))
            offset = end
        return entries
