# SPDX-License-Identifier: GPL-2.0-only
"""Registering and moving the reservation (SPC-4 section 5.12.8)."""

import pytest

from initiator.expect import ConformanceFailure, expect_good
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense
from suites.support.expect import expect_conflict, expect_illegal_request
from suites.support.reservations import Nexus, expect_state

KEY = 0xD4
ONE_HOLDER = [kind for kind in ReservationType if not kind.is_all_registrants]


def names(kind: ReservationType) -> str:
    """Return the test ID of a type."""
    return kind.name.lower()


@pytest.fixture(autouse=True)
def _moves(a: Nexus, unregistered: Nexus) -> None:
    """Skip if the unit has no REGISTER AND MOVE, or does not report its port."""
    try:
        a.target_port()
    except ConformanceFailure as failure:
        pytest.skip(
            f"not applicable: READ FULL STATUS reports no port: {failure.actual}"
        )
    result = a.move(
        unregistered, KEY, ReservationType.WRITE_EXCLUSIVE, reservation_key=1
    )
    sense = result.sense
    if sense and sense.additional in (
        AdditionalSense.INVALID_FIELD_IN_CDB,
        AdditionalSense.INVALID_COMMAND_OPERATION_CODE,
    ):
        pytest.skip("not applicable: the unit does not offer REGISTER AND MOVE")


@pytest.mark.requirement("SPC4-5.12.8-01", "SPC4-5.12.8-04")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
def test_the_reservation_moves_to_an_unregistered_nexus(
    a: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """REGISTER AND MOVE registers the named nexus as the holder; the sender stays."""
    expect_good(a.reserve(kind))

    expect_good(a.move(unregistered, KEY, kind))

    expect_state(a, keys=[a.key, KEY], kind=kind, holder=KEY)
    unregistered.key = KEY
    expect_good(unregistered.register(KEY))


@pytest.mark.requirement("SPC4-5.12.8-01")
def test_a_registrant_gets_another_key(a: Nexus, b: Nexus) -> None:
    """REGISTER AND MOVE to a registrant makes it the holder under the new key."""
    expect_good(a.reserve(ReservationType.WRITE_EXCLUSIVE))

    expect_good(a.move(b, KEY, ReservationType.WRITE_EXCLUSIVE))

    expect_state(a, keys=[a.key, KEY], kind=ReservationType.WRITE_EXCLUSIVE, holder=KEY)


@pytest.mark.requirement("SPC4-5.12.8-04")
def test_the_sender_may_unregister(a: Nexus, b: Nexus) -> None:
    """REGISTER AND MOVE with UNREG removes the sender's registration."""
    expect_good(a.reserve(ReservationType.EXCLUSIVE_ACCESS))

    expect_good(a.move(b, KEY, ReservationType.EXCLUSIVE_ACCESS, unregister=True))

    expect_state(b, keys=[KEY], kind=ReservationType.EXCLUSIVE_ACCESS, holder=KEY)


@pytest.mark.requirement("SPC4-5.12.8-02")
def test_only_the_holder_moves_the_reservation(
    a: Nexus, b: Nexus, unregistered: Nexus
) -> None:
    """REGISTER AND MOVE of any but the holder gets RESERVATION CONFLICT."""
    kind = ReservationType.WRITE_EXCLUSIVE
    expect_good(a.reserve(kind))
    port = a.target_port()

    expect_conflict(b.move(unregistered, KEY, kind))
    expect_conflict(
        unregistered.move(
            b, KEY, kind, relative_target_port=port, reservation_key=a.key
        )
    )

    expect_state(a, keys=[a.key, b.key], kind=kind, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.8-02")
def test_the_key_must_be_right(a: Nexus, b: Nexus) -> None:
    """REGISTER AND MOVE with a wrong key gets RESERVATION CONFLICT."""
    kind = ReservationType.WRITE_EXCLUSIVE
    expect_good(a.reserve(kind))

    expect_conflict(a.move(b, KEY, kind, reservation_key=a.key ^ 1))

    expect_state(a, keys=[a.key, b.key], kind=kind, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.8-03")
def test_the_new_key_is_not_zero(a: Nexus, b: Nexus) -> None:
    """The unit refuses REGISTER AND MOVE with key zero."""
    kind = ReservationType.WRITE_EXCLUSIVE
    expect_good(a.reserve(kind))

    result = a.move(b, 0, kind)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
    expect_state(a, keys=[a.key, b.key], kind=kind, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.8-05")
def test_a_nexus_cannot_move_to_itself(a: Nexus) -> None:
    """The unit refuses REGISTER AND MOVE to the sender's own port."""
    kind = ReservationType.WRITE_EXCLUSIVE
    expect_good(a.reserve(kind))

    result = a.move(a, KEY, kind)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
    expect_state(a, keys=[a.key], kind=kind, holder=a.key)
