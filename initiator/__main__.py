# SPDX-License-Identifier: GPL-2.0-only
"""`python -m initiator`: replay a failure, look into a capture, talk to a target."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
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

_TROUBLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    # Scapy logs what it thinks of a file; our own line says what a reader needs.
    logging.getLogger("scapy").setLevel(logging.ERROR)
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ConformanceFailure as failure:
        print(failure.actual, file=sys.stderr)
    except (BundleError, CaptureError, AddressError, ISCSIError) as error:
        print(printable(str(error)), file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return _TROUBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m initiator", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    again = commands.add_parser(
        "replay",
        help="send a bundle's PDUs to a target; tell what is answered otherwise",
        description="Exit code 0: all is answered as it was recorded; 1: something "
        "is answered otherwise; 2: trouble.",
    )
    again.add_argument("bundle", type=Path)
    again.add_argument("--target", required=True, metavar="URL", help=address.FORM)
    again.add_argument(
        "--minimise",
        action="store_true",
        help="leave out tasks while the outcome stays; writes BUNDLE.min.json",
    )
    again.add_argument(
        "--seconds", type=float, default=ANSWER_SECONDS, help="wait for each answer"
    )
    again.add_argument("--trace", action="store_true", help="print every PDU")
    again.set_defaults(run=_replay)
    capture = commands.add_parser(
        "decode", help="print a capture PDU by PDU, and mark what breaks a rule"
    )
    capture.add_argument("file", type=Path, help="pcap or pcapng, from anywhere")
    capture.add_argument("--port", type=int, help="the target's port; else it is found")
    capture.set_defaults(run=_decode)
    console = commands.add_parser("shell", help="a session to try things by hand")
    console.add_argument("target", metavar="URL", help=address.FORM)
    console.set_defaults(
        run=lambda options: shell.run(address.parse(options.target, os.environ))
    )
    return parser


def _replay(options: argparse.Namespace) -> int:
    recorded, target = (
        bundle.read(options.bundle),
        address.parse(options.target, os.environ),
    )
    _introduce(recorded)
    found = replay(recorded, target, seconds=options.seconds)
    if options.trace:
        print(found.transcript.render())
    _tell(found.differences)
    if options.minimise:
        path = options.bundle.with_suffix(".min.json")
        shorter = _shorten(recorded, target, found.differences, options.seconds)
        shorter.write(path)
        print(
            f"{minimise.count(recorded.events)} PDUs sent, "
            f"{minimise.count(shorter.events)} are enough: {path}"
        )
    return int(bool(found.differences))


def _introduce(recorded: Bundle) -> None:
    if recorded.check:
        print(printable(f"{recorded.check}: {recorded.rule}"))
    for entry in recorded.requirements:
        said = f"  {entry.get('id')} ({entry.get('level')}): {entry.get('text')}"
        print(printable(said))
    if recorded.actual:
        print(printable(f"  recorded of {recorded.target}: {recorded.actual}"))


def _tell(differences: list[Difference]) -> None:
    for one in differences:
        print(one)
    if differences:
        count = (
            "one answer differs"
            if len(differences) == 1
            else (f"{len(differences)} answers differ")
        )
        print(f"{count} from what was recorded")
    else:
        print("every answer is the one that was recorded")


def _shorten(
    recorded: Bundle,
    target: TargetURL,
    before: list[Difference],
    seconds: float,
) -> Bundle:
    """Leave tasks out while the last difference, or the lack of any, stays."""

    def outcome(differences: list[Difference]) -> tuple[str, str, str] | None:
        if not differences:
            return None
        last = differences[-1]
        return last.what, last.recorded, last.now

    wanted = outcome(before)

    def shows(shorter: Bundle) -> bool:
        return outcome(replay(shorter, target, seconds=seconds).differences) == wanted

    return minimise.minimise(recorded, shows)


def _decode(options: argparse.Namespace) -> int:
    marks = 0
    for line in decode.lines(options.file, port=options.port):
        print(line.text)
        marks += line.is_mark
    print(f"{marks} marks" if marks else "nothing is marked")
    return int(bool(marks))


if __name__ == "__main__":
    sys.exit(main())
