# SPDX-License-Identifier: GPL-2.0-only
"""Mode parameter lists and pages (SPC-4 section 7.5, SBC-3 section 6.5)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure

ALL_PAGES = 0x3F
ALL_SUBPAGES = 0xFF

_WP, _DPOFUA = 0x80, 0x10
_SHORT_BLOCK, _LONG_BLOCK = 8, 16


class PageControl(IntEnum):
    """PC: which values MODE SENSE is to return (SPC-4 section 6.11.1)."""

    CURRENT = 0
    CHANGEABLE = 1
    DEFAULT = 2
    SAVED = 3


class ModePage(IntEnum):
    """PAGE CODE of the pages that this module knows."""

    READ_WRITE_ERROR_RECOVERY = 0x01
    DISCONNECT_RECONNECT = 0x02
    CACHING = 0x08
    CONTROL = 0x0A
    INFORMATIONAL_EXCEPTIONS_CONTROL = 0x1C


READ_WRITE_ERROR_RECOVERY = Structure(
    "Read-Write Error Recovery mode page",
    12,
    awre=(2, 7, 1),
    arre=(2, 6, 1),
    tb=(2, 5, 1),
    rc=(2, 4, 1),
    eer=(2, 3, 1),
    per=(2, 2, 1),
    dte=(2, 1, 1),
    read_retry_count=(3, 7, 8),
    lbpere=(7, 7, 1),
    write_retry_count=(8, 7, 8),
    recovery_time_limit=(10, 7, 16),
)
DISCONNECT_RECONNECT = Structure(
    "Disconnect-Reconnect mode page",
    16,
    buffer_full_ratio=(2, 7, 8),
    buffer_empty_ratio=(3, 7, 8),
    maximum_burst_size=(10, 7, 16),
    first_burst_size=(14, 7, 16),
)
CACHING = Structure(
    "Caching mode page",
    20,
    ic=(2, 7, 1),
    wce=(2, 2, 1),
    mf=(2, 1, 1),
    rcd=(2, 0, 1),
    dra=(12, 5, 1),
    nv_dis=(12, 0, 1),
)
CONTROL = Structure(
    "Control mode page",
    12,
    tst=(2, 7, 3),
    tmf_only=(2, 4, 1),
    dpicz=(2, 3, 1),
    d_sense=(2, 2, 1),
    gltsd=(2, 1, 1),
    rlec=(2, 0, 1),
    queue_algorithm_modifier=(3, 7, 4),
    nuar=(3, 3, 1),
    qerr=(3, 2, 2),
    rac=(4, 6, 1),
    ua_intlck_ctrl=(4, 5, 2),
    swp=(4, 3, 1),
    ato=(5, 7, 1),
    tas=(5, 6, 1),
    atmpe=(5, 5, 1),
    rwwp=(5, 4, 1),
    autoload_mode=(5, 2, 3),
    busy_timeout_period=(8, 7, 16),
    extended_self_test_completion_time=(10, 7, 16),
)
INFORMATIONAL_EXCEPTIONS = Structure(
    "Informational Exceptions Control mode page",
    12,
    perf=(2, 7, 1),
    ebf=(2, 5, 1),
    ewasc=(2, 4, 1),
    dexcpt=(2, 3, 1),
    test=(2, 2, 1),
    ebackerr=(2, 1, 1),
    logerr=(2, 0, 1),
    mrie=(3, 3, 4),
    interval_timer=(4, 7, 32),
    report_count=(8, 7, 32),
)

STRUCTURES = {
    ModePage.READ_WRITE_ERROR_RECOVERY: READ_WRITE_ERROR_RECOVERY,
    ModePage.DISCONNECT_RECONNECT: DISCONNECT_RECONNECT,
    ModePage.CACHING: CACHING,
    ModePage.CONTROL: CONTROL,
    ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL: INFORMATIONAL_EXCEPTIONS,
}
"""The fields of each page, counted from its first byte as T10 does."""


@dataclass(frozen=True, slots=True)
class Page:
    """One mode page: its codes and what follows the page length."""

    code: int
    body: bytes
    subpage: int | None = None
    """SUBPAGE CODE, or None for the page_0 format."""
    is_savable: bool = False

    def build(self) -> bytes:
        """Return the page."""
        head = self.is_savable << 7 | self.code
        if self.subpage is None:
            return struct.pack(">BB", head, len(self.body)) + self.body
        return (
            struct.pack(">BBH", head | 0x40, self.subpage, len(self.body)) + self.body
        )

    @classmethod
    def of(cls, code: ModePage, **values: int) -> Self:
        """Return a page with its fields by name."""
        return cls(code, STRUCTURES[code].build(**values)[2:])

    @property
    def fields(self) -> dict[str, int]:
        """The page's fields by name.

        Raises:
            DecodeError: the page is not one that this module knows, or too short.
        """
        if self.subpage is not None or self.code not in STRUCTURES:
            raise DecodeError(
                f"no fields are known for mode page {self.code:#04x}",
                field="PAGE CODE",
                data=self.body,
            )
        return STRUCTURES[ModePage(self.code)].parse(b"\0\0" + self.body)


@dataclass(frozen=True, slots=True)
class BlockDescriptor:
    """A block descriptor, short or long (SBC-3 section 6.5.2)."""

    blocks: int
    block_length: int

    def build(self, *, is_long: bool) -> bytes:
        """Return the descriptor."""
        if is_long:
            return struct.pack(">Q4xI", self.blocks, self.block_length)
        blocks = min(self.blocks, 0xFFFFFFFF)
        return struct.pack(">II", blocks, self.block_length)


@dataclass(frozen=True, slots=True)
class ModeParameters:
    """A mode parameter list: header, block descriptors, pages."""

    pages: tuple[Page, ...] = ()
    block_descriptors: tuple[BlockDescriptor, ...] = ()
    medium_type: int = 0
    is_write_protected: bool = False
    dpofua: bool = False
    is_long_lba: bool = False
    mode_data_length: int | None = None
    """Computed if None; reserved in MODE SELECT."""

    def _parts(self) -> tuple[int, bytes, bytes]:
        device = (_WP if self.is_write_protected else 0) | (
            _DPOFUA if self.dpofua else 0
        )
        descriptors = b"".join(
            entry.build(is_long=self.is_long_lba) for entry in self.block_descriptors
        )
        return device, descriptors, b"".join(page.build() for page in self.pages)

    def build_6(self) -> bytes:
        """Return the list with the header of the 6 byte commands."""
        device, descriptors, pages = self._parts()
        length = self.mode_data_length
        if length is None:
            length = min(3 + len(descriptors) + len(pages), 0xFF)
        head = struct.pack(">BBBB", length, self.medium_type, device, len(descriptors))
        return head + descriptors + pages

    def build_10(self) -> bytes:
        """Return the list with the header of the 10 byte commands."""
        device, descriptors, pages = self._parts()
        length = self.mode_data_length
        if length is None:
            length = 6 + len(descriptors) + len(pages)
        head = struct.pack(
            ">HBBBxH",
            length,
            self.medium_type,
            device,
            self.is_long_lba,
            len(descriptors),
        )
        return head + descriptors + pages


def parse_6(data: bytes | memoryview) -> ModeParameters:
    """Read a mode parameter list with the header of the 6 byte commands.

    Raises:
        DecodeError: something is cut short.
    """
    data = bytes(data)
    _require(data, 0, 4, "header")
    length, medium_type, device, descriptors = data[:4]
    return _parse(data, 4, length, medium_type, device, descriptors, is_long=False)


def parse_10(data: bytes | memoryview) -> ModeParameters:
    """Read a mode parameter list with the header of the 10 byte commands.

    Raises:
        DecodeError: something is cut short.
    """
    data = bytes(data)
    _require(data, 0, 8, "header")
    length, medium_type, device, flags, descriptors = struct.unpack_from(
        ">HBBBxH", data
    )
    return _parse(
        data, 8, length, medium_type, device, descriptors, is_long=bool(flags & 1)
    )


def _require(data: bytes, offset: int, length: int, field: str) -> None:
    if len(data) < offset + length:
        raise DecodeError(
            f"{field} cut short: {len(data) - offset} bytes instead of {length}",
            offset=offset,
            field=field,
            data=data,
        )


def _parse(
    data: bytes,
    offset: int,
    length: int,
    medium_type: int,
    device: int,
    descriptors: int,
    *,
    is_long: bool,
) -> ModeParameters:
    size = _LONG_BLOCK if is_long else _SHORT_BLOCK
    _require(data, offset, descriptors, "BLOCK DESCRIPTOR LENGTH")
    if descriptors % size:
        raise DecodeError(
            f"BLOCK DESCRIPTOR LENGTH {descriptors} is not a multiple of {size}",
            offset=offset - 1,
            field="BLOCK DESCRIPTOR LENGTH",
            data=data,
        )
    code = ">Q4xI" if is_long else ">II"
    # In the short form the length has three bytes, after a reserved byte.
    blocks = tuple(
        BlockDescriptor(count, block_length if is_long else block_length & 0xFFFFFF)
        for count, block_length in struct.iter_unpack(
            code, data[offset : offset + descriptors]
        )
    )
    return ModeParameters(
        pages=tuple(parse_pages(data, offset + descriptors)),
        block_descriptors=blocks,
        medium_type=medium_type,
        is_write_protected=bool(device & _WP),
        dpofua=bool(device & _DPOFUA),
        is_long_lba=is_long,
        mode_data_length=length,
    )


def parse_pages(data: bytes, offset: int = 0) -> Iterable[Page]:
    """Read the mode pages from an offset to the end of the data.

    Raises:
        DecodeError: a page is cut short.
    """
    while offset < len(data):
        head = data[offset]
        subpage = None
        if head & 0x40:
            _require(data, offset, 4, "mode page header")
            subpage, length = struct.unpack_from(">BH", data, offset + 1)
            body = offset + 4
        else:
            _require(data, offset, 2, "mode page header")
            length, body = data[offset + 1], offset + 2
        _require(data, body, length, "PAGE LENGTH")
        yield Page(head & 0x3F, data[body : body + length], subpage, bool(head & 0x80))
        offset = body + length
