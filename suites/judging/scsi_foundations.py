# SPDX-License-Identifier: GPL-2.0-only
"""What checks of SCSI depend on: units, reservations, copies (`foundations`)."""

from suites.judging.foundation import Foundation

_RESERVE = "reservations/test_reserve_release.py"
_INVALID = "SCSIResponse CHECK CONDITION 5h/24h/00h"
_CONFLICT = "SCSIResponse RESERVATION CONFLICT"
_BESIDE_RESERVATIONS = tuple(
    f"{area}/*"
    for area in (
        "access",
        "changes",
        "command",
        "connections",
        "data",
        "error_recovery",
        "fields",
        "numbering",
        "scsi",
        "task_management",
    )
)
"""Checks that see a reservation only if another check left one."""

_WITH_ONE_ACTION = {
    "preempt": (
        "test_all_registrations_of_a_shared_key_are_removed",
        "test_key_zero_means_all_others",
        "test_the_holder_may_preempt_itself",
        "test_the_type_may_change",
        "test_type_and_scope_do_not_count_for_registrations",
    ),
    "and-abort": ("test_the_tasks_of_the_preempted_are_aborted",),
}
"""Checks of one service action, whose parameters do not name it."""

_PREEMPTS = {"preempt": "PREEMPT", "and-abort": "PREEMPT AND ABORT"}
"""The service actions, by the words for them in the names of checks."""


def _preempt(name: str, title: str) -> Foundation:
    checks = "reservations/test_preempting.py"
    others = (f"{checks}::{check}" for check in _WITH_ONE_ACTION[name])
    removed = f"{checks}::test_registrations_are_removed_by_their_key[{name}]"
    return Foundation(
        what=f"{title} removes registrations",
        proofs=(removed,),
        dependents=(
            f"{checks}::*[{name}-*]",
            f"{checks}::*[{name}]",
            *others,
        ),
        # There are as many keys as before, or a reservation or unit attentions as
        # before.
        answers=("#, #, #", _INVALID),
        is_alike=False,
        shown=("#, #*", "* reserved", "none", _INVALID),
    )


SCSI_FOUNDATIONS: tuple[Foundation, ...] = (
    Foundation(
        what="a command to a unit that is not there is refused",
        proofs=("scsi/test_model.py::test_a_missing_unit_is_reported",),
        dependents=("scsi/test_model.py::test_further_lun_levels_matter",),
        answers=("SCSIResponse GOOD",),
    ),
    Foundation(
        what="a copy with a segment that cannot be copied fails",
        proofs=("scsi/test_copying.py::test_an_impossible_segment_aborts_the_copy",),
        dependents=("scsi/test_copying.py::test_a_missing_unit_is_not_copied",),
        answers=("SCSIResponse GOOD",),
    ),
    Foundation(
        what="what a persistent reservation forbids ends with RESERVATION CONFLICT",
        proofs=("reservations/test_conflicts.py::test_forbidden_commands_conflict",),
        dependents=("reservations/test_nexuses.py::test_another_isid_conflicts",),
        answers=("SCSIResponse GOOD", "DataIn GOOD"),
        is_alike=False,
        shown=("SCSIResponse GOOD", "DataIn GOOD"),
    ),
    Foundation(
        what="RESERVE ends with its session",
        proofs=(f"{_RESERVE}::test_reserve_ends_with_its_nexus",),
        dependents=_BESIDE_RESERVATIONS,
        answers=(_CONFLICT,),
        is_alike=False,
        shown=(_CONFLICT,),
    ),
    Foundation(
        what="CLEAR ends a reservation and all registrations",
        proofs=("reservations/test_preempting.py::test_clearing_ends_all",),
        dependents=_BESIDE_RESERVATIONS,
        answers=("none",),
        is_alike=False,
        shown=(_CONFLICT,),
    ),
    Foundation(
        what="REGISTER registers a key",
        proofs=(
            "reservations/test_registering.py::test_an_unregistered_nexus_registers",
        ),
        dependents=("reservations/*",),
        answers=("none",),
        is_alike=False,
        shown=("none", _CONFLICT),
    ),
    Foundation(
        what="READ KEYS lists every key",
        proofs=("reservations/test_reading.py::test_every_key_is_listed",),
        dependents=("reservations/*",),
        answers=("#",),
    ),
    Foundation(
        what="RESERVE of a registrant reserves the unit",
        proofs=("reservations/test_reserving.py::test_a_registrant_reserves",),
        dependents=("reservations/*",),
        answers=("nothing reserved",),
        is_alike=False,
        shown=("nothing reserved", "none", "SCSIResponse GOOD"),
    ),
    Foundation(
        what="a registration is that of one I_T nexus",
        proofs=("reservations/test_nexuses.py::test_another_isid_is_not_registered",),
        dependents=(
            "reservations/test_registering.py::test_ports_can_be_registered_by_name",
        ),
        answers=("SCSIResponse GOOD",),
    ),
    *(_preempt(name, title) for name, title in _PREEMPTS.items()),
    Foundation(
        what="REPORT LUNS lists the unit that it is sent to",
        proofs=("scsi/test_identity.py::test_the_unit_is_listed",),
        dependents=("scsi/test_model.py::test_a_listed_number_is_an_address",),
        answers=("none",),
        is_alike=False,
    ),
    Foundation(
        what="REPORT SUPPORTED OPERATION CODES returns service actions",
        proofs=("scsi/test_pages.py::test_service_actions_are_reported",),
        dependents=("scsi/test_identity.py::test_each_command_is_reported_by_itself",),
        answers=("*service_action=None*",),
        is_alike=False,
        shown=("*service_action=None*",),
    ),
)
"""The foundations of SAM, SPC and SBC."""
