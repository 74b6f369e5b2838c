# SPDX-License-Identifier: GPL-2.0-only
"""REPORT TARGET PORT GROUPS (SPC-4 section 6.37)."""

from collections.abc import Callable

import pytest

from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.task import Result
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.port_groups import (
    AccessState,
    ReportFormat,
    StatusCode,
    parse_report,
)
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.vpd import DesignatorType
from suites.support.access import (
    Ways,
    attentions_of,
    designated,
    report_data,
    report_of,
)
from suites.support.applicability import skip_if_refused
from suites.support.expect import expect_illegal_request
from suites.support.pages import standard_of

SPC_4 = 6
"""The VERSION in standard INQUIRY data from which PARAMETER DATA FORMAT exists."""

RESERVED_FORMATS = range(2, 8)


def asked(session: Session, data_format: int, room: int) -> Result:
    """Send REPORT TARGET PORT GROUPS in a format, with some room for its data."""
    command = cdb.report_target_port_groups(
        parameter_data_format=data_format, allocation_length=room
    )
    return session.execute(command, read=room)


def skip_without_extension(session: Session) -> None:
    """Skip if the unit does not support the extended header."""
    skip_if_refused(asked(session, ReportFormat.EXTENDED, 64), "the extended header")
    if standard_of(session).version < SPC_4:
        pytest.skip("not applicable: the unit is older than SPC-4")


@pytest.mark.requirement("SPC4-6.37-01")
def test_groups_are_described(session: Session, ways: Ways) -> None:
    """A unit with access states describes its target port groups."""
    _ = ways
    groups = report_of(session).groups

    check(bool(groups), "a target port group descriptor", groups)


@pytest.mark.requirement("SPC4-6.37-02")
@pytest.mark.parametrize("data_format", ReportFormat, ids=lambda one: one.name.lower())
def test_the_report_is_cut_where_asked(
    session: Session, ways: Ways, data_format: ReportFormat
) -> None:
    """The allocation length truncates the report and changes nothing else in it."""
    _ = ways
    if data_format is ReportFormat.EXTENDED:
        skip_without_extension(session)
    complete_data = report_data(session, data_format)
    length = int.from_bytes(complete_data[:4], "big")
    check(
        length == len(complete_data) - 4,
        f"RETURN DATA LENGTH {len(complete_data) - 4}",
        f"RETURN DATA LENGTH {length}",
    )

    for room in range(len(complete_data) + 2):
        result = asked(session, data_format, room)
        check(result.is_good, f"GOOD with ALLOCATION LENGTH {room}", result)
        check(
            result.data == complete_data[:room],
            f"the first {room} bytes of {complete_data.hex()}",
            result.data.hex(),
        )


@pytest.mark.requirement("SPC4-6.37-03")
def test_each_group_is_listed_once(session: Session, ways: Ways) -> None:
    """No group is described twice, and no port belongs to two groups."""
    _ = ways
    groups = report_of(session).groups

    numbers = [one.group for one in groups]
    check(len(set(numbers)) == len(numbers), "each group once", numbers)
    ports = [port for one in groups for port in one.ports]
    check(len(set(ports)) == len(ports), "each port in one group", ports)


@pytest.mark.requirement("SPC4-7.8-05", "SPC4-6.37-03")
def test_the_port_is_in_its_group(session: Session, ways: Ways) -> None:
    """VPD page 83h designates a port and a group that belong together."""
    _ = ways
    groups = {one.group: one.ports for one in report_of(session).groups}
    group = designated(session, DesignatorType.TARGET_PORT_GROUP)
    port = designated(session, DesignatorType.RELATIVE_TARGET_PORT)
    if group is None and port is None:
        pytest.skip("not applicable: VPD page 83h identifies neither port nor group")

    if group is not None:
        check(group in groups, f"group {group} in the report", groups)
    if port is not None:
        ports = [one for some in groups.values() for one in some]
        check(
            port in ports,
            f"port {port} in a group",
            groups,
            requirement="SPC4-6.37-03",
        )
    if group is not None and port is not None:
        check(port in groups[group], f"port {port} in group {group}", groups)


