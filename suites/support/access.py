# SPDX-License-Identifier: GPL-2.0-only
"""Target port groups of a unit: their states are read, changed, and restored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.task import Result
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.port_groups import (
    AccessManagement,
    AccessState,
    PortGroup,
    Report,
    ReportFormat,
    build_states,
    parse_report,
)
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from iscsi.scsi.vpd import (
    Association,
    Designator,
    DesignatorType,
    VPDPage,
    parse_designators,
)
from suites.plugins.targets import TestedTarget
from suites.support.changes import MOST_ATTENTIONS, ask, skip_unless
from suites.support.pages import body_of, standard_of
from vmlab.poll import poll

ROOM = 0x1000
SETTING_SECONDS = 10.0
"""The time limit of a transition that SET TARGET PORT GROUPS has started."""

REPORT_IS_THERE = "SPC4-6.37-01"
IS_SET = "SPC4-6.45-01"

_REFUSED = (
    AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST,
    AdditionalSense.SET_TARGET_PORT_GROUPS_COMMAND_FAILED,
)


def report_data(session: Session, data_format: int = ReportFormat.SHORT) -> bytes:
    """Return the whole data of REPORT TARGET PORT GROUPS."""
    command = cdb.report_target_port_groups(
        parameter_data_format=data_format, allocation_length=ROOM
    )
    result = ask(session, session.lun, command, read=ROOM)
    check(result.is_good, "GOOD", result, requirement=REPORT_IS_THERE)
    return result.data


def report_of(session: Session) -> Report:
    """Return the descriptors of REPORT TARGET PORT GROUPS.

    Raises:
        ConformanceFailure: the command fails, or its data is malformed.
    """
    data = report_data(session)
    try:
        return parse_report(data)
    except DecodeError as error:
        raise ConformanceFailure(
            "complete target port group descriptors",
            error,
            session.transcript,
            requirement=REPORT_IS_THERE,
        ) from error


def port_designators(session: Session) -> list[Designator]:
    """Return the designators of the addressed target port in VPD page 83h."""
    body = body_of(session, VPDPage.DEVICE_IDENTIFICATION) or b""
    try:
        designators = parse_designators(body)
    except DecodeError:
        return []
    return [one for one in designators if one.association == Association.TARGET_PORT]


def designated(session: Session, kind: DesignatorType) -> int | None:
    """Return the number in a designator of the target port; None without one."""
    numbers = (
        int.from_bytes(one.designator[2:4], "big")
        for one in port_designators(session)
        if one.type == kind and len(one.designator) == 4
    )
    return next(numbers, None)


def attentions_of(session: Session) -> list[Sense]:
    """Return the pending unit attentions of a nexus, and clear them.

    REQUEST SENSE returns them in every access state.
    """
    attentions: list[Sense] = []
    for _ in range(MOST_ATTENTIONS):
        result = session.execute(cdb.request_sense(allocation_length=252), read=252)
        if not result.is_good:
            break
        try:
            sense = parse_sense(result.data)
        except DecodeError:
            break
        if sense.key != SenseKey.UNIT_ATTENTION:
            break
        attentions.append(sense)
    return attentions


def expect_attention_among(session: Session, additional: AdditionalSense) -> None:
    """Expect a unit attention among those that the next commands report."""
    results: list[Result] = []
    for _ in range(MOST_ATTENTIONS):
        result = session.execute(cdb.test_unit_ready())
        sense = result.sense
        results.append(result)
        if sense is None or sense.key != SenseKey.UNIT_ATTENTION:
            break
        if sense.is_or_is_cut_off(additional):
            return
    words = additional.name.replace("_", " ")
    check(False, f"UNIT ATTENTION, {words}", results[0])


@dataclass(slots=True)
class Ways:
    """The access to one unit: its target port groups, and who changes their states."""

    target: TestedTarget
    keeper: Session
    """The session that changes the states."""
    management: AccessManagement
    before: Mapping[int, PortGroup] = field(default_factory=dict)
    """The groups before any change, by number."""
    _touched: dict[int, bool] = field(default_factory=dict, init=False)
    """The groups that were changed: whether an initiator did so last."""

    @property
    def is_explicit(self) -> bool:
        """Whether initiators may change the states."""
        return bool(self.management & AccessManagement.EXPLICIT)

    def group_of(self, session: Session) -> int:
        """Return the target port group of a session's target port.

        If VPD page 83h does not contain the group, it is the group of the port in that
        page, or the only group.
        """
        group = designated(session, DesignatorType.TARGET_PORT_GROUP)
        if group is not None and group in self.before:
            return group
        port = designated(session, DesignatorType.RELATIVE_TARGET_PORT)
        holding = [one.group for one in self.before.values() if port in one.ports]
        if not holding and len(self.before) == 1:
            holding = list(self.before)
        if not holding:
            pytest.skip("not applicable: VPD page 83h does not report the group")
        return holding[0]

    def state_of(self, group: int) -> int:
        """Return the state of a group as the target reports it now."""
        states = {one.group: one.state for one in report_of(self.keeper).groups}
        check(group in states, f"group {group}", states, requirement=REPORT_IS_THERE)
        return states[group]

    def other_state(self, group: int) -> AccessState:
        """Return an active state that differs from a group's first one."""
        is_optimized = self.before[group].state == AccessState.OPTIMIZED
        return AccessState.NON_OPTIMIZED if is_optimized else AccessState.OPTIMIZED

    def skip_unless_supported(self, group: int, state: AccessState) -> None:
        """Skip if a group does not support a state."""
        if state not in self.before[group].supported:
            words = state.name.lower().replace("_", "-")
            pytest.skip(f"not applicable: group {group} has no state {words}")

    def send(
        self, states: Iterable[tuple[int, int]], by: Session | None = None
    ) -> Result:
        """Send SET TARGET PORT GROUPS, once no unit attention is pending."""
        return self.send_list(build_states(states), by)

    def send_list(self, data: bytes, by: Session | None = None) -> Result:
        """Send SET TARGET PORT GROUPS with any list, without regard to its effect."""
        sender = by or self.keeper
        attentions_of(sender)
        self._touched |= dict.fromkeys(self.before, True)
        command = cdb.set_target_port_groups(parameter_list_length=len(data))
        return sender.execute(command, write=data)

    def skip_unless_explicit(self) -> None:
        """Skip if initiators cannot change the states."""
        if not self.is_explicit:
            pytest.skip(f"not applicable: TPGS is {self.management:02b}b")

    def set(self, group: int, state: AccessState, by: Session | None = None) -> None:
        """Set the state of a group by SET TARGET PORT GROUPS.

        The check is skipped if the unit refuses: a combination of states may be
        invalid, and a transition may fail (SPC-4 sections 5.15.2.5 and 5.15.2.8).
        """
        self.skip_unless_explicit()
        self.skip_unless_supported(group, state)
        result = self.send([(group, state)], by)
        sense = result.sense
        if sense is not None and sense.is_or_is_cut_off(*_REFUSED):
            pytest.skip(f"not applicable: the unit refuses state {state.name}")
        check(result.is_good, "GOOD", result, requirement="SPC4-6.45-06")
        self.await_state(group, state)

    def await_state(self, group: int, state: AccessState) -> None:
        """Wait for the end of a transition; expect the requested state."""
        reported: int = AccessState.TRANSITIONING
        for _ in poll(SETTING_SECONDS):
            reported = self.state_of(group)
            if reported != AccessState.TRANSITIONING:
                break
        check(
            reported == state,
            f"state {state.name}",
            f"state {reported:X}h",
            requirement=IS_SET,
        )

    def change_implicitly(self, group: int, state: AccessState) -> None:
        """Have the target itself change the state of a group."""
        self._touched[group] = False
        words = state.name.lower().replace("_", "-")
        name = self.keeper.options.target_name
        lun = self.keeper.lun
        self.target.operate(
            f"access-state lun={lun} group={group} state={words} target={name}"
        )

    def fail_implicitly(self) -> None:
        """Have a change by the target itself fail."""
        name, lun = self.keeper.options.target_name, self.keeper.lun
        self.target.operate(f"access-failure lun={lun} target={name}")

    def prefer(self, group: int, *, is_preferred: bool) -> None:
        """Have the target report that a group is preferred, or that it is not."""
        name, lun = self.keeper.options.target_name, self.keeper.lun
        self.target.operate(
            f"access-preference lun={lun} group={group} on={is_preferred:d} "
            f"target={name}"
        )

    def put(self, group: int, state: AccessState) -> None:
        """Set the state of a group, through an initiator or the target itself."""
        if self.is_explicit:
            self.set(group, state)
        else:
            self.skip_unless_supported(group, state)
            skip_unless(self.target, "access-states")
            self.change_implicitly(group, state)

    def restore(self) -> None:
        """Restore the states of all changed groups.

        If that fails, the target is restarted, so that the next check is served.
        """
        for group, was_explicit in list(self._touched.items()):
            state = AccessState(self.before[group].state)
            if was_explicit:
                self.send([(group, state)])
            else:
                self.change_implicitly(group, state)
        if not self._touched or "restart" not in self.target.features:
            return
        attentions_of(self.keeper)
        if not self.keeper.execute(cdb.test_unit_ready()).is_good:
            self.target.restart()


def ways_of(target: TestedTarget, keeper: Session) -> Ways:
    """Return the access to a unit; skip if the unit has no access states."""
    management = AccessManagement(standard_of(keeper).tpgs)
    if management is AccessManagement.NONE:
        pytest.skip("not applicable: TPGS is 00b, all ports are alike")
    groups = {one.group: one for one in report_of(keeper).groups}
    return Ways(target, keeper, management, groups)
