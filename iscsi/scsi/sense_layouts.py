# SPDX-License-Identifier: GPL-2.0-only
"""The layouts of sense data and of its descriptors (SPC-4 section 4.5)."""

from iscsi.scsi.layout import Structure

FIXED = Structure(
    "fixed format sense data",
    18,
    valid=(0, 7, 1),
    response_code=(0, 6, 7),
    sense_key=(2, 3, 4),
    information=(3, 7, 32),
    additional_length=(7, 7, 8),
    command_specific=(8, 7, 32),
    asc=(12, 7, 8),
    ascq=(13, 7, 8),
    specific=(15, 7, 24),
)
FIXED_MINIMUM = 8
"""Bytes of the fixed format without which its sense key is not known."""
DESCRIPTOR = Structure(
    "descriptor format sense data",
    8,
    response_code=(0, 6, 7),
    sense_key=(1, 3, 4),
    asc=(2, 7, 8),
    ascq=(3, 7, 8),
    additional_length=(7, 7, 8),
)
INFORMATION = Structure(
    "information sense data descriptor",
    12,
    type=(0, 7, 8),
    additional_length=(1, 7, 8),
    valid=(2, 7, 1),
    information=(4, 7, 64),
)
COMMAND_SPECIFIC = Structure(
    "command-specific information sense data descriptor",
    12,
    type=(0, 7, 8),
    additional_length=(1, 7, 8),
    command_specific=(4, 7, 64),
)
SPECIFIC = Structure(
    "sense key specific sense data descriptor",
    8,
    type=(0, 7, 8),
    additional_length=(1, 7, 8),
    specific=(4, 7, 24),
)
FIELD_POINTER = Structure(
    "field pointer sense key specific data",
    3,
    valid=(0, 7, 1),
    command_data=(0, 6, 1),
    bit_pointer_valid=(0, 3, 1),
    bit_pointer=(0, 2, 3),
    field_pointer=(1, 7, 16),
)
PROGRESS = Structure(
    "progress indication sense key specific data",
    3,
    valid=(0, 7, 1),
    progress_indication=(1, 7, 16),
)
DESCRIPTOR_HEADER = 2
"""Bytes of a descriptor that its ADDITIONAL LENGTH does not count."""
FIXED_CODES = FIXED_CURRENT, FIXED_DEFERRED = 0x70, 0x71
"""RESPONSE CODE of the fixed format."""

DESCRIPTOR_CODES = DESCRIPTOR_CURRENT, DESCRIPTOR_DEFERRED = 0x72, 0x73
"""RESPONSE CODE of the descriptor format."""
