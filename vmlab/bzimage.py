# SPDX-License-Identifier: GPL-2.0-only
"""ELF kernels in bzImages: an ELF file starts faster under emulation.

The header is that of the Linux/x86 boot protocol.
"""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from vmlab.errors import LabError

_ELF = b"\x7fELF"
_BOOT_MAGIC = 0x202
_VERSION_WITH_PAYLOAD = 0x0208

_UNPACK: Mapping[bytes, Callable[[bytes], bytes]] = MappingProxyType(
    {
        b"\xfd7zXZ\0": lambda data: lzma.LZMADecompressor().decompress(data),
        b"\x1f\x8b": gzip.decompress,
        b"BZh": bz2.decompress,
        b"\x5d\0\0": lambda data: lzma.LZMADecompressor().decompress(data),
    }
)


def is_elf(path: Path) -> bool:
    """Tell whether a file is an ELF file."""
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


def extract(image: bytes) -> bytes:
    """Return the ELF kernel within a bzImage.

    Raises:
        LabError: it is not a bzImage, or its compression is unknown.
    """
    if image.startswith(_ELF):
        return image
    is_boot = image[_BOOT_MAGIC : _BOOT_MAGIC + 4] == b"HdrS"
    if not is_boot or struct.unpack_from("<H", image, 0x206)[0] < _VERSION_WITH_PAYLOAD:
        raise LabError("the kernel is not a bzImage of boot protocol 2.08 or later")
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    # The last four bytes are the uncompressed length.
    payload = image[start : start + length]
    for magic, unpack in _UNPACK.items():
        if payload.startswith(magic):
            kernel = unpack(payload[:-4])
            if kernel.startswith(_ELF):
                return kernel
    raise LabError(
        f"the kernel's compression is unknown ({payload[:4].hex()})",
        hint="build it with CONFIG_KERNEL_XZ or CONFIG_KERNEL_GZIP",
    )
