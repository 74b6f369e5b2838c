# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay replay`, `decode` and `shell`, also as `python -m initiator`."""

import argparse
import logging
import os
import sys
from pathlib import Path

from initiator import bundle, minimise, shell
from initiator.bundle import Bundle, BundleError
from initiator.captures import decode
from initiator.captures.read import CaptureError
from initiator.expect import ConformanceFailure
from initiator.replay import ANSWER_SECONDS, Difference, replay
from iscsi import address
from iscsi.address import AddressError, TargetURL
from iscsi.errors import ISCSIError
from iscsi.printable import printable
from iscsi_assay.parser import (
    USAGE,
    Command,
    Failures,
    Parser,
    carry_out,
    examples,
    literal,
)


def _actual(failure: BaseException) -> str:
    assert isinstance(failure, ConformanceFailure)
    return failure.actual


_FAILURES: Failures = {
    ConformanceFailure: (USAGE, _actual),
    **dict.fromkeys(
        (BundleError, CaptureError, AddressError, ISCSIError), (USAGE, str)
    ),
}


def describe_replay(parser: Parser) -> None:
    """Fill the parser of `replay`."""
    parser.description = (
        "Sends the PDUs of a bundle, the file that each failed check writes, to a "
        "target, and prints the answers that differ from the recorded ones.\n\nExit "
        "codes: 0 no answer differs, 1 some differ, 2 a wrong argument or no "
        "connection."
    )
    parser.epilog = examples(
        "%(prog)s NAME.json --target iscsi://192.0.2.7/iqn.2026-01.org.example:disk",
        "%(prog)s NAME.json --target iscsi://host/iqn.2026-01.org.example:disk --trace",
    )
    parser.add_argument("bundle", type=Path, help="the file NAME.json of a failure")
    parser.add_argument(
        "--target", required=True, metavar="URL", help=literal(address.FORM)
    )
    parser.add_argument(
        "--minimise",
        action="store_true",
        help="remove tasks as long as the outcome stays; write BUNDLE.min.json",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=ANSWER_SECONDS,
        help="how long to wait for each answer (default: %(default)g)",
    )
    parser.add_argument("--trace", action="store_true", help="print every PDU")
    parser.set_defaults(run=_replay)


def describe_decode(parser: Parser) -> None:
    """Fill the parser of `decode`."""
    parser.description = (
        "Prints the iSCSI PDUs of a capture, and marks those that break a "
        "rule.\n\nExit codes: 0 no PDU is marked, 1 some are, 2 the file cannot be "
        "read."
    )
    parser.epilog = examples("%(prog)s capture.pcapng", "%(prog)s tcp.pcap --port 3261")
    parser.add_argument("file", type=Path, help="a pcap or pcapng file of any program")
    parser.add_argument(
        "--port", type=int, help="the target's port (default: found in the capture)"
    )
    parser.set_defaults(run=_decode)


def describe_shell(parser: Parser) -> None:
    """Fill the parser of `shell`."""
    parser.description = (
        "Logs in to a target and opens a Python console with the session, the PDU "
        "classes and the builders of CDBs. docs/library.md has examples to type."
    )
    parser.epilog = examples(
        "%(prog)s iscsi://192.0.2.7/iqn.2026-01.com.example:disk/0"
    )
    parser.add_argument("target", metavar="URL", help=literal(address.FORM))
    parser.set_defaults(run=_shell)


def _shell(options: argparse.Namespace) -> int:
    return shell.run(address.parse(options.target, os.environ))


def _replay(options: argparse.Namespace) -> int:
    recorded, target = (
        bundle.read(options.bundle),
        address.parse(options.target, os.environ),
    )
    _introduce(recorded)
    outcome = replay(recorded, target, seconds=options.seconds)
    if options.trace:
        print(outcome.transcript.render())
    _print_differences(outcome.differences)
    if options.minimise:
        path = options.bundle.with_suffix(".min.json")
        shorter = _shorten(recorded, target, outcome.differences, options.seconds)
        shorter.write(path)
        print(
            f"{minimise.count(recorded.events)} PDUs sent, "
            f"{minimise.count(shorter.events)} are enough: {path}"
        )
    return int(bool(outcome.differences))


def _introduce(recorded: Bundle) -> None:
    if recorded.check:
        print(printable(f"{recorded.check}: {recorded.rule}"))
    for entry in recorded.requirements:
        rule = f"  {entry.get('id')} ({entry.get('level')}): {entry.get('text')}"
        print(printable(rule))
    if recorded.actual:
        print(printable(f"  recorded of {recorded.target}: {recorded.actual}"))


def _print_differences(differences: list[Difference]) -> None:
    for one in differences:
        print(one)
    if differences:
        count = (
            "one answer differs"
            if len(differences) == 1
            else (f"{len(differences)} answers differ")
        )
        print(f"{count} from the recording")
    else:
        print("every answer equals the recorded one")


def _shorten(
    recorded: Bundle,
    target: TargetURL,
    before: list[Difference],
    seconds: float,
) -> Bundle:
    """Remove tasks as long as the last difference, or the lack of any, stays."""

    def outcome(differences: list[Difference]) -> tuple[str, str, str] | None:
        if not differences:
            return None
        last = differences[-1]
        return last.what, last.recorded, last.now

    expected = outcome(before)

    def shows(shorter: Bundle) -> bool:
        return outcome(replay(shorter, target, seconds=seconds).differences) == expected

    return minimise.minimise(recorded, shows)


def _decode(options: argparse.Namespace) -> int:
    # Scapy logs warnings about a file; our line says what a reader needs.
    logging.getLogger("scapy").setLevel(logging.ERROR)
    marks = 0
    for line in decode.lines(options.file, port=options.port):
        print(line.text)
        marks += line.is_mark
    print(f"{marks} marks" if marks else "no violations are marked")
    return int(bool(marks))


REPLAY = Command(
    "send the PDUs of a failed check again; print the answers that differ",
    describe_replay,
    _FAILURES,
)
DECODE = Command(
    "print a capture PDU by PDU, and mark broken rules",
    describe_decode,
    _FAILURES,
)
SHELL = Command(
    "log in to a target and open a Python console",
    describe_shell,
    _FAILURES,
)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    parser = Parser(
        prog="python -m initiator",
        description="Replays failures, decodes captures, and opens sessions by hand.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    REPLAY.add(commands, "replay")
    DECODE.add(commands, "decode")
    SHELL.add(commands, "shell")
    return carry_out(parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
