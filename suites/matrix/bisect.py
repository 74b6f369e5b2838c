# SPDX-License-Identifier: GPL-2.0-only
"""Finds the commit of a user's tree that broke a check: `git bisect run` over a row."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reports.model import Outcome, Run
from reports.run import RunFileError
from reports.run import read as read_run
from suites.matrix import folder
from vmlab import guard
from vmlab.errors import LabError
from vmlab.tool import attempt, find, run

GOOD, BAD, SKIP = 0, 1, 125
"""The exit codes that mean good, bad and skip to `git bisect run`."""

_WORDS = {GOOD: "holds", BAD: "is broken", SKIP: "cannot be judged"}
_BROKEN = frozenset({Outcome.BROKEN, Outcome.WARNED, Outcome.DEVIATES})
_HOLDS = frozenset({Outcome.PASSED, Outcome.GONE})
_GIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Question:
    """The question that is asked of each commit."""

    file: Path
    """The matrix."""
    row: str
    check: str
    """A node ID below the suite's folder. Without parameters it means all parameter
    sets, and a file means all of its checks."""
    results: Path
    before: str = ""
    """A shell command that builds and starts the target; it runs in the tree."""
    repeat: int = 1
    """How often the check runs; it is broken if it fails once."""

    def words(self, subcommand: str) -> list[str]:
        """Return the lab's command that asks the question of the checked-out commit."""
        words = [
            sys.executable,
            "-m",
            "vmlab",
            "matrix",
            subcommand,
            str(self.file),
            self.row,
        ]
        return [*words, "--check", self.check, "--results", str(self.results)]


def judge(question: Question, tree: Path) -> int:
    """Judge the checked-out commit; return the exit code for `git bisect run`.

    It prints the answer and how long that took. All that was started for it is ended.

    Raises:
        LabError: the results' folder cannot be used.
    """
    place = question.results / question.row
    place.mkdir(parents=True, exist_ok=True)
    code, begun = SKIP, time.monotonic()
    for _ in range(question.repeat):
        (place / folder.VERDICTS).unlink(missing_ok=True)
        with (place / folder.LAB).open("wb") as file:
            one = guard.start(
                [
                    *("sh", "-c", 'cd "$0" && eval "$1" && cd "$2" && shift 2 && "$@"'),
                    *(str(tree), question.before or ":", str(Path.cwd())),
                    *question.words("row"),
                ],
                output=file,
            )
            # Wait without a limit: each row has a time limit of its own.
            one.process.wait()
            one.close()
        code = verdict(place, question.check)
        if code != GOOD:
            break
    commit = run("git", "-C", str(tree), "rev-parse", "--short=12", "HEAD").strip()
    seconds = time.monotonic() - begun
    print(f"{question.check} {_WORDS[code]} at {commit} ({seconds:.0f} s)", flush=True)
    return code


def verdict(place: Path, check: str) -> int:
    """Return the verdict of a check from the run in a row's folder."""
    try:
        run = read_run(place / folder.VERDICTS)
    except RunFileError:
        return SKIP
    return verdict_of(run, check)


def verdict_of(run: Run, check: str) -> int:
    """Return the verdict of a run on a check, or on all checks of a file together."""
    outcomes = {
        one.outcome
        for one in run.checks
        if one.check == check or one.check.startswith((f"{check}[", f"{check}::"))
    }
    if outcomes & _BROKEN:
        return BAD
    return GOOD if outcomes and outcomes <= _HOLDS else SKIP


def bisect(question: Question, tree: Path, good: str, bad: str) -> list[str]:
    """Return the first broken commit in a line; several if some cannot be judged.

    The tree is restored when this returns or raises.

    Args:
        question: the question.
        tree: a clean work tree of git.
        good: a revision at which the check passes.
        bad: a later one at which it fails.

    Raises:
        LabError: the tree is not clean, or the check fails at the good revision or
            passes at the bad one.
    """
    git = ("git", "-C", str(tree))
    ends = [
        run(*git, "rev-parse", "--verify", "--quiet", f"{one}^{{commit}}").strip()
        for one in (good, bad)
    ]
    if run(*git, "status", "--porcelain", "--untracked-files=no").strip():
        raise LabError(f"{tree} has changes", hint="commit or stash them")
    with _as_before(tree):
        for revision, expected in zip(ends, (GOOD, BAD), strict=True):
            run(*git, "checkout", "--quiet", "--detach", revision, seconds=_GIT_SECONDS)
            code = judge(question, tree)
            if code != expected:
                raise LabError(
                    f"{question.check} {_WORDS[code]} at {revision[:12]}: nothing to "
                    "bisect",
                    hint=f"see {question.results / question.row}",
                )
        run(*git, "bisect", "start", *reversed(ends), seconds=_GIT_SECONDS)
        _drive(question, tree)
        return _found(tree)


def _drive(question: Question, tree: Path) -> None:
    """Have git ask the question of commit after commit."""
    words = [*question.words("judge"), "--tree", str(tree)]
    words += ["--before", question.before, "--repeat", str(question.repeat)]
    # git runs the command in the tree; our own files are relative to this folder.
    words_here = ["env", "-C", str(Path.cwd()), *words]
    one = guard.start([find("git"), "-C", str(tree), "bisect", "run", *words_here])
    try:
        one.process.wait()
    finally:
        one.let_go()
        one.wait()


def _found(tree: Path) -> list[str]:
    """Return the first broken commits, a line each."""
    git = ("git", "-C", str(tree))
    skipped = run(*git, "for-each-ref", "--format=%(objectname)", "refs/bisect/skip-*")
    bad = run(*git, "rev-parse", "refs/bisect/bad").strip()
    goods = run(*git, "for-each-ref", "--format=%(objectname)", "refs/bisect/good-*")
    without = [f"^{one}" for one in goods.split()]
    remaining = run(*git, "rev-list", bad, *without).split()
    if set(remaining) - {bad} - set(skipped.split()):
        raise LabError("git bisect stopped early", hint="see above")
    form = "--format=%H %an %as %s"
    return [run(*git, "show", "--no-patch", form, one).strip() for one in remaining]


@contextmanager
def _as_before(tree: Path) -> Iterator[None]:
    """Restore the commit or branch of a tree at the end."""
    git = [find("git"), "-C", str(tree)]
    branch = attempt([*git, "symbolic-ref", "-q", "--short", "HEAD"]).stdout.strip()
    head = branch or run(*git, "rev-parse", "HEAD").strip()
    try:
        yield
    finally:
        run("git", "-C", str(tree), "bisect", "reset", seconds=_GIT_SECONDS)
        detach = [] if branch else ["--detach"]
        words = ["checkout", "--quiet", *detach, head, "--"]
        run("git", "-C", str(tree), *words, seconds=_GIT_SECONDS)
