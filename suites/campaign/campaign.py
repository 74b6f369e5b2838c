# SPDX-License-Identifier: GPL-2.0-only
"""The loop of a campaign: choose a program, change it, send it, judge it, keep it.

The random numbers of an execution depend on the seed and on its own number only, so a
resumed campaign does what an uninterrupted one would have done.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import targets
from initiator import bundle
from initiator.bundle import Bundle
from initiator.expect import ConformanceFailure
from initiator.transcript import Transcript
from iscsi.address import TargetURL
from iscsi.errors import ISCSIError
from suites.campaign.execution import execute
from suites.campaign.mutations import mutate
from suites.campaign.programs import Program, describe, last_kind, on
from suites.campaign.shrinking import shrink
from suites.campaign.states import states
from suites.campaign.store import Finding, Store
from suites.support.attacker import SERVES, Attacker

_HISTORY = 16
"""How many of the last programs may have killed the target: some deaths show late."""

_LOOK = 25
"""Executions between two checks of the sentinel's data."""

_SAVE_SECONDS = 5.0
_LOGINS = 2.0
"""How many times as long as the first login one may take before it counts as hung."""

_LONG_LOGIN = 2.0
_MOST_TRIES = 60
_MOST_LOOKS = 4
"""How often a failure is reproduced, each time with another program."""

_FRESH = 0.3
"""How often one of the programs that were kept last is chosen."""

_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|[0-9]+")

Progress = Callable[[str], None]


