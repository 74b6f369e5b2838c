# SPDX-License-Identifier: GPL-2.0-only
"""The interface of software that the lab adds to a kernel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vmlab.versions import KernelVersion


class Addition(Protocol):
    """Software that patches a kernel's sources and sets options.

    Modules that need no change of the kernel are not additions: see `Order.modules`.
    """

    def digest(self) -> str:
        """Return the hash of all inputs of its patches.

        Raises:
            LabError: its sources are missing.
        """
        ...

    def patches(self, tree: Path, folder: Path) -> Sequence[Path]:
        """Return the patches for a kernel, in the order in which they are applied.

        Args:
            tree: the kernel's sources, with the user's own patches applied.
            folder: a folder for generated patches, which does not exist yet.

        Raises:
            LabError: it does not support this kernel.
        """
        ...

    def fragments(self, version: KernelVersion) -> Sequence[str]:
        """Return the kernel options that it needs, each as the text of a fragment.

        Raises:
            LabError: it does not support this kernel.
        """
        ...

    def describe(self, version: KernelVersion) -> str:
        """Return its name, its version and how it is added to a kernel, for reports."""
        ...
