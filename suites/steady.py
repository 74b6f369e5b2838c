# SPDX-License-Identifier: GPL-2.0-only
"""The gate for new checks: each must have one verdict in many runs on every target.

`iscsi-assay steady` takes the checks that have changed since a base, runs each ten
times in one process and once in each of five fresh ones, and lists those whose verdict
varies, with the rate of each verdict.
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iscsi_assay.parser import USAGE, Command, Misuse, Parser, examples
from reports.model import Outcome, Run
from reports.run import RunFileError, read
from reports.suites import ROOT
from suites.reach import SHARED, changed_names, checks_that_use, is_check
from targets import kinds
from vmlab.tool import SBIN

REPEAT, FRESH = 10, 5
_TARGETS = ("reference", "tgt", "istgt")
"""The targets that start within a second, if their programs are installed."""
_GIT_SECONDS = 60
_SECONDS = 3600
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_NO_VERDICT = frozenset({Outcome.TROUBLE, Outcome.NOT_RUN})


class GateError(Exception):
    """The changed checks cannot be determined; one line says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a check had each verdict on a target."""

    target: str
    check: str
    outcomes: Mapping[Outcome, int]

    @property
    def is_steady(self) -> bool:
        """Whether it always had the same verdict."""
        return len(self.outcomes) == 1 and not _NO_VERDICT & self.outcomes.keys()

    def __str__(self) -> str:
        total = sum(self.outcomes.values())
        parts = [f"{outcome} {n} of {total}" for outcome, n in self.outcomes.items()]
        return f"{self.target:12} {self.check}: {', '.join(parts)}"


def changed(base: str, root: Path = ROOT) -> list[str]:
    """Return the checks that differ from a base, as node IDs without parameters.

    A change outside of a check, such as in a shared function, concerns all checks of
    its file. A change of code that checks share concerns those that use it.

    Raises:
        GateError: git fails, or a file of the suites has a syntax error.
    """
    since = _git(root, "merge-base", base, "HEAD").strip()
    lines = _git(root, "diff", "--unified=0", "--no-ext-diff", since, "--", *SHARED)
    places = dict(_places(lines))
    others = ("ls-files", "--others", "--exclude-standard", "--", *SHARED)
    places |= {
        path: {*range(len((root / path).read_text().splitlines()) + 1)}
        for path in _git(root, *others).splitlines()
        if path.endswith(".py")
    }
    modules = {
        str(path.relative_to(root)): path.read_text()
        for folder in SHARED
        for path in sorted((root / folder).rglob("*.py"))
    }
    try:
        return sorted({*_edited(places, modules), *_reached(places, modules)})
    except SyntaxError as error:
        raise GateError(f"a file of the suites has a syntax error: {error}") from error


def _edited(
    places: Mapping[str, set[int]], modules: Mapping[str, str]
) -> Iterator[str]:
    for path, touched in places.items():
        if is_check(path) and path in modules:
            for name in _concerned(modules[path], touched):
                yield f"{path}::{name}"


def _reached(places: Mapping[str, set[int]], modules: Mapping[str, str]) -> list[str]:
    names = {
        name
        for path, touched in places.items()
        if not is_check(path) and path in modules
        for name in changed_names(modules[path], touched)
    }
    return checks_that_use(names, modules) if names else []


def _places(diff: str) -> Iterator[tuple[str, set[int]]]:
    """Yield the files of a diff with the lines of the new state that it touches."""
    path, touched = "", set[int]()
    for line in diff.splitlines():
        if line.startswith("+++ "):
            if path:
                yield path, touched
            path, touched = line.removeprefix("+++ ").removeprefix("b/"), set()
        elif match := _HUNK.match(line):
            first, count = int(match[1]), int(match[2] or 1)
            # A hunk that only deletes lines touches the lines around it.
            touched |= {*range(first, first + count)} if count else {first, first + 1}
    if path:
        yield path, touched


def _concerned(text: str, touched: Iterable[int]) -> list[str]:
    """Return the checks of a file that contain changed lines."""
    checks = {
        node.name: range(
            min([node.lineno, *(one.lineno for one in node.decorator_list)]),
            (node.end_lineno or node.lineno) + 1,
        )
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    blank = {n for n, line in enumerate(text.splitlines(), 1) if not line.strip()}
    inside = set().union(*checks.values())
    if set(touched) - blank - inside:
        return list(checks)
    return [name for name, lines in checks.items() if set(lines) & set(touched)]


def _git(root: Path, *words: str) -> str:
    try:
        process = subprocess.run(
            ["git", *words],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GateError(f"git {words[0]}: {error}") from error
    if process.returncode:
        message = (process.stderr.strip().splitlines() or ["no output"])[0]
        raise GateError(f"git {words[0]}: {message}")
    return process.stdout


def runnable_targets() -> list[str]:
    """Return the targets whose programs are installed and that need no machine."""
    all_kinds = kinds()
    return [name for name in _TARGETS if all(map(_is_here, all_kinds[name].programs))]


def _is_here(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path=SBIN))


def rates(target: str, runs: Iterable[Run]) -> list[Rate]:
    """Return the verdicts of each check in some runs on a target."""
    outcomes: dict[str, Counter[Outcome]] = {}
    for run in runs:
        for check in run.checks:
            times = {Outcome(word): n for word, n in check.repeats.items()}
            outcomes.setdefault(check.check, Counter()).update(
                times or {check.outcome: 1}
            )
    return [Rate(target, name, one) for name, one in sorted(outcomes.items())]


def attempt(
    target: str, checks: Sequence[str], options: argparse.Namespace
) -> list[Rate]:
    """Run checks on a target, as often as the options say.

    Raises:
        GateError: a run gave no verdicts.
    """
    runs = []
    for number in range(1 + options.fresh):
        repeat = 1 if number else options.repeat
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.json"
            words = [sys.executable, "-m", "pytest", *checks, "-q", "--no-header"]
            words += ["-p", "no:cacheprovider", f"--target={target}"]
            words += [f"--verdicts={path}", f"--repeat={repeat}"]
            try:
                process = subprocess.run(
                    words,
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=_SECONDS,
                )
            except subprocess.TimeoutExpired as error:
                raise GateError(
                    f"the run on {target} did not end in {_SECONDS} s"
                ) from error
            try:
                runs.append(read(path))
            except RunFileError as error:
                output = (process.stderr or process.stdout).strip().splitlines() or [
                    "no output"
                ]
                raise GateError(f"no verdicts on {target}: {output[-1]}") from error
    return rates(target, runs)


def describe(parser: Parser) -> None:
    """Fill the parser of `steady`."""
    parser.description = (
        "Runs each check that differs from a base revision ten times in one process "
        "and once in each of five fresh ones, on every installed target. It names the "
        "checks whose verdict varies, with the rate of each verdict.\n\n"
        "Exit codes: 0 each check always has the same verdict, 1 the verdict of a "
        "check varies, 2 a wrong argument, or a run without verdicts."
    )
    parser.epilog = examples(
        "%(prog)s",
        "%(prog)s --base v1.0 --target tgt",
        "%(prog)s suites/conformance/nop",
    )
    parser.add_argument(
        "check",
        nargs="*",
        help="run these checks, named as for pytest, instead of those that differ from "
        "the base revision",
    )
    parser.add_argument(
        "--base",
        default="main",
        metavar="REV",
        help="compare with this revision (default: %(default)s)",
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="run on this target (may be repeated; default: reference, and tgt and "
        "istgt if installed)",
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=REPEAT,
        metavar="N",
        help="how often a check runs in one process (default: %(default)s)",
    )
    parser.add_argument(
        "--fresh",
        type=int,
        default=FRESH,
        metavar="N",
        help="in how many fresh processes a check also runs (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the checks that the options name; return the exit code.

    Raises:
        Misuse: a number is out of range.
        GateError: a run has no verdicts.
    """
    if options.repeat < 1 or options.fresh < 0:
        raise Misuse("--repeat must be above 0, and --fresh 0 or more")
    checks = options.check or changed(options.base)
    if not checks:
        print(f"no check differs from {options.base}")
        return 0
    all_rates = []
    for target in options.target or runnable_targets():
        all_rates += attempt(target, checks, options)
    unsteady = [one for one in all_rates if not one.is_steady]
    for one in unsteady:
        print(f"NOT STEADY  {one}")
    times = options.repeat + options.fresh
    print(f"{len(all_rates)} checks ran {times} times each: {len(unsteady)} not steady")
    return int(bool(unsteady))


STEADY = Command(
    "repeat new and changed checks; list those whose verdict varies",
    describe,
    {GateError: (USAGE, str)},
)


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command; return the exit code."""
    return STEADY.run("python -m suites.steady", arguments)


if __name__ == "__main__":
    sys.exit(main())
