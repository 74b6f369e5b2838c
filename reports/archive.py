# SPDX-License-Identifier: GPL-2.0-only
"""An archive of runs: a folder, or a branch of a git repository, that only grows.

Each run is a file, named by its target, its start and its content. Appending the same
run again changes nothing, and two hosts that append do not conflict.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from reports.changes import lineage
from reports.model import Outcome, Run
from reports.run import RunFileError, decode, encode

REVISION = "target.revision"
"""The fact with the tested revision of the target."""

_SECONDS = 60
_TRIES = 20
"""How often a commit is retried if another commit came first."""
_NOT_GREEN = frozenset(
    {Outcome.BROKEN, Outcome.GONE, Outcome.TROUBLE, Outcome.NOT_RUN, Outcome.NOT_JUDGED}
)


class ArchiveError(Exception):
    """An archive is unusable; the message is one line that says what to do."""


def revision_of(run: Run) -> str:
    """Return the tested revision of a run's target, else the target's version."""
    facts = run.environment
    return facts.get(REVISION, "") or facts.get("target.version", "")


def is_green(run: Run) -> bool:
    """Tell whether every check of a run passed or failed by a known deviation."""
    return (
        run.is_complete
        and bool(run.checks)
        and not any(check.outcome in _NOT_GREEN for check in run.checks)
    )


def append(place: Path, run: Run, *, revision: str = "", branch: str = "") -> str:
    """Add a run to an archive; return the name of its file.

    Args:
        place: the archive's folder, which is created if it is missing; with a branch a
            repository.
        run: the run.
        revision: the revision of the target that it tested; empty if it is unknown.
        branch: the branch that is the archive, which is created if it is missing.

    Raises:
        ArchiveError: git fails.
    """
    if revision:
        run = replace(run, environment=run.environment | {REVISION: revision})
    content = encode(run) + b"\n"
    name = _name(run, content)
    if branch:
        _commit(place, branch, name, content, f"Archive a run of {run.name}")
        return name
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
    return name


def _name(run: Run, content: bytes) -> str:
    of = "-".join(lineage(run) or (run.name,))
    folder = re.sub(r"[^A-Za-z0-9._-]+", "_", of).strip("._")[:80] or "unknown"
    began = re.sub(r"[^0-9TZ]", "", run.started.partition("+")[0]) or "0"
    return f"{folder}/{began}-{hashlib.sha256(content).hexdigest()[:12]}.json"


def load(place: Path, *, branch: str = "") -> list[Run]:
    """Return the runs of an archive, the oldest first.

    Raises:
        ArchiveError: there is none.
        RunFileError: a file in it is no run.
    """
    if not place.is_dir():
        raise ArchiveError(f"there is no archive {place}; report archive makes one")
    files = _of_branch(place, branch) if branch else _of_folder(place)
    runs = [decode(content, name) for name, content in files]
    if not runs:
        raise ArchiveError(f"the archive {place} contains no run")
    return sorted(runs, key=lambda run: run.started)


def _of_folder(place: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(place.glob("*/[!.]*.json")):
        yield path, path.read_bytes()


def _of_branch(place: Path, branch: str) -> Iterator[tuple[Path, bytes]]:
    names = _git(place, "ls-tree", "-r", "--name-only", "-z", _ref(branch))
    for name in names.decode().split("\0"):
        if name.endswith(".json"):
            yield Path(name), _git(place, "cat-file", "blob", f"{_ref(branch)}:{name}")


def last_green(runs: Sequence[Run], than: Run) -> Run:
    """Return the newest green run of the same target that began before another run.

    Raises:
        ArchiveError: there is none.
    """
    same = [
        run
        for run in runs
        if lineage(run) == lineage(than) is not None
        and run.suite == than.suite
        and run.started < than.started
        and is_green(run)
    ]
    if not same:
        raise ArchiveError(
            f"the archive holds no green run of {than.name} before {than.started}"
        )
    return max(same, key=lambda run: run.started)


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def _commit(place: Path, branch: str, name: str, content: bytes, message: str) -> None:
    """Commit a file to a branch without a checkout; others may commit meanwhile."""
    _git(place, "check-ref-format", _ref(branch))
    blob = _git(place, "hash-object", "-w", "--stdin", stdin=content).decode().strip()
    for _ in range(_TRIES):
        try:
            parent = _git(place, "rev-parse", "--verify", "-q", _ref(branch))
        except ArchiveError:
            parent = b""
        parent_id = parent.decode().strip()
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent_id:
                _git(place, "read-tree", parent_id, more=index)
            entry = f"100644,{blob},{name}"
            _git(place, "update-index", "--add", "--cacheinfo", entry, more=index)
            tree = _git(place, "write-tree", more=index).decode().strip()
        if (
            parent_id
            and _git(place, "rev-parse", f"{parent_id}^{{tree}}").decode().strip()
            == tree
        ):
            return
        parents = ["-p", parent_id] if parent_id else []
        commit = _git(place, "commit-tree", tree, *parents, "-m", message)
        try:
            # The update fails if the branch has moved since.
            new, old = commit.decode().strip(), parent_id or "0" * 40
            _git(place, "update-ref", _ref(branch), new, old)
        except ArchiveError:
            continue
        return
    raise ArchiveError(
        f"the branch {branch} of {place} changed {_TRIES} times meanwhile"
    )


def _git(
    place: Path, *words: str, stdin: bytes = b"", more: dict[str, str] | None = None
) -> bytes:
    identity = {
        "GIT_AUTHOR_NAME": "iSCSI Assay",
        "GIT_AUTHOR_EMAIL": "iscsi-assay@localhost",
        "GIT_COMMITTER_NAME": "iSCSI Assay",
        "GIT_COMMITTER_EMAIL": "iscsi-assay@localhost",
    }
    try:
        process = subprocess.run(  # noqa: S603  # no shell; the words are ours
            ["git", *words],  # noqa: S607  # the user's git
            cwd=place,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={**identity, **os.environ, **(more or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArchiveError(f"git {words[0]}: {error}") from error
    if process.returncode:
        errors = process.stderr.decode(errors="replace").strip().splitlines() or [
            "no word"
        ]
        raise ArchiveError(f"git {words[0]} in {place}: {errors[0]}")
    return process.stdout


__all__ = ["ArchiveError", "RunFileError", "append", "is_green", "last_green", "load"]
