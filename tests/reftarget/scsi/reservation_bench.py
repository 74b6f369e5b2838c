# SPDX-License-Identifier: GPL-2.0-only
"""A reservation manager with three initiators before it, for the tests beside."""

from collections.abc import Callable

from iscsi.constants import TaskAttribute
from iscsi.scsi import cdb
from iscsi.scsi import sense as sense_data
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import (
    Keys,
    MoveParameters,
    OutParameters,
    OutServiceAction,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.status import SCSIStatus
from reftarget.scsi.check_condition import CheckCondition
from reftarget.scsi.reservations import ReservationManager
from reftarget.scsi.task import DataOutNeeded, Nexus, Outcome, Task, completed

TARGET = "iqn.2001-04.com.example:target"
NAME = "iqn.2001-04.com.example:host"
GOOD, CONFLICT = SCSIStatus.GOOD, SCSIStatus.RESERVATION_CONFLICT
LENGTH_ERROR = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
RELEASED = AdditionalSense.RESERVATIONS_RELEASED
PREEMPTED = AdditionalSense.RESERVATIONS_PREEMPTED
REMOVED = AdditionalSense.REGISTRATIONS_PREEMPTED
Answer = SCSIStatus | AdditionalSense

LAYOUTS = {
    OutServiceAction.REGISTER: cdb.persistent_reserve_out_register,
    OutServiceAction.RESERVE: cdb.persistent_reserve_out_reserve,
    OutServiceAction.RELEASE: cdb.persistent_reserve_out_release,
    OutServiceAction.CLEAR: cdb.persistent_reserve_out_clear,
    OutServiceAction.PREEMPT: cdb.persistent_reserve_out_preempt,
    OutServiceAction.PREEMPT_AND_ABORT: cdb.persistent_reserve_out_preempt_and_abort,
    OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY: (
        cdb.persistent_reserve_out_register_and_ignore_existing_key
    ),
    OutServiceAction.REGISTER_AND_MOVE: cdb.persistent_reserve_out_register_and_move,
}
WE, EA = ReservationType.WRITE_EXCLUSIVE, ReservationType.EXCLUSIVE_ACCESS
WE_RO = ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY
EA_RO = ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY
WE_AR = ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS
EA_AR = ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS


def nexus(number: int, tag: int = 1) -> Nexus:
    return Nexus(f"{NAME}{number}", bytes([0x80, 0, 0, 0, 0, number]), TARGET, tag)


A, B, C = nexus(1), nexus(2), nexus(3)
KEY = {A: 0xA, B: 0xB, C: 0xC}


class Unit:
    """A host with two target ports that records its notifications."""

    def __init__(self) -> None:
        self.attentions: list[tuple[Nexus, AdditionalSense]] = []
        self.aborted: list[Nexus] = []
        self.manager = ReservationManager(self, portal_group_tags=(1, 2))

    def establish_attention(self, nexus: Nexus, additional: AdditionalSense) -> None:
        self.attentions.append((nexus, additional))

    def abort_tasks(self, nexus: Nexus) -> None:
        self.aborted.append(nexus)

    def new_attentions(self) -> set[tuple[Nexus, AdditionalSense]]:
        """Return the attentions since the last call; no nexus gets one twice."""
        new_attentions, self.attentions = self.attentions, []
        assert len(new_attentions) == len(set(new_attentions))
        return set(new_attentions)

    def out(
        self,
        sender: Nexus,
        action: OutServiceAction,
        parameters: OutParameters | MoveParameters | bytes,
        kind: int = 0,
        *,
        scope: int = 0,
        length: int | None = None,
    ) -> Answer:
        data = parameters if isinstance(parameters, bytes) else parameters.build()
        command = LAYOUTS[action](
            type=kind,
            scope=scope,
            parameter_list_length=len(data) if length is None else length,
        )
        task = Task(sender, 0, command, TaskAttribute.SIMPLE, len(data))
        return answer(lambda: self.manager.handle_out(task), data)

    def register(self, sender: Nexus, *, key: int | None = None) -> None:
        parameters = OutParameters(0, KEY[sender] if key is None else key)
        assert self.out(sender, OutServiceAction.REGISTER, parameters) is GOOD

    def act(
        self, sender: Nexus, action: OutServiceAction, kind: int = 0, *, on: int = 0
    ) -> Answer:
        """Send a service action with the sender's own key."""
        own = self.manager.state.registrations.get(sender, KEY[sender])
        return self.out(sender, action, OutParameters(own, on), kind)

    def read(self, layout: Layout, *, length: int = 0xFFFF) -> bytes:
        task = Task(C, 0, layout(allocation_length=length), TaskAttribute.SIMPLE)
        outcome = self.manager.handle_in(task)
        assert outcome.status is GOOD
        assert isinstance(outcome.data_in, bytes)
        return outcome.data_in

    @property
    def keys(self) -> Keys:
        return Keys.parse(self.read(cdb.persistent_reserve_in_read_keys))

    @property
    def reservation(self) -> ReservationStatus:
        return ReservationStatus.parse(
            self.read(cdb.persistent_reserve_in_read_reservation)
        )


def illegal_request(refusal: CheckCondition) -> AdditionalSense:
    sense = sense_data.parse(refusal.sense.build())
    assert sense.key is SenseKey.ILLEGAL_REQUEST
    assert sense.additional is not None
    return sense.additional


def answer(
    start: Callable[[], Outcome | DataOutNeeded], data: bytes | None = None
) -> Answer:
    try:
        outcome = start()
        if isinstance(outcome, DataOutNeeded):
            assert data is not None
            outcome = completed(outcome.finish(data[: outcome.length]))
    except CheckCondition as refusal:
        return illegal_request(refusal)
    return outcome.status


def held_by_a(kind: ReservationType) -> Unit:
    """Return a unit with A and B registered, A the holder, and C unregistered."""
    unit = Unit()
    unit.register(A)
    unit.register(B)
    assert unit.act(A, OutServiceAction.RESERVE, kind) is GOOD
    return unit
