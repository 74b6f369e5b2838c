# SPDX-License-Identifier: GPL-2.0-only
"""The target under test: started once by each worker, probed before any check."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import targets
from initiator.connection import Portal
from initiator.login import DEFAULT_KEYS, LoginOptions, LoginRefused
from initiator.probe.login import EVERYTHING, hint
from initiator.probe.offer import UnitMissing, refuse_missing
from initiator.probe.screen import in_short, unit_in_short
from initiator.probe.unit import luns_of
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.errors import ConnectionLost, ISCSIError, PeerTimeout
from iscsi.pdu import LoginResponse
from reports.evidence import ENVIRONMENT
from suites.plugins import applicability
from suites.plugins.limits import CutShort, Limit
from suites.plugins.lost import lose
from suites.plugins.options import PROVIDER
from suites.plugins.places import SUITES, is_within, places
from targets import leash
from vmlab.poll import poll

LAB_TROUBLE = 3
"""pytest's exit code when there is no target to test."""

FIRST_LOGIN = "target.first-login"
"""The fact that says why the first login did not reach a session, if it did not."""

PASSED_OVER = "target.first-login-slip"
"""The fact that says what was wrong in a first login that reached a session."""

NEGOTIATED = "negotiated."
"""The prefix of the facts that a login agreed to."""

_UNIT = "target.unit"
"""The fact that describes the logical unit of the checks."""


@dataclass(slots=True)
class TestedTarget:
    """The running target, its provider, and the known facts about both."""

    __test__ = False

    running: targets.RunningTarget
    provider: targets.Provider
    timeout: float
    offer: Mapping[str, str]
    """The keys that a session offers by default."""
    capabilities: frozenset[str] = frozenset()
    """The agreed values when every feature was offered."""
    facts: dict[str, str] = field(default_factory=dict)
    login_seconds: float = 0.0
    """The seconds of the first login; infinite if logins do not show whether it
    serves."""
    is_tried: bool = False
    """Whether a plain login and a command were tried before the first check."""
    is_full: bool = False
    """Whether it refused a login beside a check's own sessions for lack of
    resources."""
    wait: float = 0.0
    """The seconds within which a restarted target must listen again."""
    limit: Limit | None = None
    """The time limit of the running check."""
    not_restarted: str = ""
    """Why the lab could not restart it; empty once it serves again."""

    @property
    def portal(self) -> Portal:
        """Its first portal, for the initiator."""
        return Portal(self.running.portal.host, self.running.portal.port)

    @property
    def features(self) -> frozenset[str]:
        """The features that checks may need, from configuration and negotiation."""
        return self.running.features | self.capabilities

    def new_limit(self, seconds: float) -> Limit:
        """Return a time limit for an exchange with this target.

        A crashed kernel keeps its connections and answers nothing, so it is examined
        meanwhile. The connections of a process end with it.
        """
        looks = "own-kernel" in self.running.features
        return Limit(seconds, self.ending if looks else None)

    def ending(self) -> targets.Ending | None:
        """Return how the target ended; None while it runs.

        A target that the lab ended and could not restart was not killed by a check.
        """
        target_ending = self.running.control.ending()
        return (
            target_ending
            if target_ending is None or not self.not_restarted
            else self.lab_ending
        )

    @property
    def lab_ending(self) -> targets.Ending:
        """The ending of a target that the lab could not restart."""
        return targets.Ending(targets.EndingKind.LAB, self.not_restarted)

    def restart(self) -> None:
        """Restart the target; the time limit of the check is paused meanwhile.

        A machine that is switched off and on by a command may take a while to listen.

        Raises:
            LabError: it cannot be restarted, or does not listen again.
        """
        self._again(self.running.control.restart)

    def revive(self) -> None:
        """Have a target serve again that has died, or that a check may have harmed.

        Raises:
            LabError: it cannot be restarted, or does not listen again.
        """
        self._again(self.running.control.revive)

    def power_cycle(self) -> None:
        """Cut the power of the target, and wait as for a restart.

        Raises:
            LabError: it cannot be restarted, or does not listen again.
        """
        self._again(self.running.control.power_cycle)

    def operate(self, order: str) -> None:
        """Have the target act on its operator's order (see `Control.operate`).

        The check is not applicable if the target does not support the order.

        Raises:
            LabError: the order fails.
        """
        with ExitStack() as stack:
            if self.limit is not None:
                stack.enter_context(self.limit.paused())
            try:
                self.running.control.operate(order)
            except targets.NotOfferedError as error:
                pytest.skip(f"not applicable: {error}")

    def _again(self, start: Callable[[], None]) -> None:
        with ExitStack() as stack:
            if self.limit is not None:
                stack.enter_context(self.limit.paused())
            try:
                start()
                self._await_portal()
            except targets.LabError as error:
                self.not_restarted = error.message
                raise
            self.not_restarted = ""

    def _await_portal(self) -> None:
        """Wait until the target accepts connections.

        Raises:
            LabError: it does not.
        """
        for _ in poll(self.wait):
            ending = self.running.control.ending()
            if ending is None:
                return
        raise targets.LabError(
            f"the target was restarted but does not serve again "
            f"within {self.wait:g} s: {ending}",
            hint="--wait-for-target SECONDS waits longer",
        )

    def discovery_credentials(self) -> dict[str, Any]:
        """Return the changed login options of Discovery sessions with other CHAP."""
        chap = self.running.discovery_chap
        if chap is None:
            return {}
        return {"credentials": chap.credentials, "mutual": chap.mutual}

    def options(self, target: targets.Target | None = None) -> LoginOptions:
        """Return the login options for one of its names, the first by default."""
        return login_options(target or self.running.target, self.offer)


