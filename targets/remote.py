# SPDX-License-Identifier: GPL-2.0-only
"""A target that the user runs, given by its URL (see `iscsi.address`)."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from iscsi import address
from iscsi.address import AddressError
from targets.errors import LabError, TargetSpecError
from targets.model import (
    Ending,
    EndingKind,
    LogicalUnit,
    Portal,
    Provider,
    RunningTarget,
    Target,
)

CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RemoteProvider(Provider):
    """Connects to a target; starts and stops nothing."""

    portal: Portal
    target: Target

    @property
    def kind(self) -> str:
        """The name by which --target selects this provider."""
        return "iscsi"

    @property
    def is_shared(self) -> bool:
        """Whether the user runs the target."""
        return True

    def start(self) -> RunningTarget:
        """Connect once to verify that the portal listens, and return the target."""
        probe(self.portal)
        return RunningTarget(
            kind=self.kind,
            description=f"{self.target.name} at {self.portal}",
            version="unknown",
            portals=(self.portal,),
            targets=(self.target,),
            features=_features(self.target),
            control=_RemoteControl(self.portal),
        )

    def stop(self) -> None:
        """Do nothing, since the user runs the target."""


@dataclass(frozen=True, slots=True)
class _RemoteControl:
    """The control of a remote target (see `targets.model.Control`)."""

    portal: Portal

    def is_alive(self) -> bool:
        return self.ending() is None

    def ending(self) -> Ending | None:
        try:
            probe(self.portal)
        except LabError as error:
            return Ending(EndingKind.VANISHED, error.message)
        return None

    def restart(self) -> None:
        raise LabError(
            f"the target at {self.portal} cannot be restarted from here",
            hint="restart it by hand and run again",
        )

    def revive(self) -> None:
        self.restart()

    def power_cycle(self) -> None:
        self.restart()

    def operate(self, order: str) -> None:
        raise LabError(f"a remote target has no command to {order}")

    def mark(self) -> int:
        return 0

    def log_since(self, mark: int) -> str:  # noqa: ARG002  # it has no log here
        return ""

    def decode(self, text: str) -> str:
        return text


def _features(target: Target) -> frozenset[str]:
    chap = target.chap
    offered = {
        "chap": chap is not None,
        "chap-mutual": chap is not None and chap.mutual is not None,
        "writes": target.find_scratch() is not None,
    }
    return frozenset(name for name, is_offered in offered.items() if is_offered)


def probe(portal: Portal) -> None:
    """Connect and close again.

    Raises:
        LabError: no target answers; the message says how the connection failed.
    """
    try:
        socket.create_connection((portal.host, portal.port), CONNECT_SECONDS).close()
    except (socket.gaierror, UnicodeError) as error:
        raise LabError(
            f"the host name {portal.host!r} cannot be resolved",
            hint="check the spelling, or give the address",
        ) from error
    except ConnectionRefusedError as error:
        raise LabError(
            f"{portal} refuses the connection",
            hint="check that the target runs and listens on this port",
        ) from error
    except TimeoutError as error:
        raise LabError(
            f"{portal} does not answer within {CONNECT_SECONDS:g} s",
            hint="check the address and the firewall",
        ) from error
    except OSError as error:
        raise LabError(
            f"{portal} cannot be reached: {error.strerror or error}",
            hint="check the address and the route",
        ) from error


def parse(url: str, environ: Mapping[str, str] = os.environ) -> RemoteProvider:
    """Return the provider of a target that is given by its URL.

    Args:
        url: the URL (see `iscsi.address`).
        environ: the variables with credentials that the URL does not contain.

    Raises:
        TargetSpecError: the URL, or the credentials, cannot be parsed.
    """
    try:
        parsed = address.parse(url, environ)
    except AddressError as error:
        raise TargetSpecError(str(error)) from error
    units: tuple[LogicalUnit, ...] = ()
    if parsed.lun is not None:
        units = (LogicalUnit(parsed.lun, scratch=parsed.scratch, persistent=True),)
    return RemoteProvider(parsed.portal, Target(parsed.name, units, parsed.chap))
