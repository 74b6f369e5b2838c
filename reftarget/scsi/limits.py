# SPDX-License-Identifier: GPL-2.0-only
"""How much one command may ask for, as the Block Limits VPD page says it."""

MAXIMUM_TRANSFER = 32 << 20
"""Bytes that one command moves at most: a bound on what a peer can make us hold."""

STEP = 4 << 20
"""Bytes that are written or compared before others have their turn."""
UNMAP_STEP = 256 << 20
"""Bytes that are unmapped before others have their turn."""

COMPARE_AND_WRITE_BLOCKS = 255
ATOMIC_BLOCKS = 256
WRITE_SAME_BLOCKS = 0x10000
UNMAP_BLOCKS = 0xFFFFFFFF
UNMAP_DESCRIPTORS = 256
OVERWRITE_BYTES = 1 << 30
"""The largest medium that SANITIZE (OVERWRITE) is offered on."""
ECHO_BYTES = 4096
"""The capacity of a nexus's echo buffer."""
COPY_CSCDS = 16
COPY_SEGMENTS = 16
