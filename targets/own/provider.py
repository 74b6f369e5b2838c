# SPDX-License-Identifier: GPL-2.0-only
"""The provider of a target that a file describes; it starts and stops nothing."""

from dataclasses import dataclass
from pathlib import Path

from targets.errors import LabError, TargetSpecError
from targets.model import Limits, Provider, RunningTarget
from targets.own.commands import demand
from targets.own.control import OwnControl
from targets.own.file import TargetFile, is_open_to_others, load
from targets.own.hooks import Hooks, hooks_of
from targets.own.offers import offer_of
from targets.remote import probe


@dataclass(frozen=True, slots=True)
class OwnProvider(Provider):
    """Reaches the target that a file describes."""

    path: Path
    file: TargetFile
    hooks: Hooks
    traits: frozenset[str] = frozenset()
    """The features of any target of the kind whose deviations apply."""

    @property
    def kind(self) -> str:
        """The value of --target: a file."""
        return "file"

    @property
    def is_shared(self) -> bool:
        """Whether the user runs the target."""
        return True

    @property
    def deviations_of(self) -> str | None:
        """The kind whose known deviations apply."""
        return self.file.deviations_of

    @property
    def deviations_file(self) -> Path | None:
        """A file of known deviations of its own."""
        name = self.file.deviations
        return None if name is None else self.path.parent / name

    @property
    def limits(self) -> Limits:
        """The time limits of the file."""
        limits = self.file.limits
        return Limits(limits.answer, limits.check, limits.wait)

    @property
    def decides_writable_units(self) -> bool:
        """Whether only its file decides which units may be written."""
        return True

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings to print before a run."""
        if any(self.file.secrets()) and is_open_to_others(self.path):
            problem = f"{self.path} holds a CHAP secret and other users may read it"
            return (f"{problem}: chmod 600 {self.path}",)
        return ()

    def start(self) -> RunningTarget:
        """Connect to each portal once, and return the target.

        Raises:
            LabError: a portal cannot be reached, or the command that prints the version
                fails; the message says which.
        """
        offer = offer_of(self.file, self.hooks)
        for portal in (*offer.portals, *offer.other_portals):
            probe(portal)
        return RunningTarget(
            kind=self.file.label,
            description=f"{offer.targets[0].name} at {offer.portals[0]}, "
            f"described by {self.path.name}",
            version=self._version(),
            portals=offer.portals,
            targets=offer.targets,
            features=offer.features | self.traits,
            control=OwnControl(offer.portals[0], self.hooks),
            special=offer.special,
            other_portals=offer.other_portals,
            remedies=offer.remedies,
            discovery_chap=offer.discovery_chap,
            option=str(self.path),
        )

    def _version(self) -> str:
        """Return the version from the file or from the output of its command.

        Raises:
            LabError: the command fails, or prints nothing.
        """
        command = self.hooks.commands.get("version")
        if command is None:
            return self.file.version or "unknown"
        version = demand(command, self.hooks.environment("version")).last_line
        if not version:
            raise LabError(f"the command {command.name} printed nothing")
        return version

    def stop(self) -> None:
        """Do nothing, since the user runs the target."""


def read(path: Path) -> OwnProvider:
    """Return the provider of the target that a file describes.

    Raises:
        TargetSpecError: the file cannot be read or parsed.
    """
    file = load(path)
    if file.deviations is not None and not (path.parent / file.deviations).is_file():
        raise TargetSpecError(
            f"{path}: deviations: there is no file {path.parent / file.deviations}"
        )
    about = {
        "ASSAY_TARGET": file.ordered[0].name,
        "ASSAY_PORTAL": str(file.portal[0].portal),
    }
    return OwnProvider(path, file, hooks_of(file.hooks, path, about))
