# SPDX-License-Identifier: GPL-2.0-only
"""Sends stimuli and judges what they have done to a target and to others on it.

After each stimulus the session of a second initiator, the watcher, must be answered.
At the end of a check the watcher's blocks hold what it has written, nothing that the
attacker has received holds the watcher's canary, and the target's process holds no
more than before. A failure names the one stimulus, with its bytes; its transcript,
and so the bundle, is that of the connection that carried it.
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
"""What every check of the suite judges, whatever it sends."""

QUIET = 0.3
"""Seconds in which an answer to a stimulus is waited for; it need not have one."""

STALLED = 0.02
"""Seconds where a target rightly waits for what the stimulus has promised."""

MOST_ON_A_CONNECTION = 16
"""Stimuli on one connection: a bundle stays short."""

SHOWN_BYTES = 96
"""Bytes of a stimulus that a failure shows."""

GROWTH = 48 << 20
"""Bytes by which a target's process may grow in one check: buffers, an arena."""

WHOLE_GROWTH = 128 << 20
"""Bytes by which it may grow in all checks."""

_DYING = 1.0
_LOGIN = Opcode.LOGIN_REQUEST
_NAME = re.compile(rb"TargetName=([^\0]*)\0")


@dataclass(slots=True)
class Attacker:
    """One check's attack on a target.

    Attributes:
        tested: the target.
        facts: what is known of it.
        watcher: the other initiator.
        show: takes the transcript of the current connection, which becomes the proof.
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
        """Have the watcher stand guard, and note what the target's process holds."""
        self.watcher.start()
        self._before = self.tested.running.usage()

    def attack(self, reach: Reach, stimuli: Iterable[Stimulus]) -> None:
        """Send stimuli from a position, and judge each of them.

        The check is not applicable where the position cannot be taken up.

        Raises:
            ConformanceFailure: the target has not stood it.
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
        """Close a connection, by RST every second time."""
        if self._places % 2:
            place.connection.reset()
        if place.session is not None:
            place.session.close()
        place.connection.close()

    def _send(self, place: Place, stimulus: Stimulus, transcript: Transcript) -> bool:
        """Send one stimulus, and judge it; tell whether the connection still serves."""
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
            # The target may wait for the data that was announced if it serves others
            # meanwhile.
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
        """Send segments as a PDU, or as bytes where they are none."""
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
        """Judge an exchange that was sent on connections of its own.

        Args:
            what: what was sent, in words.
            transcript: what passed.

        Raises:
            ConformanceFailure: the target has not stood it.
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
        """Judge the answers to logins that do not prove the secret."""
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
        """Judge what the attack has left behind.

        Raises:
            ConformanceFailure: the sentinel's data has changed, or the target's process
                holds more than before.
        """
        __tracebackhide__ = True
        self.judge_sentinel()
        self._judge_usage()

    def judge_sentinel(self) -> None:
        """Judge whether the blocks that no stimulus addresses are unchanged.

        Raises:
            ConformanceFailure: they do not.
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
        """Bytes of the attacked unit, where a target may keep it in its memory."""
        units = self.tested.running.target.logical_units
        return sum(
            unit.size or 0
            for unit in units
            if unit.lun == self.facts.lun and not unit.persistent
        )

    def _died(self) -> str | None:
        """Return in words how the target has ended, if it has."""
        ending = await_end(self.tested, _DYING)
        return None if ending is None else f"the target died: {ending}"


_FIRST: dict[int, targets.Usage] = {}
"""What each target process of this worker held before its first check."""


def _is_locked(facts: TargetFacts, sent: Sequence[bytes]) -> bool:
    """Tell whether all logins of an exchange are to the name that asks for a secret."""
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
