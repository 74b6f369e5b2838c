# SPDX-License-Identifier: GPL-2.0-only
"""Kernels taken out of their bzImage."""

import gzip
import lzma
import struct
from collections.abc import Callable

import pytest

from vmlab import bzimage
from vmlab.errors import LabError

KERNEL = b"\x7fELF" + bytes(range(256)) * 40


def image(payload: bytes, version: int = 0x20F) -> bytes:
    setup_sectors = 3
    start = bytearray((setup_sectors + 1) * 512)
    start[0x1F1] = setup_sectors
    start[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", start, 0x206, version)
    struct.pack_into("<II", start, 0x248, 16, len(payload))
    return bytes(start) + bytes(16) + payload + b"what follows"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_the_kernel_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    payload = pack(KERNEL) + struct.pack("<I", len(KERNEL))

    assert bzimage.extract(image(payload)) == KERNEL


def test_an_uncompressed_kernel_is_left_as_it_is() -> None:
    assert bzimage.extract(KERNEL) == KERNEL


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ" + bytes(2000), "not a bzImage"),
        (image(gzip.compress(KERNEL, mtime=0) + bytes(4), version=0x200), "2.08"),
        (image(b"\x28\xb5\x2f\xfd" + bytes(60)), "compression is unknown"),
        (
            image(gzip.compress(b"no kernel", mtime=0) + bytes(4)),
            "compression is unknown",
        ),
    ],
    ids=["other-file", "old-protocol", "zstd", "other-content"],
)
def test_what_is_no_kernel_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(LabError, match=words):
        bzimage.extract(data)
