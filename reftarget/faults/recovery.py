# SPDX-License-Identifier: GPL-2.0-only
"""The faults of error recovery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from iscsi import headers
from reftarget.faults.row import Fault
from reftarget.rules import (
    RecoveryRules,
)


def _changed(header: Any) -> headers.Header:
    field = "r2t_sn" if isinstance(header, headers.R2T) else "stat_sn"
    field = "data_sn" if isinstance(header, headers.DataIn) else field
    changed: headers.Header = replace(header, **{field: getattr(header, field) + 1})
    return changed


RECOVERY: Final = (
    Fault(
        name="snack-of-unsent-is-ignored",
        breaks=("RFC7143-11.16-07",),
        says="Ignores a SNACK for what was never sent.",
        rules=RecoveryRules(rejects_unsent=False),
    ),
    Fault(
        name="reassigned-task-stands-still",
        breaks=(
            "RFC7143-7.2.2-05",
            "RFC7143-7.2.2-02",
            "RFC7143-E.1-i02",
            "RFC7143-11.5.6-03",
        ),
        says="Answers TASK REASSIGN and does nothing more.",
        rules=RecoveryRules(reassigned_goes_on=False),
    ),
    Fault(
        name="wild-exp-data-sn-ends-the-task",
        breaks=("RFC7143-11.5.6-05",),
        says="Ends a task that is reassigned with a wild ExpDataSN.",
        rules=RecoveryRules(forgives_wild_exp_data_sn=False),
    ),
    Fault(
        name="snack-of-others-is-served",
        breaks=("RFC7143-4.2.5.1-05",),
        says="Takes a SNACK for what another connection has sent.",
        rules=RecoveryRules(snack_keeps_allegiance=False),
    ),
    Fault(
        name="snack-is-refused",
        breaks=(
            "RFC7143-11.16-01",
            "RFC7143-7.1.5-01",
            "RFC7143-7.1.5-02",
            "RFC7143-7.8-08",
        ),
        says="Refuses every SNACK.",
        also="what follows a refusal is judged where one comes",
        rules=RecoveryRules(takes_snack=False),
    ),
    Fault(
        name="resent-pdus-are-changed",
        breaks=("RFC7143-11.16-02", "RFC7143-11.16-05", "RFC7143-11.4.9-01"),
        says="Changes what it sends again.",
        rules=RecoveryRules(repeated=_changed),
    ),
    Fault(
        name="snack-without-length-is-one",
        breaks=("RFC7143-11.16-i01",),
        says="Takes RunLength 0 for 1.",
        rules=RecoveryRules(
            end_of_run=lambda begin, length, total: (
                begin + length if length else min(begin + 1, total)
            )
        ),
    ),
    Fault(
        name="reassigned-task-keeps-its-snack-tag",
        breaks=("RFC7143-7.2.2-10",),
        says="Keeps the SNACK Tag over a reassignment.",
        rules=RecoveryRules(reassigned_snack_tag=lambda tag: tag),
    ),
    Fault(
        name="immediate-command-outlives-its-connection",
        breaks=(
            "RFC7143-7.14-05",
            "RFC7143-E.1-i02",
        ),
        says="Keeps immediate commands of a lost connection.",
        rules=RecoveryRules(immediate_ends_with_connection=False),
    ),
    Fault(
        name="reassigned-read-begins-anew",
        breaks=("RFC7143-11.5.6-02", "RFC7143-7.2.2-03"),
        says="Sends all data of a reassigned read, whatever ExpDataSN says.",
        rules=RecoveryRules(acknowledged=lambda _exp_data_sn: 0),
    ),
)
