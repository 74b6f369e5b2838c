# SPDX-License-Identifier: GPL-2.0-only
"""The faults of a disk's upkeep: medium, power, defects, SANITIZE, WRITE ATOMIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.scsi import cdb
from reftarget.faults.row import Fault
from reftarget.scsi.check_condition import CheckCondition, invalid_field_in_cdb
from reftarget.scsi.rules import (
    AdmissionRules,
    BlockRules,
    MediumRules,
    ProvisioningRules,
    admission,
    blocks,
    medium,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iscsi.scsi.sense import Sense

_SANITIZE: Final = cdb.sanitize_block_erase.opcode


def _cut_one_short(data: bytes, allocation_length: int) -> bytes:
    return data[: max(allocation_length - 1, 0)]


def _unknown_sanitize(opcode: int, has_opcode: bool) -> Sense | None:
    return admission.unknown_command(opcode, has_opcode and opcode != _SANITIZE)


def _takes_short_list(length: int, block_size: int) -> bool:
    return length <= _HEADER or medium.is_overwrite_length(length, block_size)


def _right_or_zero(data: medium.Data, length: int) -> bytes:
    try:
        return medium.overwrite_pattern(data, length)
    except CheckCondition:
        return b"\0"


def _pattern_of_zeros(data: medium.Data, length: int) -> bytes:
    return bytes(len(medium.overwrite_pattern(data, length)))


def _pattern_or_zero(data: medium.Data, length: int) -> bytes:
    return b"\0" if length <= _HEADER else medium.overwrite_pattern(data, length)


def _atomic_of_something(fields: Mapping[str, int]) -> CheckCondition | None:
    return (
        blocks.atomic_objection(fields)
        if fields["blocks"]
        else invalid_field_in_cdb(12)
    )


def _atomic_without_protection(fields: Mapping[str, int]) -> CheckCondition | None:
    return blocks.atomic_objection({**fields, "wrprotect": 0})


def _atomic_without_flags(fields: Mapping[str, int]) -> CheckCondition | None:
    if fields["dpo"] or fields["fua"]:
        return invalid_field_in_cdb(1, 4)
    return blocks.atomic_objection(fields)


def _atomic_without_limits(fields: Mapping[str, int]) -> CheckCondition | None:
    return blocks.atomic_objection({**fields, "blocks": 1, "atomic_boundary": 0})


_HEADER: Final = 4


UPKEEP: Final = (
    Fault(
        name="missing-medium-is-there",
        breaks=("SBC3-4.3-01",),
        says="Is ready without its medium.",
        rules=MediumRules(needs_medium=False),
    ),
    Fault(
        name="new-medium-is-not-reported",
        breaks=("SBC3-4.3-02",),
        says="Establishes no unit attention for a loaded medium.",
        rules=MediumRules(reports_new_medium=False),
    ),
    Fault(
        name="medium-is-removed-though-prevented",
        breaks=("SBC3-5.9-01",),
        says="Ejects the medium although its removal is prevented.",
        rules=MediumRules(applies_prevention=False),
    ),
    Fault(
        name="prevention-outlives-its-nexus",
        breaks=("SBC3-5.9-02",),
        says="Keeps the prevention of a nexus that has ended.",
        also="later ejects of the medium are refused",
        rules=MediumRules(nexus_loss_allows_removal=False),
    ),
    Fault(
        name="any-nexus-allows-removal",
        breaks=("SBC3-5.9-03",),
        says="Ends all preventions when one nexus allows the removal.",
        rules=MediumRules(allowed=lambda _prevented, _nexus: set()),
    ),
    Fault(
        name="prevention-outlives-a-reset",
        breaks=("SBC3-5.9-04",),
        says="Keeps preventions over a reset.",
        rules=MediumRules(reset_allows_removal=False),
    ),
    Fault(
        name="defect-list-claims-more-than-it-has",
        breaks=("SBC3-5.17-01",),
        says="Reports eight bytes of defects and returns none.",
        rules=ProvisioningRules(defect_list_length=8),
    ),
    Fault(
        name="defect-data-is-cut-short",
        breaks=("SBC3-5.17-02",),
        says="Returns one byte of defect data less than there is room for.",
        rules=ProvisioningRules(cut_defects=_cut_one_short),
    ),
    Fault(
        name="sanitize-erases-nothing",
        breaks=("SBC3-5.24-01",),
        says="Answers erases with GOOD and keeps all data.",
        rules=MediumRules(erases=False),
    ),
    Fault(
        name="erase-takes-a-parameter-list",
        breaks=("SBC3-5.24-02",),
        says="Erases whatever PARAMETER LIST LENGTH is.",
        rules=MediumRules(erase_refuses_list=False),
    ),
    Fault(
        name="exit-failure-mode-needs-a-failure",
        breaks=("SBC3-5.24-03",),
        says="Refuses EXIT FAILURE MODE.",
        rules=MediumRules(can_exit_failure_mode=False),
    ),
    Fault(
        name="reserved-sanitize-action-is-unknown",
        breaks=("SBC3-5.24-04",),
        says="Refuses reserved service actions of SANITIZE as an unknown command.",
        rules=AdmissionRules(unknown_command=_unknown_sanitize),
    ),
    Fault(
        name="overwrite-ignores-its-pattern",
        breaks=("SBC3-5.24-05",),
        says="Overwrites with zeros.",
        rules=MediumRules(overwrite_pattern=_pattern_of_zeros),
    ),
    Fault(
        name="overwrite-takes-any-list-length",
        breaks=("SBC3-5.24-06",),
        says="Answers OVERWRITE with a list of any length with GOOD.",
        rules=MediumRules(
            is_overwrite_length=_takes_short_list,
            overwrite_pattern=_pattern_or_zero,
        ),
    ),
    Fault(
        name="overwrite-takes-any-pattern",
        breaks=("SBC3-5.24-07",),
        says="Answers OVERWRITE with a malformed list with GOOD.",
        rules=MediumRules(overwrite_pattern=_right_or_zero),
    ),
    Fault(
        name="sanitize-ignores-write-protection",
        breaks=("SBC3-5.24-08",),
        says="Answers SANITIZE of a write-protected unit with GOOD.",
        rules=MediumRules(erase_respects_protection=False),
    ),
    Fault(
        name="sanitize-ignores-reservations",
        breaks=("SBC3-5.24-09",),
        says="Lets SANITIZE pass every reservation.",
        rules=AdmissionRules(applies_reservations=lambda opcode: opcode != _SANITIZE),
    ),
    Fault(
        name="stopped-unit-is-ready",
        breaks=("SBC3-5.25-02",),
        says="Is ready after it was stopped.",
        rules=MediumRules(needs_start=False),
    ),
    Fault(
        name="reserved-power-condition-is-taken",
        breaks=("SBC3-5.25-03",),
        says="Takes any POWER CONDITION.",
        rules=MediumRules(power_conditions=frozenset(range(16))),
    ),
    Fault(
        name="power-condition-ejects",
        breaks=("SBC3-5.25-04",),
        says="Ejects the medium by LOEJ whatever POWER CONDITION is.",
        rules=MediumRules(applies_start=lambda _power_condition: True),
    ),
    Fault(
        name="stop-without-loej-ejects",
        breaks=("SBC3-5.25-05",),
        says="Ejects the medium instead of stopping.",
        rules=MediumRules(
            moves_medium=lambda start, loej, is_removable: (
                loej or (is_removable and not start)
            )
        ),
    ),
    Fault(
        name="write-atomic-writes-nothing",
        breaks=("SBC4-5.48-01",),
        says="Answers WRITE ATOMIC with GOOD and writes nothing.",
        rules=BlockRules(atomic_writes=False),
    ),
    Fault(
        name="write-atomic-beyond-the-end-is-cut",
        breaks=("SBC4-5.48-02",),
        says="Answers WRITE ATOMIC beyond the end with GOOD.",
        rules=BlockRules(atomic_checks_range=False),
    ),
    Fault(
        name="write-atomic-of-nothing-is-an-error",
        breaks=("SBC4-5.48-03",),
        says="Refuses WRITE ATOMIC of no blocks.",
        rules=BlockRules(atomic_objection=_atomic_of_something),
    ),
    Fault(
        name="write-atomic-ignores-protection",
        breaks=("SBC4-5.48-04",),
        says="Takes any WRPROTECT in WRITE ATOMIC.",
        rules=BlockRules(atomic_objection=_atomic_without_protection),
    ),
    Fault(
        name="write-atomic-refuses-fua",
        breaks=("SBC4-5.48-05",),
        says="Refuses DPO and FUA in WRITE ATOMIC.",
        rules=BlockRules(atomic_objection=_atomic_without_flags),
    ),
    Fault(
        name="write-atomic-limits-are-not-kept",
        breaks=("SBC4-5.48-06",),
        says="Takes any length and boundary in WRITE ATOMIC.",
        rules=BlockRules(atomic_objection=_atomic_without_limits),
    ),
)
