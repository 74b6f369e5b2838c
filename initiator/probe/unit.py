# SPDX-License-Identifier: GPL-2.0-only
"""Probes a logical unit by commands that change nothing."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from initiator.deadline import Deadline
from initiator.expect import ConformanceFailure
from initiator.login import LoginOptions
from initiator.probe.commands import Commands, commands_of
from initiator.session import Session
from initiator.task import Result
from initiator.waits import watched
from iscsi.address import Portal
from iscsi.errors import ConnectionLost, DecodeError, ISCSIError, PeerTimeout
from iscsi.printable import printable
from iscsi.scsi import cdb, luns
from iscsi.scsi.capacity import LAST_LBA_UNKNOWN, Capacity10, Capacity16
from iscsi.scsi.inquiry import PeripheralQualifier, StandardInquiry
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import (
    ALL_PAGES,
    ModePage,
    ModeParameters,
    PageControl,
    parse_6,
    parse_10,
)
from iscsi.scsi.persistent_reservations import Capabilities
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.vpd import BlockLimits, LogicalBlockProvisioning, Page, VPDPage

_ROOM = 4096
_SHORT = 252
_LISTED = 16384
MOST_UNITS = 16
"""The maximum number of units that are written to a file."""

_UNITS_SECONDS = 60.0
_SIGNS = 2
"""The signs that must agree before a unit counts as missing, since one may be a
defect."""

T = TypeVar("T")


@dataclass(slots=True)
class Unit:
    """The properties of a logical unit; None and () if it does not report them."""

    lun: int
    inquiry: StandardInquiry | None = None
    capacity: Capacity16 | None = None
    serial: str = ""
    vpd_pages: tuple[int, ...] = ()
    mode_pages: tuple[tuple[int, int | None], ...] = ()
    """Page codes and subpage codes, None for the page_0 format."""
    control: dict[str, int] | None = None
    """The Control mode page, by its fields; `tst` is the number of task sets."""
    is_write_protected: bool = False
    dpofua: bool = False
    limits: BlockLimits | None = None
    provisioning: LogicalBlockProvisioning | None = None
    reservations: Capabilities | None = None
    commands: Commands | None = None
    troubles: tuple[str, ...] = ()
    """The properties that the unit did not report, each with the reason; one line
    each."""


def luns_of(session: Session) -> tuple[int, ...] | None:
    """Return the numbers that REPORT LUNS lists; None if it lists none."""
    command = cdb.report_luns(allocation_length=_LISTED)
    try:
        result = session.execute(command, read=_LISTED, lun=0)
        return tuple(luns.parse_report(result.data)) if result.is_good else None
    except (ISCSIError, ConformanceFailure):
        return None


def is_missing(session: Session, listed: tuple[int, ...] | None) -> bool:
    """Tell whether the logical unit of the session's number does not exist.

    INQUIRY shows that by its PERIPHERAL QUALIFIER (SPC-4 section 6.6.2), other commands
    by LOGICAL UNIT NOT SUPPORTED, REPORT LUNS by leaving it out.

    Args:
        session: a session with that unit.
        listed: the numbers that REPORT LUNS lists (see `luns_of`).
    """
    signs = [listed is not None and session.lun not in listed]
    with suppress(ISCSIError, ConformanceFailure):
        signs.append(_is_refused(session.execute(cdb.test_unit_ready())))
    with suppress(ISCSIError, ConformanceFailure):
        result = _inquire(session)
        absent = _is_refused(result)
        if result.is_good:
            qualifier = StandardInquiry.parse(result.data).peripheral_qualifier
            absent = qualifier != PeripheralQualifier.CONNECTED
        signs.append(absent)
    return sum(signs) >= _SIGNS


def _is_refused(result: Result) -> bool:
    sense = result.sense
    return (
        sense is not None
        and sense.additional is AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
    )


def _inquire(session: Session) -> Result:
    return session.execute(cdb.inquiry(allocation_length=_SHORT), read=_SHORT)


def ask_unit(session: Session, questions: Collection[str] | None = None) -> Unit:
    """Return the properties of the session's unit.

    A property that it does not report is recorded as a trouble. If the connection is
    lost, the remaining questions are skipped.

    Args:
        session: a session with the unit.
        questions: the questions, such as `SHORT`; None for all.
    """
    unit = Unit(session.lun)
    troubles: list[str] = []
    with suppress(ISCSIError, ConformanceFailure):
        session.clear_unit_attention()
    for name, ask in _QUESTIONS.items():
        if questions is not None and name not in questions:
            continue
        try:
            ask(session, unit)
        except (ConformanceFailure, ISCSIError) as error:
            reason = error.actual if isinstance(error, ConformanceFailure) else error
            troubles.append(f"{name}: {printable(str(reason))}")
            cause = error.__cause__ or error
            if isinstance(cause, ConnectionLost | PeerTimeout):
                troubles.append("the rest was not asked")
                break
    unit.troubles = tuple(troubles)
    return unit


def units_at(
    portal: Portal, options: LoginOptions, numbers: Sequence[int], *, timeout: float
) -> list[Unit]:
    """Return kind, size and protection of several logical units.

    A unit whose session fails is left out, and so are all after `_UNITS_SECONDS`.
    """
    deadline = Deadline(_UNITS_SECONDS)
    units = []
    with watched(lambda: deadline.check("not every question was answered")):
        for lun in numbers:
            with (
                suppress(ISCSIError, ConformanceFailure),
                Session(portal, options, timeout=timeout, lun=lun) as session,
            ):
                units.append(ask_unit(session, (*SHORT, "mode pages")))
    return units


def _good(result: Result) -> Result:
    """Return a result that is good.

    Raises:
        DecodeError: the status is not GOOD.
    """
    if not result.is_good:
        raise DecodeError(str(result))
    return result


def _ask_inquiry(session: Session, unit: Unit) -> None:
    unit.inquiry = StandardInquiry.parse(_good(_inquire(session)).data)


def _ask_capacity(session: Session, unit: Unit) -> None:
    """Read the capacity, by the long command if there is one."""
    long = session.execute(cdb.read_capacity_16(allocation_length=32), read=32)
    if long.is_good:
        unit.capacity = Capacity16.parse(long.data)
        return
    short = Capacity10.parse(
        _good(session.execute(cdb.read_capacity_10(), read=8)).data
    )
    if short.last_lba == LAST_LBA_UNKNOWN:
        raise DecodeError(
            "too large for READ CAPACITY (10), and the unit has no READ CAPACITY (16)"
        )
    unit.capacity = Capacity16(short.last_lba, short.block_length)


def _ask_vpd_pages(session: Session, unit: Unit) -> None:
    unit.vpd_pages = tuple(_body(session, VPDPage.SUPPORTED_VPD_PAGES))
    if VPDPage.UNIT_SERIAL_NUMBER in unit.vpd_pages:
        body = _body(session, VPDPage.UNIT_SERIAL_NUMBER)
        unit.serial = printable(body.decode("ascii", "replace").strip(" \0"))
    if VPDPage.BLOCK_LIMITS in unit.vpd_pages:
        unit.limits = BlockLimits.parse(_body(session, VPDPage.BLOCK_LIMITS))
    if VPDPage.LOGICAL_BLOCK_PROVISIONING in unit.vpd_pages:
        unit.provisioning = LogicalBlockProvisioning.parse(
            _body(session, VPDPage.LOGICAL_BLOCK_PROVISIONING)
        )


def _body(session: Session, code: int) -> bytes:
    command = cdb.inquiry(evpd=1, page_code=code, allocation_length=_ROOM)
    return Page.parse(_good(session.execute(command, read=_ROOM)).data).body


def _ask_mode_pages(session: Session, unit: Unit) -> None:
    parameters = _sense(
        session, cdb.mode_sense_10, _ROOM, parse_10, page=ALL_PAGES
    ) or _sense(session, cdb.mode_sense_6, _SHORT, parse_6, page=ALL_PAGES)
    if parameters is None:
        raise DecodeError("no form of MODE SENSE returns all pages")
    unit.mode_pages = tuple((page.code, page.subpage) for page in parameters.pages)
    unit.is_write_protected = parameters.is_write_protected
    unit.dpofua = parameters.dpofua
    for page in parameters.pages:
        if page.code == ModePage.CONTROL and page.subpage is None:
            unit.control = page.fields


def _sense(
    session: Session,
    layout: Layout,
    room: int,
    parse: Callable[[bytes], ModeParameters],
    *,
    page: int,
) -> ModeParameters | None:
    """Return the current values of mode pages; None if they are not returned."""
    command = layout(
        dbd=1, page_code=page, page_control=PageControl.CURRENT, allocation_length=room
    )
    result = session.execute(command, read=room)
    try:
        return parse(result.data) if result.is_good else None
    except DecodeError:
        return None


def _ask_reservations(session: Session, unit: Unit) -> None:
    layout = cdb.persistent_reserve_in_report_capabilities
    result = session.execute(layout(allocation_length=_SHORT), read=_SHORT)
    unit.reservations = Capabilities.parse(_good(result).data)


def _ask_commands(session: Session, unit: Unit) -> None:
    unit.commands = commands_of(session)


SHORT = ("INQUIRY", "READ CAPACITY")
"""The questions at the beginning of a run."""

_QUESTIONS = {
    "INQUIRY": _ask_inquiry,
    "READ CAPACITY": _ask_capacity,
    "VPD pages": _ask_vpd_pages,
    "mode pages": _ask_mode_pages,
    "REPORT CAPABILITIES": _ask_reservations,
    "commands": _ask_commands,
}
"""The questions, in order."""
