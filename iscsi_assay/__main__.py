# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay`, also `python -m iscsi_assay`: the command line of the toolkit."""

import sys
from collections.abc import Sequence
from functools import partial

from iscsi_assay import commands
from iscsi_assay.parser import carry_out, guarded


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Ctrl-C may arrive while a command is imported.
    return guarded(commands.PROG, {}, partial(_carry_out, words))


def _carry_out(words: list[str]) -> int:
    name = words[0] if words else ""
    name = commands.OTHER_NAMES.get(name, name)
    if name not in commands.COMMANDS:
        # The help, or the error, lists all commands.
        return carry_out(commands.parser(), words)
    if name == "run" and not {"-h", "--help"} & set(words):
        # pytest parses its own options.
        from iscsi_assay import run  # noqa: PLC0415  # it takes a second

        return guarded("iscsi-assay run", run.RUN.failures, partial(run.run, words[1:]))
    command = commands.command(name)

    def carry() -> int:
        return carry_out(commands.parser([name]), [name, *words[1:]])

    return guarded(f"{commands.PROG} {name}", command.failures, carry)


if __name__ == "__main__":
    sys.exit(main())
