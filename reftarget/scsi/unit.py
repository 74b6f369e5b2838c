# SPDX-License-Identifier: GPL-2.0-only
"""A logical unit: its medium, its mode, its reservations and its unit attentions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reftarget.scsi.attention import Attentions

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.scsi.sense import AdditionalSense
    from reftarget.scsi.commands import Reservations
    from reftarget.scsi.config import LogicalUnitConfig
    from reftarget.scsi.task import Nexus


class LogicalUnit:
    """The state that the handlers of commands work on."""

    def __init__(
        self,
        config: LogicalUnitConfig,
        target_name: str,
        *,
        abort_tasks: Callable[[int, Nexus], None],
    ) -> None:
        self.config = config
        self.target_name = target_name
        self.attentions = Attentions()
        self.reservations: Reservations
        self._abort_tasks = abort_tasks

    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Queue a unit attention for one nexus."""
        self.attentions.establish(nexus, additional)

    def abort_tasks(self, nexus: Nexus) -> None:
        """Abort the nexus's tasks on this unit."""
        self._abort_tasks(self.config.lun, nexus)
