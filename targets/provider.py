# SPDX-License-Identifier: GPL-2.0-only
"""The common part of the providers that start targets: one instance at a time."""

from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from targets.errors import LabError
from targets.model import Control, Provider, RunningTarget


class _Recipe(Protocol):
    @property
    def kind(self) -> str: ...


class Instance(Control, Protocol):
    """The control of a target that can be ended for good."""

    def stop(self) -> None:
        """End the target; nothing of it is left running."""
        ...


RecipeT = TypeVar("RecipeT", bound=_Recipe)
InstanceT = TypeVar("InstanceT", bound=Instance)


@dataclass(slots=True)
class RecipeProvider(Provider, Generic[RecipeT, InstanceT]):
    """Starts a target by its recipe.

    Args:
        recipe: the kind of target.
        port: the port of the first portal; None to choose a free one.
        log_directory: the folder that keeps the log; None to delete it with the target.
    """

    recipe: RecipeT
    port: int | None = None
    log_directory: Path | None = None
    _instance: InstanceT | None = field(default=None, init=False, repr=False)

    @property
    def kind(self) -> str:
        """The name by which --target selects this provider."""
        return self.recipe.kind

    def start(self) -> RunningTarget:
        """Start the target and return it when it listens.

        Raises:
            LabError: it has been started already, or cannot be started.
        """
        if self._instance is not None:
            raise LabError(f"this {self.kind} is already started")
        self._instance, running = self._start()
        return running

    @abstractmethod
    def _start(self) -> tuple[InstanceT, RunningTarget]:
        """Start an instance; clean up if that fails."""

    def stop(self) -> None:
        """Stop the target; nothing of it is left running. May be called twice."""
        if self._instance is not None:
            self._instance.stop()
            self._instance = None
