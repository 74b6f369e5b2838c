# SPDX-License-Identifier: GPL-2.0-only
"""What a fault is: one row."""

from __future__ import annotations

from dataclasses import dataclass

from reftarget.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Variant):
    """One wrong behaviour."""

    breaks: tuple[str, ...]
    """The IDs of all requirements that it breaks: a check of each must notice it.

    The first is the one that the fault is named for; it breaks the others by the same
    act.
    """
    also: str = ""
    """Why checks of other requirements rightly notice it, too; empty: none does."""

    needs: tuple[str, ...] = ()
    """The parameters of the smallest combination that provokes it, sorted.

    They are text keys, and "TCP segments" for how the initiator's stream is cut. Empty:
    plain sessions show it.
    """

    @property
    def strength(self) -> int:
        """The `--strength` at which its checks are sure to notice it."""
        return 3 if self.needs else 1

    @property
    def requirement(self) -> str:
        """The ID of the requirement that it is named for."""
        return self.breaks[0]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The IDs of all that it breaks."""
        return self.breaks

    @property
    def description(self) -> str:
        """What the target then does, in a sentence."""
        return self.says
