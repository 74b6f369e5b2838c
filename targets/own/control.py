# SPDX-License-Identifier: GPL-2.0-only
"""What can be done with a target of a file (see `targets.model.Control`)."""

from dataclasses import dataclass

from targets.errors import LabError
from targets.model import Ending, EndingKind, Portal
from targets.remote import probe


@dataclass(frozen=True, slots=True)
class OwnControl:
    """The control of a target that somebody else runs."""

    portal: Portal
    name: str
    """What a reason calls the file."""

    def is_alive(self) -> bool:
        """Tell whether it takes a connection."""
        return self.ending() is None

    def ending(self) -> Ending | None:
        """Return why it takes no connection, None where it does."""
        try:
            probe(self.portal)
        except LabError as error:
            return Ending(EndingKind.VANISHED, error.message)
        return None

    def restart(self) -> None:
        """Refuse to.

        Raises:
            LabError: always.
        """
        raise LabError(f"{self.name} does not say how the target is restarted")

    def operate(self, order: str) -> None:
        """Refuse to.

        Raises:
            LabError: always.
        """
        raise LabError(f"{self.name} does not say how the target is told to {order}")

    def mark(self) -> int:
        """Return a mark at the present end of its log."""
        return 0

    def log_since(self, mark: int) -> str:  # noqa: ARG002  # it has no log here
        """Return what it has logged since a mark."""
        return ""

    def decode(self, text: str) -> str:
        """Return a part of its log."""
        return text
