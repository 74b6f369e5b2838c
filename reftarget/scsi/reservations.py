# SPDX-License-Identifier: GPL-2.0-only
"""The reservation manager of a logical unit (SPC-4 section 5.12, SPC-2 section 5.5.1).

Two methods exclude each other: RESERVE and RELEASE of SPC-2, which end with the nexus
or a reset, and persistent reservations, which outlive both. An I_T nexus is what Nexus
compares: a new session with the same initiator name, ISID and portal group is the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from iscsi.scsi import cdb as layouts
from iscsi.scsi.persistent_reservations import (
    BASIC_LENGTH,
    Capabilities,
    FullStatus,
    FullStatusDescriptor,
    InServiceAction,
    Keys,
    OutServiceAction,
    ReservationStatus,
)
from iscsi.scsi.reservation_conflicts import PASSES_RESERVE, Access, Role
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.transport_id import MAX_LENGTH, TransportID
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
)
from reftarget.scsi.reservation_state import MAX_REGISTRATIONS, Change, State
from reftarget.scsi.reservation_store import ReservationStore
from reftarget.scsi.rules import SCSI_RULES, ReservationRules
from reftarget.scsi.task import (
    GOOD,
    RESERVATION_CONFLICT,
    DataOutNeeded,
    Nexus,
    Outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from iscsi.scsi.layout import Layout
    from reftarget.scsi.task import Task
    from reftarget.scsi.unit import Command, LogicalUnit, ReservationHost

_log = logging.getLogger(__name__)

_MAX_PARAMETER_LIST = BASIC_LENGTH + 4 + MAX_REGISTRATIONS * MAX_LENGTH
_REGISTERING = frozenset(
    {OutServiceAction.REGISTER, OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY}
)
_WITH_SCOPE_AND_TYPE = frozenset({OutServiceAction.RESERVE, OutServiceAction.RELEASE})


class ReservationManager:
    """Whether commands may run, and the commands that decide it."""

    __slots__ = (
        "_host",
        "_portal_group_tags",
        "_reserver",
        "_rules",
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
        rules: ReservationRules = SCSI_RULES.reservations,
    ) -> None:
        """Take up the state that was kept.

        Args:
            host: the logical unit.
            portal_group_tags: the target ports there are; a tag is also the relative
                target port identifier.
            store: where reservations persist; without one APTPL is not offered.
            rules: the decisions it makes.

        Raises:
            StoreError: what was kept is damaged.
            OSError: it cannot be read.
        """
        self._host = host
        self._portal_group_tags = portal_group_tags
        self._store = store
        self._rules = rules
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
            # A file name may hold colons; an iSCSI name holds no slashes.
            name = f"{device.target_name},{unit.config.lun}.reservations.json"
            store = ReservationStore(device.state_directory / name)
        return cls(
            unit,
            portal_group_tags=device.portal_group_tags,
            store=store,
            rules=device.rules.reservations,
        )

    def check(self, task: Task, command: Command) -> Outcome | None:
        """Return RESERVATION_CONFLICT if the task may not run, None if it may."""
        if self.allows(task.nexus, command.access.of(task.cdb)):
            return None
        return RESERVATION_CONFLICT

    def allows(self, nexus: Nexus, access: Access) -> bool:
        """Tell whether a nexus's command of this class may run, as a copy would."""
        nexus = self._rules.identified(nexus)
        if self._reserver is not None:
            return nexus == self._reserver or access in PASSES_RESERVE
        reservation = self.state.reservation
        if reservation is None:
            return True
        return self._rules.passes(reservation.type, self.state.role(nexus), access)

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
        return Outcome(SCSIStatus.GOOD, self._rules.cut(data, room))

    def _read_keys(self) -> bytes:
        keys = self._rules.shown_keys(tuple(self.state.registrations.values()))
        return Keys(self.state.generation, keys).build()

    def _read_reservation(self) -> bytes:
        generation, reservation = self.state.generation, self.state.reservation
        if reservation is None:
            return ReservationStatus(generation).build()
        key = self._rules.shown_key(self.state, reservation)
        return ReservationStatus(generation, reservation.type, key).build()

    def _report_capabilities(self) -> bytes:
        rules = self._rules
        capabilities = Capabilities(
            length=rules.capabilities_length,
            compatible_reservation_handling=rules.shows_compatible_handling,
            specify_initiator_ports_capable=rules.can_name_ports,
            all_target_ports_capable=rules.can_register_everywhere,
            persist_through_power_loss_capable=rules.offers_persistence(
                self._store is not None and rules.can_persist
            ),
            type_mask_valid=rules.reports_types,
            types=rules.types if rules.reports_types else frozenset(),
            allow_commands=rules.allow_commands,
            persist_through_power_loss_activated=rules.is_shown_persistent(self.state),
        )
        return rules.shown_capabilities(capabilities).build()

    def _read_full_status(self) -> bytes:
        state = self.state
        reservation = state.reservation
        return FullStatus(
            state.generation,
            tuple(
                FullStatusDescriptor(
                    key,
                    TransportID(nexus.initiator_name, nexus.isid),
                    nexus.target_portal_group_tag,
                    is_holder=(holds := self._rules.is_shown_as_holder(state, nexus)),
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
        if not self._rules.is_list_length(action, length):
            raise parameter_list_length_error()
        if length > _MAX_PARAMETER_LIST:
            raise illegal_request(AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES)

        nexus = self._rules.identified(task.nexus)

        def request(data: bytes | memoryview) -> Request:
            return Request(
                nexus,
                fields["scope"],
                fields["type"],
                self._rules.parameter_list(bytes(data)),
                self._portal_group_tags,
                can_persist=self._store is not None and self._rules.can_persist,
                rules=self._rules,
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
        if len(data) < length or not self._rules.is_list_complete(action, data):
            raise parameter_list_length_error()
        if self._reserver is not None:
            return RESERVATION_CONFLICT
        try:
            change = ACTIONS[action](self.state, request)
        except ReservationConflict:
            return RESERVATION_CONFLICT
        if action not in self._rules.effective:
            return GOOD
        self._commit(change)
        aborts = self._rules.aborts_preempted
        if action is OutServiceAction.PREEMPT_AND_ABORT and aborts:
            for nexus in change.aborted:
                self._host.abort_tasks(nexus)
        return GOOD

    def _commit(self, change: Change) -> None:
        if self._store is not None and change.state != self.state:
            try:
                self._store.save(self._rules.kept(change.state))
            except OSError as error:
                _log.error("reservations cannot be kept: %s", error)
                raise condition(
                    SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE
                ) from error
        self.state = change.state
        self._refresh()
        for nexus, additional in change.attentions if self._rules.notifies else ():
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
        nexus = self._rules.identified(task.nexus)
        if not self.state.registrations:
            return action(nexus)
        # Compatible reservation handling (SPC-4 section 5.12.3): for those who have
        # access anyway both commands are GOOD and do nothing.
        role = self.state.role(nexus)
        reservation = self.state.reservation
        has_access = reservation is not None and (
            role is Role.HOLDER
            or (role is Role.REGISTRANT and reservation.type.is_shared_by_registrants)
        )
        return GOOD if self._rules.spc_2_passes(has_access) else RESERVATION_CONFLICT

    def _reserve(self, nexus: Nexus) -> Outcome:
        if self._reserver not in {None, nexus}:
            return RESERVATION_CONFLICT
        if self._rules.spc_2_reserves:
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
        if self._rules.spc_2_ends_with_nexus:
            self._end_reserve(nexus)
        self.state = self._rules.after_nexus_loss(self.state, nexus)
        self._refresh()

    def logical_unit_reset(self) -> None:
        """End what does not outlive a reset: RESERVE of SPC-2."""
        self._reserver = None
        self.state = self._rules.after_reset(self.state)
        self._refresh()

    def access_changed(self) -> None:
        """Do what a change of an access state does: nothing."""
        self.state = self._rules.after_access_change(self.state)
        self._refresh()
