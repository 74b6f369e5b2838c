# SPDX-License-Identifier: GPL-2.0-only
"""Mode pages: how they are read, and how the control mode page is changed."""

from collections.abc import Callable

import pytest

from initiator.expect import ConformanceFailure, check, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import (
    ALL_PAGES,
    STRUCTURES,
    ModePage,
    ModeParameters,
    Page,
    PageControl,
    parse_6,
    parse_10,
)
from iscsi.scsi.sense import AdditionalSense
from suites.support.applicability import skip_if_unknown

ROOM = 252
SENSES = {6: cdb.mode_sense_6, 10: cdb.mode_sense_10}
SELECTS = {6: cdb.mode_select_6, 10: cdb.mode_select_10}
IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB

Setting = Callable[..., Result]


def sense_page(
    session: Session, control: PageControl = PageControl.CURRENT, size: int = 6
) -> Page:
    """Return the control mode page; skip if there is none."""
    layout = SENSES[size]
    skip_without_sense(session, layout)
    command = layout(
        dbd=1,
        page_code=ModePage.CONTROL,
        page_control=control,
        allocation_length=ROOM,
    )
    result = session.execute(command, read=ROOM)
    if result.sense and result.sense.additional == IN_CDB:
        pytest.skip("not applicable: the unit has no control mode page")
    expect_good(result)
    try:
        pages = tuple((parse_10 if size == 10 else parse_6)(result.data).pages)
    except DecodeError as error:
        check(False, "complete mode data", str(error))
    check([page.code for page in pages] == [ModePage.CONTROL], "only that page", pages)
    return pages[0]


def mode_data(
    session: Session,
    size: int = 6,
    page: int = ALL_PAGES,
    control: PageControl = PageControl.CURRENT,
    **fields: int,
) -> ModeParameters:
    """Return mode data; skip if the unit does not support the command or a field."""
    result = _ask(session, size, page, control, fields)
    if result.sense and result.sense.additional is IN_CDB:
        pytest.skip("not applicable: the unit does not have such mode data")
    return _parsed(result, size)


def saved_values(session: Session, page: int, size: int = 6) -> ModeParameters | None:
    """Return the saved values of a page, or None if none are returned."""
    result = _ask(session, size, page, PageControl.SAVED, {})
    return _parsed(result, size) if result.is_good else None


def _ask(
    session: Session,
    size: int,
    page: int,
    control: PageControl,
    fields: dict[str, int],
) -> Result:
    layout = SENSES[size]
    skip_without_sense(session, layout)
    values = {"dbd": 1, **fields}
    command = layout(
        page_code=page, page_control=control, allocation_length=ROOM, **values
    )
    return session.execute(command, read=ROOM)


def _parsed(result: Result, size: int) -> ModeParameters:
    expect_good(result)
    try:
        return (parse_10 if size == 10 else parse_6)(result.data)
    except DecodeError as error:
        check(False, "complete mode data", str(error))
        raise AssertionError from error


def page_alone(parameters: ModeParameters, code: ModePage) -> Page:
    """Return the requested page; skip if its length differs."""
    pages = [page for page in parameters.pages if page.code == code]
    if not pages or len(pages[0].body) != STRUCTURES[code].length - 2:
        pytest.skip("not applicable: the page is of another edition")
    return pages[0]


def skip_unless_shared(session: Session) -> None:
    """Skip if each I_T nexus has a task set of its own (TST 001b, SPC-4 7.5.8).

    Tasks, ACA and task attributes of one nexus then do not affect another one.
    """
    if any(_task_set_type(session, size) for size in SENSES):
        pytest.skip("not applicable: each nexus has a task set of its own (TST)")


def _task_set_type(session: Session, size: int) -> int:
    """Return TST; 0 if the unit does not report it."""
    command = SENSES[size](dbd=1, page_code=ModePage.CONTROL, allocation_length=ROOM)
    result = session.execute(command, read=ROOM)
    parse = parse_10 if size == 10 else parse_6
    try:
        pages = parse(result.data).pages if result.is_good else ()
        types = [page.fields["tst"] for page in pages if page.code == ModePage.CONTROL]
    except DecodeError:
        return 0
    return max(types, default=0)


def skip_without_sense(session: Session, layout: Layout) -> None:
    """Skip if the unit does not support a MODE SENSE.

    The allocation length has room for a header, since some targets die of one of 0.
    """
    command = layout(dbd=1, page_code=ModePage.CONTROL, allocation_length=ROOM)
    skip_if_unknown(session.execute(command, read=ROOM), layout)


def changeable_of(session: Session) -> Page:
    """Return the changeable bits of the page; skip if they are not reported."""
    try:
        return sense_page(session, PageControl.CHANGEABLE)
    except ConformanceFailure:
        pytest.skip(
            "not applicable: the unit does not report which values can be changed"
        )


def select(session: Session, page: Page, size: int = 6, **fields: int) -> Result:
    """Send MODE SELECT of a page."""
    parameters = ModeParameters(pages=(page,), mode_data_length=0)
    data = parameters.build_10() if size == 10 else parameters.build_6()
    values = {"pf": 1, "parameter_list_length": len(data), **fields}
    return session.execute(SELECTS[size](**values), write=data)


def changed(page: Page, **values: int) -> Page:
    """Return the control mode page with other values."""
    return Page.of(ModePage.CONTROL, **{**values_of(page), **values})


def values_of(page: Page) -> dict[str, int]:
    """Return the fields of a page by their names."""
    return dict(page.fields)
