# SPDX-License-Identifier: GPL-2.0-only
"""PERSISTENT RESERVE IN (SPC-4 section 6.15) and malformed PERSISTENT RESERVE OUT."""

from collections.abc import Callable

import pytest

from initiator.expect import check, clause, expect_good
from initiator.session import Session
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.persistent_reservations import (
    LU_SCOPE,
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.vpd import DesignatorType, VPDPage, parse_designators
from suites.support.expect import expect_conflict, expect_illegal_request
from suites.support.pages import body_of
from suites.support.reservations import Nexus, expect_state

LISTS = {
    "keys": cdb.persistent_reserve_in_read_keys,
    "reservation": cdb.persistent_reserve_in_read_reservation,
    "full-status": cdb.persistent_reserve_in_read_full_status,
}
CUTS = [
    *(("keys", length) for length in (1, 4, 7, 8, 9, 15, 16, 17, 23, 24)),
    *(("reservation", length) for length in (1, 4, 7, 8, 9, 16, 21, 22, 23, 24)),
    *(("full-status", length) for length in (1, 7, 8, 9, 31, 32, 55, 64)),
]
"""Where a list is cut: within and between its header, keys and descriptors."""

KEY = 0x77
RESERVED_ACTIONS = [8, 15, 31]
WRITE_EXCLUSIVE = ReservationType.WRITE_EXCLUSIVE

COUNTED: dict[str, Callable[[Nexus, Nexus], object]] = {
    "register": lambda a, _b: a.register(KEY),
    "register-and-ignore": lambda a, _b: a.register_anyway(KEY),
    "unregister": lambda a, _b: a.register(0),
    "clear": lambda a, _b: a.clear(),
    "preempt": lambda a, b: a.preempt(b.key),
}
NOT_COUNTED: dict[str, Callable[[Nexus, Nexus], object]] = {
    "reserve": lambda a, _b: a.reserve(WRITE_EXCLUSIVE),
    "release": lambda a, _b: a.release(WRITE_EXCLUSIVE),
    "refused-register": lambda a, _b: a.register(KEY, own=a.key ^ 1),
    "refused-preempt": lambda a, _b: a.preempt(KEY),
    "reading": lambda a, _b: a.reservation(),
}


@pytest.mark.requirement("SPC4-6.15.2-01")
def test_every_key_is_listed(a: Nexus, b: Nexus, unregistered: Nexus) -> None:
    """READ KEYS lists the key of each registered nexus, to any nexus."""
    for reader in (a, b, unregistered):
        expect_state(reader, keys=[a.key, b.key])


@pytest.mark.requirement("SPC4-6.15.2-02")
@pytest.mark.parametrize("name", COUNTED)
def test_registration_changes_are_counted(a: Nexus, b: Nexus, name: str) -> None:
    """PRGENERATION counts each change of the registrations."""
    before = b.generation()

    COUNTED[name](a, b)

    after = b.generation()
    check(after == (before + 1) % 2**32, f"PRGENERATION {before + 1}", after)


@pytest.mark.requirement("SPC4-6.15.2-02")
@pytest.mark.parametrize("name", NOT_COUNTED)
def test_other_actions_are_not_counted(a: Nexus, b: Nexus, name: str) -> None:
    """PRGENERATION does not count reserving, releasing, reading and refusals."""
    before = b.generation()

    NOT_COUNTED[name](a, b)

    check(b.generation() == before, f"PRGENERATION {before}", b.generation())


@pytest.mark.requirement("SPC4-6.15.2-03")
@pytest.mark.parametrize(("name", "length"), CUTS)
def test_a_list_is_cut_where_asked(a: Nexus, b: Nexus, name: str, length: int) -> None:
    """ALLOCATION LENGTH cuts parameter data and leaves ADDITIONAL LENGTH whole."""
    layout = LISTS[name]
    expect_good(b.reserve(WRITE_EXCLUSIVE))
    first = a.session.execute(layout(allocation_length=1024), read=1024)
    complete_data = first.data
    if first.sense and layout is LISTS["full-status"]:
        pytest.skip("not applicable: the unit does not offer READ FULL STATUS")

    result = a.session.execute(layout(allocation_length=length), read=1024)

    check(
        result.data == complete_data[:length],
        complete_data[:length].hex(" "),
        result.data.hex(" "),
    )


@pytest.mark.requirement("SPC4-6.15.3-01")
def test_nothing_reserved_is_an_empty_list(a: Nexus) -> None:
    """READ RESERVATION returns an empty list while nothing is reserved."""
    result = a.session.execute(
        cdb.persistent_reserve_in_read_reservation(allocation_length=64), read=64
    )

    check(len(result.data) == 8, "8 bytes", result.data.hex(" "))
    check(result.data[4:] == bytes(4), "ADDITIONAL LENGTH 0", result.data.hex(" "))


@pytest.mark.requirement("SPC4-6.15.4-01")
def test_capabilities_are_eight_bytes(unregistered: Nexus) -> None:
    """REPORT CAPABILITIES has LENGTH 8, and reports at least one type."""
    capabilities = unregistered.capabilities()

    check(capabilities.length == 8, "LENGTH 8", capabilities.length)
    check(
        not capabilities.type_mask_valid or capabilities.types,
        "a type that the unit accepts",
        capabilities,
    )


@pytest.mark.requirement("SPC4-6.15.4-03")
def test_types_that_are_not_reported_are_refused(a: Nexus) -> None:
    """The unit refuses to reserve a type that its mask of types leaves out."""
    capabilities = a.capabilities()
    missing = sorted(set(ReservationType) - capabilities.types)
    if not capabilities.type_mask_valid or not missing:
        pytest.skip("not applicable: the unit does not report a type as absent")

    taken = []
    for kind in missing:
        parameters = OutParameters(a.key)
        action = OutServiceAction.RESERVE
        result = a.session.finish(a.start(action, parameters, type=kind))
        if result.is_good:
            taken.append(kind.name)
            a.release(kind)

    check(not taken, "types that are not reported are refused", taken)


@pytest.mark.requirement("SPC4-6.15.4-02")
@pytest.mark.parametrize("is_set", [True, False])
def test_the_last_aptpl_is_shown(unregistered: Nexus, *, is_set: bool) -> None:
    """PTPL_A is the APTPL bit of the last registration."""
    if not unregistered.capabilities().persist_through_power_loss_capable:
        pytest.skip("not applicable: the unit does not offer APTPL")
    expect_good(
        unregistered.register(KEY, activate_persist_through_power_loss=not is_set)
    )

    expect_good(unregistered.register(KEY, activate_persist_through_power_loss=is_set))

    is_activated = unregistered.capabilities().persist_through_power_loss_activated
    check(is_activated == is_set, f"PTPL_A {int(is_set)}", int(is_activated))


@pytest.mark.requirement("SPC4-6.15.5-01")
def test_every_registration_is_shown_completely(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """READ FULL STATUS returns key, TransportID and holder of each registration."""
    layout = LISTS["full-status"]
    sense = a.session.execute(layout(allocation_length=64), read=64).sense
    if sense and sense.additional is AdditionalSense.INVALID_FIELD_IN_CDB:
        pytest.skip("not applicable: the unit does not offer READ FULL STATUS")
    expect_good(b.reserve(kind))

    registrations = {
        (entry.reservation_key, entry.transport_id, entry.is_holder)
        for entry in a.full_status().registrations
    }

    expected = {
        (a.key, a.transport_id, kind.is_all_registrants),
        (b.key, b.transport_id, True),
    }
    check(
        registrations == expected,
        sorted(map(str, expected)),
        sorted(map(str, registrations)),
    )


@pytest.mark.requirement("SPC4-6.15.5-02", "SPC4-6.15.5-01")
def test_full_status_reports_port_scope_and_type(
    a: Nexus, b: Nexus, kind: ReservationType
) -> None:
    """READ FULL STATUS returns the target port, scope and type of a reservation."""
    expect_good(b.reserve(kind))
    layout = LISTS["full-status"]
    sense = a.session.execute(layout(allocation_length=1024), read=1024).sense
    if sense and sense.additional is AdditionalSense.INVALID_FIELD_IN_CDB:
        pytest.skip("not applicable: the unit does not offer READ FULL STATUS")
    ports = relative_ports(a.session)

    with clause("SPC4-6.15.5-01"):
        registrations = a.full_status().registrations

    for entry in registrations:
        is_right = not entry.all_target_ports
        check(is_right, "ALL_TG_PT 0: one port is registered", entry, field="ALL_TG_PT")
        is_right = not ports or entry.relative_target_port in ports
        expected = (
            f"RELATIVE TARGET PORT IDENTIFIER {sorted(ports)}, as VPD page 83h has it"
        )
        check(is_right, expected, entry, field="RELATIVE TARGET PORT IDENTIFIER")
        if entry.is_holder:
            check(entry.scope == LU_SCOPE, "SCOPE 0", entry, field="SCOPE")
            check(entry.type is kind, f"TYPE {int(kind)}", entry, field="TYPE")


def relative_ports(session: Session) -> set[int]:
    """Return the relative target ports that the unit reports; none if it does not."""
    body = body_of(session, VPDPage.DEVICE_IDENTIFICATION) or b""
    try:
        designators = parse_designators(body)
    except DecodeError:
        return set()
    return {
        int.from_bytes(one.designator, "big")
        for one in designators
        if one.type == DesignatorType.RELATIVE_TARGET_PORT
    }


@pytest.mark.requirement("SPC4-6.16-02")
@pytest.mark.parametrize("action", RESERVED_ACTIONS)
def test_reserved_actions_are_refused(a: Nexus, action: int) -> None:
    """The unit refuses PERSISTENT RESERVE OUT with a reserved service action."""
    data = OutParameters(a.key, KEY).build()
    command = bytes([0x5F, action, 0, 0, 0, 0, 0, 0, len(data), 0])

    result = a.session.execute(command, write=data)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_CDB)
    expect_state(a, keys=[a.key])


@pytest.mark.requirement("SPC4-6.16-02")
@pytest.mark.parametrize("action", [4, 31])
def test_reserved_reads_are_refused(a: Nexus, action: int) -> None:
    """The unit refuses PERSISTENT RESERVE IN with a reserved service action."""
    command = bytes([0x5E, action, 0, 0, 0, 0, 0, 0, 64, 0])

    result = a.session.execute(command, read=64)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_CDB)


@pytest.mark.requirement("SPC4-6.15.2-01")
def test_an_unregistered_nexus_may_read(
    a: Nexus, unregistered: Nexus, kind: ReservationType
) -> None:
    """PERSISTENT RESERVE IN conflicts with no reservation, for any nexus."""
    expect_good(a.reserve(kind))

    holder = 0 if kind.is_all_registrants else a.key
    expect_state(unregistered, keys=[a.key], kind=kind, holder=holder)
    expect_conflict(unregistered.reserve(kind))
