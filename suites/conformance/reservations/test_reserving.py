# SPDX-License-Identifier: GPL-2.0-only
"""Reserving and releasing (SPC-4 sections 5.12.9, 5.12.10 and 5.12.11.2.2)."""

import pytest

from initiator.expect import expect_good
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense
from suites.support.expect import expect_conflict, expect_illegal_request
from suites.support.reservations import Nexus, expect_attentions, expect_state

SHARED = [kind for kind in ReservationType if kind.is_shared_by_registrants]
ALL_REGISTRANTS = [kind for kind in SHARED if kind.is_all_registrants]
ALONE = [kind for kind in ReservationType if not kind.is_shared_by_registrants]
ONE_HOLDER = [kind for kind in ReservationType if not kind.is_all_registrants]
WRONG_TYPES = [0, 2, 4, 9, 15]


def names(kind: ReservationType) -> str:
    """Return the test ID of a type."""
    return kind.name.lower()


def shown_key(nexus: Nexus, kind: ReservationType) -> int:
    """Return the key that READ RESERVATION shows for a holder."""
    return 0 if kind.is_all_registrants else nexus.key


def other_type(kind: ReservationType) -> ReservationType:
    """Return a type that differs from this one."""
    if kind is ReservationType.WRITE_EXCLUSIVE:
        return ReservationType.EXCLUSIVE_ACCESS
    return ReservationType.WRITE_EXCLUSIVE


@pytest.mark.requirement("SPC4-5.12.9-01", "SPC4-6.15.3-01", "SPC4-6.15.4-02")
def test_a_registrant_reserves(a: Nexus, b: Nexus, kind: ReservationType) -> None:
    """RESERVE makes a reservation of the requested type."""
    expect_good(a.reserve(kind))

    expect_state(b, keys=[a.key, b.key], kind=kind, holder=shown_key(a, kind))


@pytest.mark.requirement("SPC4-5.12.9-02")
def test_an_unregistered_nexus_reserves_nothing(
    unregistered: Nexus, kind: ReservationType
) -> None:
    """RESERVE of an unregistered nexus gets RESERVATION CONFLICT."""
    expect_conflict(unregistered.reserve(kind))

    expect_state(unregistered, keys=[])


@pytest.mark.requirement("SPC4-5.12.9-02")
@pytest.mark.parametrize("wrong", [0, 1, 0xFFFFFFFFFFFFFFFF])
def test_reserving_needs_the_right_key(a: Nexus, wrong: int) -> None:
    """RESERVE with a wrong key gets RESERVATION CONFLICT."""
    expect_conflict(a.reserve(ReservationType.WRITE_EXCLUSIVE, own=wrong))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.9-03")
def test_reserving_again_is_good(a: Nexus, kind: ReservationType) -> None:
    """RESERVE of the holder with its type is GOOD, without effect."""
    expect_good(a.reserve(kind))

    expect_good(a.reserve(kind))

    expect_state(a, keys=[a.key], kind=kind, holder=shown_key(a, kind))


@pytest.mark.requirement("SPC4-5.12.9-04")
def test_the_type_is_not_changed_by_reserving(a: Nexus, kind: ReservationType) -> None:
    """RESERVE of another type gets RESERVATION CONFLICT, for the holder, too."""
    expect_good(a.reserve(kind))

    expect_conflict(a.reserve(other_type(kind)))

    expect_state(a, keys=[a.key], kind=kind, holder=shown_key(a, kind))