@pytest.mark.requirement("SPC4-6.37-04")
def test_states_are_supported_ones(session: Session, ways: Ways) -> None:
    """The reported state of each group is one that the group supports."""
    _ = ways
    for one in report_of(session).groups:
        states = {*one.supported}
        check(one.state in states, f"one of {sorted(states)}", f"{one.state:X}h")


@pytest.mark.requirement("SPC4-6.37-05")
def test_the_header_can_be_extended(session: Session, ways: Ways) -> None:
    """PARAMETER DATA FORMAT 001b adds the extended header to the same groups."""
    _ = ways
    skip_without_extension(session)
    data = report_data(session, ReportFormat.EXTENDED)

    try:
        report = parse_report(data, is_extended=True)
    except DecodeError as error:
        raise ConformanceFailure(
            "an extended header, then complete descriptors", error, session.transcript
        ) from error
    check(report.format == ReportFormat.EXTENDED, "format 001b", f"{report.format:03b}")
    plain = report_of(session).groups
    check(report.groups == plain, f"the groups {plain}", report.groups)


@pytest.mark.requirement("SPC4-6.37-06")
@pytest.mark.parametrize("data_format", RESERVED_FORMATS, ids="{:03b}b".format)
def test_reserved_formats_are_refused(
    session: Session, ways: Ways, data_format: int
) -> None:
    """A reserved PARAMETER DATA FORMAT is refused."""
    _ = ways
    if standard_of(session).version < SPC_4:
        pytest.skip("not applicable: the unit is older than SPC-4")

    result = asked(session, data_format, 64)

    expect_illegal_request(result, AdditionalSense.INVALID_FIELD_IN_CDB)


@pytest.mark.requirement("SPC4-6.37-07")
def test_changes_by_initiators_are_reported_as_explicit(
    session: Session, changing: Ways
) -> None:
    """After SET TARGET PORT GROUPS, STATUS CODE is 0 or names that command."""
    group = changing.group_of(session)
    old = changing.before[group].state
    new = AccessState.NON_OPTIMIZED
    if old == new:
        new = AccessState.OPTIMIZED

    changing.set(group, new)

    groups = {one.group: one.status for one in report_of(changing.keeper).groups}
    allowed = (StatusCode.NONE, StatusCode.EXPLICIT)
    check(groups[group] in allowed, "STATUS CODE 01h or 00h", f"{groups[group]:02X}h")


@pytest.mark.needs("access-states")
@pytest.mark.requirement("SPC4-6.37-07")
def test_the_targets_own_changes_are_reported_as_implicit(
    session: Session, changing: Ways
) -> None:
    """After an implicit change, STATUS CODE is 0 or names an implicit change."""
    group = changing.group_of(session)
    changing.skip_unless_supported(group, AccessState.NON_OPTIMIZED)

    changing.change_implicitly(group, AccessState.NON_OPTIMIZED)

    groups = {one.group: one.status for one in report_of(changing.keeper).groups}
    allowed = (StatusCode.NONE, StatusCode.IMPLICIT)
    check(groups[group] in allowed, "STATUS CODE 02h or 00h", f"{groups[group]:02X}h")


@pytest.mark.needs("access-states")
@pytest.mark.requirement("SPC4-6.37-08")
@pytest.mark.parametrize("is_preferred", [True, False], ids=["yes", "no"])
def test_the_preference_is_reported(
    session: Session, changing: Ways, is_preferred: bool
) -> None:
    """PREF is set for a preferred group, whatever state the group is in."""
    group = changing.group_of(session)
    before = changing.before[group].is_preferred
    changing.prefer(group, is_preferred=is_preferred)
    try:
        changing.put(group, AccessState.NON_OPTIMIZED)
        reported = {one.group: one.is_preferred for one in report_of(session).groups}
    finally:
        changing.prefer(group, is_preferred=before)

    check(
        reported[group] == is_preferred,
        f"PREF={is_preferred:d}",
        f"PREF={reported[group]:d}",
    )


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("SPC4-6.37-09")
def test_every_port_reports_the_same(
    session: Session, changing: Ways, elsewhere: Callable[[], Session]
) -> None:
    """Each port reports all groups in the same way, also after a change of state."""
    other = elsewhere()
    changing.put(changing.group_of(session), AccessState.NON_OPTIMIZED)
    attentions_of(other)

    here, there = report_of(session).groups, report_of(other).groups

    check(here == there, f"the groups {here}", there)