def login_options(node: targets.Target, keys: Mapping[str, str]) -> LoginOptions:
    """Return the login options for a target name.

    Args:
        node: the name, and its credentials.
        keys: the keys to offer.
    """
    return LoginOptions(
        target_name=node.name,
        keys=dict(keys),
        credentials=None if node.chap is None else node.chap.credentials,
        mutual=None if node.chap is None else node.chap.mutual,
    )


def start(config: pytest.Config) -> TestedTarget:
    """Start the target that --target names and find out its features.

    Raises:
        LabError: there is no such target, or no login to it succeeds; one line.
    """
    provider = config.stash[PROVIDER]
    running = provider.start()
    if config.option.profile:
        traits = targets.profile(config.option.profile)
        running = replace(running, features=running.features | traits)
    offer = {**DEFAULT_KEYS, **dict(config.option.offer)}
    tested = TestedTarget(
        running,
        provider,
        config.option.peer_timeout,
        offer,
        wait=config.option.wait_for_target,
    )
    try:
        _examine(tested, tested.new_limit(config.option.check_timeout))
    except targets.LabError:
        provider.stop()
        raise
    return tested


def _examine(tested: TestedTarget, limit: Limit) -> None:
    """Log in once, offering every feature, and record what the target agrees to.

    A target whose Login Response breaks a rule is tested, too: the checks of logins
    report the rule.
    """
    name = tested.running.target.name
    place = f"{name} at {tested.portal}"
    options = tested.options()
    begun = time.monotonic()
    transcript = Transcript()
    results: dict[str, str] = {}
    broken: dict[str, str] = {}
    unit: dict[str, str] = {}
    try:
        with (
            limit.running(),
            Session(
                tested.portal,
                replace(options, keys=EVERYTHING),
                timeout=tested.timeout,
                transcript=transcript,
                lun=tested.running.target.default_lun,
            ) as session,
        ):
            results = session.login.results
            slips = list(transcript.slips.first.values())
            broken = {PASSED_OVER: str(slips[0].error)} if slips else {}
            tested.login_seconds = time.monotonic() - begun
            refuse_missing(session, luns_of(session))
            unit = {_UNIT: unit_in_short(session)}
    except UnitMissing as error:
        raise targets.LabError(
            f"{place}: {error}", hint="choose one of them in the URL"
        ) from error
    except CutShort as cut:
        raise targets.LabError(
            f"{place}: expected of its first login that {cut.expected[0]}: {cut.actual}"
        ) from cut
    except ISCSIError as error:
        is_malformed = not isinstance(
            error, PeerTimeout | ConnectionLost | LoginRefused
        )
        if not (is_malformed and _has_answered(transcript)):
            raise targets.LabError(
                f"{place}: {error}",
                hint=hint(error, tested.portal, options, timeout=tested.timeout),
            ) from error
        broken = {FIRST_LOGIN: str(error)}
        # With an infinite time, no login after a check decides whether the target
        # survived.
        tested.login_seconds = math.inf
    tested.capabilities = capabilities(results)
    tested.facts = {
        **tested.running.environment(),
        **{f"{NEGOTIATED}{key}": value for key, value in sorted(results.items())},
        **unit,
        **broken,
    }


def _has_answered(transcript: Transcript) -> bool:
    return any(isinstance(pdu, LoginResponse) for pdu in transcript.received())


