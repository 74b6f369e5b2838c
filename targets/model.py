# SPDX-License-Identifier: GPL-2.0-only
"""A running target: its portals, target names, logical units and features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Protocol

from iscsi.address import Portal
from iscsi.chap import Chap, Credentials

Backing = Literal["file", "memory", "block", "null"]
"""Where a unit's blocks are stored: a file, memory, a block device over a file, or
nowhere."""

LARGE = 1 << 32
"""A unit with more bytes is large."""

FEATURES = MappingProxyType(
    {
        "restart": "the provider can start the target again at the same portals",
        "power-cycle": "it can lose its power: only stored data survives",
        "own-kernel": "it runs in a machine; a crash there closes no connection",
        "chap": "one target name asks for one-way CHAP",
        "chap-mutual": "this or another name authenticates itself by mutual CHAP",
        "discovery-chap": "Discovery sessions are asked for CHAP",
        "discovery-chap-mutual": "and the target authenticates itself on them",
        "several-targets": "two target names are open without CHAP",
        "several-portals": "the portal group has several portals",
        "translated-ports": "its portals have other addresses and ports than it knows",
        "several-groups": "the first target name has a second portal group",
        "several-luns": "the first target name has several logical units",
        "ipv6": "one portal has an IPv6 address",
        "writes": "a logical unit may be overwritten",
        "large-lun": "one that may be overwritten has more than 4 GiB",
        "read-only-lun": "a logical unit is write-protected",
        "header-digest": "header digests are configured",
        "data-digest": "data digests are configured",
        "one-login-at-a-time": "an unfinished login holds up all others",
        "multi-connection": "MaxConnections above 1 is configured",
        "erl1": "ErrorRecoveryLevel 1 is configured",
        "erl2": "ErrorRecoveryLevel 2 is configured",
        "alias": "the first target name has an alias (`special`)",
        "acl": "one target name is forbidden to us (`special`)",
        "redirect": "one name has moved for a while, one for good (`special`)",
        "operator": "the target can be made to send Async Messages",
        "add-unit": "logical units can be added while it runs",
        "remove-unit": "they can be removed",
        "resize-unit": "they can get another size",
        "write-protect": "they can be write-protected",
        "access-states": "its target port groups can be put into access states",
        "pings": "it can be made to send pings, or one name sends some (`special`)",
        "identities": "one CHAP name that is another initiator's",
        "further-identity": "one CHAP name more that any initiator may use",
        "no-lun-0": "one target name without CHAP has units, but no LUN 0",
        "reset-authorization": "one target name may not be reset (`special`)",
        "architecture": "X#NodeArchitecture is sent unasked",
    }
)
"""Every feature that a provider may know from configuration, and its meaning.

Other features are found by negotiation, and not listed here.
"""


def discovery_features(chap: Chap | None) -> frozenset[str]:
    """Return the features that Discovery sessions with this CHAP give."""
    if chap is None:
        return frozenset()
    mutual = {"discovery-chap-mutual"} if chap.mutual is not None else set()
    return frozenset({"discovery-chap", *mutual})


@dataclass(frozen=True, slots=True)
class LogicalUnit:
    """A logical unit, as far as the run configured it."""

    lun: int
    size: int | None = None
    """In bytes; None if only the target knows."""
    block_size: int = 512
    writable: bool = True
    scratch: bool = False
    """Whether its data may be overwritten: it was made for the checks, or its user
    permits it."""
    persistent: bool = False
    """Whether its data survives a restart of the target."""
    removable: bool = False
    """Whether its medium can be removed."""
    thin: bool = False
    """Whether it is thin provisioned: unwritten blocks use no space."""
    backing: Backing = "file"
    """Where its blocks are stored, if the kind of target has a choice."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A further CHAP name of a target, and its owner (RFC 7143 section 9.2)."""

    credentials: Credentials
    initiator_name: str | None = None
    """The only initiator that may use it; None if any may."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target name with its units, credentials and identities."""

    name: str
    logical_units: tuple[LogicalUnit, ...] = ()
    """The units; empty if unknown, in which case REPORT LUNS lists them."""
    chap: Chap | None = None
    identities: tuple[Identity, ...] = ()
    lacks_lun_0: bool = False
    """Whether it has logical units, but none of any kind at LUN 0."""

    @property
    def default_lun(self) -> int:
        """The default unit of checks: the first that may be overwritten, or the first.

        0 where no unit is known.
        """
        scratch = self.find_scratch()
        if scratch is not None:
            return scratch.lun
        return self.logical_units[0].lun if self.logical_units else 0

    def find_scratch(self) -> LogicalUnit | None:
        """Return the first logical unit that may be overwritten."""
        units = self.logical_units
        return next((unit for unit in units if unit.scratch and unit.writable), None)

    def find_large(self) -> LogicalUnit | None:
        """Return the first logical unit above 4 GiB that may be overwritten."""
        units = (one for one in self.logical_units if one.scratch and one.writable)
        return next((one for one in units if (one.size or 0) > LARGE), None)

    def find_protected(self) -> LogicalUnit | None:
        """Return the first write-protected unit whose data may be lost all the same.

        A check tries to write to it, and the target may fail to protect it.
        """
        units = self.logical_units
        return next((one for one in units if one.scratch and not one.writable), None)


