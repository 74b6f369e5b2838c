# SPDX-License-Identifier: GPL-2.0-only
"""The service actions of PERSISTENT RESERVE OUT as functions of the state.

SPC-4 sections 5.12.7 to 5.12.11. Each takes the state and the request and returns the
change, or raises ReservationConflict or CheckCondition and changes nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from iscsi.errors import DecodeError
from iscsi.scsi.persistent_reservations import (
    MoveParameters,
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.reservation_conflicts import Role
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.transport_id import TransportID
from reftarget.scsi.check_condition import (
    illegal_request,
    invalid_field_in_cdb,
    invalid_field_in_parameter_list,
)
from reftarget.scsi.reservation_state import (
    MAX_REGISTRATIONS,
    Attentions,
    Change,
    Reservation,
    State,
    attentions_for,
)
from reftarget.scsi.rules.reservations import (
    ReservationRules,
    specifies_initiator_ports,
)
from reftarget.scsi.task import Nexus

_SERVICE_ACTION_BYTE = 1
_SERVICE_ACTION_KEY_BYTE = 8
_TYPE_BYTE, _TYPE_BIT = 2, 3
_FLAGS_BYTE = 20
_MOVE_FLAGS_BYTE = 17
_RELATIVE_TARGET_PORT_BYTE = 18
_TRANSPORT_IDS_BYTE = 24


class ReservationConflict(Exception):
    """The command ends with RESERVATION CONFLICT."""


@dataclass(frozen=True, slots=True)
class Request:
    """A PERSISTENT RESERVE OUT command: who sends it and what it says."""

    nexus: Nexus
    scope: int
    type: int
    data: bytes
    portal_group_tags: Collection[int]
    """The target ports there are: their portal group tags identify them."""
    can_persist: bool = True
    """Whether there is a place to keep the state through a power loss."""
    rules: ReservationRules = field(default_factory=ReservationRules)

    @property
    def reservation_type(self) -> ReservationType:
        """TYPE.

        Raises:
            CheckCondition: the TYPE or the SCOPE is undefined.
        """
        kind = self.rules.reservation_type(self.scope, self.type)
        if kind not in self.rules.types:
            raise invalid_field_in_cdb(_TYPE_BYTE, _TYPE_BIT)
        return kind

    def reservation(self) -> Reservation:
        """Return the reservation asked for, held by the sender."""
        kind = self.reservation_type
        return Reservation(kind, None if kind.is_all_registrants else self.nexus)

    def nexus_of(self, initiator_port: TransportID, tag: int) -> Nexus:
        """Return the nexus of an initiator port with one of our target ports.

        Raises:
            CheckCondition: it is an initiator device, with any number of ports.
        """
        if initiator_port.isid is None:
            raise invalid_field_in_parameter_list(_TRANSPORT_IDS_BYTE)
        return self.nexus._replace(
            initiator_name=initiator_port.name,
            isid=initiator_port.isid,
            target_portal_group_tag=tag,
        )


def register(state: State, request: Request) -> Change:
    """REGISTER: register, change the key or unregister."""
    parameters = _basic(request, may_specify_ports=True)
    own_key = state.registrations.get(request.nexus, 0)
    rules = request.rules
    if not rules.knows_key_to_register(own_key, parameters.reservation_key):
        raise ReservationConflict
    if parameters.specify_initiator_ports and not (
        rules.may_name_ports(own_key) and parameters.service_action_reservation_key
    ):
        # SPC-4 table 62 (register behaviors for REGISTER) objects to the CDB.
        raise invalid_field_in_cdb(_SERVICE_ACTION_BYTE, 4)
    # ALL_TG_PT acts as if each target port had received the command: a port with
    # another key would have answered with a conflict, so it keeps its key.
    nexuses = [
        nexus
        for nexus in _through_target_ports(request, parameters)
        if state.registrations.get(nexus, 0) == own_key or nexus == request.nexus
    ]
    nexuses += [
        nexus
        for nexus in _specified(request, parameters)
        if nexus not in state.registrations
    ]
    return _set_keys(state, request, parameters, nexuses)


def register_and_ignore_existing_key(state: State, request: Request) -> Change:
    """REGISTER AND IGNORE EXISTING KEY: the same without looking at the old key."""
    parameters = _basic(request)
    nexuses = _through_target_ports(request, parameters)
    return _set_keys(state, request, parameters, nexuses)


def reserve(state: State, request: Request) -> Change:
    """RESERVE: create the reservation, or find that one holds it already."""
    _authorize(state, request, _basic(request))
    requested = request.reservation()
    current = state.reservation
    if current is None:
        return Change(replace(state, reservation=requested))
    is_holder = state.role(request.nexus) is Role.HOLDER
    reservation = request.rules.reserved_again(current, requested, is_holder)
    if reservation is None:
        raise ReservationConflict
    return Change(replace(state, reservation=reservation))


def release(state: State, request: Request) -> Change:
    """RELEASE: end the reservation that the sender holds; else nothing."""
    _authorize(state, request, _basic(request))
    current = state.reservation
    kind = request.reservation_type
    rules = request.rules
    if current is None or not state.is_holder(request.nexus):
        if not rules.can_release_nothing:
            raise ReservationConflict
        return Change(state)
    if not rules.may_release(current.type, kind):
        raise illegal_request(AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
    notified = state.others(request.nexus) if rules.reports_release(kind) else []
    return Change(
        replace(state, reservation=None),
        attentions_for(notified, AdditionalSense.RESERVATIONS_RELEASED),
    )


def clear(state: State, request: Request) -> Change:
    """CLEAR: end the reservation and every registration."""
    _authorize(state, request, _basic(request))
    return Change(
        request.rules.counted(state.without(state.registrations)),
        attentions_for(
            state.others(request.nexus), AdditionalSense.RESERVATIONS_PREEMPTED
        ),
    )


def preempt(state: State, request: Request) -> Change:
    """PREEMPT: remove registrations by their key, and take over a reservation."""
    parameters = _basic(request)
    _authorize(state, request, parameters)
    key = parameters.service_action_reservation_key
    current = state.reservation
    if not key:
        # If all registrants hold the reservation, key zero means every other
        # registrant.
        if current is None or not current.type.is_all_registrants:
            if request.rules.can_preempt_zero:
                return Change(state)
            raise invalid_field_in_parameter_list(_SERVICE_ACTION_KEY_BYTE)
        return _take_over(state, request, state.others(request.nexus))
    named = [nexus for nexus, other in state.registrations.items() if other == key]
    if not named and not request.rules.can_preempt_nobody:
        raise ReservationConflict
    if current is not None and current.holder in named:
        return _take_over(
            state, request, [nexus for nexus in named if nexus != request.nexus]
        )
    # SCOPE and TYPE are ignored if only registrations are removed.
    if request.rules.preempt_compares_type:
        _ = request.reservation_type
    victims = tuple(nexus for nexus in named if nexus != request.nexus)
    return Change(
        request.rules.counted(state.without(named)),
        attentions_for(victims, AdditionalSense.REGISTRATIONS_PREEMPTED),
        victims,
    )


def register_and_move(state: State, request: Request) -> Change:
    """REGISTER AND MOVE: hand the reservation to another nexus."""
    rules = request.rules
    if request.nexus not in state.registrations:
        raise ReservationConflict
    try:
        parameters = MoveParameters.parse(request.data)
    except DecodeError as error:
        raise invalid_field_in_parameter_list(error.offset) from None
    _require_persistence(request, parameters, _MOVE_FLAGS_BYTE)
    _authorize(state, request, parameters)
    current = state.reservation
    if current is None:
        raise invalid_field_in_cdb(_SERVICE_ACTION_BYTE, 4)
    if not rules.may_move(current, request.nexus):
        raise ReservationConflict  # one of several holders may not move it either
    key = parameters.service_action_reservation_key
    if not key and not rules.can_move_with_key_zero:
        raise invalid_field_in_parameter_list(_SERVICE_ACTION_KEY_BYTE)
    tag = parameters.relative_target_port
    if tag not in request.portal_group_tags:
        raise invalid_field_in_parameter_list(_RELATIVE_TARGET_PORT_BYTE)
    destination = request.nexus_of(parameters.transport_id, tag)
    is_sender = (destination.initiator_name, destination.isid) == (
        request.nexus.initiator_name,
        request.nexus.isid,
    )
    if is_sender and not rules.can_move_to_sender:
        raise invalid_field_in_parameter_list(_TRANSPORT_IDS_BYTE)
    moved = replace(
        _limited(state.with_keys({destination: key})),
        reservation=Reservation(current.type, destination),
        persists_through_power_loss=parameters.activate_persist_through_power_loss,
    )
    if parameters.unregister:
        moved = moved.without([request.nexus])
    return Change(rules.counted(moved))


ACTIONS: dict[OutServiceAction, Callable[[State, Request], Change]] = {
    OutServiceAction.REGISTER: register,
    OutServiceAction.RESERVE: reserve,
    OutServiceAction.RELEASE: release,
    OutServiceAction.CLEAR: clear,
    OutServiceAction.PREEMPT: preempt,
    # For PREEMPT AND ABORT, the manager also aborts the tasks.
    OutServiceAction.PREEMPT_AND_ABORT: preempt,
    OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY: register_and_ignore_existing_key,
    OutServiceAction.REGISTER_AND_MOVE: register_and_move,
}


def _basic(request: Request, *, may_specify_ports: bool = False) -> OutParameters:
    may_specify_ports = may_specify_ports and request.rules.can_name_ports
    if specifies_initiator_ports(request.data) and not may_specify_ports:
        raise invalid_field_in_parameter_list(_FLAGS_BYTE, 3)
    try:
        parameters = OutParameters.parse(request.data)
    except DecodeError as error:
        raise invalid_field_in_parameter_list(error.offset) from None
    if parameters.all_target_ports and not request.rules.can_register_everywhere:
        raise invalid_field_in_parameter_list(_FLAGS_BYTE, 2)
    return parameters


def _require_persistence(
    request: Request, parameters: OutParameters | MoveParameters, byte: int
) -> None:
    if parameters.activate_persist_through_power_loss and not request.can_persist:
        raise invalid_field_in_parameter_list(byte, 0)


def _authorize(
    state: State, request: Request, parameters: OutParameters | MoveParameters
) -> None:
    own_key = state.registrations.get(request.nexus)
    if not request.rules.knows_key(own_key, parameters.reservation_key):
        raise ReservationConflict


def _limited(state: State) -> State:
    if len(state.registrations) > MAX_REGISTRATIONS:
        raise illegal_request(AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES)
    return state


def _through_target_ports(request: Request, parameters: OutParameters) -> list[Nexus]:
    own = request.nexus
    if not parameters.all_target_ports:
        return [own]
    others = [
        own._replace(target_portal_group_tag=tag)
        for tag in request.portal_group_tags
        if tag != own.target_portal_group_tag
    ]
    return [own, *others]


def _specified(request: Request, parameters: OutParameters) -> list[Nexus]:
    if not request.rules.registers_named_ports:
        return []
    own_tag = request.nexus.target_portal_group_tag
    tags = request.portal_group_tags if parameters.all_target_ports else [own_tag]
    return [
        request.nexus_of(initiator_port, tag)
        for initiator_port in parameters.transport_ids
        for tag in tags
    ]


def _set_keys(
    state: State, request: Request, parameters: OutParameters, nexuses: list[Nexus]
) -> Change:
    _require_persistence(request, parameters, _FLAGS_BYTE)
    key = parameters.service_action_reservation_key
    rules = request.rules
    if rules.key_conflicts(state.registrations, nexuses, key):
        raise ReservationConflict
    if key:
        changed = _limited(rules.registered(state, dict.fromkeys(nexuses, key)))
        attentions: Attentions = ()
    elif state.registrations.keys().isdisjoint(nexuses):
        if not rules.can_unregister_nobody:
            raise ReservationConflict
        return Change(state)  # there is no registration to remove: GOOD without effect
    else:
        changed = rules.unregistered(state, nexuses)
        attentions = _released(state, changed, rules)
    persistence = parameters.activate_persist_through_power_loss
    changed = replace(changed, persists_through_power_loss=persistence)
    return Change(rules.counted(changed), attentions)


def _released(before: State, after: State, rules: ReservationRules) -> Attentions:
    """Notify the other registrants if the reservation ended with its holder."""
    current = before.reservation
    if current is None or after.reservation is not None:
        return ()
    if not rules.reports_unregistration(current.type):
        return ()
    return attentions_for(after.registrations, AdditionalSense.RESERVATIONS_RELEASED)


def _take_over(state: State, request: Request, victims: list[Nexus]) -> Change:
    """Replace the reservation by the sender's (SPC-4 section 5.12.11.2.4)."""
    current = state.reservation
    requested = request.reservation()
    after = request.rules.counted(
        replace(state.without(victims), reservation=requested)
    )
    attentions = attentions_for(victims, AdditionalSense.REGISTRATIONS_PREEMPTED)
    if current is not None and current.type != requested.type:
        attentions += attentions_for(
            after.others(request.nexus), AdditionalSense.RESERVATIONS_RELEASED
        )
    return Change(after, attentions, tuple(victims))
