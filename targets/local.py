# SPDX-License-Identifier: GPL-2.0-only
"""The provider of targets that run as processes on this machine.

A `Recipe` contains the differences between the kinds. The common part is here: a
directory of their own, free ports on loopback, a start with a time limit, a restart at
the same ports, and an end that leaves nothing behind.
"""

import errno
import platform
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from targets import workdir
from targets.errors import LabError, PortTakenError
from targets.model import (
    Chap,
    Ending,
    Portal,
    RunningTarget,
    Special,
    Target,
    Usage,
    discovery_features,
)
from targets.process import LogFile, Process
from targets.provider import RecipeProvider
from targets.workdir import WorkDirectory
from vmlab.poll import poll

FEATURES = frozenset(
    {
        "restart",
        "power-cycle",
        "chap",
        "chap-mutual",
        "several-targets",
        "several-portals",
        "several-luns",
        "ipv6",
        "writes",
    }
)
"""The features of every target that runs on this machine."""

START_SECONDS = 40.0
_ATTEMPTS = 5
_OTHER_GROUP = 2
_POLL_SECONDS = 0.01
# Below Linux's ephemeral ports (from 32768 on): between a kill and a restart no
# outgoing connection can take the port.
_PORTS = range(20000, 32768)


@dataclass(frozen=True, slots=True)
class Plan:
    """The directory and the portals of one instance."""

    directory: Path
    portals: tuple[Portal, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of target is started on this machine."""

    kind: str
    description: str
    targets: tuple[Target, ...]
    features: frozenset[str]
    version: Callable[[], str]
    """Also fails with LabError when the program is not installed."""
    prepare: Callable[[Plan], None]
    """Writes the files of the program into its directory, once for each instance."""
    launch: Callable[[Plan], Process]
    await_ready: Callable[[Plan, Process], None]
    """Returns once the target listens at its portals; raises LabError if it never
    does."""
    hosts: tuple[str, ...] = ("127.0.0.1", "127.0.0.1", "::1")
    """A host for each portal; ::1 is left out without IPv6."""
    other_hosts: tuple[str, ...] = ()
    """A host for each portal of a second portal group."""
    operate: Callable[[Plan, str], None] | None = None
    """Carries out an order of the operator."""
    special: Mapping[Special, str] = field(default_factory=dict)
    discovery_chap: Chap | None = None
    """The CHAP credentials that Discovery sessions need."""
    stop_grace: float = 0.0
    """Seconds from SIGTERM to SIGKILL at the end; 0 if it has nothing to save."""

    def provider(
        self, *, port: int | None = None, log_directory: Path | None = None
    ) -> "LocalProvider":
        """Return the provider that starts it (see `targets.kind.AnyRecipe`)."""
        return LocalProvider(self, port, log_directory)


class LocalProvider(RecipeProvider[Recipe, "_Instance"]):
    """Starts a target as a process of this machine."""

    def _start(self) -> "tuple[_Instance, RunningTarget]":
        recipe, version = self.recipe, self.recipe.version()
        instance = self._first_start()
        portals = instance.plan.portals
        first = tuple(one for one in portals if one.group_tag != _OTHER_GROUP)
        others = tuple(one for one in portals if one.group_tag == _OTHER_GROUP)
        features = recipe.features | discovery_features(recipe.discovery_chap)
        if not any(":" in portal.host for portal in first):
            features -= {"ipv6"}
        return instance, RunningTarget(
            kind=recipe.kind,
            description=recipe.description,
            version=version,
            portals=first,
            other_portals=others,
            targets=recipe.targets,
            features=features,
            control=instance,
            special=recipe.special,
            discovery_chap=recipe.discovery_chap,
            kernel=platform.release(),
            usage=instance.usage,
        )

    def _first_start(self) -> "_Instance":
        if self.port is None:
            for _ in range(_ATTEMPTS - 1):
                # Another program may use a port between our test and the bind.
                with suppress(PortTakenError):
                    return self._try_start()
        return self._try_start()

    def _try_start(self) -> "_Instance":
        hosts = usable_hosts(self.recipe.hosts)
        chosen = choose_ports((*hosts, *self.recipe.other_hosts), self.port)
        ports = tuple(
            replace(portal, group_tag=_OTHER_GROUP) if number >= len(hosts) else portal
            for number, portal in enumerate(chosen)
        )
        workdir.sweep()
        directory = workdir.make(self.recipe.kind)
        log_directory = self.log_directory or directory.path
        plan = Plan(directory.path, ports, log_directory / f"{directory.path.name}.log")
        try:
            log_directory.mkdir(parents=True, exist_ok=True)
            self.recipe.prepare(plan)
            process = _launch(self.recipe, plan)
        except BaseException:
            directory.remove()
            raise
        return _Instance(self.recipe, plan, process, directory)


@dataclass(slots=True)
class _Instance:
    """The control of one running process (see `targets.model.Control`)."""

    recipe: Recipe
    plan: Plan
    process: Process
    directory: WorkDirectory
    stopped: bool = False

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def ending(self) -> Ending | None:
        return self.process.ending()

    def usage(self) -> Usage | None:
        """Return memory and files of the process; None if it has ended."""
        return self.process.usage()

    def restart(self) -> None:
        if self.stopped:
            raise LabError(f"this {self.recipe.kind} has been stopped")
        self.process.kill()
        self.process = _launch(self.recipe, self.plan)

    def revive(self) -> None:
        self.restart()

    def power_cycle(self) -> None:
        # A killed process leaves nothing behind.
        self.restart()

    def operate(self, order: str) -> None:
        if self.recipe.operate is None:
            raise LabError(f"this {self.recipe.kind} takes no commands")
        self.recipe.operate(self.plan, order)

    def mark(self) -> int:
        return LogFile(self.plan.log).mark()

    def log_since(self, mark: int) -> str:
        return LogFile(self.plan.log).since(mark)

    def decode(self, text: str) -> str:
        return text

    def stop(self) -> None:
        self.stopped = True
        self.process.stop(self.recipe.stop_grace)
        self.directory.remove()


def _launch(recipe: Recipe, plan: Plan) -> Process:
    """Start the process and wait until it listens; clean up if it does not."""
    process = recipe.launch(plan)
    try:
        recipe.await_ready(plan, process)
    except BaseException as error:
        process.kill()
        if isinstance(error, LabError):
            refuse_taken(recipe.kind, plan.portals)
        raise
    return process


def polls(
    process: Process, name: str, seconds: float = START_SECONDS
) -> Iterator[None]:
    """Yield repeatedly until the process dies or the time is over.

    Raises:
        LabError: always at the end; the caller leaves the loop when its condition
            holds.
    """
    for _ in poll(seconds, _POLL_SECONDS):
        if not process.is_alive():
            raise LabError(
                f"{name} {process.ending()} before it began to listen",
                command=process.command,
                log=process.log.tail(),
            )
        yield
    raise LabError(
        f"{name} did not listen within {seconds:g} s",
        command=process.command,
        log=process.log.tail(),
    )


def usable_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hosts without those whose address family this machine lacks."""
    return tuple(host for host in hosts if ":" not in host or _bind_error(host, 0) == 0)


def choose_ports(
    hosts: tuple[str, ...], first: int | None = None
) -> tuple[Portal, ...]:
    """Choose a portal with a free port for each host.

    Args:
        hosts: the addresses; one may come twice.
        first: the port of the first portal, if the user fixed it.

    Raises:
        PortTakenError: the fixed port is in use.
    """
    portals: list[Portal] = []
    if first is not None:
        portals.append(Portal(hosts[0], first))
        refuse_taken("the target", tuple(portals))
    # This is no secret: the numbers only keep parallel runs apart.
    candidates = iter(random.sample(_PORTS, len(_PORTS)))
    for host in hosts[len(portals) :]:
        port = next((port for port in candidates if _bind_error(host, port) == 0), None)
        if port is None:
            raise LabError(f"no free port on {host}")
        portals.append(Portal(host, port))
    return tuple(portals)


def refuse_taken(name: str, portals: tuple[Portal, ...]) -> None:
    """Raise PortTakenError if a portal cannot be bound."""
    for portal in portals:
        code = _bind_error(portal.host, portal.port)
        if code == errno.EADDRINUSE:
            raise PortTakenError(
                f"{name} cannot listen on {portal}: the port is in use",
                hint="choose another port, or leave it out",
            )
        if code == errno.EACCES:
            raise LabError(
                f"{name} cannot listen on {portal}: permission denied",
                hint="choose a port above 1023",
            )


def _bind_error(host: str, port: int) -> int:
    """Return 0 if the address can be bound now, else the errno."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Like a server, so that old connections in TIME_WAIT do not prevent the
            # bind.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        return error.errno or errno.EIO
    return 0
