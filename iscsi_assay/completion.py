# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay completion SHELL`: what a shell needs to complete the command line.

shtab generates it from the parsers, so completion starts no process.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import targets
from iscsi_assay import commands
from iscsi_assay.parser import Command, Misuse, Parser, examples
from iscsi_assay.run import SUITES

SHELLS = ("bash", "zsh", "fish")


def describe(parser: Parser) -> None:
    """Fill the parser of `completion`."""
    parser.description = (
        "Prints a script with which a shell completes commands, options, files and "
        "kinds of target. To try it in bash: `source <(iscsi-assay completion "
        "bash)`. docs/install.md says where each shell looks for it."
    )
    parser.epilog = examples(
        "%(prog)s bash > ~/.local/share/bash-completion/completions/iscsi-assay",
        "%(prog)s zsh > ~/.zfunc/_iscsi-assay",
        "%(prog)s fish > ~/.config/fish/completions/iscsi-assay.fish",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=_complete)


def _complete(options: argparse.Namespace) -> int:
    print(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script of a shell.

    Raises:
        Misuse: shtab is not installed.
    """
    try:
        import shtab  # noqa: PLC0415  # nothing else needs it
    except ImportError as error:
        raise Misuse("shtab is missing: install the toolkit again") from error
    root_parser = commands.parser()
    kinds = shtab.cmd(f"printf '%s\\n' {' '.join(targets.kinds())}")
    suites = shtab.cmd(f"printf '%s\\n' {' '.join(SUITES)}")
    for action in _actions(root_parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "TARGET":
            action.complete = kinds  # type: ignore[attr-defined]
        elif action.dest == "what":
            action.complete = suites  # type: ignore[attr-defined]
    return str(shtab.complete(root_parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield all arguments of a parser and of those below it."""
    for action in parser._actions:  # noqa: SLF001  # nothing public lists them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # likewise
            for below in action.choices.values():
                yield from _actions(below)


COMPLETION = Command("print the completion script of a shell", describe)