@pytest.mark.requirement("SPC4-5.12.9-05")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
def test_another_registrant_cannot_reserve(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """RESERVE of another registrant gets RESERVATION CONFLICT."""
    expect_good(a.reserve(kind))

    expect_conflict(b.reserve(kind))
    expect_conflict(b.reserve(other_type(kind)))

    expect_state(b, keys=[a.key, b.key], kind=kind, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.10-01")
@pytest.mark.parametrize("kind", ALL_REGISTRANTS, ids=names, indirect=True)
def test_each_registrant_may_reserve_an_all_registrants_type(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """With an all registrants type, RESERVE of each registrant is GOOD."""
    expect_good(a.reserve(kind))

    expect_good(b.reserve(kind))

    expect_state(b, keys=[a.key, b.key], kind=kind, holder=0)
    expect_good(b.release(kind))
    expect_state(a, keys=[a.key, b.key])


@pytest.mark.requirement("SPC4-5.12.9-06")
@pytest.mark.parametrize("code", WRONG_TYPES)
def test_reserved_types_are_refused(a: Nexus, code: int) -> None:
    """The unit refuses RESERVE of a reserved or obsolete type."""
    expect_illegal_request(a.reserve(code), AdditionalSense.INVALID_FIELD_IN_CDB)

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.9-06")
@pytest.mark.parametrize("scope", [1, 2, 15])
def test_reserved_scopes_are_refused(a: Nexus, scope: int) -> None:
    """The unit refuses RESERVE of a scope other than the logical unit."""
    result = a.reserve(ReservationType.WRITE_EXCLUSIVE, scope=scope)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_CDB)
    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.11.2.2-01")
def test_the_holder_releases(a: Nexus, b: Nexus, kind: ReservationType) -> None:
    """RELEASE of the holder ends the reservation and no registration."""
    expect_good(a.reserve(kind))

    expect_good(a.release(kind))

    expect_state(b, keys=[a.key, b.key])


@pytest.mark.requirement("SPC4-5.12.11.2.2-02")
def test_release_must_name_the_held_type(a: Nexus, kind: ReservationType) -> None:
    """The unit refuses RELEASE of another type, and keeps the reservation."""
    expect_good(a.reserve(kind))

    expect_illegal_request(
        a.release(other_type(kind)),
        AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION,
    )

    expect_state(a, keys=[a.key], kind=kind, holder=shown_key(a, kind))


@pytest.mark.requirement("SPC4-5.12.11.2.2-03")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
def test_only_the_holder_releases(a: Nexus, b: Nexus, kind: ReservationType) -> None:
    """RELEASE of a registrant that is not the holder is GOOD, without effect."""
    expect_good(a.reserve(kind))

    expect_good(b.release(kind))

    expect_state(b, keys=[a.key, b.key], kind=kind, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.11.2.2-03")
def test_release_without_a_reservation_is_good(a: Nexus, kind: ReservationType) -> None:
    """RELEASE is GOOD if nothing is reserved."""
    expect_good(a.release(kind))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.11.2.2-04")
def test_an_unregistered_nexus_releases_nothing(
    a: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """RELEASE of an unregistered nexus, or with a wrong key, gets a conflict."""
    expect_good(a.reserve(kind))

    expect_conflict(unregistered.release(kind, own=a.key))
    expect_conflict(a.release(kind, own=a.key ^ 1))

    expect_state(a, keys=[a.key], kind=kind, holder=shown_key(a, kind))


@pytest.mark.requirement("SPC4-5.12.11.2.2-05")
@pytest.mark.parametrize("kind", SHARED, ids=names, indirect=True)
def test_registrants_are_notified_of_a_release(
    a: Nexus, b: Nexus, c: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """The unit notifies every other registrant of a release, and no other nexus."""
    expect_good(a.reserve(kind))

    expect_good(a.release(kind))

    expect_attentions(b, AdditionalSense.RESERVATIONS_RELEASED)
    expect_attentions(c, AdditionalSense.RESERVATIONS_RELEASED)
    expect_attentions(a)
    expect_attentions(unregistered)


@pytest.mark.requirement("SPC4-5.12.11.2.2-06")
@pytest.mark.parametrize("kind", ALONE, ids=names, indirect=True)
def test_a_lone_holders_release_is_not_reported(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """Nobody is notified of the release of WRITE EXCLUSIVE or EXCLUSIVE ACCESS."""
    expect_good(a.reserve(kind))

    expect_good(a.release(kind))

    expect_attentions(b)
    expect_attentions(a)
