# SPDX-License-Identifier: GPL-2.0-only
"""One style of help and of errors for every command of the toolkit.

A command is described by a function that takes a `Parser` and fills it, so that it is
the same below `iscsi-assay` and as `python -m PACKAGE`. Nothing of the toolkit is
imported here.
"""

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

USAGE = 2
"""The exit code of a wrong option, file or name, and of Ctrl-C."""

WIDTH = 100
"""Columns that a page of help takes at most."""

Describe = Callable[[BaseException], str]
Failures = Mapping[type[BaseException], tuple[int, Describe]]
"""For each error that a command's user can mend: its exit code, and its text."""

_LITERAL = re.compile(r"(^|\n)( |examples?:)")


class Misuse(Exception):
    """An argument is wrong; one line says why."""


class Layout(argparse.HelpFormatter):
    """Fills paragraphs of prose; keeps those with indented lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        width = min(width, WIDTH - 2)
        blocks = [
            block
            if _LITERAL.search(block)
            else textwrap.fill(" ".join(block.split()), width, break_on_hyphens=False)
            for block in text.strip("\n").split("\n\n")
        ]
        return textwrap.indent("\n\n".join(blocks), indent)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; parsers below it are of the same class."""

    def __init__(
        self,
        *,
        prog: str | None = None,
        description: str | None = None,
        epilog: str | None = None,
        parents: Sequence[argparse.ArgumentParser] = (),
        formatter_class: type[argparse.HelpFormatter] = Layout,
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            parents=parents,
            formatter_class=formatter_class,
        )
        # The innermost parser sets the function last: it is that of the given command.
        self.set_defaults(prog=self.prog)

    def error(self, message: str) -> NoReturn:
        """End with one line that says what is wrong and where help is."""
        line = " ".join(message.split())
        self.exit(USAGE, f"{self.prog}: {line}; see {self.prog} --help\n")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does in a line, what fills its parser, how it fails."""

    text: str
    describe: Callable[[Parser], None]
    failures: Failures = field(default_factory=dict)

    def add(self, commands: "argparse._SubParsersAction[Parser]", name: str) -> None:
        """Add it to a parser's commands."""
        parser = commands.add_parser(name, help=self.text)
        parser.set_defaults(failures=self.failures)
        self.describe(parser)

    def run(self, prog: str, arguments: Sequence[str] | None = None) -> int:
        """Carry it out alone, as `python -m PACKAGE` does; return the exit code."""

        def run() -> int:
            parser = Parser(prog=prog)
            parser.set_defaults(failures=self.failures)
            self.describe(parser)
            return carry_out(parser, arguments)

        return guarded(prog, self.failures, run)


def examples(*lines: str) -> str:
    """Return the examples of a page of help; `%(prog)s` stands for the command."""
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


def described(text: str) -> str:
    """Return a description, such as `Boots it.` for the line `boot it` of a command."""
    verb, _, rest = text.partition(" ")
    ending = "es" if verb.endswith(("ch", "sh", "s", "x")) else "s"
    return f"{verb.capitalize()}{ending} {rest}."


def literal(text: str) -> str:
    """Return text for `help=`, which argparse formats by %."""
    return text.replace("%", "%%")


def printable(text: str) -> str:
    """Return text without what a terminal obeys; line ends stay."""
    return "".join(
        one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text
    )


def carry_out(parser: Parser, arguments: Sequence[str] | None = None) -> int:
    """Parse a command line, run its command and return the exit code.

    Args:
        parser: its commands have the defaults `run`, a function that takes the options
            and returns an exit code, and `failures`.
        arguments: the command line; that of the process by default.
    """
    options = parser.parse_args(arguments)
    return guarded(options.prog, options.failures, partial(options.run, options))


def guarded(prog: str, failures: Failures, run: Callable[[], int]) -> int:
    """Run a command; return its exit code, where it fails after one line of why.

    Args:
        prog: what the line begins with.
        failures: what may be raised besides KeyboardInterrupt, Misuse and OSError.
        run: the command.
    """
    handled: Failures = {
        **failures,
        KeyboardInterrupt: (USAGE, lambda _: "interrupted"),
        Misuse: (USAGE, str),
    }
    try:
        return run()
    except tuple(handled) as error:
        code, describe_error = next(
            value for kind, value in handled.items() if isinstance(error, kind)
        )
        text = describe_error(error)
    except BrokenPipeError:
        # The reader has closed the pipe; further output would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE
    except OSError as error:
        code, text = USAGE, of_system(error)
    print(printable(f"{prog}: {text}"), file=sys.stderr)
    return code


def of_system(error: BaseException) -> str:
    """Return what the operating system has refused, and of which file."""
    assert isinstance(error, OSError)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"