@dataclass(slots=True)
class Campaign:
    """A campaign against one target.

    Attributes:
        attacker: sends and judges; its watcher notices harm to others.
        store: the findings so far.
        free_resources: removes what programs left on the unit.
        restart: restarts the target, and returns whether it serves again.
        progress: called with each line of progress.
    """

    attacker: Attacker
    store: Store
    free_resources: Callable[[], None]
    restart: Callable[[], bool]
    progress: Progress
    _known: set[str] = field(default_factory=set)
    _history: deque[Program] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    _is_over: bool = False

    @property
    def _sentinel(self) -> int | None:
        return self.attacker.watcher.sentinel

    @property
    def _url(self) -> TargetURL:
        facts = self.attacker.facts
        return TargetURL(facts.portal, self._name, lun=facts.lun)

    @property
    def _name(self) -> str:
        return self.attacker.facts.options.target_name or ""

    @property
    def _facts(self) -> Bundle:
        return Bundle((), target_name=self._name, lun=self.attacker.facts.lun)

    def run(self, seeds: Iterable[Program], seconds: float) -> None:
        """Send programs until the time is over or the target cannot be restarted.

        Args:
            seeds: the programs to begin with.
            seconds: how long the campaign lasts in all, earlier runs included.
        """
        state = self.store.state
        self._known = set(state.states)
        for seed in seeds:
            self._take(seed)
            if self._is_over:
                break
        begun, before, saved = time.monotonic(), state.seconds, 0.0
        while not self._is_over and state.seconds < seconds:
            self._step()
            state.executions += 1
            state.seconds = before + time.monotonic() - begun
            if time.monotonic() - saved > _SAVE_SECONDS:
                saved = time.monotonic()
                self._note()
                self.progress(self.line(seconds))
        self._note()

    def _take(self, seed: Program) -> None:
        """Add a seed, which has just been recorded, and judge its exchange."""
        if not seed:
            return
        self.store.add(seed, is_seed=True)
        self._history.append(seed)
        try:
            self.attacker.judge(describe(seed), Transcript())
        except ConformanceFailure as failure:
            self._keep(seed, failure, Transcript())

    def _step(self) -> None:
        """Send one program, and judge it."""
        state = self.store.state
        random = Random(f"{state.seed} {state.executions}")  # noqa: S311  # no secret
        corpus = self.store.corpus
        recent = corpus[-_HISTORY:] if random.random() < _FRESH else corpus
        program = mutate(random, random.choice(recent), corpus, self._sentinel)
        if not program:
            return
        self._history.append(program)
        failure, transcript = self._try(program)
        new_states = states(transcript) - self._known
        if new_states:
            self._known |= new_states
            state.states = sorted(self._known)
            self.store.add(program)
        if failure is None and state.executions % _LOOK == 0:
            failure = self._look()
        if failure is not None:
            self._keep(program, failure, transcript)

    def _try(self, program: Program) -> tuple[ConformanceFailure | None, Transcript]:
        """Send a program; return what is wrong afterwards, and the transcript."""
        patience = _LOGINS * min(self.attacker.tested.login_seconds, _LONG_LOGIN)
        transcript = execute(program, self._url, self._facts, patience)
        try:
            self.attacker.judge(describe(program), transcript)
        except ConformanceFailure as failure:
            return failure, transcript
        return None, transcript

    def _look(self) -> ConformanceFailure | None:
        """Return what is wrong with the sentinel's data; free the unit."""
        try:
            self.attacker.judge_sentinel()
            self.free_resources()
        except ConformanceFailure as failure:
            return failure
        except ISCSIError as error:
            return ConformanceFailure(
                "the target continues to serve", f"{error}", requirement=SERVES
            )
        return None

    def _note(self) -> None:
        usage = self.attacker.tested.running.usage()
        if usage is not None:
            seconds = round(self.store.state.seconds, 1)
            self.store.state.memory.append((seconds, usage.memory, usage.files))
        self.store.save()

    # Findings ------------------------------------------------------------------------

    def _keep(
        self, program: Program, failure: ConformanceFailure, transcript: Transcript
    ) -> None:
        """Shorten and keep a failure if it is new, and have the target serve again."""
        state = self.store.state
        key = _key(failure, program)
        ending = self.attacker.tested.ending()
        findings = self.store.state.findings
        existing = next((one for one in findings if key in one.keys), None)
        if existing is not None:
            existing.count += 1
        self._revive()
        if existing is not None and (
            existing.reproduces or existing.count > _MOST_LOOKS
        ):
            return
        requirement = failure.requirement or SERVES
        finding = existing or Finding(
            [key], requirement, _finding_text(failure, ending)
        )
        last = self._shorten(program, failure, finding) or transcript
        self._history.clear()
        same = next(
            (
                one
                for one in findings
                if one is not finding and finding.keys[-1] in one.keys
            ),
            None,
        )
        if same is not None:
            same.count += 1
            same.keys.append(key)
            if existing is not None:
                findings.remove(existing)
            return
        if existing is None:
            findings.append(finding)
            finding.file = f"{state.executions:08}.json"
            sends = finding.sends or describe(program)
            self.progress(f"finding {len(findings)}: {finding.says}, by {sends}")
        self._write(finding, last)

    def _shorten(
        self, program: Program, failure: ConformanceFailure, finding: Finding
    ) -> Transcript | None:
        """Reproduce a failure with as few events as possible; None if that fails."""
        requirement = finding.requirement
        for candidate in (program, _joined(self._history)):
            transcript = self._again(candidate, requirement)
            if transcript is None:
                continue
            finding.reproduces = True
            shortest = shrink(
                candidate,
                lambda shorter: self._again(shorter, requirement) is not None,
                self._sentinel,
                _MOST_TRIES,
            )
            finding.sends = describe(shortest)
            finding.keys.append(f"{_key(failure, shortest)}, shortest")
            return self._again(shortest, requirement) or transcript
        return None

    def _again(self, program: Program, requirement: str) -> Transcript | None:
        """Send a program to a serving target; return the transcript if it fails so."""
        if self._is_over:
            return None
        failure, transcript = self._try(program)
        if failure is None and self.attacker.watcher.sentinel is not None:
            failure = self._look()
        if failure is None:
            return None
        self._revive()
        return transcript if failure.requirement == requirement else None

    def _revive(self) -> None:
        self.attacker.watcher.forget()
        if not self.restart():
            self._is_over = True
            return
        try:
            self.attacker.watcher.start()
        except (ISCSIError, ConformanceFailure):
            self._is_over = True

    def _write(self, finding: Finding, transcript: Transcript) -> None:
        """Write the bundle of a finding."""
        running = self.attacker.tested.running
        recording = bundle.of_transcript(
            transcript,
            check="campaign",
            actual=finding.says,
            target=f"{running.kind} {running.version}",
            target_name=self._name,
            lun=self.attacker.facts.lun,
        )
        with suppress(OSError):
            recording.write(self.store.findings / finding.file)

    # Reporting
    # -------------------------------------------------------------------------

    def line(self, seconds: float) -> str:
        """Return the state of the campaign in a line."""
        state = self.store.state
        rate = state.executions / max(state.seconds, 0.1)
        return (
            f"campaign: {state.seconds:.0f} of {seconds:.0f} s, {state.executions} "
            f"executions ({rate:.1f}/s), {len(self._known)} states, "
            f"{len(self.store.corpus)} programs, {len(state.findings)} findings"
        )

    def summary(self, seconds: float) -> list[str]:
        """Return a summary of the findings."""
        state = self.store.state
        lines = [f"{self.line(seconds)}, seed {state.seed}"]
        if state.memory:
            first, last = state.memory[0], state.memory[-1]
            peak = max(memory for _, memory, _ in state.memory)
            lines.append(
                f"the target's process: {first[1] >> 20} MiB and {first[2]} files at "
                f"first, {peak >> 20} MiB at the most, {last[1] >> 20} MiB and "
                f"{last[2]} files at the end"
            )
        for one in state.findings:
            outcome = "replays" if one.reproduces else "could not be reproduced"
            lines.append(
                f"{one.requirement}: {one.says} ({one.count} times, {outcome}), by "
                f"{one.sends or 'what is not known'}: {self.store.findings / one.file}"
            )
        return lines


def _joined(programs: Iterable[Program]) -> Program:
    """Return several programs as one, on connections of their own."""
    events: list[bundle.Event] = []
    for program in programs:
        shift = max((one.connection for one in events), default=0)
        events += [on(one.connection + shift, one) for one in program]
    return tuple(events)


def _finding_text(failure: ConformanceFailure, ending: targets.Ending | None) -> str:
    return str(ending) if ending is not None else failure.actual


def _key(failure: ConformanceFailure, program: Program) -> str:
    """Return what identifies a failure: its effect and the last PDU."""
    effect = _NUMBERS.sub("N", failure.actual.partition(" after ")[0])
    return f"{failure.requirement} {effect} {last_kind(program)}"
