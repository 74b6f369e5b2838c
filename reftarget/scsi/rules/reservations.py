# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of the reservation manager (SPC-4 sections 5.12, 6.15 and 6.16)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from iscsi.scsi.persistent_reservations import (
    BASIC_LENGTH,
    LU_SCOPE,
    AllowCommands,
    Capabilities,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.reservation_conflicts import PASSES, Access, Role
from reftarget.ruleset import RuleSet
from reftarget.scsi.check_condition import invalid_field_in_cdb
from reftarget.scsi.reservation_state import Reservation, State
from reftarget.scsi.task import Nexus

_FLAGS_BYTE = 20
_SPEC_I_PT = 0x08
_SCOPE_AND_TYPE_BYTE = 2
_WITH_TRANSPORT_IDS = frozenset(
    {
        OutServiceAction.REGISTER,
        # This service action has a reason of its own to refuse SPEC_I_PT.
        OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY,
        OutServiceAction.REGISTER_AND_MOVE,
    }
)


def specifies_initiator_ports(data: bytes) -> bool:
    """Return SPEC_I_PT of a basic parameter list."""
    return bool(data[_FLAGS_BYTE] & _SPEC_I_PT)


def passes(kind: ReservationType, role: Role, access: Access) -> bool:
    """Whether a command passes a persistent reservation (section 5.12.1)."""
    return access in PASSES[kind][role]


def identified(nexus: Nexus) -> Nexus:
    """Return the part of a nexus that identifies it: all of it (section 5.12.1)."""
    return nexus


def spc_2_passes(has_access: bool) -> bool:
    """Whether RESERVE and RELEASE are GOOD beside registrations (section 5.12.3).

    They are for a nexus that has access anyway.
    """
    return has_access


def unchanged(state: State) -> State:
    """Return what is kept over a loss of power, or left after a reset: everything."""
    return state


def after_nexus_loss(state: State, _nexus: Nexus) -> State:
    """Return what is left when a nexus is lost: everything (section 5.12.1)."""
    return state


def knows_key(own: int | None, key: int) -> bool:
    """Whether a RESERVATION KEY is that of its sender; None: it is not registered."""
    return own == key


def knows_key_to_register(own: int, key: int) -> bool:
    """Whether REGISTER has the sender's key: zero if it has none (section 5.12.7)."""
    return own == key


def may_name_ports(own_key: int) -> bool:
    """Whether SPEC_I_PT is taken: from a nexus that is not registered (table 62)."""
    return not own_key


def key_conflicts(
    _registrations: Mapping[Nexus, int], _nexuses: Collection[Nexus], _key: int
) -> bool:
    """Whether a key cannot be registered: several nexuses may have the same one."""
    return False


def registered(state: State, keys: Mapping[Nexus, int]) -> State:
    """Return the state with keys registered (section 5.12.7)."""
    return state.with_keys(keys)


def unregistered(state: State, nexuses: Collection[Nexus]) -> State:
    """Return the state without registrations (section 5.12.11.2.3)."""
    return state.without(nexuses)


def counted(state: State) -> State:
    """Return the state with PRGENERATION as it is after a change (section 6.15.2)."""
    return state.next_generation()


def concerns_registrants(kind: ReservationType) -> bool:
    """Whether registrants are notified that a reservation of a type has ended.

    They are if they had access by it (sections 5.12.11.2.2 and 5.12.11.2.3).
    """
    return kind.is_shared_by_registrants


def reservation_type(scope: int, kind: int) -> ReservationType:
    """Return the type that TYPE says (section 6.15.3).

    Raises:
        CheckCondition: the TYPE or the SCOPE is undefined.
    """
    try:
        known_type = ReservationType(kind)
    except ValueError:
        raise invalid_field_in_cdb(_SCOPE_AND_TYPE_BYTE, 3) from None
    if scope != LU_SCOPE:
        raise invalid_field_in_cdb(_SCOPE_AND_TYPE_BYTE, 7)
    return known_type


