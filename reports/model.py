# SPDX-License-Identifier: GPL-2.0-only
"""The values of a run: the contents of `run.json`.

`suites/judging` makes these values; every reader (terminal, Allure, statement,
comparison, findings) takes them as they are and infers nothing. Nothing here knows
pytest.
"""

from enum import StrEnum

import msgspec

FORMAT = "iscsi-assay-run-2"


class Outcome(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    BROKEN = "broken"
    """The target breaks a MUST; or a SHOULD, under --strict."""
    WARNED = "warned"
    """The target does not follow a SHOULD."""
    DEVIATES = "known deviation"
    GONE = "deviation gone"
    """The requirement holds, but a listed deviation had to show: the list is wrong."""
    NOT_APPLICABLE = "not applicable"
    NOT_JUDGED = "not judged"
    """The check depends on something that the target lacks, which is a finding."""
    TROUBLE = "trouble"
    """The toolkit or its lab failed; this proves nothing about the target."""
    NOT_RUN = "not run"
    """The check was selected, but the run ended before it."""


class EndingKind(StrEnum):
    """How a target, or its connection to a check, ended."""

    EXITED = "exited"
    """Its process ended, by a signal or with a status."""
    CRASHED = "crashed"
    """Its kernel, or a sanitizer in it, reported a crash."""
    HUNG = "hung"
    """It runs, but serves no login."""
    VANISHED = "vanished"
    """It disappeared without a message: no program listens, or its machine is off."""
    DROPPED = "dropped"
    """It closed or reset a connection that it had to keep open."""
    LAB = "lab"
    """The lab ended it, for example on a full disk; the target is not to blame."""


DEATHS = frozenset(
    {
        EndingKind.EXITED,
        EndingKind.CRASHED,
        EndingKind.HUNG,
        EndingKind.VANISHED,
    }
)
"""The kinds of endings after which a target must be restarted."""


class Phase(StrEnum):
    """When a target ended, relative to the check that is charged with it."""

    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"
    AFTER = "after"
    """Between the end of the check and the beginning of the next one."""


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a target ended, as found from its process or its console."""

    kind: EndingKind
    reason: str
    """One line: the console's line, or how the process ended."""
    phase: Phase = Phase.CALL
    status: int | None = None
    """The exit status of a process that exited."""
    signal: str = ""
    """The name of the signal that killed it, such as SIGSEGV."""
    report_kind: str = ""
    """The kind of a kernel's report: oops, KASAN, UBSAN, lockdep, ..."""
    functions: tuple[str, ...] = ()
    """The functions that a kernel's report names, the one that crashed first."""
    report: str = ""
    """All lines of the console or the log about it."""
    closed_by: str = ""
    """FIN or RST, for a dropped connection."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One expectation that the target did not meet."""

    requirement: str
    """The ID of the requirement that this expectation belongs to."""
    expected: tuple[str, ...]
    """What the requirement allows; each item is an alternative."""
    actual: str
    """What the target did."""
    pdu: str = ""
    """The kind of the offending PDU, such as NOPIn."""
    field: str = ""
    """The offending field, text key or sense field, if it is a single one."""
    answer: str = ""
    """The normalised answer: kind and codes, without tags, numbers and data.

    For example "SCSIResponse CHECK CONDITION 5h/24h/00h", "Reject 0x04", "no answer",
    "connection dropped".
    """


class Search(StrEnum):
    """The end of a search for the smallest combination that provokes a failure."""

    DONE = "done"
    """The failure does not occur if any of its parameters is removed."""
    NOT_REPEATED = "not repeated"
    """The failure did not occur again, even with the whole combination."""
    CUT_SHORT = "cut short"
    """There was no time, or no target, to try smaller combinations."""


class Combination(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sessions of a check negotiated beside the defaults (`--strength`)."""

    varied: dict[str, str]
    """The text keys that were offered, and how TCP cut the stream."""
    smallest: dict[str, str] | None = None
    """The smallest part of it that provokes the failure, as far as the search went.

    If it is empty, the check also fails with the defaults.
    """
    search: Search | None = None
    """How the search for it ended; None for a check that did not fail."""

    @property
    def provokes(self) -> dict[str, str]:
        """The parameters that the failure needs, as far as known."""
        return self.varied if self.smallest is None else self.smallest


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of a list of known deviations."""

    requirement: str
    """The ID of the clause that the target was known to break."""
    what: str
    """What it was known to do."""
    version: str
    """The version in which that was observed."""
    file: str
    """The list that has the entry."""


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check and its verdict."""

    check: str
    """The node ID below the suite's folder."""
    outcome: Outcome
    requirements: tuple[str, ...]
    """The IDs that the check carries."""
    broken: tuple[str, ...] = ()
    """The IDs that this run of the check shows to be broken, as a failure, a warning or
    a deviation."""
    failure: Failure | None = None
    ending: Ending | None = None
    deviation: str = ""
    """The `what` of the known deviation that explains the failure."""
    varies: bool = False
    """Whether the known deviation is listed as one that does not show in every run."""
    gone: Entry | None = None
    """The listed deviation that had to show, but did not."""
    rests_on: str = ""
    """For a check that is not judged: the check that proves what the target lacks.

    Its finding explains why this check proves nothing about its own clauses.
    """
    reason: str = ""
    """Why the check is not applicable, is in trouble or did not run; one line."""
    title: str = ""
    """The rule in words."""
    transcript: str = ""
    """The last PDUs, if the check did not pass."""
    bundle: str = ""
    """The file name of the bundle below `bundles/`, if one was kept."""
    seconds: float = 0.0
    repeats: dict[str, int] = {}
    """For a check that ran several times: how often it had each outcome."""
    combination: Combination | None = None
    """The combination of the check; None if it ran with the defaults."""
    choices: tuple[str, ...] = ()
    """The outcome that the target chose if the requirement permits several."""
    crashes: tuple[str, ...] = ()
    """Known crashes that occurred; the check may have passed in a second try."""

    @property
    def area(self) -> str:
        """The folder of the check."""
        return self.check.partition("/")[0]

    @property
    def target_died(self) -> bool:
        """Whether the target died or hung in this check."""
        return self.ending is not None and self.ending.kind in DEATHS

    @property
    def detail(self) -> str:
        """What the target did, or why there is no verdict; one line."""
        if self.outcome is Outcome.DEVIATES and self.deviation:
            return self.deviation
        if self.target_died and self.ending is not None:
            return self.ending.reason
        if self.failure is not None:
            return self.failure.actual
        return self.reason


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdicts and facts of one run."""

    format: str
    """`FORMAT`; another value means another version of the toolkit."""
    suite: str = "conformance"
    label: str = ""
    """The name of the target from `--label`."""
    environment: dict[str, str] = {}
    """Facts about the target, such as target.version."""
    toolkit: str = ""
    """The revision of this toolkit."""
    strength: int = 1
    """The value of `--strength`: how much of the negotiation varied."""
    shard: str = ""
    """K/N for the run of the K-th of N parts of the selected checks."""
    started: str = ""
    """When the run began, in ISO 8601, UTC."""
    seconds: float = 0.0
    is_complete: bool = True
    """False if the run ended before its last check."""
    why_incomplete: str = ""
    checks: tuple[Check, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of target."""
        return self.environment.get("target", "unknown")

    @property
    def name(self) -> str:
        """The label, or the target and its version; it distinguishes runs."""
        version = self.environment.get("target.version", "")
        return self.label or f"{self.kind} {version}".strip()
