# SPDX-License-Identifier: GPL-2.0-only
"""Commands that conflict with a reservation (SPC-4 5.12.1, SBC-3 section 4.17).

The table of `iscsi.scsi.reservation_conflicts` is the test: each type, each role, each
command class.
"""

from collections.abc import Callable

import pytest

from initiator.expect import check, expect_good
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.reservation_conflicts import PASSES, Role
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk
from suites.support.reservation_commands import COMMANDS, Probe
from suites.support.reservations import Nexus


def cases(*, allowed: bool) -> list[object]:
    """Return type, role and command of every case that the table allows, or forbids."""
    return [
        pytest.param(
            kind, role, probe, id=f"{kind.name.lower()}-{role.name.lower()}-{name}"
        )
        for kind, roles in PASSES.items()
        for role, passing in roles.items()
        for name, probe in COMMANDS.items()
        if (probe.access in passing) is allowed
    ]


Roles = Callable[[Role], Nexus]


@pytest.fixture
def of_role(request: pytest.FixtureRequest) -> Roles:
    """Return the nexus of a role, opened when it is asked for; `a` reserves.

    Logins take long on some targets, and these are many checks.
    """
    names = {Role.HOLDER: "a", Role.REGISTRANT: "b", Role.STRANGER: "unregistered"}

    def find(role: Role) -> Nexus:
        nexus: Nexus = request.getfixturevalue(names[role])
        return nexus

    return find


@pytest.mark.requirement("SPC4-5.12.1-02")
@pytest.mark.parametrize(
    ("kind", "role", "probe"), cases(allowed=True), indirect=["kind"]
)
def test_allowed_commands_are_executed(
    of_role: Roles, scratch_disk: Disk, kind: ReservationType, role: Role, probe: Probe
) -> None:
    """The unit executes a command that the reservation's type allows to a role."""
    holder, nexus = of_role(Role.HOLDER), of_role(role)
    probe.skip_unless_offered(holder.session, scratch_disk)
    expect_good(holder.reserve(kind))

    result = probe.send(nexus.session, scratch_disk)

    check(
        result.status != SCSIStatus.RESERVATION_CONFLICT,
        "any status but RESERVATION CONFLICT",
        result,
    )


@pytest.mark.requirement("SPC4-5.12.1-01")
@pytest.mark.parametrize(
    ("kind", "role", "probe"), cases(allowed=False), indirect=["kind"]
)
def test_forbidden_commands_conflict(
    of_role: Roles, scratch_disk: Disk, kind: ReservationType, role: Role, probe: Probe
) -> None:
    """A command that the type forbids to a role gets RESERVATION CONFLICT."""
    holder, nexus = of_role(Role.HOLDER), of_role(role)
    probe.skip_unless_offered(holder.session, scratch_disk)
    expect_good(holder.reserve(kind))

    result = probe.send(nexus.session, scratch_disk)

    check(
        result.status == SCSIStatus.RESERVATION_CONFLICT, "RESERVATION CONFLICT", result
    )


@pytest.mark.requirement("SPC4-5.12.1-02")
def test_registrations_alone_cause_no_conflict(
    a: Nexus, unregistered: Nexus, scratch_disk: Disk
) -> None:
    """Registrations without a reservation cause no conflict."""
    probe = COMMANDS["write_10"]

    result = probe.send(unregistered.session, scratch_disk)

    assert a.key

    expect_good(result)
