# SPDX-License-Identifier: GPL-2.0-only
"""`matrix bisect` names the commit of a tree that broke a check."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports.model import FORMAT, Check, Outcome, Run
from suites.matrix.bisect import BAD, GOOD, SKIP, verdict, verdict_of
from tests.suites.hosts import free_port

ROOT = Path(__file__).parents[2]
CHECK = "nop/test_ping.py::test_ping_data_is_returned"
FAULT = "--fault nop-in-without-echo"

TARGET = """
label = "mine"
[[portal]]
address = "127.0.0.1:{port}"
[[target]]
name = "iqn.2001-04.com.example:assay.target"
[[target.unit]]
lun = 0
"""

START = """
! grep -q broken build || exit 1
{python} -m reftarget --portal 127.0.0.1:{port} --lun 1M --quiet $(cat options) \\
    </dev/null >target.log 2>&1 &
for _ in $(seq 300); do
    ! {python} -c 'import socket; socket.create_connection(("127.0.0.1", {port}))' \\
        2>/dev/null || exit 0
    sleep 0.1
done
exit 1
"""


def git(tree: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    process = subprocess.run(
        ["git", "-C", tree, *who, *words], check=True, capture_output=True, text=True
    )
    return process.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Nine commits: the sixth breaks the target, the fifth does not build."""
    port = free_port()
    (tmp_path / "mine.toml").write_text(TARGET.format(port=port))
    (tmp_path / "matrix.toml").write_text(
        '[[target]]\nname = "mine"\nkind = "mine.toml"\n'
    )
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "-q", "-b", "main")
    (tree / "start").write_text(START.format(python=sys.executable, port=port))
    for number in range(1, 10):
        (tree / "options").write_text(FAULT if number >= 6 else "")
        (tree / "build").write_text("broken" if number == 5 else f"well {number}")
        git(tree, "add", ".")
        git(tree, "commit", "-q", "-m", f"commit {number}")
        git(tree, "tag", f"v{number}")
    return tree


def bisect(
    tree: Path, *options: str, good: str = "v1"
) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "vmlab", "matrix", "bisect"]
    words += [str(tree.parent / "matrix.toml"), "mine", "--check", CHECK]
    words += ["--tree", str(tree), "--before", "sh start", "--good", good]
    words += ["--results", str(tree.parent / "results"), *options]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def left_running(tree: Path) -> list[str]:
    """Return the commands that still run in a tree."""
    matches = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdecimal() and (path / "cwd").readlink() == tree:
                matches.append((path / "cmdline").read_text())
        except OSError:
            continue
    return matches


@pytest.mark.integration
def test_the_commit_that_broke_it_is_named(tree: Path) -> None:
    result = bisect(tree)

    assert result.returncode in (0, 1), result.stdout + result.stderr
    named = [line for line in result.stdout.splitlines() if "commit 6" in line]
    assert git(tree, "rev-parse", "v6") in named[-1]
    # The fifth does not build, so it may be the culprit as well.
    if result.returncode:
        assert any("commit 5" in line for line in result.stdout.splitlines()[-2:])
    assert not any("commit 4" in line for line in result.stdout.splitlines()[-2:])
    assert git(tree, "symbolic-ref", "--short", "HEAD") == "main"
    assert git(tree, "for-each-ref", "refs/bisect") == ""
    assert left_running(tree) == []


@pytest.mark.integration
def test_no_bisection_starts_if_an_end_differs_from_the_claim(tree: Path) -> None:
    result = bisect(tree, good="v7")

    assert result.returncode == 3
    assert "is broken at" in result.stderr
    assert git(tree, "symbolic-ref", "--short", "HEAD") == "main"
    (tree / "options").write_text("changed")
    assert "has changes; commit or stash them" in bisect(tree).stderr
    git(tree, "checkout", "-q", ".")
    unknown = bisect(tree, good="nowhere")
    assert unknown.returncode == 3
    assert "git failed" in unknown.stderr


def judged(*outcomes: Outcome) -> Run:
    checks = [
        Check(check=f"{CHECK}[{number}]", outcome=outcome, requirements=())
        for number, outcome in enumerate(outcomes)
    ]
    return Run(format=FORMAT, checks=(*checks, other()))


def other() -> Check:
    return Check(check=f"{CHECK}_too", outcome=Outcome.BROKEN, requirements=())


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((Outcome.PASSED, Outcome.PASSED), GOOD),
        ((Outcome.PASSED, Outcome.BROKEN), BAD),
        ((Outcome.TROUBLE, Outcome.DEVIATES), BAD),
        ((Outcome.PASSED, Outcome.TROUBLE), SKIP),
        ((Outcome.NOT_APPLICABLE,), SKIP),
        ((), SKIP),
    ],
)
def test_a_run_is_good_bad_or_skipped(outcomes: tuple[Outcome, ...], code: int) -> None:
    assert verdict_of(judged(*outcomes), CHECK) == code
    # Another check of the file is broken.
    assert verdict_of(judged(*outcomes), CHECK.partition("::")[0]) == BAD


def test_a_commit_without_a_run_is_skipped(tmp_path: Path) -> None:
    assert verdict(tmp_path, CHECK) == SKIP