def reserved_again(
    current: Reservation, requested: Reservation, is_holder: bool
) -> Reservation | None:
    """Return the reservation after RESERVE where one is held; None: a conflict.

    The holder may repeat its command (section 5.12.9).
    """
    return current if is_holder and current.type == requested.type else None


def may_release(current: ReservationType, named: ReservationType) -> bool:
    """Whether a holder's RELEASE names the right TYPE (section 5.12.11.2.2)."""
    return current == named


def may_move(current: Reservation, nexus: Nexus) -> bool:
    """Whether a nexus may move the reservation: its only holder (section 5.12.8)."""
    return current.holder == nexus


def is_list_length(action: OutServiceAction, length: int) -> bool:
    """Whether PARAMETER LIST LENGTH fits the service action (section 6.16)."""
    if action in _WITH_TRANSPORT_IDS:
        return length >= BASIC_LENGTH
    return length == BASIC_LENGTH


def is_list_complete(action: OutServiceAction, data: bytes) -> bool:
    """Whether a parameter list has the length of its own fields (section 6.16)."""
    return (
        len(data) <= BASIC_LENGTH
        or action is OutServiceAction.REGISTER_AND_MOVE
        or specifies_initiator_ports(data)
    )


def parameter_list(data: bytes) -> bytes:
    """Return the parameter list that was received."""
    return data


def shown_keys(keys: tuple[int, ...]) -> tuple[int, ...]:
    """Return what READ KEYS lists (section 6.15.2)."""
    return keys


def shown_key(state: State, reservation: Reservation) -> int:
    """Return RESERVATION KEY of READ RESERVATION (section 5.12.10).

    It is zero where every registrant is a holder.
    """
    holder = reservation.holder
    return 0 if holder is None else state.registrations.get(holder, 0)


def is_shown_as_holder(state: State, nexus: Nexus) -> bool:
    """Return R_HOLDER of READ FULL STATUS (section 6.15.5)."""
    return state.is_holder(nexus)


def is_shown_persistent(state: State) -> bool:
    """Return PTPL_A of REPORT CAPABILITIES (section 6.15.4)."""
    return state.persists_through_power_loss


def shown_capabilities(capabilities: Capabilities) -> Capabilities:
    """Return what REPORT CAPABILITIES shows: what the unit does (section 6.15.4)."""
    return capabilities


def offers_persistence(has_store: bool) -> bool:
    """Return PTPL_C of REPORT CAPABILITIES (section 6.15.4)."""
    return has_store


