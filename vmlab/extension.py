# SPDX-License-Identifier: GPL-2.0-only
"""Lets other packages add to the lab's command line, without imports from here.

An entry point of the group `iscsi_assay.lab` names a function that takes a
`CommandLine`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from iscsi_assay.parser import Parser, described
from vmlab.build.addition import Addition
from vmlab.errors import LabError

GROUP = "iscsi_assay.lab"


@dataclass(slots=True)
class CommandLine:
    """The parts of the command line that can be extended."""

    _commands: "argparse._SubParsersAction[Parser]"
    build_kernel: Parser
    """The parser of `build kernel`."""
    additions: list[Callable[[argparse.Namespace], Addition | None]] = field(
        default_factory=list
    )
    """Each returns an addition to a kernel; None if the options request none."""
    fragments: list[Path] = field(default_factory=list)
    """Options that every kernel gets."""
    examples: list[str] = field(default_factory=list)
    """Lines for the end of --help; `%(prog)s` stands for the lab's command."""

    def add(self, name: str, text: str) -> Parser:
        """Add a command and return its parser.

        The parser's default `run` is a function that takes the options, runs the
        command and returns its exit code.
        """
        return self._commands.add_parser(name, help=text, description=described(text))

    def addition(self, options: argparse.Namespace) -> Addition | None:
        """Return the software that the options of `build kernel` add to a kernel.

        Raises:
            LabError: they request more than one addition.
        """
        chosen = [one for find in self.additions if (one := find(options)) is not None]
        if len(chosen) > 1:
            raise LabError("a kernel can have only one addition")
        return chosen[0] if chosen else None


def extend(line: CommandLine) -> None:
    """Have every installed extension add to a command line.

    Raises:
        LabError: an extension cannot be loaded.
    """
    points = metadata.entry_points(group=GROUP)
    if not points:
        line.add("up", "boot a machine (no kind of machine is installed)").set_defaults(
            run=_miss_kinds
        )
    for point in points:
        try:
            add = point.load()
        except (ImportError, AttributeError) as error:
            raise LabError(
                f"the extension {point.name} = {point.value} of the lab cannot be"
                f" loaded: {error}",
                hint="install its distribution again",
            ) from error
        add(line)


def _miss_kinds(_options: argparse.Namespace) -> int:
    raise LabError(
        "no kind of machine is installed",
        hint="install the toolkit again: pip install -e . (or make)",
    )
