# SPDX-License-Identifier: GPL-2.0-only
"""Many sessions with many connections, their commands in progress at the same time."""

import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from initiator.core import Link
from initiator.deadline import Deadline
from initiator.expect import ConformanceFailure
from initiator.login import LoginRefused
from initiator.session import Session
from initiator.task import Result, Task
from iscsi.constants import LoginStatus
from iscsi.errors import ConnectionLost, PeerTimeout
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import OpenSession

SERVED = "RFC7143-4.2.2.1-i02"
"""The clause that a command in the window is served."""

SESSIONS = 64
CONNECTIONS = 8
"""The connections of each session, if the target permits as many."""

DEEPEST = 128
"""The maximum number of commands in progress of one session."""

KEYS = {
    "MaxConnections": str(CONNECTIONS),
    "ImmediateData": "No",
    "InitialR2T": "Yes",
}
"""A write then stays in progress until its R2T is answered."""

REFUSALS = frozenset({SCSIStatus.BUSY, SCSIStatus.TASK_SET_FULL})
"""The statuses of a command that may be repeated later (SAM-5 section 5.3.1)."""

PAUSE = 0.05
"""The seconds between two attempts at what was refused."""

_OPENING = 15.0
"""The seconds for the logins of a check."""

_NO_ROOM = frozenset({LoginStatus.OUT_OF_RESOURCES, LoginStatus.TOO_MANY_CONNECTIONS})


def open_sessions(open_session: OpenSession, count: int) -> list[Session]:
    """Open sessions, each with the connections that MaxConnections permits.

    No session is begun after `_OPENING` seconds: a target may take a second for each
    login. A target may also have resources for fewer (status 0302 and 0206). The check
    is skipped if several are wanted and the target serves only one.
    """
    sessions: list[Session] = []
    deadline = Deadline(_OPENING)
    for _ in range(count):
        if deadline.is_over:
            break
        try:
            session = open_session(KEYS)
        except LoginRefused as refusal:
            if refusal.status not in _NO_ROOM or not sessions:
                raise
            break
        sessions.append(session)
        try:
            for cid in range(2, session.parameters.max_connections + 1):
                session.add_connection(session.options.cid + cid - 1)
        except LoginRefused as refusal:
            if refusal.status not in _NO_ROOM:
                raise
    if len(sessions) < min(2, count):
        pytest.skip("not applicable: the target serves one session at a time")
    return sessions


def await_window(session: Session) -> None:
    """Wait until the window of a session is open, or skip the check if it stays closed.

    The target may move MaxCmdSN later than it sends the status (section 11.4.11).
    """
    deadline = Deadline(session.patience())
    while not session.numbers.is_open:
        if deadline.is_over:
            pytest.skip("not applicable: the window stays closed")
        time.sleep(PAUSE)
        session.ping()


def repeat_until_taken(session: Session, command: bytes, *, read: int) -> Result:
    """Send a command again while it is refused for lack of room; return its result.

    The attempts end after the time for one answer.
    """
    deadline = Deadline(session.patience())
    while True:
        await_window(session)
        result = session.execute(command, read=read)
        if result.status not in REFUSALS or deadline.is_over:
            return result
        time.sleep(PAUSE)


@dataclass(slots=True)
class Load:
    """Commands in progress on several sessions.

    Whichever connection has a PDU is read, and R2Ts are answered in the order in which
    they come: a target may carry out the commands one at a time, in any order.
    """

    sessions: Sequence[Session]
    _tasks: dict[tuple[int, int], tuple[Session, Link, Task]] = field(
        default_factory=dict
    )
    """The tasks by index of the session and Initiator Task Tag."""

    def add(self, session: Session, link: Link, task: Task) -> None:
        """Watch a task that was started on a connection."""
        self._tasks[self.sessions.index(session), task.initiator_task_tag] = (
            session,
            link,
            task,
        )

    def finish(self) -> None:
        """Send the data of all tasks until each has its status.

        Raises:
            ConformanceFailure: no PDU came for a task in the time for one answer, or a
                connection with tasks was lost.
        """
        __tracebackhide__ = True
        waiting = dict(self._tasks)
        deadline = Deadline(self.sessions[0].patience())
        while waiting:
            ways = {
                link.connection.fileno(): (number, session, link)
                for (number, _tag), (session, link, _task) in waiting.items()
            }
            for number, session, link in self._readable(ways, deadline):
                self._route(number, session, link, waiting)
                deadline = Deadline(session.patience())
            if deadline.is_over:
                session, _link, task = next(iter(waiting.values()))
                raise ConformanceFailure(
                    f"a status for each of {len(self._tasks)} commands",
                    f"none for {len(waiting)}, such as CmdSN {task.command.cmd_sn}",
                    session.transcript,
                    requirement=SERVED,
                )

    @staticmethod
    def _readable(
        ways: Mapping[int, tuple[int, Session, Link]], deadline: Deadline
    ) -> list[tuple[int, Session, Link]]:
        """Return the connections with bytes that have arrived; wait for the first.

        Args:
            ways: the connections by file descriptor.
            deadline: the end of the wait.
        """
        ready = [way for way in ways.values() if way[2].connection.has_frame()]
        if ready:
            return ready
        poll = select.poll()
        for descriptor in ways:
            poll.register(descriptor, select.POLLIN)
        return [
            ways[descriptor] for descriptor, _event in poll.poll(deadline.left * 1000)
        ]

    def _route(
        self,
        number: int,
        session: Session,
        link: Link,
        waiting: dict[tuple[int, int], tuple[Session, Link, Task]],
    ) -> None:
        """Receive a PDU of a connection, and answer it if it is an R2T."""
        try:
            pdu = session.route(link, with_unsolicited=True)
        except (ConnectionLost, PeerTimeout) as error:
            raise ConformanceFailure(
                "a status for each command",
                f"{error}",
                session.transcript,
                requirement=SERVED,
            ) from error
        key = (number, getattr(pdu, "initiator_task_tag", -1))
        if key not in waiting:
            return  # a ping of the target's own, or an Async Message
        task = waiting[key][2]
        for r2t in task.unanswered():
            session.answer_r2t(task, r2t, link)
        if task.is_done:
            del waiting[key]

    def results(self) -> list[tuple[Session, Task, Result]]:
        """Return the tasks with their results, and forget them; see `finish`."""
        ended = [
            (session, task, session.finish(task, link))
            for session, link, task in self._tasks.values()
        ]
        self._tasks.clear()
        return ended