def cut(data: bytes, allocation_length: int) -> bytes:
    """Return as much of the data as there is room for (section 6.15.2).

    The length in it stays that of all.
    """
    return data[:allocation_length]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRules(RuleSet):
    """The decisions of the reservation manager."""

    passes: Callable[[ReservationType, Role, Access], bool] = passes
    identified: Callable[[Nexus], Nexus] = identified
    # RESERVE and RELEASE of SPC-2
    spc_2_reserves: bool = True
    """RESERVE keeps other nexuses out (section 5.12.3)."""
    spc_2_passes: Callable[[bool], bool] = spc_2_passes
    spc_2_ends_with_nexus: bool = True
    """The reservation of RESERVE ends when its nexus is lost (section 5.12.3)."""
    # what survives which event
    after_nexus_loss: Callable[[State, Nexus], State] = after_nexus_loss
    after_reset: Callable[[State], State] = unchanged
    after_access_change: Callable[[State], State] = unchanged
    """What an access state that changes leaves of reservations: all (5.12.1)."""
    kept: Callable[[State], State] = unchanged
    """What is kept over a loss of power, if APTPL is set (section 5.12.5)."""
    # PERSISTENT RESERVE OUT
    is_list_length: Callable[[OutServiceAction, int], bool] = is_list_length
    is_list_complete: Callable[[OutServiceAction, bytes], bool] = is_list_complete
    parameter_list: Callable[[bytes], bytes] = parameter_list
    reservation_type: Callable[[int, int], ReservationType] = reservation_type
    types: frozenset[ReservationType] = frozenset(ReservationType)
    """The types that are offered (section 6.15.4)."""
    reports_types: bool = True
    """TMV: PERSISTENT RESERVATION TYPE MASK is valid (section 6.15.4)."""
    effective: frozenset[OutServiceAction] = frozenset(OutServiceAction)
    """The service actions that change something (section 5.12.7 and following)."""
    knows_key: Callable[[int | None, int], bool] = knows_key
    counted: Callable[[State], State] = counted
    notifies: bool = True
    """Changes raise unit attentions (section 5.12.11.2)."""
    # REGISTER
    knows_key_to_register: Callable[[int, int], bool] = knows_key_to_register
    may_name_ports: Callable[[int], bool] = may_name_ports
    registers_named_ports: bool = True
    """SPEC_I_PT registers the initiator ports that are named (section 5.12.7)."""
    key_conflicts: Callable[[Mapping[Nexus, int], Collection[Nexus], int], bool] = (
        key_conflicts
    )
    registered: Callable[[State, Mapping[Nexus, int]], State] = registered
    unregistered: Callable[[State, Collection[Nexus]], State] = unregistered
    can_unregister_nobody: bool = True
    """Both keys zero from an unregistered nexus is GOOD (section 5.12.7)."""
    reports_unregistration: Callable[[ReservationType], bool] = concerns_registrants
    # RESERVE and RELEASE
    reserved_again: Callable[[Reservation, Reservation, bool], Reservation | None] = (
        reserved_again
    )
    can_release_nothing: bool = True
    """RELEASE of a nexus that is no holder is GOOD (section 5.12.11.2.2)."""
    may_release: Callable[[ReservationType, ReservationType], bool] = may_release
    reports_release: Callable[[ReservationType], bool] = concerns_registrants
    # PREEMPT
    can_preempt_zero: bool = False
    """PREEMPT of key zero is GOOD beside a holder (section 5.12.11.2.4)."""
    preempt_compares_type: bool = False
    """TYPE and SCOPE count where registrations alone are removed (5.12.11.2.4)."""
    can_preempt_nobody: bool = False
    """PREEMPT of a key that no nexus has is GOOD (section 5.12.11.2.4)."""
    aborts_preempted: bool = True
    """PREEMPT AND ABORT aborts the preempted's tasks (section 5.12.11.2.6)."""
    # REGISTER AND MOVE
    may_move: Callable[[Reservation, Nexus], bool] = may_move
    can_move_with_key_zero: bool = False
    can_move_to_sender: bool = False
    # PERSISTENT RESERVE IN
    cut: Callable[[bytes, int], bytes] = cut
    shown_keys: Callable[[tuple[int, ...]], tuple[int, ...]] = shown_keys
    shown_key: Callable[[State, Reservation], int] = shown_key
    is_shown_as_holder: Callable[[State, Nexus], bool] = is_shown_as_holder
    is_shown_persistent: Callable[[State], bool] = is_shown_persistent
    offers_persistence: Callable[[bool], bool] = offers_persistence
    can_persist: bool = True
    """PTPL_C: APTPL is taken where state can be kept (section 6.15.4)."""
    allow_commands: AllowCommands = AllowCommands.TEST_UNIT_READY_AND_MODE_SENSE
    """ALLOW COMMANDS: what is said of commands that pass (section 6.15.4)."""
    can_name_ports: bool = True
    """SIP_C: SPEC_I_PT is taken at all (section 6.15.4)."""
    can_register_everywhere: bool = True
    """ATP_C: ALL_TG_PT is taken (section 6.15.4)."""
    shows_compatible_handling: bool = True
    """CRH: RESERVE and RELEASE go beside registrations (section 6.15.4)."""
    shown_capabilities: Callable[[Capabilities], Capabilities] = shown_capabilities
    capabilities_length: int = 8
    """LENGTH of REPORT CAPABILITIES (section 6.15.4)."""
