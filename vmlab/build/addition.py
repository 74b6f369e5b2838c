# SPDX-License-Identifier: GPL-2.0-only
"""The interface of software that the lab builds into a kernel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vmlab.versions import KernelVersion


class Addition(Protocol):
    """Software from elsewhere: it patches a kernel's sources and sets options.

    Modules that need nothing of the kernel are no addition: see `Order.modules`.
    """

    def digest(self) -> str:
        """Return the hash of all that its patches are made from.

        Raises:
            LabError: its sources are missing.
        """
        ...

    def patches(self, tree: Path, folder: Path) -> Sequence[Path]:
        """Return the patches for a kernel, in the order in which they are applied.

        Args:
            tree: the kernel's sources, with the user's own patches applied.
            folder: where a patch that is made can be written; it is not there yet.

        Raises:
            LabError: it does not go into this kernel.
        """
        ...

    def fragments(self, version: KernelVersion) -> Sequence[str]:
        """Return the options of the kernel that it needs, each the text of a fragment.

        Raises:
            LabError: it does not go into this kernel.
        """
        ...

    def describe(self, version: KernelVersion) -> str:
        """Return its name, its version and how it is added to a kernel, for reports."""
        ...