class Special(StrEnum):
    """Target names that a provider has set up in addition to those with disks."""

    ALIAS = "alias"
    """The alias of the first target name."""
    FORBIDDEN = "forbidden"
    """A target name that refuses every initiator name of the toolkit."""
    MOVED = "moved"
    """A target name that has moved temporarily."""
    MOVED_FOR_GOOD = "moved for good"
    GUARDED = "guarded"
    """A target name that no initiator is authorized to reset."""
    PINGING = "pinging"
    """A target name that pings each connection unasked, at least every 20 s while
    nothing else is sent."""


@dataclass(frozen=True, slots=True)
class More:
    """The additional services of a target that a run sets up."""

    special: Mapping[Special, str] = field(default_factory=dict)
    discovery_chap: Chap | None = None
    """The CHAP credentials that Discovery sessions need."""


NO_MORE = More()


class EndingKind(StrEnum):
    """How a target ended."""

    EXITED = "exited"
    """Its process ended, by a signal or with a status."""
    CRASHED = "crashed"
    """Its kernel, or a sanitizer in it, reported a crash."""
    VANISHED = "vanished"
    """No program listens any more, or its machine is off, for an unknown reason."""
    LAB = "lab"
    """The lab has failed, not the target: a full disk, for example."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a target ended, as found by its provider."""

    kind: EndingKind
    reason: str
    """One line, such as "killed by SIGABRT" or the line of a console."""
    status: int | None = None
    """The exit status of a process that exited."""
    signal: str = ""
    """The name of the signal that killed it, such as SIGSEGV."""
    report_kind: str = ""
    """The kind of a kernel's report (`vmlab.watch.CrashKind`)."""
    functions: tuple[str, ...] = ()
    """The functions that the report names, the one that crashed first."""
    report: str = ""
    """The report."""

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Usage:
    """The memory and open files of a target's process at one moment."""

    pid: int
    memory: int
    """The resident memory, in bytes."""
    files: int
    """The number of open files, including sockets."""


def _unknown_usage() -> Usage | None:
    """Return None: memory and files of the target are not visible."""
    return None


class Control(Protocol):
    """What a provider can do with its running target.

    A run asks for the ending before and after each check, and after each failure; where
    the target has the feature "own-kernel" also several times a second while a check
    waits. The run itself finds out whether the target still serves logins. All calls
    come from the main thread, and each must end in bounded time.
    """

    def is_alive(self) -> bool:
        """Whether the target still runs, determined without a login."""
        ...

    def ending(self) -> Ending | None:
        """Return how the target ended; None while it runs.

        If only the portal of a target can be seen, the target has vanished once the
        portal accepts no connection.
        """
        ...

    def restart(self) -> None:
        """Kill the target if it runs and start it again at the same portals.

        Only a target with the feature "restart" gets this call. The run waits
        afterwards until the target serves logins (--wait-for-target).

        Raises:
            LabError: this target cannot be restarted, or does not listen again.
        """
        ...

    def revive(self) -> None:
        """Have a target serve again that has died, or that a check may have harmed.

        A provider may be faster than by a restart, since stored data may be lost.

        Raises:
            LabError: This target cannot be restarted, or did not come back.
        """
        ...

    def power_cycle(self) -> None:
        """Restart the target as after a loss of power: only stored data survives.

        Only a target with the feature "power-cycle" gets this call.

        Raises:
            LabError: this target cannot be restarted, or does not listen again.
        """
        ...

    def operate(self, order: str) -> None:
        """Carry out an order of the operator (feature "operator").

        Raises:
            NotOfferedError: no command for this is configured.
            LabError: the order fails.
        """
        ...

    def mark(self) -> int:
        """Return a mark at the present end of the log."""
        ...

    def log_since(self, mark: int) -> str:
        """Return what the target logged since the mark; "" if it has no log."""
        ...

    def decode(self, text: str) -> str:
        """Return a part of the log, with the source lines of its stack traces."""
        ...


