# SPDX-License-Identifier: GPL-2.0-only
"""The control of a target that a file describes (see `targets.model.Control`)."""

import re
import time
from dataclasses import dataclass, field

from targets.errors import LabError, NotOfferedError
from targets.model import Ending, EndingKind, Portal
from targets.own.commands import demand, run
from targets.own.hooks import Hooks
from targets.remote import probe

FRESH_SECONDS = 1.0
"""The seconds for which an answer of `is_alive` that the target runs stays valid."""

_KILLED = re.compile(r"killed by (SIG[A-Z0-9+-]{1,12})")
_EXITED = re.compile(r"exited with status ([0-9]{1,3})")
_DEAD = 1
"""The exit status of `is_alive` that means that the target has died."""


@dataclass(slots=True)
class OwnControl:
    """The control of a target that its user starts."""

    portal: Portal
    hooks: Hooks
    _alive_until: float = field(default=0.0, init=False)

    def is_alive(self) -> bool:
        """Tell whether it accepts a connection, and `is_alive` agrees."""
        return self.ending() is None

    def ending(self) -> Ending | None:
        """Return how it ended; None while it runs."""
        try:
            probe(self.portal)
        except LabError as error:
            self._alive_until = 0.0
            answer = self._ask()
            # The command may know more than a closed port shows.
            if answer is not None and answer.kind is not EndingKind.LAB:
                return answer
            return Ending(EndingKind.VANISHED, error.message)
        return self._ask()

    def _ask(self) -> Ending | None:
        """Run `is_alive`, if there is one and its last answer is old."""
        command = self.hooks.commands.get("is_alive")
        if command is None or time.monotonic() < self._alive_until:
            return None
        try:
            result = run(command, self.hooks.environment("is_alive"))
        except LabError as error:
            return Ending(EndingKind.LAB, error.message)
        if result.status == 0:
            self._alive_until = time.monotonic() + FRESH_SECONDS
            return None
        output = result.last_line or "it printed nothing"
        if result.status == _DEAD:
            return _ending(result.last_line, f"{command.name} says: {output}")
        return Ending(
            EndingKind.LAB,
            f"the command {command.name} ended with status {result.status}: {output}",
        )

    def restart(self) -> None:
        """Run `restart`; if it fails or there is none, run `power_cycle`.

        Raises:
            LabError: there is neither, or they failed.
        """
        if "restart" not in self.hooks.commands:
            self.power_cycle()
            return
        try:
            self._demand("restart")
        except LabError:
            if "power_cycle" not in self.hooks.commands:
                raise
            self.power_cycle()

    def revive(self) -> None:
        """Restart the target.

        Raises:
            LabError: there is no command for it, or it failed.
        """
        self.restart()

    def power_cycle(self) -> None:
        """Run `power_cycle`.

        Raises:
            LabError: there is none, or it failed.
        """
        self._demand("power_cycle")

    def operate(self, order: str) -> None:
        """Run the command of an order, such as "ping tsih=1 cid=0".

        Raises:
            NotOfferedError: the file has no command for it.
            LabError: it failed.
        """
        verb, *words = order.split()
        name = verb.replace("-", "_")
        command = self.hooks.verbs.get(name)
        if command is None:
            raise NotOfferedError(
                f"the target has no hook to {verb}: add `{name} = [...]` "
                f"to [hooks.operator] in {self.hooks.file}"
            )
        arguments = dict(word.split("=", 1) for word in words)
        environment = self.hooks.environment(verb, order=order, **arguments)
        demand(command, environment)

    def mark(self) -> int:
        """Return the time in Unix seconds, from which the log is requested."""
        return int(time.time())

    def log_since(self, mark: int) -> str:
        """Return the output of `log`, or the error if the command failed."""
        if "log" not in self.hooks.commands:
            return ""
        try:
            environment = self.hooks.environment("log", since=str(mark))
            return demand(self.hooks.commands["log"], environment).output
        except LabError as error:
            return f"[no log: {error.message}]"

    def decode(self, text: str) -> str:
        """Return a part of its log."""
        return text

    def _demand(self, name: str) -> None:
        command = self.hooks.commands.get(name)
        if command is None:
            raise LabError(
                f"the target cannot be restarted from here: add `{name} = [...]` "
                f"to [hooks] in {self.hooks.file}"
            )
        self._alive_until = 0.0
        demand(command, self.hooks.environment(name))


def _ending(line: str, otherwise: str) -> Ending:
    """Return how a target ended, from the output of `is_alive`.

    Args:
        line: its last line.
        otherwise: the reason if the line contains neither a signal nor a status.
    """
    killed, exited = _KILLED.fullmatch(line), _EXITED.fullmatch(line)
    if killed is not None:
        return Ending(EndingKind.EXITED, line, signal=killed[1])
    if exited is not None:
        return Ending(EndingKind.EXITED, line, status=int(exited[1]))
    return Ending(EndingKind.VANISHED, otherwise)
