# SPDX-License-Identifier: GPL-2.0-only
"""The commands of `iscsi-assay targets`: a target's offer, and checks that apply."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import tomli_w

import targets
from initiator.expect import ConformanceFailure
from initiator.login import DEFAULT_KEYS
from initiator.probe.login import hint
from initiator.probe.offer import Offer, UnitMissing, find_out
from initiator.probe.screen import row, screen
from initiator.probe.unit import MOST_UNITS, Unit, units_at
from iscsi import address
from iscsi.errors import ISCSIError
from iscsi.printable import printable
from iscsi.scsi.inquiry import DeviceType
from iscsi_assay.parser import (
    USAGE,
    Command,
    Failures,
    Parser,
    examples,
    literal,
)
from suites.plugins import applicability
from suites.plugins.options import DEFAULT_TIMEOUT, seconds_above_0
from suites.plugins.targets import capabilities, login_options

NO_TARGET = 3
"""The exit code if there is no target; the same as of a run of the suite."""

_EXAMPLE = "iscsi://192.0.2.7/iqn.2026-01.org.example:disk/0"
_SECRET = "put the secret here"  # noqa: S105  # it is none
_HEAD = """\
# A target file to start from; docs/own-target.md has every key.
# `may_be_written = true` lets the checks overwrite a unit: all its data is lost.
# Further names, portals and hooks make more checks apply.

