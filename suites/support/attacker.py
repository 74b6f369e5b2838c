# SPDX-License-Identifier: GPL-2.0-only
"""Sends stimuli, and judges their effect on a target and on its other initiators.

After each stimulus the target must answer a second initiator, the watcher. At the end
of a check the watcher's blocks must contain its data, no PDU to the attacker may
contain the watcher's canary, and the target's process must not use more memory and
files than before. A failure names the one stimulus, with its bytes; its transcript and
its bundle are those of the connection that carried it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest

import targets
from initiator.expect import OTHER_DATA, ConformanceFailure, check
from initiator.ready import Ready
from initiator.transcript import Direction, Transcript
from iscsi.constants import Opcode, Stage
from iscsi.errors import ConnectionLost, ISCSIError, PeerTimeout
from iscsi.pdu import LoginResponse, decode
from reports.answers import LET_IN
from suites.plugins.survival import await_end
from suites.plugins.targets import TestedTarget
from suites.support.place import PDUS, Place
from suites.support.positions import (
    OutOfReach,
    Reach,
    TargetFacts,
)
from suites.support.stimuli import Stimulus, asks_for_reset, claims
from suites.support.watcher import UNDISTURBED, Watcher
from vmlab.poll import poll

SERVES = "Robustness-1-01"
UNTOUCHED = "Robustness-3-01"
UNTOLD = "Robustness-3-02"
SECRET = "Robustness-4-01"  # noqa: S105  # the ID of a requirement
HELD = "Robustness-5-01"

JUDGED = (SERVES, UNDISTURBED, UNTOUCHED, UNTOLD, HELD)
"""The requirements that every check of the suite judges."""

QUIET = 0.3
"""The seconds to wait for an answer to a stimulus, which is optional."""

STALLED = 0.02
"""The seconds to wait if the target may wait for data that the stimulus announced."""

MOST_ON_A_CONNECTION = 16
"""Maximum stimuli on one connection, so that a bundle stays short."""

SHOWN_BYTES = 96
"""Maximum bytes of a stimulus in a failure."""

GROWTH = 48 << 20
"""Permitted growth of a target's process in one check, in bytes: buffers, an arena."""

WHOLE_GROWTH = 128 << 20
"""Permitted growth in all checks, in bytes."""

_DYING = 1.0
_LOGIN = Opcode.LOGIN_REQUEST
_NAME = re.compile(rb"TargetName=([^\0]*)\0")


