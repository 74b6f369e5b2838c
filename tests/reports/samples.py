# SPDX-License-Identifier: GPL-2.0-only
"""Checks and runs for the tests of what reads them."""

from collections.abc import Iterable
from typing import Any

from reports.model import FORMAT, Check, Ending, EndingKind, Failure, Outcome, Run

ECHO, TAG, NEVER = "RFC7143-11.19-02", "RFC7143-11.19-01", "RFC7143-13.6-01"
LONE_SHOULD = "RFC7143-11.7.7-02"
FACTS = {"target": "tgt", "target.version": "1", "negotiated.HeaderDigest": "CRC32C"}


def passed(name: str, *requirements: str, **others: Any) -> Check:
    return Check(
        check=name,
        outcome=Outcome.PASSED,
        requirements=requirements or (ECHO,),
        **others,
    )


def broken(
    name: str,
    requirement: str = ECHO,
    answer: str = "no answer",
    *,
    pdu: str = "",
    field: str = "",
    carries: tuple[str, ...] = (),
    outcome: Outcome = Outcome.BROKEN,
    **others: Any,
) -> Check:
    failure = Failure(
        requirement=requirement,
        expected=("what the clause demands",),
        actual=f"{answer} in {name}",
        pdu=pdu,
        field=field,
        answer=answer,
    )
    return Check(
        check=name,
        outcome=outcome,
        requirements=carries or (requirement,),
        broken=(requirement,),
        failure=failure,
        **others,
    )


def killed(signal: str = "SIGSEGV", *functions: str) -> Ending:
    kind = EndingKind.CRASHED if functions else EndingKind.EXITED
    return Ending(
        kind=kind,
        reason=f"killed by {signal}",
        signal="" if functions else signal,
        report_kind="KASAN" if functions else "",
        functions=functions,
    )


def run_of(checks: Iterable[Check], **others: Any) -> Run:
    return Run(
        **{
            "format": FORMAT,
            "environment": FACTS,
            "toolkit": "abc",
            "started": "2026-11-21T00:00:00+00:00",
            "seconds": 2.5,
            "checks": tuple(checks),
            **others,
        }
    )
