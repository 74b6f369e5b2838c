# SPDX-License-Identifier: GPL-2.0-only
"""Units that are added and removed (SPC-4 section 6.33; SAM-5 4.7 and 5.14)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from initiator.core import lun_field
from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from iscsi.pdu import R2T
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.vpd import ExtendedInquiry, VPDPage
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.changes import (
    Operator,
    ask,
    attentions,
    clear,
    disk_of,
    expect_attention,
    listed,
)
from suites.support.expect import expect_sense
from suites.support.pages import body_of

CHANGED = AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED
NOT_THERE = AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED
QUALIFIERS_OF_NOTHING = (0b001, 0b011)
RESET_CLASS = 0x29
ROOM = 96


@contextmanager
def unit_of(operator: Operator, lun: int) -> Iterator[None]:
    """Add a unit; remove it at the end."""
    operator.add(lun)
    try:
        yield
    finally:
        operator.remove(lun)


@pytest.mark.requirement("SPC4-6.33-05")
def test_a_new_unit_is_reported_to_all(
    operator: Operator, others: list[Session], new_lun: int
) -> None:
    """Each nexus gets a unit attention when a unit is added."""
    with unit_of(operator, new_lun):
        for one in others:
            expect_attention(one, one.lun, CHANGED)


@pytest.mark.requirement("SPC4-6.33-05")
def test_a_removed_unit_is_reported_to_all(
    operator: Operator, others: list[Session], new_lun: int
) -> None:
    """Each nexus gets a unit attention when a unit is removed."""
    with unit_of(operator, new_lun):
        for one in others:
            attentions(one, one.lun)

    for one in others:
        expect_attention(one, one.lun, CHANGED)


@pytest.mark.requirement("SPC4-6.33-06")
def test_the_list_follows_the_units(
    operator: Operator, session: Session, new_lun: int
) -> None:
    """REPORT LUNS lists an added unit, and no longer lists a removed one."""
    before = listed(session)

    with unit_of(operator, new_lun):
        amid = listed(session)
    after = listed(session)

    check(sorted(amid) == sorted([*before, new_lun]), f"LUN {new_lun} besides", amid)
    check(sorted(after) == sorted(before), f"the LUNs {before}", after)


@pytest.mark.requirement("SPC4-6.33-07")
def test_the_list_clears_the_attention(
    operator: Operator, session: Session, new_lun: int
) -> None:
    """REPORT LUNS clears the unit attention about a changed list."""
    with unit_of(operator, new_lun):
        listed(session)

        reported = attentions(session, session.lun)

        check(CHANGED not in reported, "no REPORTED LUNS DATA HAS CHANGED", reported)


@pytest.mark.needs("several-luns")
@pytest.mark.requirement("SPC4-6.33-07")
def test_the_list_clears_the_attention_of_all_units(
    operator: Operator, session: Session, target: TestedTarget, new_lun: int
) -> None:
    """With LUICLR 1, REPORT LUNS clears that unit attention for all units."""
    body = body_of(session, VPDPage.EXTENDED_INQUIRY_DATA)
    if body is None or not ExtendedInquiry.parse(body).luiclr:
        pytest.skip("not applicable: LUICLR is 0")
    numbers = [unit.lun for unit in target.running.target.logical_units]
    other = next(number for number in numbers if number != session.lun)
    clear(session, other)

    with unit_of(operator, new_lun):
        listed(session)

        reported = attentions(session, other)

        check(CHANGED not in reported, "no REPORTED LUNS DATA HAS CHANGED", reported)


@pytest.mark.requirement("SAM5-4.7-05")
def test_a_new_unit_serves(operator: Operator, session: Session, new_lun: int) -> None:
    """An added unit is served on a session that existed before it."""
    with unit_of(operator, new_lun):
        disk = disk_of(session, new_lun)
        data = b"\x5a" * disk.block_size
        write = cdb.write_10(lba=0, blocks=1)
        expect_good(ask(session, new_lun, write, write=data))

        read = cdb.read_10(lba=0, blocks=1)
        result = ask(session, new_lun, read, read=len(data))

    expect_data(result.data, data, what="the data written")


@pytest.mark.requirement("SAM5-4.7-06")
@pytest.mark.parametrize(
    "command",
    [cdb.test_unit_ready(), cdb.read_10(lba=0, blocks=1)],
    ids=["test-unit-ready", "read"],
)
def test_a_removed_unit_is_not_served(
    operator: Operator, session: Session, new_lun: int, command: bytes
) -> None:
    """A command to a removed unit ends as for a unit that does not exist."""
    with unit_of(operator, new_lun):
        clear(session, new_lun)
        disk_of(session, new_lun)

    room = 0 if command[0] == cdb.test_unit_ready.opcode else 4096
    result = ask(session, new_lun, command, read=room)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, NOT_THERE)


@pytest.mark.requirement("SAM5-4.7-06")
def test_a_removed_unit_is_reported_as_absent(
    operator: Operator, session: Session, new_lun: int
) -> None:
    """INQUIRY reports that a removed unit does not exist."""
    with unit_of(operator, new_lun):
        clear(session, new_lun)

    inquiry = cdb.inquiry(allocation_length=ROOM)
    result = session.execute(inquiry, read=ROOM, lun=lun_field(new_lun))

    expect_good(result)
    qualifier = result.data[0] >> 5
    check(
        qualifier in QUALIFIERS_OF_NOTHING,
        "PERIPHERAL QUALIFIER 001b or 011b",
        f"{qualifier:03b}b",
    )


@pytest.mark.requirement("SAM5-4.7-07")
def test_a_write_ends_if_its_unit_is_removed(
    operator: Operator, open_session: OpenSession, new_lun: int
) -> None:
    """A write that waits for data ends when its unit is removed."""
    session = open_session({"InitialR2T": "Yes", "ImmediateData": "No"})
    operator.add(new_lun)
    try:
        clear(session, new_lun)
        disk = disk_of(session, new_lun)
        task = session.start(
            cdb.write_10(lba=0, blocks=1),
            write=bytes(disk.block_size),
            lun=lun_field(new_lun),
        )
        task.take(session.expect(R2T, of=task.command))
    finally:
        operator.remove(new_lun)

    session.finish(task)
    clear(session, session.lun)
    expect_good(session.execute(cdb.test_unit_ready()))


@pytest.mark.requirement("SAM5-4.7-08")
def test_other_units_are_still_served(
    operator: Operator, session: Session, new_lun: int
) -> None:
    """Other units are still served on the same session, without a reset."""
    with unit_of(operator, new_lun):
        clear(session, new_lun)
        attentions(session, session.lun)

    reported = attentions(session, session.lun)

    resets = [one for one in reported if one is not None and one.asc == RESET_CLASS]
    check(not resets, "no unit attention of a reset", reported)
    expect_good(session.execute(cdb.test_unit_ready()))
