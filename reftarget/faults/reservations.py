# SPDX-License-Identifier: GPL-2.0-only
"""The faults of reservations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iscsi.scsi.persistent_reservations import (
    BASIC_LENGTH,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.reservation_conflicts import Access, Role
from reftarget.faults.row import Fault
from reftarget.scsi.reservation_state import Reservation, State
from reftarget.scsi.rules import reservations as right
from reftarget.scsi.rules.admission import AdmissionRules
from reftarget.scsi.rules.reservations import ReservationRules

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reftarget.scsi.task import Nexus

_ALL_ACTIONS: Final = frozenset(OutServiceAction)


def _keeps_readers_out(kind: ReservationType, role: Role, access: Access) -> bool:
    is_reader = access is Access.READ and role is Role.STRANGER
    return not is_reader and right.passes(kind, role, access)


def _unregistered_but_reserved(state: State, nexuses: Collection[Nexus]) -> State:
    return replace(state.without(nexuses), reservation=state.reservation)


def _released_by_the_first(state: State, nexuses: Collection[Nexus]) -> State:
    changed = state.without(nexuses)
    reservation = changed.reservation
    if reservation is not None and reservation.type.is_all_registrants:
        return replace(changed, reservation=None)
    return changed


def _registered_and_released(state: State, keys: Mapping[Nexus, int]) -> State:
    return replace(state.with_keys(keys), reservation=None)


def _is_key_of_another(
    registrations: Mapping[Nexus, int], nexuses: Collection[Nexus], key: int
) -> bool:
    return any(
        key == other and nexus not in nexuses for nexus, other in registrations.items()
    )


def _known_or_write_exclusive(scope: int, kind: int) -> ReservationType:
    if kind not in set(ReservationType):
        return ReservationType.WRITE_EXCLUSIVE
    return right.reservation_type(scope, kind)


def _shown_key_of_one(state: State, reservation: Reservation) -> int:
    if reservation.holder is None:
        return next(iter(state.registrations.values()))
    return right.shown_key(state, reservation)


def _cut_with_its_length(data: bytes, allocation_length: int) -> bytes:
    if allocation_length < len(data):
        listed = max(0, allocation_length - 8)
        data = data[:4] + listed.to_bytes(4, "big") + data[8:]
    return data[:allocation_length]


RESERVATIONS: Final = (
    Fault(
        name="reservation-keeps-nobody-out",
        breaks=("SPC4-5.12.1-01",),
        says="Lets every command pass a persistent reservation.",
        rules=ReservationRules(passes=lambda _kind, _role, _access: True),
    ),
    Fault(
        name="reservation-keeps-readers-out",
        breaks=("SPC4-5.12.1-02",),
        says="Refuses unregistered nexuses to read under Write Exclusive.",
        rules=ReservationRules(passes=_keeps_readers_out),
    ),
    Fault(
        name="registration-ends-with-its-nexus",
        breaks=("SPC4-5.12.1-03", "RFC7143-E.2-i02"),
        says="Forgets a registration when its session ends.",
        rules=ReservationRules(
            after_nexus_loss=lambda state, nexus: state.without([nexus])
        ),
    ),
    Fault(
        name="registration-ends-with-a-reset",
        breaks=("SPC4-5.12.1-04",),
        says="Forgets registrations and reservation at a reset.",
        rules=ReservationRules(after_reset=lambda _state: State()),
    ),
    Fault(
        name="reservation-key-is-not-checked",
        breaks=(
            "SPC4-5.12.9-02",
            "SPC4-5.12.7-04",
            "SPC4-5.12.11.2.2-04",
            "SPC4-5.12.11.2.4-04",
            "SPC4-5.12.11.2.7-03",
        ),
        says="Takes any RESERVATION KEY from a registered nexus.",
        rules=ReservationRules(
            knows_key=lambda own, _given: own is not None,
            knows_key_to_register=lambda own, given: bool(own) or not given,
        ),
    ),
    Fault(
        name="reservation-changes-are-not-reported",
        breaks=(
            "SPC4-5.12.11.2.2-05",
            "SPC4-5.12.11.2.3-03",
            "SPC4-5.12.11.2.4-07",
            "SPC4-5.12.11.2.4-08",
            "SPC4-5.12.11.2.7-02",
        ),
        says="Raises no unit attention when reservations change.",
        rules=ReservationRules(notifies=False),
    ),
    Fault(
        name="leave-of-a-lone-holder-is-reported",
        breaks=("SPC4-5.12.11.2.3-05",),
        says="Notifies registrants of the end of a reservation that is not shared.",
        rules=ReservationRules(reports_unregistration=lambda _kind: True),
    ),
    Fault(
        name="reservation-generation-stands-still",
        breaks=("SPC4-6.15.2-02",),
        says="Does not count PRGENERATION up.",
        rules=ReservationRules(counted=lambda state: state),
    ),
    Fault(
        name="reservation-list-length-is-cut",
        breaks=("SPC4-6.15.2-03",),
        says="Reports the length of the returned list, not of all.",
        rules=ReservationRules(cut=_cut_with_its_length),
    ),
    Fault(
        name="aptpl-is-forgotten",
        breaks=("SPC4-5.12.5-01",),
        says="Loses reservations in a loss of power, whatever APTPL says.",
        rules=ReservationRules(kept=lambda _state: State()),
    ),
    Fault(
        name="aptpl-cannot-be-switched-off",
        breaks=("SPC4-5.12.5-02",),
        says="Keeps reservations over a loss of power, whatever APTPL says.",
        rules=ReservationRules(
            kept=lambda state: replace(state, persists_through_power_loss=True)
        ),
    ),
    Fault(
        name="reserve-keeps-nobody-out",
        breaks=("SPC4-5.12.3-03",),
        says="Answers RESERVE with GOOD and reserves nothing.",
        also="a RELEASE of another's then seems to end it",
        rules=ReservationRules(spc_2_reserves=False),
    ),
    Fault(
        name="reserve-outlives-its-nexus",
        breaks=("SPC4-5.12.3-04",),
        says="Keeps a unit reserved when the session of RESERVE has ended.",
        also="the unit then refuses later commands",
        rules=ReservationRules(spc_2_ends_with_nexus=False),
    ),
    Fault(
        name="preempt-and-abort-aborts-nothing",
        breaks=("SPC4-5.12.11.2.6-02",),
        says="Does not abort the tasks of the preempted.",
        rules=ReservationRules(aborts_preempted=False),
    ),
    Fault(
        name="all-registrants-reservation-shows-a-key",
        breaks=("SPC4-5.12.10-01",),
        says="Shows one registrant's key as that of an all registrants reservation.",
        rules=ReservationRules(shown_key=_shown_key_of_one),
    ),
    Fault(
        name="full-status-hides-the-holder",
        breaks=("SPC4-6.15.5-01",),
        says="Shows no holder in READ FULL STATUS.",
        rules=ReservationRules(is_shown_as_holder=lambda _state, _nexus: False),
    ),
    Fault(
        name="capabilities-have-no-length",
        breaks=("SPC4-6.15.4-01",),
        says="Returns REPORT CAPABILITIES with a LENGTH of 0.",
        rules=ReservationRules(capabilities_length=0),
    ),
    Fault(
        name="register-changes-nothing",
        breaks=("SPC4-5.12.7-01", "SPC4-5.12.7-03", "SPC4-5.12.11.2.3-01"),
        says="Answers REGISTER with GOOD and does nothing.",
        also="every reservation begins with a registration",
        rules=ReservationRules(effective=_ALL_ACTIONS - {OutServiceAction.REGISTER}),
    ),
    Fault(
        name="reserve-changes-nothing",
        breaks=("SPC4-5.12.9-01", "SPC4-6.15.3-01", "SPC4-5.12.9-04"),
        says="Answers RESERVE of a type with GOOD and does nothing.",
        also="what is preempted or held has been reserved before",
        rules=ReservationRules(effective=_ALL_ACTIONS - {OutServiceAction.RESERVE}),
    ),
    Fault(
        name="release-changes-nothing",
        breaks=("SPC4-5.12.11.2.2-01",),
        says="Answers RELEASE with GOOD and does nothing.",
        also="that all registrants hold is proved by RELEASE",
        rules=ReservationRules(effective=_ALL_ACTIONS - {OutServiceAction.RELEASE}),
    ),
    Fault(
        name="clear-changes-nothing",
        breaks=("SPC4-5.12.11.2.7-01",),
        says="Answers CLEAR with GOOD and does nothing.",
        also="a reservation left by a check disturbs others",
        rules=ReservationRules(effective=_ALL_ACTIONS - {OutServiceAction.CLEAR}),
    ),
    Fault(
        name="preempt-changes-nothing",
        breaks=("SPC4-5.12.11.2.4-01", "SPC4-5.12.11.2.4-02", "SPC4-5.12.11.2.4-06"),
        says="Answers PREEMPT with GOOD and does nothing.",
        rules=ReservationRules(effective=_ALL_ACTIONS - {OutServiceAction.PREEMPT}),
    ),
    Fault(
        name="preempt-and-abort-changes-nothing",
        breaks=("SPC4-5.12.11.2.6-01",),
        says="Answers PREEMPT AND ABORT with GOOD and does nothing.",
        rules=ReservationRules(
            effective=_ALL_ACTIONS - {OutServiceAction.PREEMPT_AND_ABORT}
        ),
    ),
    Fault(
        name="register-and-ignore-changes-nothing",
        breaks=("SPC4-5.12.7-05",),
        says="Answers REGISTER AND IGNORE EXISTING KEY with GOOD and does nothing.",
        also="the clean-up between checks uses it",
        rules=ReservationRules(
            effective=_ALL_ACTIONS - {OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY}
        ),
    ),
    Fault(
        name="register-and-move-changes-nothing",
        breaks=("SPC4-5.12.8-01", "SPC4-5.12.8-04"),
        says="Answers REGISTER AND MOVE with GOOD and does nothing.",
        rules=ReservationRules(
            effective=_ALL_ACTIONS - {OutServiceAction.REGISTER_AND_MOVE}
        ),
    ),
    Fault(
        name="nexus-is-its-initiator-name",
        breaks=("SPC4-5.12.1-05", "SPC4-5.12.7-08"),
        says="Distinguishes I_T nexuses by initiator name alone.",
        rules=ReservationRules(
            identified=lambda nexus: nexus._replace(isid=bytes(len(nexus.isid)))
        ),
    ),
    Fault(
        name="release-ignores-the-type",
        breaks=("SPC4-5.12.11.2.2-02",),
        says="Releases a reservation whatever TYPE the holder names.",
        rules=ReservationRules(may_release=lambda _held, _named: True),
    ),
    Fault(
        name="release-of-nothing-conflicts",
        breaks=("SPC4-5.12.11.2.2-03",),
        says="Refuses RELEASE of a registrant that holds nothing.",
        rules=ReservationRules(can_release_nothing=False),
    ),
    Fault(
        name="lone-holders-release-is-reported",
        breaks=("SPC4-5.12.11.2.2-06",),
        says="Notifies registrants of the release of a reservation of one holder.",
        rules=ReservationRules(reports_release=lambda _kind: True),
    ),
    Fault(
        name="reservation-outlives-its-holder",
        breaks=("SPC4-5.12.11.2.3-02",),
        says="Keeps the reservation of a holder that has unregistered.",
        rules=ReservationRules(unregistered=_unregistered_but_reserved),
    ),
    Fault(
        name="reservation-ends-with-the-first-of-many",
        breaks=("SPC4-5.12.11.2.3-04",),
        says="Ends an all registrants reservation when one unregisters.",
        rules=ReservationRules(unregistered=_released_by_the_first),
    ),
    Fault(
        name="preempt-of-nobody-is-good",
        breaks=("SPC4-5.12.11.2.4-03",),
        says="Answers PREEMPT of an unregistered key with GOOD.",
        rules=ReservationRules(can_preempt_nobody=True),
    ),
    Fault(
        name="preempt-of-key-zero-is-good",
        breaks=("SPC4-5.12.11.2.4-05",),
        says="Answers PREEMPT of key zero with GOOD, whatever the type.",
        rules=ReservationRules(can_preempt_zero=True),
    ),
    Fault(
        name="reserve-passes-registrations",
        breaks=("SPC4-5.12.3-01",),
        says="Answers RESERVE of an unregistered nexus with GOOD beside registrations.",
        rules=ReservationRules(spc_2_passes=lambda _has_access: True),
    ),
    Fault(
        name="reserve-of-a-holder-conflicts",
        breaks=("SPC4-5.12.3-02",),
        says="Refuses RESERVE and RELEASE of the holder itself.",
        rules=ReservationRules(spc_2_passes=lambda _has_access: False),
    ),
    Fault(
        name="aptpl-is-taken-where-not-offered",
        breaks=("SPC4-5.12.5-03",),
        says="Reports no support for APTPL, but accepts it.",
        rules=ReservationRules(offers_persistence=lambda _has_store: False),
    ),
    Fault(
        name="stranger-registers-with-any-key",
        breaks=("SPC4-5.12.7-02",),
        says="Takes any RESERVATION KEY in the first REGISTER of a nexus.",
        also="that a nexus is another is proved by its key",
        rules=ReservationRules(
            knows_key_to_register=lambda own, given: own in {0, given}
        ),
    ),
    Fault(
        name="unregistering-nothing-conflicts",
        breaks=("SPC4-5.12.7-06",),
        says="Refuses REGISTER with both keys zero from an unregistered nexus.",
        rules=ReservationRules(can_unregister_nobody=False),
    ),
    Fault(
        name="registering-ends-the-reservation",
        breaks=("SPC4-5.12.7-07",),
        says="Ends the reservation when a nexus registers.",
        rules=ReservationRules(registered=_registered_and_released),
    ),
    Fault(
        name="named-ports-are-not-registered",
        breaks=("SPC4-5.12.7-08",),
        says="Registers the sender alone where SPEC_I_PT names others.",
        rules=ReservationRules(registers_named_ports=False),
    ),
    Fault(
        name="registrants-may-name-ports",
        breaks=("SPC4-5.12.7-09",),
        says="Takes SPEC_I_PT from a nexus that is registered.",
        rules=ReservationRules(may_name_ports=lambda _own_key: True),
    ),
    Fault(
        name="key-can-be-registered-once",
        breaks=("SPC4-5.12.7-10",),
        says="Refuses a key that another nexus has registered.",
        also="a nexus of another ISID brings the same key",
        rules=ReservationRules(key_conflicts=_is_key_of_another),
    ),
    Fault(
        name="registrants-move-the-reservation",
        breaks=("SPC4-5.12.8-02",),
        says="Lets a registrant that holds nothing move the reservation.",
        rules=ReservationRules(may_move=lambda _held, _nexus: True),
    ),
    Fault(
        name="move-takes-key-zero",
        breaks=("SPC4-5.12.8-03",),
        says="Accepts a key of zero for the nexus that it moves to.",
        rules=ReservationRules(can_move_with_key_zero=True),
    ),
    Fault(
        name="move-to-the-sender-is-good",
        breaks=("SPC4-5.12.8-05",),
        says="Moves a reservation to the nexus that has it.",
        rules=ReservationRules(can_move_to_sender=True),
    ),
    Fault(
        name="reserving-again-conflicts",
        breaks=("SPC4-5.12.9-03",),
        says="Refuses RESERVE of the holder that has reserved already.",
        rules=ReservationRules(reserved_again=lambda _held, _wanted, _is_holder: None),
    ),
    Fault(
        name="reservation-goes-to-the-next",
        breaks=("SPC4-5.12.9-05", "SPC4-5.12.9-04"),
        says="Lets any registrant reserve what another holds.",
        rules=ReservationRules(reserved_again=lambda _held, wanted, _is_holder: wanted),
    ),
    Fault(
        name="reserved-type-is-taken",
        breaks=("SPC4-5.12.9-06",),
        says="Takes reserved TYPEs and SCOPEs for write exclusive.",
        rules=ReservationRules(reservation_type=_known_or_write_exclusive),
    ),
    Fault(
        name="read-keys-shows-one",
        breaks=("SPC4-6.15.2-01",),
        says="Lists one key of all.",
        also="what is registered is read by READ KEYS",
        rules=ReservationRules(shown_keys=lambda keys: keys[:1]),
    ),
    Fault(
        name="aptpl-is-not-shown",
        breaks=("SPC4-6.15.4-02",),
        says="Shows PTPL_A as zero, whatever APTPL says.",
        rules=ReservationRules(is_shown_persistent=lambda _state: False),
    ),
    Fault(
        name="parameter-list-has-any-length",
        breaks=("SPC4-6.16-01",),
        says="Takes a parameter list of any length, and zeros for what it lacks.",
        rules=ReservationRules(
            is_list_length=lambda _action, _length: True,
            is_list_complete=lambda _action, _data: True,
            parameter_list=lambda data: data.ljust(BASIC_LENGTH, b"\0"),
        ),
    ),
    Fault(
        name="reserved-action-is-good",
        breaks=("SPC4-6.16-02",),
        says="Answers reserved service actions with GOOD.",
        rules=AdmissionRules(unknown_command=lambda _opcode, _has_opcode: None),
    ),
    Fault(
        name="preempt-heeds-the-type",
        breaks=("SPC4-5.12.11.2.4-09",),
        says="Refuses PREEMPT of registrations with an undefined TYPE or SCOPE.",
        rules=ReservationRules(preempt_compares_type=True),
    ),
    Fault(
        name="offers-less-than-it-takes",
        breaks=("SPC4-5.12.7-11",),
        says="Takes SPEC_I_PT and ALL_TG_PT, but gives SIP_C 0 and ATP_C 0.",
        rules=ReservationRules(
            shown_capabilities=lambda capabilities: replace(
                capabilities,
                specify_initiator_ports_capable=False,
                all_target_ports_capable=False,
            )
        ),
    ),
    Fault(
        name="compatible-handling-is-not-shown",
        breaks=("SPC4-5.12.3-05",),
        says="Lets RESERVE of holders pass, but gives CRH 0.",
        rules=ReservationRules(shows_compatible_handling=False),
    ),
    Fault(
        name="a-type-is-missing-in-the-mask",
        breaks=("SPC4-6.15.4-03",),
        says="Takes a type that its mask of types leaves out.",
        rules=ReservationRules(
            shown_capabilities=lambda capabilities: replace(
                capabilities,
                types=capabilities.types
                - {ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS},
            )
        ),
    ),
)