"""
_SUITE = Path(__file__).parent / "conformance"


_FAILURES: Failures = {
    targets.TargetSpecError: (USAGE, str),
    targets.LabError: (NO_TARGET, str),
}


def describe(parser: Parser) -> None:
    """Fill the parser of `targets`."""
    parser.description = (
        "Lists the targets that can be tested, and shows what a target "
        "offers.\n\nExit codes: 0 success, 2 a wrong argument, 3 there is no such "
        "target or logical unit, or no login succeeds."
    )
    parser.epilog = examples(
        "%(prog)s list", "%(prog)s probe tgt", f"%(prog)s init {_EXAMPLE} > mine.toml"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        command.add(commands, name)


def _describe_list(parser: Parser) -> None:
    parser.description = (
        "Lists the values of --target, what each needs, and whether that is installed."
    )
    parser.epilog = examples("%(prog)s")
    parser.set_defaults(run=_list)


def _describe_probe(parser: Parser) -> None:
    parser.description = (
        "Logs in to a target and prints what it offers, and how many checks do not "
        "apply to it. The target is not changed. docs/probing.md explains each line."
    )
    parser.epilog = examples("%(prog)s tgt", f"%(prog)s {_EXAMPLE} --json")
    parser.add_argument("target", metavar="TARGET", help="any value of --target")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--no-count",
        action="store_true",
        help="do not count the checks, since the count takes a few seconds",
    )
    _add_timeout(parser)
    for option in targets.options():
        option.add(parser.add_argument)
    parser.set_defaults(run=_probe)


def _describe_init(parser: Parser) -> None:
    parser.description = (
        "Logs in to a target and prints a target file, for you to complete and use "
        "as --target=FILE.toml. The target is not changed. docs/own-target.md has "
        "every key."
    )
    parser.epilog = examples(f"%(prog)s {_EXAMPLE} > mine.toml")
    parser.add_argument("target", metavar="URL", help=literal(address.FORM))
    _add_timeout(parser)
    parser.set_defaults(run=_init)


def _list(_options: argparse.Namespace) -> int:
    print(targets.help_text())
    return 0


def _add_timeout(command: Parser) -> None:
    command.add_argument(
        "--peer-timeout",
        type=seconds_above_0,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="how long the target may take to answer (default: %(default)g)",
    )


def _probe(options: argparse.Namespace) -> int:
    """Print what a target offers.

    Raises:
        TargetSpecError: TARGET does not name a target.
        LabError: there is no such target, or no login succeeds.
    """
    with targets.parse(options.target, vars(options)) as running:
        offer = ask(running, timeout=options.peer_timeout)
    features = running.features | capabilities(dict(offer.login.results))
    counted = None if options.no_count else _count(features)
    show = _as_json if options.json else _as_text
    print(show(running, offer, features, counted))
    return 0


def _init(options: argparse.Namespace) -> int:
    """Print a target file.

    Raises:
        TargetSpecError: the URL cannot be understood.
        LabError: there is no such target, or no login succeeds.
    """
    if not options.target.lower().startswith(address.SCHEME):
        raise targets.TargetSpecError(f"init takes {address.FORM}")
    with targets.parse(options.target) as running:
        offer = ask(running, timeout=options.peer_timeout)
        numbers = (offer.luns or (running.target.default_lun,))[:MOST_UNITS]
        # Send the same offers as the checks: LIO loses its framing if it offers digests
        # itself.
        login = login_options(running.target, DEFAULT_KEYS)
        units = units_at(running.portal, login, numbers, timeout=options.peer_timeout)
    print(target_file(running, offer, units), end="")
    return 0


def target_file(
    running: targets.RunningTarget, offer: Offer, units: Sequence[Unit]
) -> str:
    """Return a target file in TOML, without secrets.

    Args:
        running: the running target.
        offer: its offer.
        units: the descriptions of its logical units.
    """
    table: dict[str, object] = {"name": running.target.name}
    if "TargetAlias" in offer.login.declared:
        table["alias"] = printable(offer.login.declared["TargetAlias"])
    if running.target.chap is not None:
        users = {"user": running.target.chap.credentials.name, "secret": _SECRET}
        if running.target.chap.mutual is not None:
            users["mutual_user"] = running.target.chap.mutual.name
            users["mutual_secret"] = _SECRET
        table["chap"] = users
    table["unit"] = [_unit_table(one) for one in units if _is_disk(one)]
    content = {
        "label": printable(_label(offer)),
        "portal": [{"address": str(running.portal)}],
        "target": [table],
    }
    return _HEAD + tomli_w.dumps(content)


def _label(offer: Offer) -> str:
    inquiry = offer.unit.inquiry
    name = "" if inquiry is None else f"{inquiry.vendor} {inquiry.product}".strip()
    return name or offer.name


def _is_disk(unit: Unit) -> bool:
    inquiry = unit.inquiry
    return inquiry is not None and inquiry.device_type == DeviceType.DIRECT_ACCESS_BLOCK


def _unit_table(unit: Unit) -> dict[str, object]:
    values: dict[str, object] = {"lun": unit.lun, "may_be_written": False}
    if unit.capacity is not None:
        size = (unit.capacity.last_lba + 1) * unit.capacity.block_length
        values["size"] = size
        values["thin"] = bool(unit.capacity.lbpme)
    values["read_only"] = unit.is_write_protected
    values["removable"] = unit.inquiry is not None and unit.inquiry.is_removable
    return values


def ask(running: targets.RunningTarget, *, timeout: float) -> Offer:
    """Return the offer of a running target's first name and unit.

    Raises:
        LabError: no login succeeds, or there is no such unit.
    """
    options = login_options(running.target, {})
    place = f"{running.target.name} at {running.portal}"
    try:
        return find_out(
            running.portal, options, running.target.default_lun, timeout=timeout
        )
    except UnitMissing as error:
        raise targets.LabError(f"{place}: {error}") from error
    except ISCSIError as error:
        raise targets.LabError(
            f"{place}: {error}",
            hint=hint(error, running.portal, options, timeout=timeout),
        ) from error
    except ConformanceFailure as failure:
        raise targets.LabError(f"{place}: {failure.actual}") from failure


def _count(features: frozenset[str]) -> tuple[int, Counter[str]] | None:
    """Return the number of checks, and of those that do not apply; None if unknown."""
    demanded = applicability.of_suite(_SUITE)
    if demanded is None:
        return None
    return len(demanded), applicability.left_out(demanded, features)


def _as_text(
    running: targets.RunningTarget,
    offer: Offer,
    features: frozenset[str],
    counted: tuple[int, Counter[str]] | None,
) -> str:
    lines = [printable(f"{running.description}, version {running.version}")]
    lines += screen(offer)
    lines += row("features", " ".join(sorted(features)))
    lines += row("checks", _checks(counted))
    return "\n".join(lines)


def _checks(counted: tuple[int, Counter[str]] | None) -> str:
    if counted is None:
        return "not counted"
    sentence = applicability.sentence(*counted)
    return f"{sentence}; others depend on what a unit answers"


def _as_json(
    running: targets.RunningTarget,
    offer: Offer,
    features: frozenset[str],
    counted: tuple[int, Counter[str]] | None,
) -> str:
    values = {
        "kind": running.kind,
        "description": running.description,
        "version": running.version,
        "features": sorted(features),
        "offer": asdict(offer),
    }
    if counted is not None:
        count, reasons = counted
        values["checks"] = {"count": count, "not_applicable": dict(reasons)}
    return json.dumps(values, indent=2, default=sorted)


_COMMANDS = {
    "list": Command("list the values of --target", _describe_list, _FAILURES),
    "probe": Command(
        "log in and print what a target offers; change nothing",
        _describe_probe,
        _FAILURES,
    ),
    "init": Command("write a target file to start from", _describe_init, _FAILURES),
}

TARGETS = Command("list the targets; show what one offers", describe, _FAILURES)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    return TARGETS.run("python -m targets", arguments)
