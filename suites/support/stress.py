# SPDX-License-Identifier: GPL-2.0-only
"""Stress: many sessions, their commands, events that end them; data is verified.

Each written block contains its address and the number of the write. A read must return
the data of an acknowledged write; the data of any other write must be there completely
or not at all.
"""

import secrets
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from initiator.expect import OTHER_DATA, ConformanceFailure, check
from initiator.login import LoginExchange, LoginOptions, LoginRefused
from initiator.session import Session
from initiator.task import Task
from initiator.transcript import Transcript
from iscsi.constants import Stage, TaskAttribute, TMFunction
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from suites.plugins.survival import late_probe
from suites.support.attacker import SERVES, Attacker
from suites.support.positions import AT_ONCE
from suites.support.tidying import free

WRITTEN = "Robustness-3-03"

SESSIONS = 6
DEPTH = 4
"""Writes in progress on a session."""

_BLOCKS = 8
"""Blocks of one write."""

_PATIENCE = 1.0
"""The seconds to wait for a write that may have been aborted."""

_ATTRIBUTES = (
    TaskAttribute.SIMPLE,
    TaskAttribute.ORDERED,
    TaskAttribute.HEAD_OF_QUEUE,
)
_KEYS = (0xA55A_0001, 0xA55A_0002)
_REGISTER, _RESERVE, _PREEMPT_AND_ABORT = 6, 1, 5
_WRITE_EXCLUSIVE_REGISTRANTS = 5

ENDS = (
    "nothing",
    "abort-task",
    "abort-task-set",
    "clear-task-set",
    "logical-unit-reset",
    "preempt-and-abort",
    "logout",
    "connection-reset",
)
"""The events that end the writes of some sessions early."""


@dataclass(slots=True)
class _Write:
    """A write in progress."""

    session: Session
    task: Task
    slot: int
    number: int


