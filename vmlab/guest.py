# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is made of, and where it listens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ADDRESS = "10.0.2.15"
"""The guest's own address in QEMU's user network; the host cannot reach it."""

SECOND_ADDRESS = "10.0.2.16"
"""Another one, of guests that listen at more than one."""

READY = "ASSAY-READY"
"""What a guest prints on its console once it serves."""

FAILED = "ASSAY-FAILED"
"""What it prints, with the reason, where it cannot."""

DIED = "ASSAY-DIED"
"""What it prints, with its name, when the program that serves has ended."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a guest listens, as the guest itself knows it."""

    port: int
    address: str = ADDRESS

    def __str__(self) -> str:
        """Return both."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Guest:
    """The description of a guest."""

    kind: str
    modules: tuple[str, ...]
    """Kernel modules to load, besides those of every guest."""
    setup: str
    """A script for BusyBox's sh; it fails if a command of it fails."""
    endpoints: tuple[Endpoint, ...] = ()
    """Where it listens; a port of the host is forwarded to each."""
    optional_modules: tuple[str, ...] = ()
    """More of them, where the kernel has them."""
    programs: tuple[str, ...] = ()
    """Programs that it takes along with their libraries: of its packages, or else of
    this machine. One that is named by its path is to be found `inside`."""
    packages: tuple[str, ...] = ()
    """Debian packages to fetch; what is not named below stays out of the image."""
    files: tuple[str, ...] = ()
    """Files of the packages to take along, as patterns below their root."""
    own_files: tuple[str, ...] = ()
    """Files of this machine to take along, to be found `inside`."""
    folders: tuple[str, ...] = ()
    """Folders to make."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files to write: the text of each path, such as a configuration."""
    memory: int = 384
    """In MiB."""
    processors: int = 1
    root: Path | None = None
    """A file system that it finds at /dev/vdb and cannot write to."""
    shares: tuple[Path, ...] = ()
    """Folders of the host, by 9p: the first is called share0."""


def inside(path: Path) -> str:
    """Return where a guest has a file of this machine: apart.

    At the same place a disk of the guest's might lie over it, at /var for one.
    """
    return f"/host{path}"


def quoted(text: str) -> str:
    """Return a word for the shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def assignments(**values: object) -> str:
    """Return lines for the shell that set variables."""
    return "".join(f"{name}={quoted(str(text))}\n" for name, text in values.items())


def call(function: str, *words: object) -> str:
    """Return the line that calls a function of a script with words as they are."""
    return " ".join((function, *(quoted(str(word)) for word in words)))


def script(path: Path, calls: Iterable[str] = (), **settings: object) -> str:
    """Return a set-up script: variables, a file's text, then calls of its functions.

    Args:
        path: the file; shellcheck reads it as it is.
        calls: lines, made by `call`.
        settings: the variables.
    """
    return "\n".join((assignments(**settings) + path.read_text(), *calls))
