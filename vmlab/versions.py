# SPDX-License-Identifier: GPL-2.0-only
"""Versions of kernels, compared by their numbers."""

import re
from dataclasses import dataclass

from vmlab.errors import LabError


@dataclass(frozen=True, slots=True)
class KernelVersion:
    """A kernel's version, such as 6.1.192 or 2.6.32-279.el6."""

    text: str
    numbers: tuple[int, ...]
    """The numbers before the first hyphen."""
    build: int = 0
    """The first number behind the hyphen, if there is one."""
    is_rhel: bool = False
    """Red Hat's kernels contain elN; they have patches and numbers of their own."""

    @property
    def series(self) -> tuple[int, ...]:
        """The series of a release: 2.6.32, or two numbers since 3.0."""
        return self.numbers[: 3 if self.numbers[0] == 2 else 2]

    @property
    def level(self) -> tuple[int, ...]:
        """The part of the version after the series."""
        return self.numbers[len(self.series) :]

    @property
    def release(self) -> str:
        """Only the numbers, such as 6.1.192."""
        return ".".join(map(str, self.numbers))


def parse(text: str) -> KernelVersion:
    """Return a version.

    Raises:
        LabError: it begins with fewer than two numbers.
    """
    match = re.match(r"(\d+(?:\.\d+)+)(?:-(\d+))?", text)
    if match is None:
        raise LabError(f"{text!r} is not a kernel version")
    numbers = tuple(int(number) for number in match[1].split("."))
    return KernelVersion(
        text, numbers, int(match[2] or 0), bool(re.search(r"\bel\d", text))
    )