@dataclass(slots=True)
class Stress:
    """Rounds of load on one unit of a target that may be overwritten.

    Attributes:
        attacker: judges other effects.
        random: the generator of random numbers.
    """

    attacker: Attacker
    random: Random
    _transcript: Transcript = field(default_factory=Transcript)
    """The transcript of the round, which becomes the proof."""
    _writes: int = 0
    _ports: int = 0
    _mark: int = field(default_factory=lambda: secrets.randbits(64))
    _allowed: dict[int, set[int]] = field(default_factory=dict)
    """The numbers of the writes whose data a slot of blocks may contain."""

    def _begin_round(self) -> None:
        """Use the transcript from now on as the proof of a failure."""
        is_own = not self.attacker.tested.provider.is_shared
        self._transcript = Transcript(keeps_proofs=is_own)
        self.attacker.show(self._transcript)

    def begin(self) -> None:
        """Write all slots once.

        Raises:
            ConformanceFailure: a write fails.
        """
        free(self.attacker.facts)
        with self._open() as session:
            for slot in range(SESSIONS * DEPTH):
                data = self._data(slot, 0)
                command = cdb.write_10(lba=slot * _BLOCKS, blocks=_BLOCKS)
                result = session.execute(command, write=data)
                check(result.is_good, "status GOOD", result, requirement=SERVES)
                self._allowed[slot] = {0}

    # Logins --------------------------------------------------------------------------

    def log_in_repeatedly(self, count: int) -> None:
        """Log in and out without a pause, by logout, FIN or RST.

        Raises:
            ConformanceFailure: a login or its command is not served.
        """
        self._begin_round()
        for _ in range(count):
            try:
                session = self._open()
                session.execute(cdb.test_unit_ready())
            except (ISCSIError, ConformanceFailure) as error:
                self.attacker.judge(
                    "logins and logouts without a pause", self._transcript
                )
                raise ConformanceFailure(
                    "each login and its command are served",
                    f"{error}",
                    requirement=SERVES,
                ) from error
            match self.random.randrange(3):
                case 0:
                    session.end()
                case 1:
                    session.connection.reset()
                    session.close()
                case _:
                    session.close()
        self.attacker.judge(f"{count} logins and logouts", self._transcript)

    def half_logins(self, count: int) -> None:
        """Leave many logins unfinished; the target may refuse them, but must serve.

        Raises:
            ConformanceFailure: the target does not serve others meanwhile, or does not
                serve a new login once their connections are closed.
        """
        self._begin_round()
        begun: list[LoginExchange] = []
        for _ in range(count):
            with suppress(ISCSIError):
                begun.append(self._half_login())
        try:
            self.attacker.judge(
                f"{len(begun)} logins that do not end", self._transcript
            )
        finally:
            for login in begun:
                if self.random.random() < 0.5:
                    login.connection.reset()
                login.connection.close()
        why = late_probe(self.attacker.tested)
        check(
            not why,
            "a new login is served when unfinished ones are gone",
            why,
            requirement=SERVES,
        )
        self.attacker.judge(f"{len(begun)} logins that did not end", self._transcript)

    def _half_login(self) -> LoginExchange:
        """Return a login that was left at some step, or before its first PDU."""
        facts = self.attacker.facts
        options = self._options()
        connection = facts.connect(self._transcript)
        login = LoginExchange(connection, isid=options.isid)
        with suppress(ISCSIError):
            match self.random.randrange(4):
                case 0:
                    pass
                case 1:
                    login.send(options.names(), csg=Stage.OPERATIONAL)
                case 2:
                    pairs = [*options.names(), ("AuthMethod", "CHAP,None")]
                    login.send(pairs, csg=Stage.SECURITY)
                case _:
                    connection.send_bytes(
                        b"\x43\x87" + bytes(self.random.randrange(46))
                    )
        return login

    # Commands ------------------------------------------------------------------------

    def traffic(self, end: str) -> None:
        """Write on many sessions, end some writes early, verify all data.

        Args:
            end: the event that ends them, one of `ENDS`.

        Raises:
            ConformanceFailure: acknowledged data is missing, or the target does not
                serve.
        """
        self._begin_round()
        what = f"writes on several sessions, amid them: {end}"
        sessions = list(self._sessions())
        try:
            with suppress(ISCSIError, ConformanceFailure):
                self._register(sessions, end)
            writes = [
                one
                for number, session in enumerate(sessions)
                for one in self._begin(session, number * DEPTH)
            ]
            with suppress(ISCSIError, ConformanceFailure):
                self._end_some(sessions, writes, end)
            for write in writes:
                self._conclude(write, end)
        finally:
            for session in sessions:
                session.end()
        self.attacker.judge(what, self._transcript)
        try:
            free(self.attacker.facts)
            self.verify(what)
        except ISCSIError as error:
            self.attacker.judge(what, self._transcript)
            raise ConformanceFailure(
                "the target continues to serve",
                f"{error}, after {what}",
                requirement=SERVES,
            ) from error

    def _options(self) -> LoginOptions:
        """Return login options with an ISID that is new in this check."""
        self._ports += 1
        options = self.attacker.facts.options
        port = (0x8000 | self._ports & 0x7FFF).to_bytes(2, "big")
        keys = {**options.keys, **AT_ONCE}
        return replace(options, isid=options.isid[:4] + port, keys=keys)

    def _open(self) -> Session:
        facts = self.attacker.facts
        session = Session(
            facts.portal,
            self._options(),
            transcript=self._transcript,
            timeout=facts.timeout,
            lun=facts.lun,
        )
        session.judges_stat_sn = False
        session.clear_unit_attention()
        return session

    def _sessions(self) -> Iterator[Session]:
        """Yield as many sessions as the target has resources for."""
        for number in range(SESSIONS):
            try:
                yield self._open()
            except LoginRefused:
                if not number:
                    raise
                return

    def _begin(self, session: Session, start: int) -> Iterator[_Write]:
        """Start writes to a session's own slots, with any task attribute."""
        window = (session.max_cmd_sn - session.cmd_sn + 1) & 0xFFFFFFFF
        for slot in range(start, start + min(DEPTH, window)):
            self._writes += 1
            number = self._writes
            command = cdb.write_10(lba=slot * _BLOCKS, blocks=_BLOCKS)
            # From now on the block may hold either value, however the command ends.
            self._allowed[slot] = self._allowed[slot] | {number}
            with suppress(ISCSIError):
                task = session.start(
                    command,
                    write=self._data(slot, number),
                    attribute=int(self.random.choice(_ATTRIBUTES)),
                )
                yield _Write(session, task, slot, number)

    def _conclude(self, write: _Write, end: str) -> None:
        """Take the result of a write; an acknowledged one must be stored."""
        wait = None if end == "nothing" else _PATIENCE
        with suppress(ISCSIError, ConformanceFailure):
            if not write.session.connection.is_open:
                return
            if write.session.finish(write.task, timeout=wait).is_good:
                self._allowed[write.slot] = {write.number}

    def _register(self, sessions: Sequence[Session], end: str) -> None:
        """Register two sessions, and let one of them hold the reservation."""
        if end != "preempt-and-abort" or len(sessions) < 2:
            return
        for session, key in zip(sessions, _KEYS, strict=False):
            _reserve_out(session, _REGISTER, 0, key)
        _reserve_out(sessions[0], _RESERVE, _KEYS[0], 0)

    def _end_some(
        self, sessions: Sequence[Session], writes: Sequence[_Write], end: str
    ) -> None:
        """End the writes of the first session early."""
        first, last = sessions[0], sessions[-1]
        own = [one for one in writes if one.session is first]
        match end:
            case "abort-task":
                for write in own[::2]:
                    first.task_management(TMFunction.ABORT_TASK, of=write.task.command)
            case "abort-task-set":
                first.task_management(TMFunction.ABORT_TASK_SET)
            case "clear-task-set":
                last.task_management(TMFunction.CLEAR_TASK_SET)
            case "logical-unit-reset":
                last.task_management(TMFunction.LOGICAL_UNIT_RESET)
            case "preempt-and-abort":
                _reserve_out(sessions[1], _PREEMPT_AND_ABORT, _KEYS[1], _KEYS[0])
            case "logout":
                first.logout()
            case "connection-reset":
                for session in sessions[::2]:
                    session.connection.reset()
            case _:
                pass

    # Data ----------------------------------------------------------------------------

    def _data(self, slot: int, number: int) -> bytes:
        """Return the data that a write puts into a slot."""
        size = self.attacker.facts.block_size
        first = slot * _BLOCKS
        return b"".join(
            (struct.pack(">QQQ", self._mark, lba, number) * (size // 24 + 1))[:size]
            for lba in range(first, first + _BLOCKS)
        )

    def verify(self, what: str) -> None:
        """Read all slots; each block must contain the data of a permitted write.

        Raises:
            ConformanceFailure: a block contains other data, or not the acknowledged
                data.
        """
        size = self.attacker.facts.block_size
        with self._open() as session:
            for slot, numbers in self._allowed.items():
                command = cdb.read_10(lba=slot * _BLOCKS, blocks=_BLOCKS)
                result = session.execute(command, read=_BLOCKS * size)
                check(result.is_good, "status GOOD", result, requirement=SERVES)
                candidates = [self._data(slot, number) for number in sorted(numbers)]
                for start in range(0, _BLOCKS * size, size):
                    block = result.data[start : start + size]
                    is_right = any(
                        block == one[start : start + size] for one in candidates
                    )
                    check(
                        is_right,
                        "each block holds the write acknowledged last, or one whole",
                        f"block {slot * _BLOCKS + start // size} holds something else "
                        f"({block[:24].hex(' ')} ...), after {what}",
                        requirement=WRITTEN,
                        answer=OTHER_DATA,
                    )


def _reserve_out(session: Session, action: int, key: int, new: int) -> None:
    """Send PERSISTENT RESERVE OUT; the target may refuse it."""
    command = bytes([0x5F, action, _WRITE_EXCLUSIVE_REGISTRANTS]) + bytes(4)
    data = struct.pack(">QQ8x", key, new)
    session.execute(command + b"\0\x18\0", write=data)
