# SPDX-License-Identifier: GPL-2.0-only
"""The commands of a target file, and the environment of each.

A command is a list of words, run as it is, or a string, run by `sh -c`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from targets.errors import TargetSpecError
from targets.own.commands import Command, find_program

SLOW_SECONDS = 60.0
"""The time limit of a restart, if the file has none."""

QUICK_SECONDS = 10.0
"""The time limit of any other command."""

_MOST_SECONDS = 3600
_SLOW = frozenset({"restart", "power_cycle"})


class CommandTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A command with a time limit of its own."""

    command: tuple[str, ...] | str
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds <= _MOST_SECONDS:
            raise ValueError(
                f"{self.seconds:g} is not a number of seconds up to {_MOST_SECONDS}"
            )


Hook = str | tuple[str, ...] | CommandTable
"""A string for `sh -c`, a list of words, or either of them with a time limit."""


class OperatorTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The [hooks.operator] table: the orders that the target can carry out.

    Checks need them.
    """

    ping: Hook | None = None
    logout_request: Hook | None = None
    drop_connection: Hook | None = None
    drop_session: Hook | None = None
    negotiation_request: Hook | None = None
    scsi_event: Hook | None = None
    vendor_event: Hook | None = None
    login_time: Hook | None = None
    add_unit: Hook | None = None
    remove_unit: Hook | None = None
    resize_unit: Hook | None = None
    write_protect: Hook | None = None
    access_state: Hook | None = None
    access_preference: Hook | None = None
    access_failure: Hook | None = None


UNIT_VERBS = ("add_unit", "remove_unit", "resize_unit", "write_protect")
"""The verbs that change units; each is a feature of its own."""

USED = frozenset(
    {
        "ping",
        "logout_request",
        "drop_connection",
        "drop_session",
        "negotiation_request",
        "scsi_event",
        "vendor_event",
        "login_time",
        "access_state",
        "access_preference",
        "access_failure",
        *UNIT_VERBS,
    }
)
"""The verbs that checks use."""

_ACCESS = frozenset({"access_state", "access_preference", "access_failure"})


class HooksTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The [hooks] table."""

    restart: Hook | None = None
    """Ends the target if it runs and starts it again, at the same portals."""
    power_cycle: Hook | None = None
    """Cuts and restores the power: data that is not stored is lost."""
    is_alive: Hook | None = None
    """Exits with 0 if the target runs, and with 1 if it has died."""
    log: Hook | None = None
    """Prints the log since the second ASSAY_SINCE of the Unix time."""
    version: Hook | None = None
    """Prints the version in its last line."""
    operator: OperatorTable = OperatorTable()


@dataclass(frozen=True, slots=True)
class Hooks:
    """The commands of a target file, ready to be run."""

    file: str
    """The name of the file in reasons."""
    commands: Mapping[str, Command] = field(default_factory=dict)
    verbs: Mapping[str, Command] = field(default_factory=dict)
    """The commands of the operator."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Variables that every command gets."""

    def environment(self, name: str, **oserror_as_lab_error: str) -> dict[str, str]:
        """Return the environment variables that describe the order to a command."""
        values = {
            f"ASSAY_{key.upper()}": value for key, value in oserror_as_lab_error.items()
        }
        return {**self.about, "ASSAY_HOOK": name, **values}

    def lines(self) -> dict[str, tuple[bool, str]]:
        """Return for each feature whether the hooks provide it, and the line for it."""
        restarts = bool(self.commands.keys() & _SLOW)
        return {
            "restart": (restarts, "`restart = [...]` in [hooks]"),
            "power-cycle": (
                "power_cycle" in self.commands,
                "`power_cycle = [...]` in [hooks]",
            ),
            "operator": (
                bool(self.verbs.keys() & (USED - {"ping", *_ACCESS, *UNIT_VERBS})),
                "`logout_request = [...]`, or another verb, in [hooks.operator]",
            ),
            "access-states": (
                "access_state" in self.verbs,
                "`access_state = [...]` in [hooks.operator]",
            ),
            **{
                verb.replace("_", "-"): (
                    verb in self.verbs,
                    f"`{verb} = [...]` in [hooks.operator]",
                )
                for verb in UNIT_VERBS
            },
        }


def hooks_of(table: HooksTable, path: Path, about: Mapping[str, str]) -> Hooks:
    """Return the commands of a target file.

    Args:
        table: its [hooks].
        path: the file; programs with a / in their name are relative to its folder.
        about: variables that every command gets.

    Raises:
        TargetSpecError: a command names a program that does not exist.
    """
    return Hooks(
        path.name,
        dict(_commands(table, "hooks", path)),
        dict(_commands(table.operator, "hooks.operator", path)),
        about,
    )


def _commands(
    table: HooksTable | OperatorTable, place: str, path: Path
) -> Iterator[tuple[str, Command]]:
    for name in table.__struct_fields__:
        hook = getattr(table, name)
        if hook is None or isinstance(hook, OperatorTable):
            continue
        if not isinstance(hook, CommandTable):
            hook = CommandTable(command=hook)
        default = SLOW_SECONDS if name in _SLOW else QUICK_SECONDS
        try:
            words = _words(hook.command, path.parent)
        except ValueError as error:
            raise TargetSpecError(f"{path}: {place}.{name}: {error}") from error
        yield (
            name,
            Command(
                f"{name} of {path.name}",
                words,
                default if hook.seconds is None else hook.seconds,
                path.parent,
            ),
        )


def _words(command: tuple[str, ...] | str, folder: Path) -> tuple[str, ...]:
    """Return the words of a command, with its program as a path.

    Raises:
        ValueError: it is empty, or there is no such program.
    """
    if isinstance(command, str):
        if not command.strip():
            raise ValueError("the command is empty")
        return ("/bin/sh", "-c", command)
    if not command or not command[0]:
        raise ValueError("the command is empty")
    program = find_program(command[0], folder)
    if program is None:
        raise ValueError(f"there is no executable program {command[0]!r}")
    return (program, *command[1:])
