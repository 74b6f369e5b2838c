# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the Response Fence."""

from __future__ import annotations

from typing import Final

from reftarget.faults.row import Fault
from reftarget.rules import (
    FenceRules,
)
from reftarget.rules.fencing import Fenced

_ALL_FENCED: Final = frozenset(Fenced)


FENCING: Final = (
    Fault(
        name="response-fence-is-not-raised",
        breaks=(
            "RFC7143-4.2.2.3.3-03",
            "RFC7143-4.2.2.3.2-01",
            "RFC7143-4.2.2.3.3-01",
            "RFC7143-4.2.2.3.4-02",
            "RFC7143-4.2.3.3-12",
            "RFC7143-4.2.3.3-14",
            "RFC7143-4.2.3.4-16",
            "RFC7143-4.2.3.4-19",
            "RFC7143-11.6.1-04",
        ),
        says="Sends fenced responses at once.",
        also="the beginning of ACA is fenced, too",
        rules=FenceRules(is_raised=False),
    ),
    Fault(
        name="response-fence-ends-when-it-is-passed",
        breaks=("RFC7143-4.2.2.3.3-04", "RFC7143-4.2.2.3.2-02", "RFC7143-4.2.2.3.3-05"),
        says="Does not wait for the acknowledgement of a fenced response.",
        rules=FenceRules(waits_for_acknowledgement=False),
    ),
    Fault(
        name="response-fence-lets-preempt-and-abort-pass",
        breaks=("RFC7143-4.2.2.3.4-06",),
        says="Does not fence the response to PREEMPT AND ABORT.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.PREEMPT}),
    ),
    Fault(
        name="response-fence-lets-unit-attentions-pass",
        breaks=(
            "RFC7143-4.2.2.3.4-01",
            "RFC7143-4.2.3.3-13",
            "RFC7143-4.2.3.4-17",
            "RFC7143-4.2.3.6-01",
        ),
        says="Does not fence the unit attention after a multi-task abort.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ATTENTION}),
    ),
    Fault(
        name="response-fence-lets-aca-pass",
        breaks=("RFC7143-4.2.2.3.4-03",),
        says="Does not fence the response that establishes ACA.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ACA}),
    ),
    Fault(
        name="response-fence-lets-aca-active-pass",
        breaks=("RFC7143-4.2.2.3.4-04",),
        says="Does not fence the first ACA ACTIVE.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.ACA_ACTIVE}),
    ),
    Fault(
        name="response-fence-lets-clear-aca-pass",
        breaks=("RFC7143-4.2.2.3.4-05",),
        says="Does not fence the response to CLEAR ACA.",
        rules=FenceRules(fenced=_ALL_FENCED - {Fenced.CLEAR_ACA}),
    ),
)
