# SPDX-License-Identifier: GPL-2.0-only
"""Preempting and clearing (SPC-4 sections 5.12.11.2.4 to 5.12.11.2.7)."""

from collections.abc import Callable

import pytest

from initiator.expect import clause, expect_data, expect_good
from iscsi.scsi import cdb
from iscsi.scsi.persistent_reservations import (
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense
from suites.plugins.sessions import Disk
from suites.support.expect import expect_conflict, expect_illegal_request
from suites.support.reservations import Nexus, expect_attentions, expect_state

UNKNOWN_KEY = 0xDEAD
CLEARED = [AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR]
"""What PREEMPT AND ABORT may tell of the tasks besides (SAM-5 section 5.6)."""

ONE_HOLDER = [kind for kind in ReservationType if not kind.is_all_registrants]
ALL_REGISTRANTS = [kind for kind in ReservationType if kind.is_all_registrants]

preempts = pytest.mark.parametrize(
    "aborts",
    [
        pytest.param(
            False, id="preempt", marks=pytest.mark.requirement("SPC4-5.12.11.2.4-01")
        ),
        pytest.param(
            True, id="and-abort", marks=pytest.mark.requirement("SPC4-5.12.11.2.6-01")
        ),
    ],
)


def names(kind: ReservationType) -> str:
    """Return the test ID of a type."""
    return kind.name.lower()


@pytest.mark.requirement("SPC4-5.12.11.2.4-01", "SPC4-5.12.11.2.4-07")
@preempts
def test_registrations_are_removed_by_their_key(
    a: Nexus, b: Nexus, c: Nexus, *, aborts: bool
) -> None:
    """PREEMPT removes the registrant with the key, and notifies it alone."""
    expect_good(a.preempt(b.key, aborts=aborts))

    expect_state(a, keys=[a.key, c.key])
    with clause("SPC4-5.12.11.2.4-07"):
        expect_attentions(
            b,
            AdditionalSense.REGISTRATIONS_PREEMPTED,
            permitted=CLEARED if aborts else (),
        )
        expect_attentions(a)
        expect_attentions(c)


@pytest.mark.requirement("SPC4-5.12.11.2.4-01")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
@preempts
def test_the_reservation_of_another_stays(
    a: Nexus, b: Nexus, c: Nexus, kind: ReservationType, *, aborts: bool
) -> None:
    """PREEMPT of a key that holds no reservation leaves the reservation."""
    expect_good(c.reserve(kind))

    expect_good(a.preempt(b.key, kind, aborts=aborts))

    expect_state(a, keys=[a.key, c.key], kind=kind, holder=c.key)


@pytest.mark.requirement("SPC4-5.12.11.2.4-02", "SPC4-5.12.11.2.4-07")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
@preempts
def test_the_reservation_is_taken_over(
    a: Nexus, b: Nexus, kind: ReservationType, *, aborts: bool
) -> None:
    """PREEMPT of the holder's key makes the sender the holder."""
    expect_good(b.reserve(kind))

    expect_good(a.preempt(b.key, kind, aborts=aborts))

    expect_state(a, keys=[a.key], kind=kind, holder=a.key)
    with clause("SPC4-5.12.11.2.4-07"):
        expect_attentions(
            b,
            AdditionalSense.REGISTRATIONS_PREEMPTED,
            permitted=CLEARED if aborts else (),
        )
        expect_attentions(a)


@pytest.mark.requirement("SPC4-5.12.11.2.4-02", "SPC4-5.12.11.2.4-08")
def test_the_type_may_change(a: Nexus, b: Nexus, c: Nexus) -> None:
    """PREEMPT of the holder sets the new type, and notifies those who stay."""
    expect_good(b.reserve(ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY))

    expect_good(a.preempt(b.key, ReservationType.EXCLUSIVE_ACCESS))

    with clause("SPC4-5.12.11.2.4-07"):
        expect_attentions(b, AdditionalSense.REGISTRATIONS_PREEMPTED)
    with clause("SPC4-5.12.11.2.4-08"):
        expect_attentions(c, AdditionalSense.RESERVATIONS_RELEASED)
    expect_state(
        a,
        keys=[a.key, c.key],
        kind=ReservationType.EXCLUSIVE_ACCESS,
        holder=a.key,
    )


@pytest.mark.requirement("SPC4-5.12.11.2.4-02")
def test_the_holder_may_preempt_itself(a: Nexus, b: Nexus) -> None:
    """PREEMPT of the sender's own key changes the type of its reservation."""
    expect_good(a.reserve(ReservationType.WRITE_EXCLUSIVE))

    expect_good(a.preempt(a.key, ReservationType.EXCLUSIVE_ACCESS))

    expect_state(
        b,
        keys=[a.key, b.key],
        kind=ReservationType.EXCLUSIVE_ACCESS,
        holder=a.key,
    )


@pytest.mark.requirement("SPC4-5.12.11.2.4-01")
def test_all_registrations_of_a_shared_key_are_removed(
    a: Nexus, b: Nexus, unregistered: Nexus
) -> None:
    """PREEMPT removes every nexus that registered the key."""
    expect_good(unregistered.register(b.key))

    expect_good(a.preempt(b.key))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.11.2.4-03")
@preempts
def test_an_unused_key_is_in_conflict(a: Nexus, b: Nexus, *, aborts: bool) -> None:
    """PREEMPT of an unregistered key gets RESERVATION CONFLICT."""
    expect_conflict(a.preempt(UNKNOWN_KEY, aborts=aborts))

    expect_state(b, keys=[a.key, b.key])


@pytest.mark.requirement("SPC4-5.12.11.2.4-04")
@preempts
def test_an_unregistered_nexus_cannot_preempt(
    a: Nexus, unregistered: Nexus, *, aborts: bool
) -> None:
    """PREEMPT by an unregistered nexus, or with a wrong key, gets a conflict."""
    expect_conflict(unregistered.preempt(a.key, own=0, aborts=aborts))
    expect_conflict(a.preempt(a.key, own=a.key ^ 1, aborts=aborts))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.11.2.4-05")
@pytest.mark.parametrize("kind", ONE_HOLDER, ids=names, indirect=True)
def test_key_zero_is_refused_with_one_holder(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """The unit refuses PREEMPT of key zero while a single nexus is the holder."""
    expect_good(b.reserve(kind))

    expect_illegal_request(
        a.preempt(0, kind), AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
    )

    expect_state(b, keys=[a.key, b.key], kind=kind, holder=b.key)


@pytest.mark.requirement("SPC4-5.12.11.2.4-06", "SPC4-5.12.11.2.4-07")
@pytest.mark.parametrize("kind", ALL_REGISTRANTS, ids=names, indirect=True)
def test_key_zero_means_all_others(
    a: Nexus, b: Nexus, c: Nexus, kind: ReservationType
) -> None:
    """PREEMPT of key zero takes over an all registrants reservation."""
    expect_good(b.reserve(kind))

    expect_good(a.preempt(0, ReservationType.WRITE_EXCLUSIVE))

    with clause("SPC4-5.12.11.2.4-07"):
        expect_attentions(b, AdditionalSense.REGISTRATIONS_PREEMPTED)
        expect_attentions(c, AdditionalSense.REGISTRATIONS_PREEMPTED)
    expect_state(a, keys=[a.key], kind=ReservationType.WRITE_EXCLUSIVE, holder=a.key)


@pytest.mark.requirement("SPC4-5.12.11.2.4-01")
@pytest.mark.parametrize("kind", ALL_REGISTRANTS, ids=names, indirect=True)
def test_one_of_many_holders_is_removed(
    a: Nexus, b: Nexus, c: Nexus, kind: ReservationType
) -> None:
    """PREEMPT of one key leaves an all registrants reservation with the others."""
    expect_good(b.reserve(kind))

    expect_good(a.preempt(b.key, kind))

    expect_state(a, keys=[a.key, c.key], kind=kind)


@pytest.mark.requirement("SPC4-5.12.11.2.6-02")
def test_the_tasks_of_the_preempted_are_aborted(
    a: Nexus, b: Nexus, scratch_disk: Disk
) -> None:
    """PREEMPT AND ABORT ends a write of the preempted that waits for its data."""
    data = b"\xa5" * scratch_disk.block_size
    read = cdb.read_10(lba=0, blocks=1)
    before = a.session.execute(read, read=len(data)).data
    task = b.session.start(
        cdb.write_10(lba=0, blocks=1), write=data, immediate_data=0, unsolicited=0
    )
    b.session.route(waiting_for=task)  # the R2T of the write

    expect_good(a.preempt(b.key, aborts=True))

    for r2t in task.unanswered():
        b.session.answer_r2t(task, r2t)
    expect_attentions(b, AdditionalSense.REGISTRATIONS_PREEMPTED, permitted=CLEARED)
    after = a.session.execute(read, read=len(data)).data
    expect_data(after, before, what="the block as it was before the aborted write")


@pytest.mark.requirement("SPC4-5.12.11.2.7-01", "SPC4-5.12.11.2.7-02")
def test_clearing_ends_all(
    a: Nexus, b: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """CLEAR ends reservation and registrations, and notifies the other registrants."""
    expect_good(b.reserve(kind))

    expect_good(a.clear())

    with clause("SPC4-5.12.11.2.7-02"):
        expect_attentions(b, AdditionalSense.RESERVATIONS_PREEMPTED)
        expect_attentions(a)
        expect_attentions(unregistered)
    expect_state(a, keys=[])


@pytest.mark.requirement("SPC4-5.12.11.2.7-01")
def test_clearing_needs_no_reservation(a: Nexus, b: Nexus) -> None:
    """CLEAR removes registrations even if nothing is reserved."""
    expect_good(a.clear())

    expect_state(b, keys=[])


@pytest.mark.requirement("SPC4-5.12.11.2.7-03")
def test_an_unregistered_nexus_clears_nothing(a: Nexus, unregistered: Nexus) -> None:
    """CLEAR by an unregistered nexus, or with a wrong key, gets a conflict."""
    expect_conflict(unregistered.clear(own=a.key))
    expect_conflict(a.clear(own=0))

    expect_state(a, keys=[a.key])


@pytest.mark.needs("response-fence", "multi-connection")
@pytest.mark.requirement("RFC7143-4.2.2.3.4-06")
def test_preempting_waits_for_the_acknowledgements(
    new_nexus: Callable[..., Nexus], b: Nexus
) -> None:
    """The target answers PREEMPT AND ABORT once all status is acknowledged."""
    a = new_nexus(0xFE, keys={"TaskReporting": "ResponseFence", "MaxConnections": "2"})
    second = a.session.add_connection(2)
    a.session.execute(cdb.test_unit_ready(), link=second)

    task = a.start(
        OutServiceAction.PREEMPT_AND_ABORT,
        OutParameters(a.key, b.key),
        type=ReservationType.WRITE_EXCLUSIVE,
    )

    a.session.supply(task)  # an R2T for the parameter list is no response
    a.session.expect_silence(after=task.command)
    a.session.ping(link=second)
    expect_good(a.session.finish(task))


@pytest.mark.requirement("SPC4-5.12.11.2.4-09", "SPC4-5.12.11.2.4-01")
@pytest.mark.parametrize("kind", [0x0, 0xF], ids="type {:X}h".format)
@pytest.mark.parametrize("scope", [0x0, 0xF], ids="scope {:X}h".format)
def test_type_and_scope_do_not_count_for_registrations(
    a: Nexus, b: Nexus, c: Nexus, kind: int, scope: int
) -> None:
    """Registrations are removed whatever TYPE and SCOPE say; the reservation stays."""
    reserved_type = ReservationType.WRITE_EXCLUSIVE
    expect_good(c.reserve(reserved_type))

    action = OutServiceAction.PREEMPT
    result = a.out(action, OutParameters(a.key, b.key), type=kind, scope=scope)

    expect_good(result)
    # A wrong state after GOOD breaks another clause than a refused TYPE or SCOPE.
    with clause("SPC4-5.12.11.2.4-01"):
        expect_state(a, keys=[a.key, c.key], kind=reserved_type, holder=c.key)
