# SPDX-License-Identifier: GPL-2.0-only
"""A device server to send commands to, without an iSCSI layer."""

from pathlib import Path
from typing import Any

from iscsi.constants import TaskAttribute
from iscsi.scsi import sense
from iscsi.scsi.sense import AdditionalSense, Sense
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.device import DeviceServer
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Task, completed

TARGET = "iqn.2001-04.com.example:disk"
HOST, OTHER = (
    Nexus(f"iqn.2001-04.com.example:{name}", bytes(6), TARGET, 1)
    for name in ("host", "other")
)
BLOCK = 512
BLOCKS = 2048
A, B = b"a" * BLOCK, b"b" * BLOCK


class Disk:
    """One logical unit that both nexuses have seen, at LUN 0 by default."""

    def __init__(self, *, directory: Path | None = None, **config: Any) -> None:
        config = {"lun": 0, "size": BLOCKS * BLOCK} | config
        self.device = DeviceServer(
            TARGET, [LogicalUnitConfig(**config)], state_directory=directory
        )
        self.lun = config["lun"]
        self.unit = self.device.units[self.lun]
        self.now = 0.0
        for nexus in (HOST, OTHER):
            self.unit.attentions.pending(nexus).clear()

    def start(
        self,
        command: bytes,
        data: bytes = b"",
        *,
        nexus: Nexus = HOST,
        lun: int | None = None,
        attribute: TaskAttribute = TaskAttribute.SIMPLE,
    ) -> Outcome | DataOutNeeded:
        """Send a command and return the first answer."""
        place = self.lun if lun is None else lun
        task = Task(nexus, place, command.ljust(16, b"\0"), attribute, len(data))
        answer = self.device.start(task, self.now)
        return answer if isinstance(answer, DataOutNeeded) else completed(answer)

    def run(self, command: bytes, data: bytes = b"", **kwargs: Any) -> Outcome:
        """Send a command with its data and return what it came to."""
        answer = self.start(command, data, **kwargs)
        if isinstance(answer, DataOutNeeded):
            answer = completed(answer.finish(data[: answer.length]))
        return answer

    def good(self, command: bytes, data: bytes = b"", **kwargs: Any) -> bytes:
        """Send a command that must succeed and return its data."""
        outcome = self.run(command, data, **kwargs)
        assert outcome.status is SCSIStatus.GOOD, sense.parse(outcome.sense)
        assert isinstance(outcome.data_in, bytes | memoryview)
        return bytes(outcome.data_in)

    def refused(self, command: bytes, data: bytes = b"", **kwargs: Any) -> Sense:
        """Send a command that must fail and return its sense data."""
        outcome = self.run(command, data, **kwargs)
        assert outcome.status is SCSIStatus.CHECK_CONDITION
        assert not outcome.data_in
        return sense.parse(outcome.sense)

    def refusal(
        self, command: bytes, data: bytes = b"", **kwargs: Any
    ) -> AdditionalSense | None:
        """Send a command that must fail and return the name of the reason."""
        return self.refused(command, data, **kwargs).additional
