# SPDX-License-Identifier: GPL-2.0-only
"""A logical unit and a command, and their interfaces to the layers above."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from reftarget.backing import open_backing
from reftarget.extents import ExtentSet
from reftarget.scsi import limits
from reftarget.scsi.attention import Attentions
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.config import naa_identifier, serial_number
from reftarget.scsi.copy_results import CopyResults
from reftarget.scsi.echo import EchoBuffers
from reftarget.scsi.modes import ModePages
from reftarget.scsi.port_groups import PortGroups
from reftarget.scsi.sanitizing import Sanitizing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from iscsi.scsi.layout import Layout
    from iscsi.scsi.reservation_conflicts import Access
    from reftarget.backing import Backing
    from reftarget.scsi.config import LogicalUnitConfig
    from reftarget.scsi.rules import SCSIRules
    from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Steps, Task
    from reftarget.turns import Turns

    Handler = Callable[["LogicalUnit", Task], Outcome | DataOutNeeded | Steps]


class Device(Protocol):
    """The interface of the device server for units and command handlers."""

    rules: SCSIRules
    now: float
    """The time of the command that is being handled, in seconds."""

    @property
    def target_name(self) -> str:
        """The iSCSI name, from which identifiers are derived."""

    @property
    def portal_group_tags(self) -> Sequence[int]:
        """The target ports, each with its portal group."""

    @property
    def state_directory(self) -> Path | None:
        """The folder of reservations for APTPL; None: APTPL is not offered."""

    @property
    def units(self) -> Mapping[int, LogicalUnit]:
        """Every logical unit, by its LUN."""

    @property
    def luns(self) -> list[int]:
        """The logical unit numbers, in order."""

    @property
    def turns(self) -> Turns:
        """Runs work that takes too long for one turn."""

    @property
    def abort_tasks(self) -> Callable[[int, Nexus], None]:
        """Aborts a nexus's tasks on the unit of a LUN."""


def always(_unit: LogicalUnit) -> bool:
    """The condition that every logical unit supports the command."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the device server's table."""

    layout: Layout
    handler: Handler
    access: Access
    unsupported: tuple[str, ...] = ()
    """Fields that must be zero because their feature is not offered."""
    ignored: tuple[str, ...] = ("group_number",)
    """Fields that may have any value and have no effect."""
    needs_medium: bool = True
    clears_attention: bool = True
    """False for commands that leave unit attentions pending (SAM-5 section 5.14)."""
    is_offered: Callable[[LogicalUnit], bool] = always
    """Whether a logical unit supports the command."""
    length: int = field(init=False)
    """The length of its CDB, in bytes."""
    usage: int = field(init=False)
    """CDB USAGE DATA as an integer, with ones in the bits that the device server
    evaluates."""
    forbidden: int = field(init=False)
    """An integer with ones in the bits that must be zero in a CDB."""

    def __post_init__(self) -> None:
        layout = self.layout
        silent = {"control", *self.unsupported, *self.ignored}
        mask = layout.structure.mask(
            *(name for name in layout.structure.fields if name not in silent)
        )
        mask |= 0xFF << 8 * (layout.length - 1)
        # Bits of CONTROL: NACA.
        mask |= layout.structure.mask("control") // 0xFF * 0x04
        free = layout.structure.mask(
            *(name for name in self.ignored if name in layout.structure.fields)
        )
        object.__setattr__(self, "length", layout.length)
        object.__setattr__(self, "usage", mask)
        object.__setattr__(
            self, "forbidden", ~(mask | free) & (1 << 8 * layout.length) - 1
        )

    @property
    def opcode(self) -> int:
        """OPERATION CODE."""
        return self.layout.opcode

    @property
    def service_action(self) -> int | None:
        """SERVICE ACTION, or None if the opcode alone identifies the command."""
        return self.layout.service_action


class ReservationHost(Protocol):
    """The interface of a logical unit for its reservation manager."""

    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Queue a unit attention for one nexus of this unit."""

    def abort_tasks(self, nexus: Nexus) -> None:
        """Abort the nexus's tasks on this unit, for PREEMPT AND ABORT."""


