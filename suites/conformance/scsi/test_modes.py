# SPDX-License-Identifier: GPL-2.0-only
"""MODE SENSE of a page, and MODE SELECT (SPC-4 sections 6.9 and 6.11)."""

from dataclasses import replace

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.mode import (
    ModePage,
    ModeParameters,
    Page,
    PageControl,
)
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from suites.plugins.sessions import Disk, OpenSession
from suites.support.applicability import skip_without
from suites.support.expect import expect_sense
from suites.support.media import Medium, name
from suites.support.modes import (
    ROOM,
    SELECTS,
    SENSES,
    Setting,
    changeable_of,
    changed,
    select,
    sense_page,
    skip_without_sense,
    values_of,
)

IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
LIST_LENGTH = AdditionalSense.PARAMETER_LIST_LENGTH_ERROR
DESCRIPTOR_FORMAT, FIXED_FORMAT = 0x72, 0x70
FIXED = ("queue_algorithm_modifier", "tst", "qerr", "tas", "d_sense", "swp")
"""Fields of the control page that are neither obsolete nor reserved, and may not be
changeable; each that is not is tried."""


@pytest.mark.requirement("SPC4-6.11-04")
@pytest.mark.parametrize("size", SENSES)
@pytest.mark.parametrize(
    "control",
    [PageControl.CURRENT, PageControl.CHANGEABLE, PageControl.DEFAULT],
    ids=lambda control: control.name.lower(),
)
def test_a_mode_page_can_be_requested(
    session: Session, control: PageControl, size: int
) -> None:
    """MODE SENSE of the control page returns it alone, for each page control."""
    page = sense_page(session, control, size)

    expected = len(Page.of(ModePage.CONTROL).body)
    check(len(page.body) == expected, f"PAGE LENGTH {expected}", len(page.body))


@pytest.mark.requirement("SPC4-6.11-05")
@pytest.mark.parametrize("layout", SENSES.values(), ids=name)
def test_saved_values_are_returned_or_refused(session: Session, layout: Layout) -> None:
    """MODE SENSE of saved values returns them, or gets SAVING NOT SUPPORTED."""
    skip_without_sense(session, layout)
    command = layout(
        dbd=1,
        page_code=ModePage.CONTROL,
        page_control=PageControl.SAVED,
        allocation_length=ROOM,
    )

    result = session.execute(command, read=ROOM)

    if not result.is_good:
        expected = AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED
        expect_sense(result, SenseKey.ILLEGAL_REQUEST, expected)


@pytest.mark.requirement("SPC4-6.9-01")
def test_a_change_is_reported_to_others(
    open_session: OpenSession, session: Session, setting: Setting
) -> None:
    """MODE SELECT changes the value for all nexuses, and notifies the others."""
    other = open_session(initiator_name=f"{session.options.initiator_name}.other")

    d_sense = 1 - values_of(sense_page(session))["d_sense"]

    expect_good(setting(d_sense=d_sense))

    result = other.execute(cdb.test_unit_ready())
    mode_changed = AdditionalSense.MODE_PARAMETERS_CHANGED
    expect_sense(result, SenseKey.UNIT_ATTENTION, mode_changed)
    expect_good(session.execute(cdb.test_unit_ready()))
    body = values_of(sense_page(other))["d_sense"]
    check(body == d_sense, f"D_SENSE {d_sense}", body)


@pytest.mark.requirement("SPC4-6.9-02")
@pytest.mark.parametrize("size", SELECTS)
def test_unchangeable_values_stay(
    session: Session, scratch_disk: Disk, size: int
) -> None:
    """The unit refuses MODE SELECT of a value that cannot be changed."""
    _ = scratch_disk
    skip_without(session, SELECTS[size])
    before = sense_page(session)
    mask = values_of(changeable_of(session))
    fields = [one for one in FIXED if not mask[one]]
    if not fields:
        pytest.skip("not applicable: every field can be changed")

    for field in fields:
        other = changed(before, **{field: values_of(before)[field] ^ 1})
        result = select(session, other, size)
        body = sense_page(session).body
        if body != before.body:
            # The next checks need it as it was.
            select(session, before, size)

        expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)
        check(body == before.body, before.body.hex(), body.hex())


@pytest.mark.requirement("SPC4-6.9-03")
@pytest.mark.parametrize("size", SELECTS)
def test_an_empty_list_changes_nothing(
    session: Session, scratch_disk: Disk, size: int
) -> None:
    """MODE SELECT with PARAMETER LIST LENGTH 0 ends GOOD and changes nothing."""
    _ = scratch_disk
    skip_without(session, SELECTS[size])
    before = sense_page(session).body

    expect_good(session.execute(SELECTS[size](pf=1)))

    body = sense_page(session).body
    check(body == before, before.hex(), body.hex())


@pytest.mark.requirement("SPC4-6.9-04")
@pytest.mark.parametrize("size", SELECTS)
def test_a_list_that_ends_within_a_page_is_refused(
    session: Session, scratch_disk: Disk, size: int
) -> None:
    """The unit refuses a MODE SELECT whose list ends within a page."""
    _ = scratch_disk
    skip_without(session, SELECTS[size])
    # PS is reserved in MODE SELECT (SPC-4 section 7.5.7).
    page = replace(sense_page(session), is_savable=False)
    parameters = ModeParameters(pages=(page,), mode_data_length=0)
    data = (parameters.build_10() if size == 10 else parameters.build_6())[:-1]

    command = SELECTS[size](pf=1, parameter_list_length=len(data))
    result = session.execute(command, write=data)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, LIST_LENGTH)


@pytest.mark.requirement("SPC4-7.5.8-01")
@pytest.mark.parametrize("d_sense", [0, 1])
def test_sense_data_has_the_format_chosen(
    session: Session, setting: Setting, d_sense: int
) -> None:
    """D_SENSE selects fixed or descriptor format of sense data."""
    expect_good(setting(d_sense=d_sense))

    command = cdb.inquiry(evpd=1, page_code=0xFF, allocation_length=ROOM)
    result = session.execute(command, read=ROOM)

    sense = result.sense_bytes
    expected = DESCRIPTOR_FORMAT if d_sense else FIXED_FORMAT
    check(
        sense[:1] == bytes([expected]),
        f"response code {expected:02x}h",
        sense[:1].hex(),
    )
    key = parse_sense(sense).key
    check(key == SenseKey.ILLEGAL_REQUEST, "ILLEGAL REQUEST", key)


@pytest.mark.requirement("SPC4-7.5.8-02")
def test_a_unit_can_be_write_protected(medium: Medium, setting: Setting) -> None:
    """With SWP 1 writes end with DATA PROTECT; with SWP 0 they succeed again."""
    before = medium.blocks(1, seed=1)
    medium.write(0, before)
    expect_good(setting(swp=1))

    refused = medium.send(cdb.write_10, 0, medium.blocks(1, seed=2))
    command = cdb.mode_sense_6(dbd=1, page_code=0x3F, allocation_length=ROOM)
    header = medium.session.execute(command, read=ROOM).data

    expect_sense(refused, SenseKey.DATA_PROTECT)
    check(header[2] & 0x80, "WP 1 in the mode parameter header", header[:4].hex())
    expect_data(medium.read(0, 1), before, what="the block as it was")
    expect_good(setting(swp=0))
    medium.write(0, medium.blocks(1, seed=2))
