# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of READ BUFFER and WRITE BUFFER (SPC-4 sections 6.18 and 6.49)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reftarget.ruleset import RuleSet
from reftarget.scsi import limits


def echoed(data: bytes) -> bytes:
    """Return what is read of what was written to the echo buffer (section 6.18)."""
    return data


def cut(data: bytes, allocation_length: int) -> bytes:
    """Return the part of the echo buffer that is transferred (section 6.18)."""
    return data[:allocation_length]


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferRules(RuleSet):
    """The decisions of the echo buffers."""

    echoed: Callable[[bytes], bytes] = echoed
    cut: Callable[[bytes, int], bytes] = cut
    unwritten: bytes | None = None
    """What a nexus reads that has not written; None: it is refused (section 6.18)."""
    is_each_its_own: bool = True
    """A nexus reads only what it has written itself, as EBOS says (section 6.18)."""
    shows_ebos: bool = True
    """EBOS of the echo buffer descriptor (section 6.18)."""
    reports_overwriting: bool = False
    """The data of a nexus is gone when another one writes (section 6.18)."""
    shown_capacity: int = limits.ECHO_BYTES
    """BUFFER CAPACITY of the echo buffer descriptor (section 6.18)."""
    maximum: int = limits.ECHO_BYTES
    """How many bytes WRITE BUFFER takes (section 6.49)."""
