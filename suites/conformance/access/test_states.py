# SPDX-License-Identifier: GPL-2.0-only
"""The commands that a unit serves in each access state (SPC-4 5.15.2.4, 5.15.2.5)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import OutParameters
from iscsi.scsi.port_groups import ACTIVE, REFUSALS, AccessState
from iscsi.scsi.sense import SenseKey
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk
from suites.support.access import Ways, attentions_of
from suites.support.expect import expect_sense
from suites.support.media import Medium

ROOM = 252
STANDBY, UNAVAILABLE = AccessState.STANDBY, AccessState.UNAVAILABLE
OPTIMIZED = AccessState.OPTIMIZED

Send = Callable[[Session, Disk], Result]


def _brings(layout: Layout, **fields: int) -> Send:
    """Return a function that sends a command with data to the initiator."""

    def send(session: Session, _disk: Disk) -> Result:
        command = layout(allocation_length=ROOM, **fields)
        return session.execute(command, read=ROOM)

    return send


def _alone(layout: Layout, **fields: int) -> Send:
    """Return a function that sends a command without data."""

    def send(session: Session, _disk: Disk) -> Result:
        return session.execute(layout(**fields))

    return send


def _unregister(session: Session, _disk: Disk) -> Result:
    """REGISTER with both keys zero, which changes nothing."""
    data = OutParameters(0, 0).build()
    command = cdb.persistent_reserve_out_register(parameter_list_length=len(data))
    return session.execute(command, write=data)


def _read(session: Session, disk: Disk) -> Result:
    return session.execute(cdb.read_10(lba=0, blocks=1), read=disk.block_size)


def _write(session: Session, disk: Disk) -> Result:
    data = b"\xa5" * disk.block_size
    return session.execute(cdb.write_10(lba=0, blocks=1), write=data)


ALWAYS: Mapping[str, Send] = MappingProxyType(
    {
        "inquiry": _brings(cdb.inquiry),
        "inquiry-page": _brings(cdb.inquiry, evpd=1, page_code=0x83),
        "report-luns": _brings(cdb.report_luns),
        "request-sense": _brings(cdb.request_sense),
        "report-target-port-groups": _brings(cdb.report_target_port_groups),
    }
)
"""Commands that are served in every state but offline."""

IN_STANDBY: Mapping[str, Send] = MappingProxyType(
    {
        **ALWAYS,
        "mode-sense-6": _brings(cdb.mode_sense_6, dbd=1, page_code=0x3F),
        "mode-sense-10": _brings(cdb.mode_sense_10, dbd=1, page_code=0x3F),
        "mode-select-6": _alone(cdb.mode_select_6, pf=1),
        "mode-select-10": _alone(cdb.mode_select_10, pf=1),
        "log-sense": _brings(cdb.log_sense, page_control=1),
        "send-diagnostic": _alone(cdb.send_diagnostic, selftest=1),
        "persistent-reserve-in": _brings(cdb.persistent_reserve_in_read_keys),
        "persistent-reserve-out": _unregister,
    }
)
TO_MEDIUM: Mapping[str, Send] = MappingProxyType(
    {
        "test-unit-ready": _alone(cdb.test_unit_ready),
        "read": _read,
        "write": _write,
        "verify": _alone(cdb.verify_10, blocks=1),
        "synchronize-cache": _alone(cdb.synchronize_cache_10, blocks=1),
    }
)


def expect_refusal(result: Result, state: AccessState) -> None:
    """Expect NOT READY with the additional sense code of a state."""
    expect_sense(result, SenseKey.NOT_READY, REFUSALS[state])


def served_before(session: Session, disk: Disk, send: Send, name: str) -> None:
    """Skip if the unit does not serve a command in an active state."""
    result = send(session, disk)
    if not result.is_good:
        pytest.skip(f"not applicable: {name} is served in no state: {result}")


@pytest.mark.requirement("SPC4-5.15.2.4-01")
@pytest.mark.parametrize("state", sorted(ACTIVE), ids=lambda one: one.name.lower())
def test_active_states_serve_the_medium(
    session: Session, changing: Ways, scratch_disk: Disk, state: AccessState
) -> None:
    """A unit in either active state serves reads and writes."""
    changing.put(changing.group_of(session), state)
    attentions_of(session)

    medium = Medium(session, scratch_disk)
    data = medium.blocks(2, seed=3)
    medium.write(0, data)

    expect_data(medium.read(0, 2), data, what="the data written")


@pytest.mark.requirement("SPC4-5.15.2.4-02")
@pytest.mark.parametrize("name", IN_STANDBY)
def test_standby_serves(
    session: Session, changing: Ways, scratch_disk: Disk, name: str
) -> None:
    """A unit in standby serves the commands about itself and its configuration."""
    send = IN_STANDBY[name]
    served_before(session, scratch_disk, send, name)
    changing.put(changing.group_of(session), STANDBY)
    attentions_of(session)

    expect_good(send(session, scratch_disk))


@pytest.mark.requirement("SPC4-5.15.2.4-03")
@pytest.mark.parametrize("name", TO_MEDIUM)
def test_standby_refuses(
    session: Session, changing: Ways, scratch_disk: Disk, name: str
) -> None:
    """A unit in standby refuses other commands with the sense code of standby."""
    send = TO_MEDIUM[name]
    served_before(session, scratch_disk, send, name)
    changing.put(changing.group_of(session), STANDBY)
    attentions_of(session)

    result = send(session, scratch_disk)

    if not result.is_good:
        expect_refusal(result, STANDBY)


@pytest.mark.requirement("SPC4-5.15.2.4-04")
@pytest.mark.parametrize("name", ALWAYS)
def test_unavailable_serves(
    session: Session, changing: Ways, scratch_disk: Disk, name: str
) -> None:
    """A unit in the state unavailable serves INQUIRY and the report of its groups."""
    send = ALWAYS[name]
    served_before(session, scratch_disk, send, name)
    changing.put(changing.group_of(session), UNAVAILABLE)
    attentions_of(session)

    expect_good(send(session, scratch_disk))


@pytest.mark.requirement("SPC4-5.15.2.4-05")
@pytest.mark.parametrize("name", TO_MEDIUM)
def test_unavailable_refuses(
    session: Session, changing: Ways, scratch_disk: Disk, name: str
) -> None:
    """A unit in the state unavailable refuses commands that access the medium."""
    send = TO_MEDIUM[name]
    served_before(session, scratch_disk, send, name)
    changing.put(changing.group_of(session), UNAVAILABLE)
    attentions_of(session)

    expect_refusal(send(session, scratch_disk), UNAVAILABLE)


@pytest.mark.requirement("SPC4-5.15.2.4-02")
def test_standby_can_be_left(session: Session, changing: Ways) -> None:
    """A port in standby accepts SET TARGET PORT GROUPS."""
    group = changing.group_of(session)
    changing.set(group, STANDBY)

    expect_good(changing.send([(group, OPTIMIZED)], by=session))


@pytest.mark.requirement("SPC4-5.15.2.4-04")
def test_unavailable_can_be_left(session: Session, changing: Ways) -> None:
    """A port in the state unavailable accepts SET TARGET PORT GROUPS."""
    group = changing.group_of(session)
    changing.set(group, UNAVAILABLE)

    expect_good(changing.send([(group, OPTIMIZED)], by=session))


@pytest.mark.requirement("SPC4-5.15.2.4-05", "SPC4-5.15.2.5-02")
def test_a_refused_write_changes_nothing(
    session: Session, changing: Ways, scratch_disk: Disk
) -> None:
    """A write refused in the state unavailable is not carried out later."""
    medium = Medium(session, scratch_disk)
    old, new = medium.blocks(1, seed=4), medium.blocks(1, seed=5)
    medium.write(0, old)
    group = changing.group_of(session)
    changing.put(group, UNAVAILABLE)
    attentions_of(session)
    expect_refusal(
        session.execute(cdb.write_10(lba=0, blocks=1), write=new), UNAVAILABLE
    )

    changing.put(group, OPTIMIZED)
    attentions_of(session)

    read = session.execute(cdb.read_10(lba=0, blocks=1), read=len(old))
    check(read.is_good, "GOOD", read, requirement="SPC4-5.15.2.5-02")
    expect_data(read.data, old, what="the block as it was")


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("SPC4-5.15.2.4-06")
@pytest.mark.parametrize(
    "state", [STANDBY, UNAVAILABLE], ids=lambda one: one.name.lower()
)
def test_the_other_port_is_still_served(
    session: Session,
    changing: Ways,
    elsewhere: Callable[[], Session],
    scratch_disk: Disk,
    state: AccessState,
) -> None:
    """While one group is unavailable, the ports of another group serve the medium."""
    other = elsewhere()
    group = changing.group_of(session)
    there = changing.group_of(other)
    if group == there:
        pytest.skip("not applicable: both portal groups are in one target port group")
    changing.put(group, state)
    if changing.state_of(there) not in ACTIVE:
        pytest.skip("not applicable: the other group has changed its state, too")
    attentions_of(other)

    medium = Medium(other, scratch_disk)
    data = medium.blocks(1, seed=6)
    medium.write(0, data)

    expect_data(medium.read(0, 1), data, what="the data written")


@pytest.mark.needs("access-states")
@pytest.mark.requirement("SPC4-5.15.2.5-01")
@pytest.mark.parametrize("name", [*ALWAYS, *TO_MEDIUM])
def test_transitions_refuse(
    session: Session, changing: Ways, scratch_disk: Disk, name: str
) -> None:
    """During a transition a command is served, or refused with its sense code."""
    send = {**ALWAYS, **TO_MEDIUM}[name]
    served_before(session, scratch_disk, send, name)
    group = changing.group_of(session)
    changing.skip_unless_supported(group, AccessState.TRANSITIONING)
    changing.change_implicitly(group, AccessState.TRANSITIONING)
    attentions_of(session)

    result = send(session, scratch_disk)

    if not result.is_good and result.status != SCSIStatus.BUSY:
        expect_refusal(result, AccessState.TRANSITIONING)


@pytest.mark.needs("access-states", "several-groups")
@pytest.mark.requirement("SPC4-6.37-03")
def test_offline_ports_are_reported(
    session: Session, changing: Ways, elsewhere: Callable[[], Session]
) -> None:
    """The ports of another group still report a group that is offline."""
    other = elsewhere()
    group = changing.group_of(other)
    changing.skip_unless_supported(group, AccessState.OFFLINE)

    changing.change_implicitly(group, AccessState.OFFLINE)

    attentions_of(session)
    reported = changing.state_of(group)
    check(reported == AccessState.OFFLINE, "state Eh", f"{reported:X}h")
