# SPDX-License-Identifier: GPL-2.0-only
"""The contents of a guest, and the endpoints at which it listens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ADDRESS = "10.0.2.15"
"""The guest's own address in QEMU's user network; the host cannot reach it."""

SECOND_ADDRESS = "10.0.2.16"
"""Another address, for guests that listen at more than one."""

READY = "ASSAY-READY"
"""The line that a guest prints on its console once it serves."""

FAILED = "ASSAY-FAILED"
"""The line that it prints, with the reason, if it cannot serve."""

DIED = "ASSAY-DIED"
"""The line that it prints, with its name, when the program that serves has ended."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a guest, as the guest itself knows it."""

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
    """A script for BusyBox's sh; it fails if a command in it fails."""
    endpoints: tuple[Endpoint, ...] = ()
    """Its endpoints; a port of the host is forwarded to each."""
    optional_modules: tuple[str, ...] = ()
    """Modules that are loaded if the kernel has them."""
    programs: tuple[str, ...] = ()
    """Programs to include, with their libraries: from its packages, or else from this
    machine. A program that is named by its path is found `inside`."""
    packages: tuple[str, ...] = ()
    """Debian packages to fetch; only the files below are included in the image."""
    files: tuple[str, ...] = ()
    """Files of the packages to include, as patterns below their root."""
    own_files: tuple[str, ...] = ()
    """Files of this machine to include, which are found `inside`."""
    folders: tuple[str, ...] = ()
    """Folders to create."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files to create: the text of each path, such as a configuration."""
    memory: int = 384
    """In MiB."""
    processors: int = 1
    root: Path | None = None
    """A read-only file system for /dev/vdb."""
    shares: tuple[Path, ...] = ()
    """Folders of the host, mounted by 9p: the first is called share0."""


def inside(path: Path) -> str:
    """Return the path of a file of this machine in a guest: in a separate folder.

    At the same path, a disk of the guest might hide it, such as the one at /var.
    """
    return f"/host{path}"


def quoted(text: str) -> str:
    """Return a word, quoted for the shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def assignments(**values: object) -> str:
    """Return lines for the shell that set variables."""
    return "".join(f"{name}={quoted(str(text))}\n" for name, text in values.items())


def call(function: str, *words: object) -> str:
    """Return the line that calls a function of a script with quoted words."""
    return " ".join((function, *(quoted(str(word)) for word in words)))


def script(path: Path, calls: Iterable[str] = (), **settings: object) -> str:
    """Return a set-up script: variables, a file's text, then calls of its functions.

    Args:
        path: the file, which shellcheck can read.
        calls: lines, made by `call`.
        settings: the variables.
    """
    return "\n".join((assignments(**settings) + path.read_text(), *calls))
