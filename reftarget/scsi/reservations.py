# SPDX-License-Identifier: GPL-2.0-only
"""The reservation manager of a logical unit (SPC-4 section 5.12, SPC-2 section 5.5.1).

Two methods exclude each other: RESERVE and RELEASE of SPC-2, which end with the nexus
or a reset, and persistent reservations, which outlive both. An I_T nexus is what Nexus
compares: a new session with the same initiator name, ISID and portal group is the same.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from iscsi.scsi import cdb as layouts
from iscsi.scsi.persistent_reservations import (
    BASIC_LENGTH,
    AllowCommands,
    Capabilities,
    FullStatus,
    FullStatusDescriptor,
    InServiceAction,
    Keys,
    OutServiceAction,
    ReservationStatus,
)
from iscsi.scsi.reservation_conflicts import PASSES, PASSES_RESERVE, Access, Role
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.transport_id import MAX_LENGTH, TransportID
from reftarget.faults.reservations import ReservationBend as Bend
from reftarget.scsi.check_condition import (
    condition,
    illegal_request,
    invalid_field_in_cdb,
    parameter_list_length_error,
)
from reftarget.scsi.reservation_actions import (
    ACTIONS,
    Request,
    ReservationConflict,
    specifies_initiator_ports,
)
from reftarget.scsi.reservation_state import MAX_REGISTRATIONS, Change, State
from reftarget.scsi.reservation_store import ReservationStore
from reftarget.scsi.task import (
    GOOD,
    RESERVATION_CONFLICT,
    DataOutNeeded,
    Nexus,
    Outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from enum import StrEnum

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.commands import Command, ReservationHost
    from reftarget.scsi.task import Task
    from reftarget.scsi.unit import LogicalUnit

_log = logging.getLogger(__name__)

_MAX_PARAMETER_LIST = BASIC_LENGTH + 4 + MAX_REGISTRATIONS * MAX_LENGTH
_REGISTERING = frozenset(
    {OutServiceAction.REGISTER, OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY}
)
# The second of those that register has SPEC_I_PT refused for what it is.
_WITH_TRANSPORT_IDS = _REGISTERING | {OutServiceAction.REGISTER_AND_MOVE}
_WITH_SCOPE_AND_TYPE = frozenset({OutServiceAction.RESERVE, OutServiceAction.RELEASE})


class ReservationManager:
    """Whether commands may run, and the commands that decide it."""

    __slots__ = (
        "_bends",
        "_host",
        "_portal_group_tags",
        "_reserver",
        "_store",
        "is_reserved",
        "state",
    )

    def __init__(
        self,
        host: ReservationHost,
        *,
        portal_group_tags: Collection[int] = (1,),
        store: ReservationStore | None = None,
        bends: Callable[[StrEnum], bool] = lambda _bend: False,
    ) -> None:
        """Take up the state that was kept.

        Args:
            host: the logical unit.
            portal_group_tags: the target ports there are; a tag is also the relative
                target port identifier.
            store: where reservations persist; without one APTPL is not offered.
            bends: tells whether a decision is to be made the wrong way.

        Raises:
            StoreError: what was kept is damaged.
            OSError: it cannot be read.
        """
        self._host = host
        self._portal_group_tags = portal_group_tags
        self._store = store
        self._bends = bends
        self._reserver: Nexus | None = None
        self.state = State() if store is None else store.load()
        self.is_reserved = self.state.reservation is not None

    @classmethod
    def of_unit(cls, unit: LogicalUnit) -> ReservationManager:
        """Return the manager of a unit, with a file in its device's directory.

        Raises:
            StoreError: what was kept is damaged.
            OSError: it cannot be read.
        """
        device = unit.device
        store = None
        if device.state_directory is not None:
            # Colons are fine in a file name, slashes cannot be in an iSCSI name.
            name = f"{device.target_name},{unit.config.lun}.reservations.json"
            store = ReservationStore(device.state_directory / name)
        return cls(
            unit,
            portal_group_tags=device.portal_group_tags,
            store=store,
            bends=device.bends,
        )

    def check(self, task: Task, command: Command) -> Outcome | None:
        """Return RESERVATION_CONFLICT if the task may not run, None if it may."""
        if self.allows(task.nexus, command.access.of(task.cdb)):
            return None
        return RESERVATION_CONFLICT

    def allows(self, nexus: Nexus, access: Access) -> bool:
        """Tell whether a nexus's command of this class may run, as a copy would."""
        nexus = self._known(nexus)
        if self._reserver is not None:
            return nexus == self._reserver or access in PASSES_RESERVE
        reservation = self.state.reservation
        if reservation is None or self._bends(Bend.PASSES_ALL):
            return True
        role = self.state.role(nexus)
        if access is Access.READ and role is Role.STRANGER:
            return access in PASSES[reservation.type][role] and not self._bends(
                Bend.BLOCKS_READERS
            )
        return access in PASSES[reservation.type][role]

    def _known(self, nexus: Nexus) -> Nexus:
        """Return what tells a nexus from others."""
        if self._bends(Bend.IGNORES_ISID):
            return replace(nexus, isid=bytes(len(nexus.isid)))
        return nexus

    def handle_in(self, task: Task) -> Outcome:
        """Execute PERSISTENT RESERVE IN, whichever its service action."""
        if self._reserver is not None:
            return RESERVATION_CONFLICT
        fields = layouts.persistent_reserve_in_read_keys.structure.parse(task.cdb)
        data = {
            InServiceAction.READ_KEYS: self._read_keys,
            InServiceAction.READ_RESERVATION: self._read_reservation,
            InServiceAction.REPORT_CAPABILITIES: self._report_capabilities,
            InServiceAction.READ_FULL_STATUS: self._read_full_status,
        }[InServiceAction(fields["service_action"])]()
        room = fields["allocation_length"]
        if self._bends(Bend.CUTS_LENGTHS) and room < len(data):
            data = data[:4] + max(0, room - 8).to_bytes(4, "big") + data[8:]
        return Outcome(SCSIStatus.GOOD, data[:room])

    def _read_keys(self) -> bytes:
        keys = tuple(self.state.registrations.values())
        if self._bends(Bend.SHOWS_ONE_KEY):
            keys = keys[:1]
        return Keys(self.state.generation, keys).build()

    def _read_reservation(self) -> bytes:
        generation, reservation = self.state.generation, self.state.reservation
        if reservation is None:
            return ReservationStatus(generation).build()
        holder = reservation.holder
        # A holder is registered, unless a fault keeps what it held.
        key = 0 if holder is None else self.state.registrations.get(holder, 0)
        if holder is None and self._bends(Bend.SHOWS_ONE_HOLDER):
            key = next(iter(self.state.registrations.values()))
        return ReservationStatus(generation, reservation.type, key).build()

    def _report_capabilities(self) -> bytes:
        return Capabilities(
            length=0 if self._bends(Bend.SHOWS_NO_LENGTH) else 8,
            compatible_reservation_handling=True,
            specify_initiator_ports_capable=True,
            all_target_ports_capable=True,
            persist_through_power_loss_capable=(
                self._store is not None and not self._bends(Bend.TAKES_APTPL)
            ),
            allow_commands=AllowCommands.TEST_UNIT_READY_AND_MODE_SENSE,
            persist_through_power_loss_activated=(
                self.state.persists_through_power_loss
                and not self._bends(Bend.HIDES_APTPL)
            ),
        ).build()

    def _read_full_status(self) -> bytes:
        state = self.state
        reservation = state.reservation
        hides = self._bends(Bend.HIDES_HOLDERS)
        return FullStatus(
            state.generation,
            tuple(
                FullStatusDescriptor(
                    key,
                    TransportID(nexus.initiator_name, nexus.isid),
                    nexus.target_portal_group_tag,
                    is_holder=(holds := state.is_holder(nexus) and not hides),
                    type=reservation.type if holds and reservation else None,
                )
                for nexus, key in state.registrations.items()
            ),
        ).build()

    def handle_out(self, task: Task) -> Outcome | DataOutNeeded:
        """Execute PERSISTENT RESERVE OUT, whichever its service action."""
        if self._reserver is not None:
            return RESERVATION_CONFLICT
        fields = layouts.persistent_reserve_out_register.structure.parse(task.cdb)
        action = OutServiceAction(fields["service_action"])
        length = fields["parameter_list_length"]
        is_lax = self._bends(Bend.TAKES_ANY_LENGTH)
        if not is_lax and (
            length < BASIC_LENGTH
            or (length > BASIC_LENGTH and action not in _WITH_TRANSPORT_IDS)
        ):
            raise parameter_list_length_error()
        if length > _MAX_PARAMETER_LIST:
            raise illegal_request(AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES)

        nexus = self._known(task.nexus)

        def request(data: bytes | memoryview) -> Request:
            return Request(
                nexus,
                fields["scope"],
                fields["type"],
                bytes(data).ljust(BASIC_LENGTH, b"\0") if is_lax else bytes(data),
                self._portal_group_tags,
                can_persist=self._store is not None,
                bends=self._bends,
            )

        if action in _WITH_SCOPE_AND_TYPE:
            _ = request(b"").reservation_type
        if action not in _REGISTERING and nexus not in self.state.registrations:
            return RESERVATION_CONFLICT
        return DataOutNeeded(
            length, lambda data: self._finish_out(action, length, request(data))
        )

    def _finish_out(
        self, action: OutServiceAction, length: int, request: Request
    ) -> Outcome:
        data = request.data
        if len(data) < length or (
            length > BASIC_LENGTH
            and action is not OutServiceAction.REGISTER_AND_MOVE
            and not specifies_initiator_ports(data)
            and not self._bends(Bend.TAKES_ANY_LENGTH)
        ):
            raise parameter_list_length_error()
        if self._reserver is not None:
            return RESERVATION_CONFLICT
        if self._bends(Bend.IGNORES_KEYS):
            request = self._with_the_right_key(request)
        try:
            change = ACTIONS[action](self.state, request)
        except ReservationConflict:
            return RESERVATION_CONFLICT
        if self._bends(Bend[action.name]):
            return GOOD
        self._commit(change)
        if action is OutServiceAction.PREEMPT_AND_ABORT and not self._bends(
            Bend.ABORTS_NOTHING
        ):
            for nexus in change.aborted:
                self._host.abort_tasks(nexus)
        return GOOD

    def _with_the_right_key(self, request: Request) -> Request:
        """Return a request with its sender's key, if it has one."""
        key = self.state.registrations.get(request.nexus)
        if key is None:
            return request
        return replace(request, data=key.to_bytes(8, "big") + request.data[8:])

    def _kept(self, state: State) -> State:
        """Return what is to be kept over a loss of power."""
        if self._bends(Bend.FORGETS_POWER):
            return State()
        if self._bends(Bend.KEEPS_POWER):
            return replace(state, persists_through_power_loss=True)
        return state

    def _commit(self, change: Change) -> None:
        if self._bends(Bend.COUNTS_NOTHING):
            same = replace(change.state, generation=self.state.generation)
            change = replace(change, state=same)
        if self._bends(Bend.TELLS_NOBODY):
            change = replace(change, attentions=())
        if self._store is not None and change.state != self.state:
            try:
                self._store.save(self._kept(change.state))
            except OSError as error:
                _log.error("reservations cannot be kept: %s", error)
                raise condition(
                    SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE
                ) from error
        self.state = change.state
        self._refresh()
        for nexus, additional in change.attentions:
            self._host.establish_attention(nexus, additional)

    def _refresh(self) -> None:
        self.is_reserved = (
            self.state.reservation is not None or self._reserver is not None
        )

    def reserve_6(self, task: Task) -> Outcome:
        """Execute RESERVE (6)."""
        return self._spc_2(task, layouts.reserve_6, self._reserve)

    def release_6(self, task: Task) -> Outcome:
        """Execute RELEASE (6)."""
        return self._spc_2(task, layouts.release_6, self._release)

    def reserve_10(self, task: Task) -> Outcome:
        """Execute RESERVE (10)."""
        return self._spc_2(task, layouts.reserve_10, self._reserve)

    def release_10(self, task: Task) -> Outcome:
        """Execute RELEASE (10)."""
        return self._spc_2(task, layouts.release_10, self._release)

    def _spc_2(
        self, task: Task, layout: Layout, action: Callable[[Nexus], Outcome]
    ) -> Outcome:
        fields = layout.parse(task.cdb)
        for name in ("third_party", "longid", "extent"):
            if fields.get(name):
                place = layout.structure.fields[name]
                raise invalid_field_in_cdb(place.byte, place.bit)
        if not self.state.registrations:
            return action(self._known(task.nexus))
        # Compatible reservation handling (SPC-4 section 5.12.3): for those who have
        # access anyway both commands are GOOD and do nothing.
        role = self.state.role(self._known(task.nexus))
        reservation = self.state.reservation
        has_access = reservation is not None and (
            role is Role.HOLDER
            or (role is Role.REGISTRANT and reservation.type.is_shared_by_registrants)
        )
        if has_access:
            is_good = not self._bends(Bend.RESERVE_OF_HOLDER_CONFLICTS)
        else:
            is_good = self._bends(Bend.RESERVES_BESIDE)
        return GOOD if is_good else RESERVATION_CONFLICT

    def _reserve(self, nexus: Nexus) -> Outcome:
        if self._reserver not in {None, nexus}:
            return RESERVATION_CONFLICT
        if not self._bends(Bend.RESERVES_NOTHING):
            self._reserver = nexus
        self._refresh()
        return GOOD

    def _release(self, nexus: Nexus) -> Outcome:
        self._end_reserve(nexus)
        return GOOD

    def _end_reserve(self, nexus: Nexus) -> None:
        if self._reserver == nexus:
            self._reserver = None
            self._refresh()

    def nexus_lost(self, nexus: Nexus) -> None:
        """End what does not outlive the nexus: RESERVE of SPC-2."""
        if not self._bends(Bend.OUTLIVES_NEXUS):
            self._end_reserve(nexus)
        if self._bends(Bend.ENDS_WITH_NEXUS):
            self.state = self.state.without([nexus])
            self._refresh()

    def logical_unit_reset(self) -> None:
        """End what does not outlive a reset: RESERVE of SPC-2."""
        self._reserver = None
        if self._bends(Bend.ENDS_WITH_RESET):
            self.state = State()
        self._refresh()