@dataclass(frozen=True, slots=True)
class RunningTarget:
    """A target that listens, and all facts that the provider knows about it."""

    kind: str
    description: str
    version: str
    portals: tuple[Portal, ...]
    targets: tuple[Target, ...]
    features: frozenset[str]
    control: Control
    kernel: str = ""
    """The version of the kernel that it runs on, if the provider knows it."""
    patches: tuple[str, ...] = ()
    """The patches of that kernel, if the lab applied them."""
    special: Mapping[Special, str] = field(default_factory=dict)
    other_portals: tuple[Portal, ...] = ()
    """The portals of a second portal group of the first target name."""
    remedies: Mapping[str, str] = field(default_factory=dict)
    """For each missing feature, the words of the target file that would provide it."""
    discovery_chap: Chap | None = None
    """The CHAP credentials of Discovery sessions; None for those of a Normal one."""

    usage: Callable[[], Usage | None] = _unknown_usage
    """Returns the resources of the target's process; None if they are not visible."""

    option: str = ""
    """The value of `--target` if the kind does not determine it: the path of a file."""

    @property
    def portal(self) -> Portal:
        """The first portal."""
        return self.portals[0]

    @property
    def target(self) -> Target:
        """The first target name; it requires no CHAP if any name requires none."""
        return self.targets[0]

    @property
    def open_targets(self) -> tuple[Target, ...]:
        """The target names that require no authentication."""
        return tuple(target for target in self.targets if target.chap is None)

    @property
    def bare_target(self) -> Target | None:
        """An open target name with logical units, but without LUN 0."""
        return next((one for one in self.open_targets if one.lacks_lun_0), None)

    @property
    def chap_target(self) -> Target | None:
        """The target name that requires CHAP."""
        return next((target for target in self.targets if target.chap), None)

    @property
    def mutual_target(self) -> Target | None:
        """The target name that requires CHAP and authenticates itself."""
        guarded = (target for target in self.targets if target.chap)
        return next((one for one in guarded if one.chap and one.chap.mutual), None)

    @property
    def identities(self) -> tuple[Identity, ...]:
        """The further CHAP names of the target name that requires CHAP."""
        guarded = self.chap_target
        return () if guarded is None else guarded.identities

    def environment(self) -> dict[str, str]:
        """Return the facts that a report prints about its target."""
        option = {"target.option": self.option} if self.option else {}
        return {
            **option,
            "target": self.kind,
            "target.description": self.description,
            "target.version": self.version,
            "target.kernel": self.kernel or "unknown",
            "target.patches": " ".join(self.patches) or "none known",
            "target.portals": " ".join(str(portal) for portal in self.portals),
            "target.names": " ".join(target.name for target in self.targets),
            "target.features": " ".join(sorted(self.features)),
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits of a target that its provider knows, in seconds."""

    answer: float | None = None
    """The time limit of an answer."""
    check: float | None = None
    """The time limit of a whole check."""
    wait: float | None = None
    """The time limit for serving again after a death."""


class Provider(Protocol):
    """Starts one kind of target and stops it again; a context manager."""

    @property
    def kind(self) -> str:
        """The name by which --target selects this provider."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether the user runs the target, which all workers of a run then share.

        Its secrets are then not those of the lab.
        """
        return False

    @property
    def deviations_of(self) -> str | None:
        """The kind whose known deviations apply, or None."""
        # The program has the same deviations in a machine.
        return self.kind.removesuffix("-vm")

    @property
    def deviations_file(self) -> Path | None:
        """A file of known deviations of this target only."""
        return None

    @property
    def limits(self) -> Limits:
        """The known time limits of the target."""
        return Limits()

    @property
    def decides_writable_units(self) -> bool:
        """Whether only the provider decides which units may be written."""
        return False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings to print before a run, one line each."""
        return ()

    def start(self) -> RunningTarget:
        """Start the target and return it when it listens.

        Raises:
            LabError: it cannot be started or reached.
        """
        ...

    def stop(self) -> None:
        """Stop the target; nothing of it is left running. May be called twice."""
        ...

    def __enter__(self) -> RunningTarget:
        """Start the target."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the target."""
        self.stop()


__all__ = [
    "FEATURES",
    "LARGE",
    "Backing",
    "Chap",
    "Control",
    "Credentials",
    "Ending",
    "EndingKind",
    "Identity",
    "Limits",
    "LogicalUnit",
    "Portal",
    "Provider",
    "RunningTarget",
    "Special",
    "Target",
    "Usage",
    "discovery_features",
]
