# SPDX-License-Identifier: GPL-2.0-only
"""The definition of a fault: one row."""

from __future__ import annotations

from dataclasses import dataclass

from reftarget.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Variant):
    """One wrong behaviour."""

    breaks: tuple[str, ...]
    """The IDs of all requirements that it breaks, each of which needs a check that
    notices it.

    The first one gives the fault its name; it breaks the others by the same act.
    """
    also: str = ""
    """Why checks of other requirements rightly notice it, too; empty if none does."""

    needs: tuple[str, ...] = ()
    """The parameters of the smallest combination that provokes it, sorted.

    They are text keys, and "TCP segments" for how the initiator's stream is cut. If
    empty, plain sessions show it.
    """

    @property
    def strength(self) -> int:
        """The `--strength` at which its checks always notice it."""
        return 3 if self.needs else 1

    @property
    def requirement(self) -> str:
        """The ID of the requirement that gives it its name."""
        return self.breaks[0]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The IDs of all requirements that it breaks."""
        return self.breaks

    @property
    def description(self) -> str:
        """A sentence about the behaviour of the target."""
        return self.says