class Reservations(Protocol):
    """The interface of a unit's reservation manager for the device server.

    ReservationManager in reservations.py implements it. All of its methods may raise
    CheckCondition.
    """

    @property
    def is_reserved(self) -> bool:
        """Whether any reservation is held; if not, check() is not called."""

    def check(self, task: Task, command: Command) -> Outcome | None:
        """Return RESERVATION_CONFLICT if the task may not run, None if it may."""

    def allows(self, nexus: Nexus, access: Access) -> bool:
        """Tell whether a nexus's command of this class may run, as a copy would."""

    def handle_in(self, task: Task) -> Outcome:
        """Execute PERSISTENT RESERVE IN, whichever its service action."""

    def handle_out(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute PERSISTENT RESERVE OUT, whichever its service action."""

    def reserve_6(self, task: Task) -> Outcome:
        """Execute RESERVE (6)."""

    def release_6(self, task: Task) -> Outcome:
        """Execute RELEASE (6)."""

    def reserve_10(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute RESERVE (10)."""

    def release_10(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute RELEASE (10)."""

    def nexus_lost(self, nexus: Nexus) -> None:
        """End what does not outlive the nexus: RESERVE of SPC-2."""

    def logical_unit_reset(self) -> None:
        """End what does not outlive a reset: RESERVE of SPC-2."""

    def access_changed(self) -> None:
        """Do what a change of an access state does: nothing."""


class LogicalUnit:
    """The state on which the command handlers work."""

    def __init__(
        self,
        config: LogicalUnitConfig,
        device: Device,
        *,
        reservations: Callable[[LogicalUnit], Reservations],
    ) -> None:
        """Open the backing and make the unit ready.

        Raises:
            BackingMismatchError: the backing file has another size.
            OSError: it cannot be opened or created.
        """
        self.config = config
        self.device = device
        self.rules = device.rules
        self.serial = serial_number(config, device.target_name)
        self.naa = naa_identifier(config, device.target_name)
        self.block_size = config.block_size
        self.blocks = config.size // config.block_size
        self.end = self.rules.medium.end(self.blocks)
        """The first LBA behind the medium."""
        maximum = config.maximum_transfer or limits.MAXIMUM_TRANSFER
        self.maximum_blocks = maximum // config.block_size
        self.backing: Backing = open_backing(
            config.path, config.size, read_only=config.read_only
        )
        self.mapped = self._provisioning_map() if config.thin else None
        self.modes = ModePages(
            is_cache_volatile=self.backing.is_volatile,
            absent=config.absent_mode_pages,
            rules=self.rules.modes,
        )
        self.attentions = Attentions(self.rules.admission.first_attentions)
        self.prevented: set[Nexus] = set()
        """The nexuses that prevent the removal of the medium."""
        self.is_loaded = True
        self.is_started = True
        self.is_protected = False
        """Whether an operator has protected it while the target runs."""
        self.shows_protection = False
        """The value that WP shows: the same, unless a rule is broken."""
        self.sanitizing = Sanitizing()
        self.commands: dict[int, Command] = {}
        self.actions: dict[tuple[int, int], Command] = {}
        self.reservations = reservations(self)
        self.copies = CopyResults()
        self.echo = EchoBuffers()
        self.port_groups = PortGroups(device.portal_group_tags, self.rules.access)

    def _provisioning_map(self) -> ExtentSet:
        mapped = ExtentSet()
        for start, end in self.backing.allocated():
            # A block counts as mapped if one of its bytes is on the disk.
            mapped.add(start // self.block_size, -(-end // self.block_size))
        return mapped

    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        """Queue a unit attention for one nexus."""
        self.attentions.establish(nexus, additional)

    def abort_tasks(self, nexus: Nexus) -> None:
        """Abort the nexus's tasks on this unit, for PREEMPT AND ABORT.

        It also ends the nexus's prevention of medium removal (SPC-4 section 6.13).
        """
        self.prevented.discard(nexus)
        self.device.abort_tasks(self.config.lun, nexus)

    @property
    def is_write_protected(self) -> bool:
        """Whether the medium accepts no writes, for any reason."""
        config, modes = self.config, self.modes
        return config.read_only or modes.swp or self.is_protected

    @property
    def shows_write_protection(self) -> bool:
        """WP of the mode parameter header."""
        return self.config.read_only or self.modes.swp or self.shows_protection

    def not_ready(self, now: float) -> Sense | None:
        """Return why the medium cannot be reached, or None if it can."""
        if self.sanitizing:
            progress = self.sanitizing.progress(now, self.config.sanitize_seconds)
            if progress is not None:
                return Sense.of(
                    SenseKey.NOT_READY,
                    AdditionalSense.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS,
                    progress=progress,
                )
        if not self.is_loaded and self.rules.medium.needs_medium:
            return Sense.of(
                SenseKey.NOT_READY, AdditionalSense.MEDIUM_NOT_PRESENT_TRAY_OPEN
            )
        if not self.is_started and self.rules.medium.needs_start:
            return Sense.of(
                SenseKey.NOT_READY,
                AdditionalSense.LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED,
            )
        return None

    @property
    def is_always_ready(self) -> bool:
        """Whether not_ready() need not be called."""
        return self.is_loaded and self.is_started and not self.sanitizing

    def check_range(self, lba: int, blocks: int) -> None:
        """Refuse blocks beyond the end of the medium."""
        rules = self.rules.medium
        if lba + blocks > self.end and (blocks or rules.checks_range_of_nothing):
            raise rules.beyond_end()

    def check_transfer(self, lba: int, blocks: int, *, length_byte: int) -> None:
        """Refuse blocks beyond the end, or more than one command may move."""
        self.check_range(lba, blocks)
        if blocks > self.maximum_blocks:
            raise invalid_field_in_cdb(length_byte)

    def check_writable(self) -> None:
        """Refuse to write to a medium that is protected."""
        is_protected = self.config.read_only or self.is_protected
        objection = self.rules.medium.protection(is_protected, self.modes.swp)
        if objection is not None:
            raise objection

    def read(self, lba: int, blocks: int) -> bytes | memoryview:
        """Return the blocks' bytes; the range was checked."""
        return self.backing.read(lba * self.block_size, blocks * self.block_size)

    def write(self, lba: int, data: bytes | memoryview, *, fua: bool = False) -> None:
        """Store whole blocks; the range was checked."""
        block_size = self.block_size
        lba, data = self.rules.medium.stored(lba, data, block_size, self.blocks)
        self.backing.write(lba * block_size, data)
        mapped = self.mapped
        if mapped is not None:
            mapped.add(lba, lba + len(data) // block_size)
        if fua:
            self.backing.flush()

    def fill(self, lba: int, blocks: int, block: bytes) -> Generator[None]:
        """Write one block to all of a run, in steps; the range was checked."""
        maximum = max(1, limits.STEP // self.block_size)
        for start in range(lba, lba + blocks, maximum):
            # Only the block survives between two steps.
            self.write(start, block * min(maximum, lba + blocks - start))
            yield

    def unmap_run(self, lba: int, blocks: int) -> Generator[None]:
        """Deallocate blocks in steps; the range was checked."""
        maximum = limits.UNMAP_STEP // self.block_size
        for start in range(lba, lba + blocks, maximum):
            self.unmap(start, min(maximum, lba + blocks - start))
            yield

    def unmap(self, lba: int, blocks: int) -> None:
        """Deallocate blocks: they read as zeros; the range was checked."""
        if not blocks:
            return
        self.backing.discard(lba * self.block_size, blocks * self.block_size)
        if self.mapped is not None:
            self.mapped.remove(lba, lba + blocks)
        self.rules.medium.after_unmap(self, lba, blocks)

    def reset(self, additional: AdditionalSense) -> None:
        """Reset the unit (SAM-5 section 6.3.3)."""
        self.reservations.logical_unit_reset()
        self.copies.clear()
        self.echo.clear()
        if self.rules.modes.forgets_at_reset:
            self.modes.reset()
        if self.rules.medium.reset_allows_removal:
            self.prevented.clear()
        self.is_started = True
        self.rules.medium.report_reset(self.attentions, additional)

    def nexus_lost(self, nexus: Nexus) -> None:
        """Process the loss of a nexus (SAM-5 section 6.3.4)."""
        self.reservations.nexus_lost(nexus)
        self.copies.nexus_lost(nexus)
        self.echo.nexus_lost(nexus)
        if self.rules.medium.nexus_loss_allows_removal:
            self.prevented.discard(nexus)
        self.attentions.nexus_lost(nexus)