def capabilities(results: Mapping[str, str]) -> frozenset[str]:
    """Return the features on which a login that offered all of them agreed."""
    level = int(results.get("ErrorRecoveryLevel", "0"))
    reporting = results.get("TaskReporting", "RFC3720")
    agreed = {
        "header-digest": results.get("HeaderDigest") == "CRC32C",
        "data-digest": results.get("DataDigest") == "CRC32C",
        "initial-r2t-no": results.get("InitialR2T") == "No",
        "immediate-data": results.get("ImmediateData") == "Yes",
        "multi-connection": int(results.get("MaxConnections", "1")) > 1,
        "several-r2ts": int(results.get("MaxOutstandingR2T", "1")) > 1,
        "erl1": level >= 1,
        "erl2": level >= 2,
        "response-fence": results.get("TaskReporting")
        in ("ResponseFence", "FastAbort"),
        "fast-abort": reporting == "FastAbort",
        "protocol-level-2": results.get("iSCSIProtocolLevel") == "2",
    }
    return frozenset(name for name, is_agreed in agreed.items() if is_agreed)


_WANTED = pytest.StashKey[bool]()
_TESTED = pytest.StashKey[TestedTarget]()
_LEFT_OUT = pytest.StashKey[int]()
"""How many workers are left out, since all share one target."""


def is_wanted(config: pytest.Config) -> bool:
    """Tell whether this run tests a target (and not only the toolkit)."""
    return config.stash.get(_WANTED, False)


def pytest_configure(config: pytest.Config) -> None:
    """Record whether a target is tested: one is named, or the suites are run."""
    if hasattr(config, "workerinput"):
        # Without this, the worker would survive the killed run for a while.
        leash.hold()
    is_run = config.option.target is not None or any(
        is_within(place, SUITES) for place in places(config)
    )
    config.stash[_WANTED] = is_run and not config.option.collectonly
    workers = len(getattr(config.option, "tx", None) or ())
    provider = config.stash.get(PROVIDER, None)
    if provider is not None and provider.is_shared and workers > 1:
        # Checks of one target must not run in parallel.
        config.option.tx = config.option.tx[:1]
        config.stash[_LEFT_OUT] = workers - 1


def pytest_sessionstart(session: pytest.Session) -> None:
    """Probe the target before the first check; end the run if that fails."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    if not is_wanted(config) or is_worker or config.option.list_requirements:
        return
    try:
        tested = start(config)
    except targets.LabError as error:
        # Do not print the option's value, since it may contain a secret.
        pytest.exit(f"there is no target to test: {error}", LAB_TROUBLE)
    config.stash[ENVIRONMENT] = tested.facts
    if getattr(config.option, "numprocesses", None):
        tested.provider.stop()
    else:
        config.stash[_TESTED] = tested


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print what is tested."""
    facts = config.stash.get(ENVIRONMENT, None)
    if not facts:
        return []
    version = facts["target.version"]
    lines = [
        f"target: {facts['target']}: {facts['target.description']}, version {version}",
        f"target features: {facts['target.features']}",
        f"target offers: {in_short(_negotiated(facts))}",
    ]
    if facts.get(_UNIT):
        lines.append(f"target unit: {facts[_UNIT]}")
    lines += [f"warning: {line}" for line in config.stash[PROVIDER].warnings]
    left_out = config.stash.get(_LEFT_OUT, 0)
    if left_out:
        lines.append(
            f"one worker runs all checks, since the target is not ours; {left_out} of "
            "those that -n asks for would be in its way"
        )
    if FIRST_LOGIN in facts:
        lines.append(
            f"its first login breaks a rule: {facts[FIRST_LOGIN]}; checks that need a "
            "session cannot begin, those of logins say which rule"
        )
    if PASSED_OVER in facts:
        lines.append(
            f"its first login breaks a rule: {facts[PASSED_OVER]}; the checks of "
            "logins say which one, all others pass over it"
        )
    return lines


def _negotiated(facts: Mapping[str, str]) -> dict[str, str]:
    return {
        key.removeprefix(NEGOTIATED): value
        for key, value in facts.items()
        if key.startswith(NEGOTIATED)
    }


def pytest_report_collectionfinish(
    config: pytest.Config, items: list[pytest.Item]
) -> list[str]:
    """Print how many checks do not apply, as far as that is known before they run.

    With -n the workers collect, and the table at the end has the number.
    """
    tested = config.stash.get(_TESTED, None)
    if tested is None:
        return []
    permitted = frozenset({applicability.WRITES} if config.option.allow_writes else ())
    demanded = applicability.demands(items)
    reasons = applicability.left_out(demanded, tested.features | permitted)
    return [applicability.sentence(len(demanded), reasons)] if demanded else []


def of(config: pytest.Config) -> TestedTarget:
    """Return this worker's target, which the first call starts.

    Raises:
        LabError: it cannot be started, so the run ends.
    """
    if _TESTED not in config.stash:
        try:
            config.stash[_TESTED] = start(config)
        except targets.LabError as error:
            lose(config, f"there is no target to test: {error}", LAB_TROUBLE)
            raise
    return config.stash[_TESTED]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the target."""
    tested = config.stash.get(_TESTED, None)
    if tested is not None:
        tested.provider.stop()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> TestedTarget:
    """The target under test."""
    return of(request.config)