@dataclass(slots=True)
class Attacker:
    """One check's attack on a target.

    Attributes:
        tested: the target.
        facts: the known facts about it.
        watcher: the other initiator.
        show: gets the transcript of the current connection, which becomes the proof.
        sent: how many stimuli were sent.
    """

    tested: TestedTarget
    facts: TargetFacts
    watcher: Watcher
    show: Callable[[Transcript], None]
    sent: int = 0
    _before: targets.Usage | None = None
    _places: int = 0

    def begin(self) -> None:
        """Start the watcher, and record the resources of the target's process."""
        self.watcher.start()
        self._before = self.tested.running.usage()

    def attack(self, reach: Reach, stimuli: Iterable[Stimulus]) -> None:
        """Send stimuli from a position, and judge each of them.

        The check is not applicable if the position cannot be reached.

        Raises:
            ConformanceFailure: a stimulus harmed the target or others.
        """
        __tracebackhide__ = True
        remaining = [one for one in stimuli if self._is_allowed(one)]
        while remaining:
            sent = self._use_connection(reach, remaining)
            remaining = remaining[sent:]

    def _is_allowed(self, stimulus: Stimulus) -> bool:
        """Tell whether a stimulus can only overwrite data that may be overwritten."""
        return self.facts.may_overwrite or stimulus.kind not in ("Write", "DataOut")

    def _use_connection(self, reach: Reach, stimuli: Sequence[Stimulus]) -> int:
        """Send stimuli until the connection ends; return how many."""
        __tracebackhide__ = True
        transcript = Transcript(keeps_proofs=not self.tested.provider.is_shared)
        self.show(transcript)
        place = self._reach(reach, transcript)
        sent = 0
        try:
            for stimulus in stimuli[:MOST_ON_A_CONNECTION]:
                sent += 1
                if not self._send(place, stimulus, transcript):
                    break
        finally:
            self._leave(place)
        return sent

    def _reach(self, reach: Reach, transcript: Transcript) -> Place:
        __tracebackhide__ = True
        self._places += 1
        # Each session has its own ISID, so one that still exists disturbs no other.
        number = (self._places & 0xFFFF).to_bytes(2, "big")
        isid = self.facts.options.isid[:4] + number
        fresh = replace(self.facts, options=replace(self.facts.options, isid=isid))
        limit = self.tested.limit
        try:
            # The time limit is for hangs. Hundreds of logins may take longer, and each
            # has a timeout.
            with nullcontext() if limit is None else limit.paused():
                return reach(fresh, transcript)
        except (ISCSIError, ConformanceFailure) as error:
            self._refuse(self._died() or f"{error}", transcript, error)
        except OutOfReach as error:
            died = self._died()
            if died is not None or self.sent:
                self._refuse(died or f"{error}", transcript, error)
            pytest.skip(f"not applicable: {error}")

    def _refuse(self, what: str, transcript: Transcript, cause: Exception) -> NoReturn:
        __tracebackhide__ = True
        raise ConformanceFailure(
            "the target serves a new login and correct requests after it",
            what,
            transcript,
            requirement=SERVES,
        ) from cause

    def _leave(self, place: Place) -> None:
        """Close a connection; every second time by RST."""
        if self._places % 2:
            place.connection.reset()
        if place.session is not None:
            place.session.close()
        place.connection.close()

    def _send(self, place: Place, stimulus: Stimulus, transcript: Transcript) -> bool:
        """Send and judge one stimulus; return whether the connection still serves."""
        __tracebackhide__ = True
        self.sent += 1
        since = len(transcript)
        header, data = stimulus.change(PDUS[stimulus.kind][1](place).segments())
        wire = header + data
        stalls = claims(header) > len(wire)
        is_open = False
        with suppress(ConnectionLost, PeerTimeout):
            self._put(place, stimulus, header, data)
            is_open = True
            if stimulus.ends == "FIN":
                place.connection.shutdown_write()
            if stimulus.ends == "RST":
                place.connection.reset()
                is_open = False
        if is_open:
            # The target may wait for the announced data if it serves others meanwhile.
            is_cut = stalls or bool(stimulus.ends)
            is_open = place.settle(STALLED if is_cut else QUIET) and not is_cut
        what = describe(stimulus, wire)
        self._judge_watcher(what, transcript, is_reset=asks_for_reset(wire))
        self._judge_answers(what, transcript, since)
        if place.is_locked:
            self._judge_logins(what, transcript, since)
        return is_open

    def _put(
        self, place: Place, stimulus: Stimulus, header: bytes, data: bytes
    ) -> None:
        """Send segments as a PDU, or as bytes if they do not form one."""
        digests = place.connection.digests
        has_own = stimulus.header_digest is not None or stimulus.data_digest is not None
        try:
            decode(header, data)
        except ISCSIError:
            if not (digests.header or digests.data or has_own):
                place.connection.send_bytes(header + data, str(stimulus))
                return
        place.connection.send(
            Ready(header, data),
            header_digest=stimulus.header_digest,
            data_digest=stimulus.data_digest,
            note=str(stimulus),
        )

    # Judging ---------------------------------------------------------------------

    def judge(self, what: str, transcript: Transcript) -> None:
        """Judge an exchange that used connections of its own.

        Args:
            what: a description of what was sent.
            transcript: the transcript.

        Raises:
            ConformanceFailure: the exchange harmed the target or others.
        """
        sent = [
            one.wire for one in transcript.entries if one.direction is Direction.SENT
        ]
        is_reset = any(asks_for_reset(wire) for wire in sent if len(wire) > 1)
        self._judge_watcher(what, transcript, is_reset=is_reset)
        self._judge_answers(what, transcript, 0)
        if _is_locked(self.facts, sent):
            self._judge_logins(what, transcript, 0)

    def _judge_watcher(
        self, what: str, transcript: Transcript, *, is_reset: bool
    ) -> None:
        __tracebackhide__ = True
        try:
            self.watcher.ping()
        except (ISCSIError, ConformanceFailure) as error:
            died = self._died()
            if died is None and is_reset:
                with suppress(ISCSIError, ConformanceFailure):
                    self.watcher.close()
                    self.watcher.open()
                    return
            if self.watcher.session is not None:
                self.watcher.session.close()
            causes = (error, error.__cause__)
            is_lost = died is None and any(
                isinstance(one, ConnectionLost) for one in causes
            )
            reason = error.actual if isinstance(error, ConformanceFailure) else error
            raise ConformanceFailure(
                "the session of another initiator is served",
                f"{died or reason}, after {what}",
                transcript,
                requirement=UNDISTURBED if is_lost and self._serves() else SERVES,
            ) from error

    def _serves(self) -> bool:
        """Tell whether the watcher can log in again."""
        with suppress(ISCSIError, ConformanceFailure):
            self.watcher.open()
            return True
        return False

    def _judge_answers(self, what: str, transcript: Transcript, since: int) -> None:
        __tracebackhide__ = True
        for entry in transcript.since(since):
            if entry.direction is Direction.RECEIVED:
                check(
                    self.watcher.canary not in entry.wire,
                    "no answer holds what another initiator has sent",
                    f"its canary comes back after {what}",
                    transcript,
                    requirement=UNTOLD,
                    answer=OTHER_DATA,
                )

    def _judge_logins(self, what: str, transcript: Transcript, since: int) -> None:
        """Judge the answers to logins with a wrong secret."""
        __tracebackhide__ = True
        for entry in transcript.since(since):
            is_answer = entry.direction is Direction.RECEIVED
            answer = entry.pdu if is_answer else None
            if not isinstance(answer, LoginResponse):
                continue
            is_in = (
                answer.status == 0
                and answer.transit
                and answer.nsg == Stage.FULL_FEATURE
            )
            check(
                not is_in,
                "no full-feature phase without the secret",
                f"the login succeeds by {what}",
                transcript,
                requirement=SECRET,
                answer=LET_IN,
            )

    def end(self) -> None:
        """Judge the lasting effects of the attack.

        Raises:
            ConformanceFailure: the sentinel's data has changed, or the target's process
                uses more memory or files than before.
        """
        __tracebackhide__ = True
        self.judge_sentinel()
        self._judge_usage()

    def judge_sentinel(self) -> None:
        """Judge whether the blocks that no stimulus addresses are unchanged.

        Raises:
            ConformanceFailure: they have changed.
        """
        __tracebackhide__ = True
        if self.watcher.sentinel is not None:
            stored = self.watcher.read_again()
            expected = self.watcher.pattern
            pairs = enumerate(zip(stored, expected, strict=False))
            wrong = next((n for n, (now, then) in pairs if now != then), len(stored))
            check(
                stored == expected,
                "the blocks that no stimulus has addressed keep their data",
                f"byte {wrong} of them has changed",
                requirement=UNTOUCHED,
                answer=OTHER_DATA,
            )

    def _judge_usage(self) -> None:
        __tracebackhide__ = True
        before = self._before
        now = self.tested.running.usage()
        if before is None or now is None or now.pid != before.pid:
            return
        for _ in poll(self.tested.timeout):
            now = self.tested.running.usage()
            if now is None or now.files <= before.files:
                break
        if now is None:
            return
        check(
            now.files <= before.files,
            f"as many open files as before, {before.files}",
            f"{now.files} when the connections are over",
            requirement=HELD,
        )
        first = _FIRST.setdefault(before.pid, before)
        for base, most in ((before, GROWTH), (first, WHOLE_GROWTH)):
            grown = now.memory - base.memory - self._units
            check(
                grown <= most,
                f"no more than {most >> 20} MiB more than before",
                f"{grown >> 20} MiB more after {self.sent} stimuli",
                requirement=HELD,
            )

    @property
    def _units(self) -> int:
        """The bytes of the attacked unit, if its target may keep it in memory."""
        units = self.tested.running.target.logical_units
        return sum(
            unit.size or 0
            for unit in units
            if unit.lun == self.facts.lun and not unit.persistent
        )

    def _died(self) -> str | None:
        """Return a text on how the target ended, or an empty one."""
        ending = await_end(self.tested, _DYING)
        return None if ending is None else f"the target died: {ending}"


_FIRST: dict[int, targets.Usage] = {}
"""The resources of each target process of this worker before its first check."""


def _is_locked(facts: TargetFacts, sent: Sequence[bytes]) -> bool:
    """Tell whether all logins of an exchange use the name that requires a secret."""
    if facts.chap is None or not facts.chap.target_name:
        return False
    logins = [wire for wire in sent if wire[:1] and wire[0] & 0x3F == _LOGIN]
    names = {name for wire in logins for name in _NAME.findall(wire)}
    is_discovery = any(b"SessionType=Discovery" in wire for wire in logins)
    return names == {facts.chap.target_name.encode()} and not is_discovery


def describe(stimulus: Stimulus, wire: bytes) -> str:
    """Return the description of a stimulus, with its first bytes."""
    first_bytes = wire[:SHOWN_BYTES].hex(" ")
    ellipsis = f" ... ({len(wire)} bytes)" if len(wire) > SHOWN_BYTES else ""
    return f"{stimulus}: {first_bytes}{ellipsis}"
