# SPDX-License-Identifier: GPL-2.0-only
"""Events that registrations and reservations survive (SPC-4 5.12.1 and 5.12.5)."""

from collections.abc import Callable

import pytest

from initiator.expect import expect_good
from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.scsi.persistent_reservations import ReservationType
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.expect import expect_conflict
from suites.support.functions import ask_function
from suites.support.reservations import Nexus, expect_state

LOSSES: dict[str, Callable[[Session], object]] = {
    "logout": lambda session: session.logout(),
    "fin": lambda session: session.connection.close(),
    "rst": lambda session: session.connection.reset(),
    "reinstatement": lambda _session: None,
}
WRITE_EXCLUSIVE = ReservationType.WRITE_EXCLUSIVE


def same_port(session: Session) -> dict[str, object]:
    """Return how to open another session from the same initiator port."""
    options = session.options
    return {"initiator_name": options.initiator_name, "isid": options.isid}


@pytest.mark.requirement("SPC4-5.12.1-03", "SPC4-5.12.1-05", "RFC7143-E.2-i02")
@pytest.mark.parametrize("loss", LOSSES)
def test_a_registration_survives_its_session(
    a: Nexus, b: Nexus, open_session: OpenSession, loss: str
) -> None:
    """An initiator port keeps its registration beyond the end of its session."""
    expect_good(a.reserve(WRITE_EXCLUSIVE))
    LOSSES[loss](a.session)
    expect_state(b, keys=[a.key, b.key], kind=WRITE_EXCLUSIVE, holder=a.key)

    reopened = Nexus(open_session(**same_port(a.session)), a.key)

    expect_good(reopened.reserve(WRITE_EXCLUSIVE))
    expect_good(reopened.release(WRITE_EXCLUSIVE))


@pytest.mark.requirement("SPC4-5.12.1-04")
def test_a_unit_reset_ends_nothing(a: Nexus, b: Nexus, kind: ReservationType) -> None:
    """Registrations and reservation survive a logical unit reset."""
    expect_good(a.reserve(kind))

    ask_function(b.session, TMFunction.LOGICAL_UNIT_RESET)

    holder = 0 if kind.is_all_registrants else a.key
    expect_state(b, keys=[a.key, b.key], kind=kind, holder=holder)


@pytest.mark.requirement("SPC4-5.12.1-04")
def test_a_warm_reset_ends_nothing(a: Nexus, b: Nexus) -> None:
    """Registrations and reservation survive a target warm reset."""
    expect_good(a.reserve(WRITE_EXCLUSIVE))

    ask_function(b.session, TMFunction.TARGET_WARM_RESET)

    expect_state(b, keys=[a.key, b.key], kind=WRITE_EXCLUSIVE, holder=a.key)


@pytest.mark.needs("power-cycle")
@pytest.mark.requirement("SPC4-5.12.5-01")
def test_aptpl_outlives_a_loss_of_power(
    a: Nexus, target: TestedTarget, open_session: OpenSession, kind: ReservationType
) -> None:
    """With APTPL, registrations and reservation survive a power cycle."""
    if not a.capabilities().persist_through_power_loss_capable:
        pytest.skip("not applicable: the unit does not offer APTPL")
    expect_good(a.register(a.key, activate_persist_through_power_loss=True))
    expect_good(a.reserve(kind))

    target.power_cycle()

    reopened = Nexus(open_session(**same_port(a.session)), a.key)
    holder = 0 if kind.is_all_registrants else a.key
    expect_state(reopened, keys=[a.key], kind=kind, holder=holder)
    unregistered = Nexus(open_session())
    expect_conflict(unregistered.reserve(kind))


@pytest.mark.needs("power-cycle")
@pytest.mark.requirement("SPC4-5.12.5-02")
def test_without_aptpl_a_power_loss_ends_all(
    a: Nexus, target: TestedTarget, open_session: OpenSession
) -> None:
    """Without APTPL, a power cycle ends all registrations."""
    if a.capabilities().persist_through_power_loss_capable:
        expect_good(a.register(a.key, activate_persist_through_power_loss=True))
        expect_good(a.register(a.key))
    expect_good(a.reserve(WRITE_EXCLUSIVE))

    target.power_cycle()

    expect_state(Nexus(open_session()), keys=[])
