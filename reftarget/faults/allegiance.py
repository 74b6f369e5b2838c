# SPDX-License-Identifier: GPL-2.0-only
"""The faults of auto contingent allegiance."""

from __future__ import annotations

from typing import Final

from reftarget.faults.row import Fault
from reftarget.rules.allegiance import AllegianceRules, has_naca
from reftarget.scsi.rules import AdmissionRules


def _begins_unasked(cdb: bytes) -> bool:
    # TEST UNIT READY, opcode 0, stays correct: checks clear unit attentions by it.
    return bool(cdb[0]) or has_naca(cdb)


ALLEGIANCE: Final = (
    Fault(
        name="aca-is-never-established",
        breaks=("SAM5-5.10.2-01",),
        says="Establishes no ACA, whatever NACA says.",
        rules=AllegianceRules(begins=lambda _cdb: False),
    ),
    Fault(
        name="aca-is-established-unasked",
        breaks=("SAM5-5.10.2-02",),
        says="Establishes ACA also where NACA is 0.",
        also="after each refusal the unit refuses all others",
        rules=AllegianceRules(begins=_begins_unasked),
    ),
    Fault(
        name="aca-refuses-the-aca-attribute",
        breaks=("SAM5-5.10.3-02",),
        says="Answers commands with the ACA attribute with ACA ACTIVE.",
        rules=AllegianceRules(takes_faulted=lambda _has_aca_attribute, _is_only: False),
    ),
    Fault(
        name="aca-lets-other-nexuses-in",
        breaks=("SAM5-5.10.4-01",),
        says="Executes the commands of other nexuses during ACA.",
        rules=AllegianceRules(takes_others=lambda _cdb: True),
    ),
    Fault(
        name="clear-aca-changes-nothing",
        breaks=("SAM5-5.10.5-01",),
        says="Answers CLEAR ACA with Function complete and clears nothing.",
        rules=AllegianceRules(clears=False),
    ),
    Fault(
        name="clear-aca-is-anybodys",
        breaks=("SAM5-5.10.5-02",),
        says="Clears ACA for another nexus than the faulted one.",
        rules=AllegianceRules(may_clear=lambda _faulted, _nexus: True),
    ),
    Fault(
        name="aca-outlives-a-reset",
        breaks=("SAM5-5.10.5-03",),
        says="Stays in ACA over LOGICAL UNIT RESET.",
        rules=AllegianceRules(ends_with_reset=False),
    ),
    Fault(
        name="aca-outlives-its-nexus",
        breaks=("SAM5-5.10.5-04",),
        says="Stays in ACA when the faulted nexus is lost.",
        also="the unit then refuses all later commands",
        rules=AllegianceRules(ends_with_nexus=False),
    ),
    Fault(
        name="aca-lets-older-tasks-go-on",
        breaks=("SAM5-5.10.2-03",),
        says="Continues tasks that began before ACA.",
        rules=AllegianceRules(holds_older=False),
    ),
    Fault(
        name="aca-attribute-runs-without-aca",
        breaks=("SAM5-8.5-01",),
        says="Executes a command with the ACA attribute where there is no ACA.",
        rules=AdmissionRules(aca_attribute_needs_aca=False),
    ),
)
