# SPDX-License-Identifier: GPL-2.0-only
"""A nexus is an initiator name and an ISID (SPC-4 section 5.12.1)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from initiator.expect import clause, expect_good
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense
from suites.plugins.sessions import Disk, OpenSession
from suites.support.expect import expect_conflict
from suites.support.reservation_commands import COMMANDS
from suites.support.reservations import Nexus, expect_attentions, expect_state

KEY = 0xE5
WRITE_EXCLUSIVE = ReservationType.WRITE_EXCLUSIVE

OTHER_ISIDS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "other-qualifier": lambda isid: isid[:4] + b"\x7e\x57",
        "other-authority": lambda isid: isid[:1] + b"\x7e\x57\x7e" + isid[4:],
    }
)


@pytest.fixture(params=OTHER_ISIDS)
def same_name_nexus(
    request: pytest.FixtureRequest, a: Nexus, open_session: OpenSession
) -> Nexus:
    """A nexus of the initiator name of `a` under another ISID."""
    options = a.session.options
    isid = OTHER_ISIDS[request.param](bytes(options.isid))
    return Nexus(open_session(initiator_name=options.initiator_name, isid=isid))


@pytest.mark.requirement("SPC4-5.12.1-05")
def test_another_isid_is_not_registered(a: Nexus, same_name_nexus: Nexus) -> None:
    """The unit keeps registrations of one initiator name's ISIDs apart."""
    expect_conflict(same_name_nexus.register(KEY, own=a.key))

    expect_good(same_name_nexus.register(KEY))

    expect_state(a, keys=[a.key, KEY])


@pytest.mark.requirement("SPC4-5.12.1-05", "SPC4-5.12.1-01")
def test_another_isid_conflicts(
    a: Nexus, same_name_nexus: Nexus, scratch_disk: Disk
) -> None:
    """A reservation of one ISID conflicts with another ISID of the same name."""
    expect_good(a.reserve(WRITE_EXCLUSIVE))

    expect_conflict(COMMANDS["write_10"].send(same_name_nexus.session, scratch_disk))


@pytest.mark.requirement("SPC4-5.12.1-05", "SPC4-5.12.11.2.7-02")
def test_another_isid_is_notified(a: Nexus, same_name_nexus: Nexus) -> None:
    """A unit attention goes to the nexus it concerns, not to others of its name."""
    expect_good(same_name_nexus.register(KEY))

    expect_good(a.clear())

    expect_attentions(a)
    with clause("SPC4-5.12.11.2.7-02"):
        expect_attentions(same_name_nexus, AdditionalSense.RESERVATIONS_PREEMPTED)


@pytest.mark.requirement("SPC4-5.12.1-05")
def test_another_name_is_another_nexus(a: Nexus, open_session: OpenSession) -> None:
    """A nexus with a registered ISID but another initiator name is not registered."""
    options = a.session.options
    name = f"{options.initiator_name}.other"
    other = Nexus(open_session(isid=options.isid, initiator_name=name))

    expect_conflict(other.register(KEY, own=a.key))
    expect_good(other.register(KEY))

    expect_state(a, keys=[a.key, KEY])
