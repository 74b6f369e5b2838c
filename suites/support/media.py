# SPDX-License-Identifier: GPL-2.0-only
"""Commands to the medium: each kind in all its lengths, and their results."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from initiator.expect import expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from suites.plugins.sessions import Disk
from suites.support.applicability import skip_without

READS = (cdb.read_6, cdb.read_10, cdb.read_12, cdb.read_16)
WRITES = (cdb.write_6, cdb.write_10, cdb.write_12, cdb.write_16)
WRITES_AND_VERIFIES = (
    cdb.write_and_verify_10,
    cdb.write_and_verify_12,
    cdb.write_and_verify_16,
)
VERIFIES = (cdb.verify_10, cdb.verify_12, cdb.verify_16)
BYTCHK_ALL = 0b01

_LARGEST = {
    cdb.read_6: (1 << 21) - 1,
    cdb.write_6: (1 << 21) - 1,
}


def name(layout: Layout) -> str:
    """Return the test ID of a command."""
    return layout.name.lower().replace(" ", "-").replace("(", "").replace(")", "")


@dataclass(frozen=True, slots=True)
class Medium:
    """A scratch disk and a session with it, with methods to transfer blocks.

    Attributes:
        session: the session.
        disk: the disk.
    """

    session: Session
    disk: Disk

    def blocks(self, count: int, seed: int = 1) -> bytes:
        """Return data for some blocks, which differs for each seed."""
        size = count * self.disk.block_size
        step = bytes((seed * 31 + i * 7 + (i >> 8)) & 0xFF for i in range(4096))
        return (step * (size // len(step) + 1))[:size]

    def read(self, lba: int, count: int) -> bytes:
        """Return the data of READ (10), or of READ (16) for a large LBA."""
        layout = cdb.read_10 if lba + count < 1 << 32 else cdb.read_16
        return self.read_by(layout, lba, count)

    def read_by(self, layout: Layout, lba: int, count: int) -> bytes:
        """Return the data of a READ."""
        skip_without(self.session, layout)
        result = self.session.execute(
            layout(lba=lba, blocks=count), read=count * self.disk.block_size
        )
        expect_good(result)
        return result.data

    def write(self, lba: int, data: bytes) -> None:
        """Write by WRITE (10), or by WRITE (16) for a large LBA."""
        count = len(data) // self.disk.block_size
        layout = cdb.write_10 if lba + count < 1 << 32 else cdb.write_16
        expect_good(self.send(layout, lba, data))

    def send(self, layout: Layout, lba: int, data: bytes, **fields: int) -> Result:
        """Send a command with a block of data for each block it names."""
        skip_without(self.session, layout)
        count = len(data) // self.disk.block_size
        return self.session.execute(layout(lba=lba, blocks=count, **fields), write=data)

    def last(self, layout: Layout) -> int:
        """Return the last block; skip if the LBA of a command cannot reach it."""
        last = self.disk.blocks - 1
        field = layout.structure.fields["lba"]
        if last >= 1 << field.width:
            pytest.skip(f"not applicable: {layout.name} does not reach the last block")
        return last


Request = Callable[[Medium, Layout, int, int], Result]


def without_data(medium: Medium, layout: Layout, lba: int, count: int) -> Result:
    """Send a command without data."""
    skip_without(medium.session, layout)
    return medium.session.execute(layout(lba=lba, blocks=count))


def reading(medium: Medium, layout: Layout, lba: int, count: int) -> Result:
    """Send a command that reads."""
    skip_without(medium.session, layout)
    length = count * medium.disk.block_size
    return medium.session.execute(layout(lba=lba, blocks=count), read=length)


def asking(medium: Medium, layout: Layout, lba: int, _count: int) -> Result:
    """Send a command that requests the state of blocks from one on."""
    skip_without(medium.session, layout)
    return medium.session.execute(layout(lba=lba, allocation_length=24), read=24)


def writing(medium: Medium, layout: Layout, lba: int, count: int) -> Result:
    """Send a command that writes."""
    return medium.send(layout, lba, medium.blocks(count, seed=9))


def comparing(medium: Medium, layout: Layout, lba: int, count: int) -> Result:
    """Send a command with twice its blocks of data."""
    skip_without(medium.session, layout)
    data = medium.blocks(count, seed=9) * 2
    return medium.session.execute(layout(lba=lba, blocks=count), write=data)


def repeating(medium: Medium, layout: Layout, lba: int, count: int) -> Result:
    """Send a command with one block of data."""
    skip_without(medium.session, layout)
    data = medium.blocks(1, seed=9)
    return medium.session.execute(layout(lba=lba, blocks=count), write=data)


ADDRESSING: tuple[tuple[Layout, Request], ...] = (
    *((layout, reading) for layout in READS),
    *((layout, writing) for layout in (*WRITES, *WRITES_AND_VERIFIES)),
    *((layout, without_data) for layout in VERIFIES),
    (cdb.pre_fetch_10, without_data),
    (cdb.pre_fetch_16, without_data),
    (cdb.synchronize_cache_10, without_data),
    (cdb.synchronize_cache_16, without_data),
    (cdb.get_lba_status, asking),
    (cdb.orwrite, writing),
    (cdb.compare_and_write, comparing),
    (cdb.write_same_10, repeating),
    (cdb.write_same_16, repeating),
)
"""Every command with an LBA and a number of blocks, and how it is sent."""

WRITING: tuple[tuple[Layout, Request], ...] = tuple(
    (layout, send)
    for layout, send in ADDRESSING
    if send in (writing, comparing, repeating)
)
"""Those among them that write."""
