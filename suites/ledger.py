# SPDX-License-Identifier: GPL-2.0-only
"""The field ledger: which check judges which field of what a target sends, and where.

The fields are those of its PDUs, and of the parameter data and sense data in them.
`iscsi-assay ledger` has the reference target send each field wrong in each situation
(`reftarget/faults/fields.py`) and runs the check that `suites/ledger.toml` names, which
must fail. `--write FILE` writes the table as Markdown.
"""

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from iscsi.scsi.formats import FORMATS
from iscsi.situations import KINDS
from iscsi_assay.parser import USAGE, Command, Misuse, Parser, examples
from reftarget.faults.fields import PREFIX
from reports import model
from reports.run import read
from suites import forkserver
from suites.reference_run import SUITE, arguments
from suites.shards import shard

RULES = Path(__file__).with_name("ledger.toml")
CHECKS = f"{SUITE}/"

_NO_TARGET = 3
"""pytest's exit code if no login succeeds."""

_SECONDS = 300
"""The time limit of a row's run."""


class LedgerError(Exception):
    """The ledger does not match the fields; the message says where, in one line."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of the ledger."""

    pdu: tuple[str, ...] = ("*",)
    field: tuple[str, ...] = ("*",)
    situation: tuple[str, ...] = ("*",)
    check: str = ""
    reason: str = ""
    habit: str = ""

    def fits(self, pdu: str, field: str, situation: str) -> bool:
        """Tell whether the rule matches a field in a situation."""
        return (
            _matches(self.pdu, pdu)
            and _matches(self.field, field)
            and _matches(self.situation, situation)
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One field in one situation."""

    pdu: str
    field: str
    situation: str
    check: str
    """The node ID of the check that judges it; empty if none does."""
    reason: str
    """Why none does."""
    habit: str
    """The habit with which the reference target reaches the situation; or empty."""

    @property
    def fault(self) -> str:
        """The name of the reference target's fault that makes it wrong."""
        return f"{PREFIX}{self.pdu}.{self.field}@{self.situation}"


def _matches(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def ledger(path: Path = RULES) -> list[Row]:
    """Return every field in every situation, with the check that judges it.

    Raises:
        LedgerError: the file is wrong, a rule names neither check nor reason, or both,
            or a field has no rule.
    """
    try:
        rules = msgspec.convert(tomllib.loads(path.read_text()), _File).rule
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise LedgerError(f"{path}: {error}") from None
    for number, rule in enumerate(rules, 1):
        if bool(rule.check) is bool(rule.reason):
            raise LedgerError(f"{path}: rule {number} needs `check` or `reason`")
    return [_row(rules, *place) for place in _places()]


def _places() -> Iterator[tuple[str, str, str]]:
    for kinds in (KINDS, FORMATS):
        for name, kind in kinds.items():
            for situation in kind.situations:
                for field in kind.fields:
                    yield name, field, situation


def _row(rules: Sequence[Rule], pdu: str, field: str, situation: str) -> Row:
    for rule in rules:
        if rule.fits(pdu, field, situation):
            place = f"{pdu}@{situation}"
            check = rule.check.replace("{where}", place).replace("{field}", field)
            return Row(
                pdu,
                field,
                situation,
                check and f"{CHECKS}{check}",
                rule.reason,
                rule.habit,
            )
    raise LedgerError(f"no rule for {field} of {pdu} ({situation})")


def page(rows: Sequence[Row]) -> str:
    """Return the ledger as Markdown, a table for each kind of PDU."""
    judged = sum(bool(row.check) for row in rows)
    lines = [
        "# The field ledger",
        "",
        "Which check judges which field of the PDUs that a target sends, and of the",
        "parameter data and sense data in them, in each situation in which it sends",
        "them. `iscsi-assay ledger --write FILE` made this page of",
        "`suites/ledger.toml`; `iscsi-assay ledger` makes each field wrong on the",
        "reference target and sees its check fail. Reserved and obsolete bits of",
        "parameter data are not listed: a later edition of their standard may use",
        "them.",
        "",
        f"Situations: {len(_situations(rows))}. Fields in them: {len(rows)}. A check",
        f"judges {judged}; {len(rows) - judged} have a reason why none does.",
    ]
    for pdu in (*KINDS, *FORMATS):
        lines += [
            "",
            f"## {_title(pdu)}",
            "",
            "| field | situation | judged by |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row.field} | {row.situation} | {_judge(row)} |"
            for row in rows
            if row.pdu == pdu
        ]
    return "\n".join([*lines, ""])


def _title(name: str) -> str:
    return f"{name}: {FORMATS[name].structure.name}" if name in FORMATS else name


def _situations(rows: Sequence[Row]) -> set[tuple[str, str]]:
    return {(row.pdu, row.situation) for row in rows}


def _judge(row: Row) -> str:
    return f"`{row.check.removeprefix(CHECKS)}`" if row.check else f"— {row.reason}"


def attempt(row: Row) -> str:
    """Run a row's check against its fault; return whether it noticed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = arguments(
            [row.check],
            folder / "run.json",
            faults=[row.fault],
            habits=[row.habit] if row.habit else [],
            options=["--maxfail=1"],
        )
        try:
            result = forkserver.run(words, _SECONDS, folder)
        except forkserver.Timeout:
            return f"no run: not finished in {_SECONDS} s"
        except forkserver.ForkServerError as error:
            return f"no run: {error}"
        if not (folder / "run.json").exists():
            # No login succeeds: the run itself reports that before its first check. An
            # error in pytest has the same exit code.
            is_ours = "INTERNALERROR" in result.stdout + result.stderr
            if result.code == _NO_TARGET and not is_ours:
                return "noticed"
            return f"no run: pytest ended with {result.code}"
        outcomes = {check.outcome for check in read(folder / "run.json").checks}
    if outcomes & {model.Outcome.BROKEN, model.Outcome.WARNED}:
        return "noticed"
    return "MISSED: " + (", ".join(sorted(outcomes)) or "no check ran")


def main(words: list[str] | None = None) -> int:
    """Try the rows; return 1 if a check misses a wrong field."""
    return LEDGER.run("python -m suites.ledger", words)


def describe(parser: Parser) -> None:
    """Fill the parser of `ledger`."""
    parser.description = (
        "Has the reference target send a wrong value in each field of a PDU, in each "
        "situation in which it sends that PDU, and runs the check that must then fail. "
        "docs/field-ledger.md lists the fields with their checks.\n\nExit codes: 0 "
        "each check failed as it must, 1 a wrong value was missed, 2 a wrong argument "
        "or a wrong suites/ledger.toml."
    )
    parser.epilog = examples(
        "%(prog)s 'R2T.*'", "%(prog)s --write docs/field-ledger.md"
    )
    parser.add_argument(
        "pattern",
        nargs="*",
        help="try the fields that match, as PDU.FIELD@SITUATION, such as 'R2T.*' or "
        "'*.reserved?@*' (default: all)",
    )
    parser.add_argument(
        "--shard",
        default="",
        metavar="K/N",
        help="try every N-th field, beginning with the K-th",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write the table of fields and checks to this file, and run nothing",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Try the rows that the options name, or write the table; return the exit code.

    Raises:
        Misuse: the shard is wrong.
        LedgerError: the ledger does not match.
    """
    try:
        rows = shard(ledger(), options.shard)
    except ValueError as error:
        raise Misuse(str(error)) from error
    if options.write:
        options.write.write_text(page(rows))
        return 0
    chosen = [
        row
        for row in rows
        if row.check
        and (
            not options.pattern
            or _matches(options.pattern, row.fault.removeprefix(PREFIX))
        )
    ]
    missed = 0
    for row in chosen:
        word = attempt(row)
        missed += word != "noticed"
        print(f"{row.fault.removeprefix(PREFIX):60} {word}", flush=True)
    print(f"{len(chosen)} fields: {len(chosen) - missed} noticed, {missed} missed")
    return int(missed > 0)


LEDGER = Command(
    "have the reference target send each field wrong; its check must fail",
    describe,
    {LedgerError: (USAGE, str)},
)


if __name__ == "__main__":
    sys.exit(main())
