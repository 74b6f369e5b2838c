# SPDX-License-Identifier: GPL-2.0-only
"""The decisions about the Response Fence (RFC 7143 section 4.2.2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reftarget.ruleset import RuleSet


class Fenced(StrEnum):
    """The responses that section 4.2.2.3.4 lists, but for those of aborts."""

    PREEMPT = "of PREEMPT AND ABORT"
    ATTENTION = "the unit attention after an abort of many tasks"
    ACA = "what establishes ACA"
    ACA_ACTIVE = "the first ACA ACTIVE"
    CLEAR_ACA = "of CLEAR ACA"


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceRules(RuleSet):
    """The decisions about the Response Fence."""

    is_raised: bool = True
    """A session of several connections has fences (section 4.2.2.3.3)."""
    waits_for_acknowledgement: bool = True
    """A fence ends when its response is acknowledged (section 4.2.2.3.3)."""
    fenced: frozenset[Fenced] = frozenset(Fenced)
    """The responses that are fenced (section 4.2.2.3.4)."""
