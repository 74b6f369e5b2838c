# SPDX-License-Identifier: GPL-2.0-only
"""The lab's cache: files named by the hash of all that they were made from."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "ISCSI_ASSAY_CACHE"
"""The environment variable that moves the cache."""


def folder() -> Path:
    """Return the cache's folder; it is made if it is missing."""
    told = os.environ.get(VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(told) if told else Path(base) / "iscsi-assay"
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key(**ingredients: object) -> str:
    """Return the hash of what a file is made from: names, versions, contents."""
    text = json.dumps(ingredients, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def get(name: str, made_from: str, make: Callable[[Path], None]) -> Path:
    """Return a cached file or folder; make it if it is not there.

    Args:
        name: what it is called, such as initramfs.
        made_from: the hash of its ingredients (see `key`).
        make: makes it at the path that it is given; may fail and leave a part there.
    """
    path = folder() / name / made_from
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f".{made_from}.lock")):
        if path.exists():
            return path
        # Made beside it and moved: what an interruption leaves is never taken.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as making:
            part = Path(making) / "it"
            make(part)
            part.rename(path)
    return path


def clear() -> None:
    """Throw everything away."""
    shutil.rmtree(folder())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
