# SPDX-License-Identifier: GPL-2.0-only
"""The faults of READ BUFFER and WRITE BUFFER."""

from __future__ import annotations

from typing import Final

from reftarget.faults.row import Fault
from reftarget.scsi.rules import BufferRules

BUFFERS: Final = (
    Fault(
        name="echo-buffer-changes-its-data",
        breaks=("SPC4-6.18-01",),
        says="Returns what was written to the echo buffer with the last byte inverted.",
        rules=BufferRules(
            echoed=lambda data: data[:-1] + bytes(byte ^ 0xFF for byte in data[-1:])
        ),
    ),
    Fault(
        name="echo-buffer-is-cut-at-its-beginning",
        breaks=("SPC4-6.18-02",),
        says="Returns the end of the echo buffer where the allocation length is short.",
        rules=BufferRules(cut=lambda data, room: data[max(len(data) - room, 0) :]),
    ),
    Fault(
        name="unwritten-echo-buffer-is-read",
        breaks=("SPC4-6.18-03",),
        says="Returns zeros from an echo buffer that was never written.",
        rules=BufferRules(unwritten=bytes(64)),
    ),
    Fault(
        name="echo-buffer-shows-others-data",
        breaks=("SPC4-6.18-04", "SPC4-6.18-03"),
        says="Returns what another nexus wrote to the echo buffer, though EBOS is 1.",
        rules=BufferRules(is_each_its_own=False),
    ),
    Fault(
        name="echo-buffer-capacity-is-odd",
        breaks=("SPC4-6.18-05",),
        says="Reports 4095 bytes as the capacity of its echo buffer.",
        rules=BufferRules(shown_capacity=4095, maximum=4095),
    ),
    Fault(
        name="echo-buffer-takes-any-length",
        breaks=("SPC4-6.49-01",),
        says="Takes more data for the echo buffer than its capacity.",
        rules=BufferRules(maximum=1 << 24),
    ),
)
