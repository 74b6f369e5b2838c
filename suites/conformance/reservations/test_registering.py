# SPDX-License-Identifier: GPL-2.0-only
"""Registering and unregistering (SPC-4 sections 5.12.7 and 5.12.11.2.3)."""

import pytest

from initiator.expect import expect_good
from initiator.task import Result
from iscsi.scsi.persistent_reservations import (
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense
from suites.support.expect import expect_conflict, expect_illegal_request
from suites.support.reservations import Nexus, expect_attentions, expect_state

KEY, OTHER_KEY = 0x1122334455667788, 0xFFFFFFFFFFFFFFFF
SHARED = [kind for kind in ReservationType if kind.is_shared_by_registrants]
REGISTRANTS_ONLY = [kind for kind in SHARED if not kind.is_all_registrants]
ALL_REGISTRANTS = [kind for kind in SHARED if kind.is_all_registrants]
ALONE = [kind for kind in ReservationType if not kind.is_shared_by_registrants]


def names(kind: ReservationType) -> str:
    """Return the test ID of a type."""
    return kind.name.lower()


@pytest.mark.requirement("SPC4-5.12.7-01", "SPC4-6.15.2-01")
@pytest.mark.parametrize("key", [1, KEY, OTHER_KEY])
def test_an_unregistered_nexus_registers(unregistered: Nexus, key: int) -> None:
    """REGISTER with key zero registers the sender under the service action key."""
    expect_good(unregistered.register(key))

    expect_state(unregistered, keys=[key])


@pytest.mark.requirement("SPC4-5.12.7-02")
def test_an_unregistered_nexus_has_no_key_yet(unregistered: Nexus) -> None:
    """REGISTER with a key by an unregistered nexus gets RESERVATION CONFLICT."""
    expect_conflict(unregistered.register(KEY, own=KEY))

    expect_state(unregistered, keys=[])


@pytest.mark.requirement("SPC4-5.12.7-03")
def test_a_registrant_changes_its_key(a: Nexus, b: Nexus) -> None:
    """REGISTER with the right key changes the sender's key alone."""
    expect_good(a.register(KEY))

    expect_state(a, keys=[KEY, b.key])


@pytest.mark.requirement("SPC4-5.12.7-04")
@pytest.mark.parametrize("wrong", [0, 1, OTHER_KEY])
def test_a_registrant_must_know_its_key(a: Nexus, wrong: int) -> None:
    """REGISTER of a registrant with a wrong key gets RESERVATION CONFLICT."""
    expect_conflict(a.register(KEY, own=wrong))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.7-04")
def test_a_wrong_key_does_not_unregister(a: Nexus) -> None:
    """REGISTER of key zero with a wrong key gets RESERVATION CONFLICT."""
    expect_conflict(a.register(0, own=a.key ^ 1))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.7-05")
@pytest.mark.parametrize("own", [0, OTHER_KEY])
def test_register_and_ignore_registers_a_new_nexus(
    unregistered: Nexus, own: int
) -> None:
    """REGISTER AND IGNORE EXISTING KEY registers whatever RESERVATION KEY is."""
    expect_good(unregistered.register_anyway(KEY, own=own))

    expect_state(unregistered, keys=[KEY])


@pytest.mark.requirement("SPC4-5.12.7-05")
@pytest.mark.parametrize("own", [0, OTHER_KEY])
def test_register_and_ignore_changes_a_key(a: Nexus, own: int) -> None:
    """REGISTER AND IGNORE EXISTING KEY changes the key of a registrant."""
    expect_good(a.register_anyway(KEY, own=own))

    expect_state(a, keys=[KEY])


@pytest.mark.requirement("SPC4-5.12.11.2.3-01")
def test_register_and_ignore_unregisters(a: Nexus, b: Nexus) -> None:
    """REGISTER AND IGNORE EXISTING KEY of zero unregisters the sender."""
    expect_good(a.register_anyway(0))

    expect_state(b, keys=[b.key])


@pytest.mark.requirement("SPC4-5.12.7-06")
def test_unregistering_an_unregistered_nexus_is_good(
    unregistered: Nexus, a: Nexus
) -> None:
    """REGISTER of key zero by an unregistered nexus is GOOD, without effect."""
    expect_good(unregistered.register(0))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.7-07")
def test_registering_leaves_the_reservation(
    a: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """A new registration, or a new key, leaves the reservation as it is."""
    expect_good(a.reserve(kind))

    expect_good(unregistered.register(KEY))
    expect_good(a.register(OTHER_KEY))

    holder = 0 if kind.is_all_registrants else OTHER_KEY
    expect_state(a, keys=[OTHER_KEY, KEY], kind=kind, holder=holder)


@pytest.mark.requirement("SPC4-5.12.7-10", "SPC4-5.12.1-05")
def test_a_key_may_be_shared(a: Nexus, unregistered: Nexus) -> None:
    """Two nexuses can register one key; each unregisters for itself."""
    expect_good(unregistered.register(a.key))
    expect_state(a, keys=[a.key, a.key])

    expect_good(unregistered.register(0))

    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-5.12.11.2.3-01")
def test_a_registrant_unregisters(a: Nexus, b: Nexus) -> None:
    """REGISTER of key zero removes the sender's registration alone."""
    expect_good(a.register(0))

    expect_state(b, keys=[b.key])
    expect_conflict(a.reserve(ReservationType.WRITE_EXCLUSIVE, own=0))


@pytest.mark.requirement("SPC4-5.12.11.2.3-02")
@pytest.mark.parametrize("kind", ALONE + REGISTRANTS_ONLY, ids=names, indirect=True)
def test_the_reservation_ends_with_its_only_holder(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """The reservation ends when its only holder unregisters."""
    expect_good(a.reserve(kind))

    expect_good(a.register(0))

    expect_state(b, keys=[b.key])


@pytest.mark.requirement("SPC4-5.12.11.2.3-03")
@pytest.mark.parametrize("kind", REGISTRANTS_ONLY, ids=names, indirect=True)
def test_registrants_are_notified_of_an_unregistration(
    a: Nexus, b: Nexus, c: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """The unit notifies the other registrants when the holder unregisters."""
    expect_good(a.reserve(kind))

    expect_good(a.register(0))

    expect_attentions(b, AdditionalSense.RESERVATIONS_RELEASED)
    expect_attentions(c, AdditionalSense.RESERVATIONS_RELEASED)
    expect_attentions(a)
    expect_attentions(unregistered)


@pytest.mark.requirement("SPC4-5.12.11.2.3-05")
@pytest.mark.parametrize("kind", ALONE, ids=names, indirect=True)
def test_a_lone_holders_unregistration_is_not_reported(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """Nobody is notified when a WRITE EXCLUSIVE or EXCLUSIVE ACCESS holder leaves."""
    expect_good(a.reserve(kind))

    expect_good(a.register(0))

    expect_attentions(a)
    expect_attentions(b)


@pytest.mark.requirement("SPC4-5.12.11.2.3-04")
@pytest.mark.parametrize("kind", ALL_REGISTRANTS, ids=names, indirect=True)
def test_the_last_registrant_ends_the_reservation(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """An all registrants reservation ends when the last registrant unregisters."""
    expect_good(a.reserve(kind))

    expect_good(a.register(0))
    expect_state(b, keys=[b.key], kind=kind)
    expect_good(b.register(0))

    expect_state(b, keys=[])


@pytest.mark.requirement("SPC4-5.12.7-08")
def test_ports_can_be_registered_by_name(
    unregistered: Nexus, new_nexus: object
) -> None:
    """SPEC_I_PT registers the sender and the named initiator ports."""
    assert callable(new_nexus)
    other: Nexus = new_nexus()
    if not unregistered.capabilities().specify_initiator_ports_capable:
        pytest.skip("not applicable: the unit does not offer SPEC_I_PT")

    named = (other.transport_id,)
    expect_good(
        unregistered.register(KEY, specify_initiator_ports=True, transport_ids=named)
    )

    expect_state(unregistered, keys=[KEY, KEY])
    expect_conflict(other.register(OTHER_KEY))
    other.key = KEY
    expect_good(other.reserve(ReservationType.WRITE_EXCLUSIVE))


@pytest.mark.requirement("SPC4-5.12.7-09")
def test_spec_i_pt_of_a_registrant_is_refused(
    a: Nexus, b: Nexus, unregistered: Nexus
) -> None:
    """The unit refuses SPEC_I_PT of a registrant, and registers no nexus."""
    if not a.capabilities().specify_initiator_ports_capable:
        pytest.skip("not applicable: the unit does not offer SPEC_I_PT")
    parameters = OutParameters(
        a.key,
        KEY,
        specify_initiator_ports=True,
        transport_ids=(unregistered.transport_id,),
    )

    result = a.out(OutServiceAction.REGISTER, parameters)

    expect_illegal_request(
        result,
        AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST,
        AdditionalSense.INVALID_FIELD_IN_CDB,
    )
    expect_state(a, keys=[a.key, b.key])


@pytest.mark.requirement("SPC4-5.12.7-08")
def test_a_malformed_port_is_refused(unregistered: Nexus) -> None:
    """The unit refuses a TransportID of another protocol, and registers no nexus."""
    if not unregistered.capabilities().specify_initiator_ports_capable:
        pytest.skip("not applicable: the unit does not offer SPEC_I_PT")
    complete_data = OutParameters(
        0, KEY, specify_initiator_ports=True, transport_ids=(unregistered.transport_id,)
    ).build()
    wrong = (
        complete_data[:28]
        + bytes([complete_data[28] & 0xF0 | 0x0F])
        + complete_data[29:]
    )

    result = unregistered.out(OutServiceAction.REGISTER, wrong)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
    expect_state(unregistered, keys=[])


@pytest.mark.requirement("SPC4-5.12.5-03")
def test_aptpl_is_refused_if_unsupported(unregistered: Nexus) -> None:
    """The unit refuses APTPL if REPORT CAPABILITIES does not report it."""
    if unregistered.capabilities().persist_through_power_loss_capable:
        pytest.skip("not applicable: the unit keeps reservations over a loss of power")

    result = unregistered.register(KEY, activate_persist_through_power_loss=True)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
    expect_state(unregistered, keys=[])


@pytest.mark.requirement("SPC4-5.12.7-11")
def test_named_ports_are_refused_if_unsupported(
    unregistered: Nexus, new_nexus: object
) -> None:
    """The unit refuses SPEC_I_PT if REPORT CAPABILITIES does not report SIP_C."""
    assert callable(new_nexus)
    other: Nexus = new_nexus()
    if unregistered.capabilities().specify_initiator_ports_capable:
        pytest.skip("not applicable: the unit offers SPEC_I_PT")
    named = (other.transport_id,)

    result = unregistered.register(
        KEY, specify_initiator_ports=True, transport_ids=named
    )

    _expect_refusal(result)
    expect_state(unregistered, keys=[])


@pytest.mark.requirement("SPC4-5.12.7-11")
def test_all_ports_are_refused_if_unsupported(unregistered: Nexus) -> None:
    """The unit refuses ALL_TG_PT if REPORT CAPABILITIES does not report ATP_C."""
    if unregistered.capabilities().all_target_ports_capable:
        pytest.skip("not applicable: the unit offers ALL_TG_PT")

    result = unregistered.register(KEY, all_target_ports=True)

    _expect_refusal(result)
    expect_state(unregistered, keys=[])


def _expect_refusal(result: Result) -> None:
    """Expect that a list with a flag is refused, or found too long without the flag."""
    expect_illegal_request(
        result,
        AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST,
        AdditionalSense.PARAMETER_LIST_LENGTH_ERROR,
        AdditionalSense.INVALID_FIELD_IN_CDB,
    )


@pytest.mark.requirement("SPC4-6.16-01")
@pytest.mark.parametrize("length", [0, 8, 23, 25, 28, 64])
def test_parameter_list_must_have_its_length(unregistered: Nexus, length: int) -> None:
    """The unit refuses a REGISTER whose list is not 24 bytes long."""
    data = OutParameters(0, KEY).build().ljust(64, b"\0")[:length]

    result = unregistered.out(OutServiceAction.REGISTER, data)

    expect_illegal_request(result, AdditionalSense.PARAMETER_LIST_LENGTH_ERROR)
    expect_state(unregistered, keys=[])
