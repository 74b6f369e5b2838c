# SPDX-License-Identifier: GPL-2.0-only
"""A kind of target: its name, its options, and how it becomes a provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from targets.errors import LabError
from targets.model import Provider, Target
from vmlab.build.addition import Addition
from vmlab.tool import find

Options = Mapping[str, Any]
"""The values of a command line, by attribute name (`Option.name`)."""

NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """An option of a command line; several kinds may share one."""

    flag: str
    """The flag, such as --scst-source."""
    settings: Mapping[str, Any]
    """The keyword arguments of `argparse.ArgumentParser.add_argument`."""

    @property
    def name(self) -> str:
        """The attribute that holds its value."""
        return self.flag.lstrip("-").replace("-", "_")

    def add(self, adder: Callable[..., object]) -> None:
        """Add it by `add_argument` of argparse or `addoption` of pytest."""
        adder(self.flag, **self.settings)

    def of(self, options: Options) -> Any:
        """Return its value, or its default if the options do not contain it."""
        return options.get(self.name, self._default)

    def is_given(self, options: Options) -> bool:
        """Tell whether its value differs from its default."""
        return bool(self.of(options) != self._default)

    @property
    def _default(self) -> Any:
        is_flag = self.settings.get("action") == "store_true"
        return self.settings.get("default", False if is_flag else None)


def option(flag: str, **settings: Any) -> Option:
    """Return an option with the keyword arguments of argparse's `add_argument`."""
    return Option(flag, settings)


DISCOVERY_CHAP = option(
    "--discovery-chap",
    action="store_true",
    help="require CHAP on Discovery sessions of a target that the run sets up",
)
"""Several kinds share it."""


class AnyRecipe(Protocol):
    """How a target is started, on this machine or in a virtual one."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """The target names that it will have."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """Its configured features (see `targets.FEATURES`)."""
        ...

    def provider(
        self, *, port: int | None = None, log_directory: Path | None = None
    ) -> Provider:
        """Return the provider that starts it.

        Args:
            port: the port of the first portal; None to choose a free one.
            log_directory: the folder that keeps the log; None to delete it with the
                target.
        """
        ...


@dataclass(frozen=True, slots=True)
class Build:
    """How a kind whose software is built from sources is added to kernels."""

    options: tuple[Option, ...]
    """Its options of `iscsi-assay lab build kernel`."""
    addition: Callable[[Options], Addition | None]
    """Returns the addition to the kernel; None if no option asks for it."""
    table: Mapping[str, Option]
    """The keys of its table in a matrix file and the options that they stand for."""
    required: frozenset[str] = frozenset()
    """The keys that such a table must have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of target that --target names."""

    name: str
    summary: str
    """One line for --target=help."""
    recipe: Callable[[Options], AnyRecipe]
    """Raises TargetSpecError if the options do not fit together."""
    options: tuple[Option, ...] = ()
    programs: tuple[str, ...] = ()
    package: str = ""
    """The Debian package that contains the programs."""
    traits: frozenset[str] = frozenset()
    """Features of any target of this kind, wherever it runs (see --profile)."""
    build: Build | None = None

    def describe_needs(self) -> str:
        """Describe its requirements and whether they are installed."""
        if not self.programs:
            return "needs Python alone"
        names = " and ".join(self.programs)
        try:
            for program in self.programs:
                find(program, self.package)
        except LabError as error:
            return f"needs {names}: {error}"
        return f"needs {names}: installed"
