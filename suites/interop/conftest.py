# SPDX-License-Identifier: GPL-2.0-only
"""The client machine, and the relays between it and the target."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from reports.evidence import EVIDENCE, Evidence
from suites.interop.client import Client
from suites.interop.relay import Relay
from suites.plugins.targets import LAB_TROUBLE, TestedTarget
from targets import LabError, Target
from targets.reference import NO_ARCHITECTURE

_CLIENT = pytest.StashKey[Client]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for a machine that is up already."""
    parser.getgroup("iscsi").addoption(
        "--client",
        metavar="NAME",
        help="use this machine of `iscsi-assay lab up client`, and leave it running",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have the reference target not declare its architecture.

    open-iscsi (2.1.8) ends a login if the target declares it, although RFC 7143 section
    6.2 makes it answer NotUnderstood.

    Raises:
        pytest.UsageError: several workers would share one client.
    """
    if config.getoption("--client", None) and getattr(
        config.option, "numprocesses", None
    ):
        raise pytest.UsageError("--client names one machine: run without -n")
    keys: list[str] = config.option.key
    is_reference = (config.option.target or "reference").startswith("reference")
    if is_reference and NO_ARCHITECTURE not in keys:
        config.option.key = [*keys, NO_ARCHITECTURE]


@dataclass(slots=True)
class _Machine:
    """The machine of this worker; it is replaced if it cannot be used again."""

    name: str | None
    current: Client | None = field(default=None)

    def get(self) -> Client:
        """Return a client without leftovers of earlier checks."""
        if self.current is not None and not self.current.machine.is_alive():
            self.drop()
        if self.current is None:
            try:
                self.current = Client(self.name)
                # A machine that was already up may have leftovers. Afterwards the
                # teardown of each check cleans up.
                self.current.forget_everything()
            except LabError as error:
                pytest.exit(f"there is no client: {error.details()}", LAB_TROUBLE)
        return self.current

    def drop(self) -> None:
        """End it."""
        if self.current is not None:
            self.current.close()
            self.current = None


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest) -> Iterator[_Machine]:
    """The machine with the initiator."""
    provider = _Machine(request.config.getoption("--client", None))
    yield provider
    provider.drop()


@pytest.fixture
def relays(target: TestedTarget) -> Iterator[tuple[Relay, ...]]:
    """A relay to each of the target's portals with an IPv4 address or a host name."""
    portals = [one for one in target.running.portals if ":" not in one.host]
    with ExitStack() as stack:
        yield tuple(stack.enter_context(Relay(one.host, one.port)) for one in portals)


@pytest.fixture
def relay(relays: tuple[Relay, ...]) -> Relay:
    """The relay to the target's first portal."""
    return relays[0]


@pytest.fixture
def client(
    request: pytest.FixtureRequest,
    machine: _Machine,
    relays: tuple[Relay, ...],  # noqa: ARG001  # they outlive what is logged in
    target: TestedTarget,
) -> Iterator[Client]:
    """The client, without logins; the teardown removes what a check leaves."""
    if "architecture" in target.features:
        pytest.skip(f"open-iscsi takes no X#NodeArchitecture: --key {NO_ARCHITECTURE}")
    booted = machine.get()
    if not target.running.control.is_alive():
        target.running.control.revive()
    booted.mark()
    request.node.stash[_CLIENT] = booted
    yield booted
    try:
        booted.forget_everything()
        crash = booted.crash()
        is_good = not crash
    except LabError:
        # A process in the machine hangs, or the machine has died.
        is_good = False
        ending = booted.machine.ending()
        crash = "" if ending is None else ending.reason
    if not is_good:
        # The next check gets another machine.
        machine.drop()
    if crash:
        pytest.fail(f"the client's kernel reports a mistake:\n{crash}", pytrace=False)
    assert target.running.control.ending() is None


@pytest.fixture(scope="session")
def scratch(target: TestedTarget) -> Target:
    """A target name with a writable unit that needs no CHAP."""
    return _scratch(target.running.target)


@pytest.fixture(scope="session")
def guarded(target: TestedTarget) -> Target:
    """A target name with a writable unit that needs CHAP, mutual if there is one."""
    chap_target = target.running.mutual_target or target.running.chap_target
    if chap_target is None:
        pytest.skip("not applicable: no target name asks for CHAP")
    return _scratch(chap_target)


def _scratch(target: Target) -> Target:
    if target.find_scratch() is None:
        pytest.skip("no logical unit may be overwritten")
    return target


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the client's log to a failure."""
    client = item.stash.get(_CLIENT, None)
    trouble = None if call.excinfo is None else call.excinfo.value
    is_failure = trouble is not None and not isinstance(trouble, pytest.skip.Exception)
    if call.when != "teardown" and is_failure and client is not None:
        details = [trouble.details()] if isinstance(trouble, LabError) else []
        try:
            details.append(client.log())
        except LabError as error:
            details.append(error.details())
        log = "\n".join(details)
        item.add_report_section(call.when, "client log", log)
        evidence = item.stash.setdefault(EVIDENCE, [])
        evidence.append(Evidence("client log", "text/plain", log.encode()))
    return (yield)
