# SPDX-License-Identifier: GPL-2.0-only
"""The commands below `iscsi-assay`, and the modules that they are in.

A module is imported when its command is given, since some take a second.
"""

from collections.abc import Iterable
from importlib import import_module

from iscsi_assay.parser import Command, Parser, examples
from iscsi_assay.version import DISTRIBUTION, version

COMMANDS = {
    "run": "iscsi_assay.run:RUN",
    "targets": "suites.probe:TARGETS",
    "report": "reports.__main__:REPORT",
    "replay": "initiator.__main__:REPLAY",
    "decode": "initiator.__main__:DECODE",
    "shell": "initiator.__main__:SHELL",
    "reftarget": "reftarget.__main__:REFTARGET",
    "lab": "vmlab.__main__:LAB",
    "faults": "suites.mutants:FAULTS_COMMAND",
    "ledger": "suites.ledger:LEDGER",
    "merge": "suites.shards:MERGE",
    "steady": "suites.steady:STEADY",
    "completion": "iscsi_assay.completion:COMPLETION",
}
"""Where each command is: a module and its `Command`."""

OTHER_NAMES = {"reports": "report", "mutants": "faults"}
"""The names of packages, and the commands that they mean."""

PROG = "iscsi-assay"


def command(name: str) -> Command:
    """Return a command by its name."""
    module, _, attribute = COMMANDS[name].partition(":")
    value = getattr(import_module(module), attribute)
    assert isinstance(value, Command)
    return value


def parser(names: Iterable[str] = COMMANDS) -> Parser:
    """Return the parser of the command line, with these commands."""
    root_parser = Parser(
        prog=PROG,
        description="Tests iSCSI targets for conformance to RFC 7143, and explains "
        "each failure. `%(prog)s COMMAND --help` describes a command.",
        epilog=examples(
            "%(prog)s run --target=reference",
            "%(prog)s run robustness --target=tgt -n 2",
            "%(prog)s targets list",
            "%(prog)s report --help",
            "%(prog)s --version",
        ),
    )
    root_parser.add_argument(
        "--version",
        action="version",
        version=f"{DISTRIBUTION} {version()}",
        help="print the version and exit",
    )
    commands = root_parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        command(name).add(commands, name)
    return root_parser
