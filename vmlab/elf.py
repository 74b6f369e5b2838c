# SPDX-License-Identifier: GPL-2.0-only
"""ELF files, told from others."""

from pathlib import Path

MAGIC = b"\x7fELF"
"""How they begin."""


def is_elf(path: Path) -> bool:
    """Tell whether a file is one."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
