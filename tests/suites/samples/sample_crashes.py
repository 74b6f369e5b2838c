# SPDX-License-Identifier: GPL-2.0-only
"""Checks of a target whose kernel crashes, in one way that is known and in another."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from initiator.expect import ConformanceFailure
from suites.plugins.targets import TestedTarget
from targets.model import Control, Ending, EndingKind
from vmlab.watch import find_crash

MUST = "RFC7143-11.19-02"
SHOULD = "RFC7143-11.19-04"

REPORT = """[   12.5] BUG: kernel NULL pointer dereference, address: 00000000000004d9
[   12.6] RIP: 0010:lose_a_race+0x10/0x20 [target]
[   12.7] Call Trace:
[   12.8]  ? may_be_old+0x1/0x2
[   12.9]  {caller}+0x30/0x40 [target]
[   13.0] ---[ end trace 0000000000000000 ]---
[   13.1] afterwards+0x1/0x2
"""
KNOWN, OTHER = REPORT.format(caller="close_a_session"), REPORT.format(caller="login")

_TRIES: Counter[str] = Counter()


@dataclass
class CrashingControl:
    """The control of a target that can be made to look crashed."""

    control: Control
    output: str = ""
    has_crashed: bool = False
    looks: int = 0
    """How often it is still found alive."""

    def crash(self, report: str, looks: int = 0) -> None:
        """Die, or at the next look but so many."""
        self.output += report
        self.has_crashed, self.looks = True, looks

    def is_alive(self) -> bool:
        return not self.has_crashed

    def ending(self) -> Ending | None:
        if self.has_crashed and self.looks:
            self.looks -= 1
            return None
        if not self.has_crashed:
            return None
        crash = find_crash(self.output, self.output.rindex("BUG: "))
        assert crash is not None
        return Ending(
            EndingKind.CRASHED,
            crash.line,
            report_kind=crash.kind,
            functions=crash.functions,
            report=crash.report,
        )

    def revive(self) -> None:
        self.restart()

    def power_cycle(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.has_crashed = False
        self.control.restart()

    def operate(self, order: str) -> None:
        self.control.operate(order)

    def mark(self) -> int:
        return len(self.output)

    def log_since(self, mark: int) -> str:
        return self.output[mark:]

    def decode(self, text: str) -> str:
        return text


@pytest.fixture
def control(request: pytest.FixtureRequest, target: TestedTarget) -> CrashingControl:
    if not isinstance(target.running.control, CrashingControl):
        running = target.running
        control = CrashingControl(running.control, running.control.log_since(0))
        target.running = replace(target.running, control=control)
    _TRIES[request.node.name] += 1
    print(f"{request.node.name}: try {_TRIES[request.node.name]}")  # noqa: T201
    result = target.running.control
    assert isinstance(result, CrashingControl)
    return result


@pytest.fixture
def ends_known(control: CrashingControl) -> Iterator[None]:
    yield
    control.crash(KNOWN)


@pytest.fixture
def ends_otherwise(control: CrashingControl) -> Iterator[None]:
    yield
    control.crash(OTHER)


@pytest.fixture
def begins_known(control: CrashingControl) -> None:
    if _TRIES["test_begins_known"] == 1:
        control.crash(KNOWN)
        raise ConformanceFailure("a login", "none")


def wrong() -> None:
    raise ConformanceFailure("otherwise", "as it does")


@pytest.mark.requirement(MUST)
def test_known_crash_once(control: CrashingControl) -> None:
    """The target survives."""
    if _TRIES["test_known_crash_once"] == 1:
        control.crash(KNOWN)
        wrong()


@pytest.mark.requirement(MUST)
def test_known_crash_twice(control: CrashingControl) -> None:
    """The target survives."""
    control.crash(KNOWN)
    wrong()


@pytest.mark.requirement(MUST)
def test_provoked(control: CrashingControl) -> None:
    """The target survives what is known to crash it."""
    control.crash(KNOWN)
    wrong()


@pytest.mark.requirement(MUST)
def test_known_crash_then_wrong(control: CrashingControl) -> None:
    """The target survives, and says something else."""
    if _TRIES["test_known_crash_then_wrong"] == 1:
        control.crash(KNOWN)
    wrong()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("begins_known")
def test_begins_known() -> None:
    """The target lets a check begin."""


@pytest.mark.requirement(MUST)
def test_unknown_crash(control: CrashingControl) -> None:
    """The target survives."""
    control.crash(OTHER)
    wrong()


@pytest.mark.requirement(SHOULD)
def test_should_unknown_crash(control: CrashingControl) -> None:
    """The target should survive."""
    control.crash(OTHER)
    wrong()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("control")
def test_wrong() -> None:
    """The target says something else."""
    wrong()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("ends_known")
def test_right_and_ends_known() -> None:
    """The target survives the check's end."""


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("ends_otherwise")
def test_right_and_ends_otherwise() -> None:
    """The target survives the check's end."""


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("ends_known")
def test_wrong_and_ends_known() -> None:
    """The target says something else, and survives the check's end."""
    wrong()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("ends_otherwise")
def test_wrong_and_ends_otherwise() -> None:
    """The target says something else, and survives the check's end."""
    wrong()


@pytest.mark.requirement(SHOULD)
@pytest.mark.usefixtures("ends_otherwise")
def test_should_and_ends_otherwise() -> None:
    """The target should say something else, and survives the check's end."""
    wrong()


@pytest.mark.requirement(MUST)
def test_then_dies_known(control: CrashingControl) -> None:
    """The target survives what comes after the check's end."""
    control.crash(KNOWN, looks=1)


@pytest.mark.requirement(MUST)
def test_then_dies_otherwise(control: CrashingControl) -> None:
    """The target survives what comes after the check's end."""
    control.crash(OTHER, looks=1)


@pytest.mark.requirement(MUST)
def test_whatever() -> None:
    """The target is there."""
