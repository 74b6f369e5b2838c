# SPDX-License-Identifier: GPL-2.0-only
"""SANITIZE (SBC-3 section 5.24)."""

import pytest

from initiator.expect import check, expect_data, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.applicability import skip_unless_reported
from suites.support.expect import expect_conflict, expect_sense
from suites.support.media import Medium, name
from suites.support.reservations import Nexus

IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB
IN_LIST = AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST
ERASES = [cdb.sanitize_block_erase, cdb.sanitize_cryptographic_erase]
OVERWRITE = cdb.sanitize_overwrite
RESERVED = [0x00, 0x04, 0x1E]
LARGEST = 1 << 30
"""Bytes of the largest disk that is sanitized."""
KEY = 0x5A5A
SECONDS = 30.0


@pytest.fixture
def small(medium: Medium) -> Medium:
    """A disk that is sanitized in a moment."""
    if medium.disk.blocks * medium.disk.block_size > LARGEST:
        pytest.skip("not applicable: the disk is too large to be sanitized for a check")
    return medium


def pattern_list(pattern: bytes, *, count: int = 1, length: int | None = None) -> bytes:
    """Return the parameter list of OVERWRITE."""
    pattern_length = len(pattern) if length is None else length
    return bytes([count, 0]) + pattern_length.to_bytes(2, "big") + pattern


def overwrite(medium: Medium, data: bytes) -> Result:
    """Send SANITIZE (OVERWRITE) with a parameter list."""
    command = OVERWRITE(parameter_list_length=len(data))
    return medium.session.execute(command, write=data, timeout=SECONDS)


@pytest.mark.requirement("SBC3-5.24-01")
@pytest.mark.parametrize("layout", ERASES, ids=name)
def test_sanitize_erases_all_data(small: Medium, layout: Layout) -> None:
    """BLOCK ERASE and CRYPTOGRAPHIC ERASE leave none of the old data."""
    skip_unless_reported(small.session, layout)
    data = small.blocks(2, seed=1)
    last = small.disk.blocks - 2
    small.write(0, data)
    small.write(last, data)

    expect_good(small.session.execute(layout(), timeout=SECONDS))

    for lba in (0, last):
        command = cdb.read_10(lba=lba, blocks=2)
        # Erased blocks may be unreadable.
        result = small.session.execute(command, read=len(data))
        actual = f"{result}, with the data from before"
        check(result.data != data, f"other data at block {lba}, or none", actual)


@pytest.mark.requirement("SBC3-5.24-02")
@pytest.mark.parametrize("layout", ERASES, ids=name)
def test_erasing_takes_no_list(small: Medium, layout: Layout) -> None:
    """The unit refuses an erase with a PARAMETER LIST LENGTH, and erases nothing."""
    skip_unless_reported(small.session, layout)
    data = small.blocks(1, seed=2)
    small.write(0, data)

    command = layout(parameter_list_length=8)
    result = small.session.execute(command, write=bytes(8))

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    expect_data(small.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-5.24-03")
def test_exit_failure_mode_without_failure_is_good(small: Medium) -> None:
    """EXIT FAILURE MODE without a failure ends GOOD, without effect."""
    skip_unless_reported(small.session, cdb.sanitize_exit_failure_mode)
    data = small.blocks(1, seed=3)
    small.write(0, data)

    expect_good(small.session.execute(cdb.sanitize_exit_failure_mode()))

    expect_data(small.read(0, 1), data, what="the block as it was")


@pytest.mark.requirement("SBC3-5.24-04")
@pytest.mark.parametrize("action", RESERVED, ids=hex)
def test_reserved_actions_are_refused(small: Medium, action: int) -> None:
    """The unit refuses a reserved SERVICE ACTION."""
    skip_unless_reported(small.session, OVERWRITE)
    command = bytes([OVERWRITE.opcode, action]) + bytes(8)

    result = small.session.execute(command)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)


@pytest.mark.requirement("SBC3-5.24-05")
@pytest.mark.parametrize("length", [4, None], ids=["word", "block"])
def test_a_pattern_is_written(small: Medium, length: int | None) -> None:
    """OVERWRITE writes its pattern to every block."""
    skip_unless_reported(small.session, OVERWRITE)
    size = small.disk.block_size
    pattern = small.blocks(1, seed=4)[: length or size]

    expect_good(overwrite(small, pattern_list(pattern)))

    expected = pattern * (size // len(pattern))
    for lba in (0, small.disk.blocks - 1):
        read_back = small.read(lba, 1)
        check(
            read_back == expected, f"the pattern in block {lba}", read_back[:16].hex()
        )


@pytest.mark.requirement("SBC3-5.24-06")
@pytest.mark.parametrize("extra", ["nothing", "header", "too-long"])
def test_a_list_of_the_wrong_length_is_refused(small: Medium, extra: str) -> None:
    """The unit refuses OVERWRITE without a pattern, or with one beyond a block."""
    skip_unless_reported(small.session, OVERWRITE)
    size = small.disk.block_size
    length = {"nothing": 0, "header": 4, "too-long": size + 5}[extra]
    before = small.blocks(1, seed=5)
    small.write(0, before)
    command = OVERWRITE(parameter_list_length=length)

    result = small.session.execute(
        command, write=pattern_list(bytes(size + 1))[:length]
    )

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_CDB)
    expect_data(small.read(0, 1), before, what="the block as it was")


@pytest.mark.requirement("SBC3-5.24-07")
@pytest.mark.parametrize("what", ["no-passes", "no-pattern", "long-pattern"])
def test_a_malformed_pattern_is_refused(small: Medium, what: str) -> None:
    """The unit refuses OVERWRITE COUNT 0 and a wrong pattern length."""
    skip_unless_reported(small.session, OVERWRITE)
    size = small.disk.block_size
    data = {
        "no-passes": pattern_list(bytes(4), count=0),
        "no-pattern": pattern_list(bytes(4), length=0),
        "long-pattern": pattern_list(bytes(4), length=size + 1),
    }[what]
    before = small.blocks(1, seed=6)
    small.write(0, before)

    result = overwrite(small, data)

    expect_sense(result, SenseKey.ILLEGAL_REQUEST, IN_LIST)
    expect_data(small.read(0, 1), before, what="the block as it was")


@pytest.mark.needs("read-only-lun")
@pytest.mark.requirement("SBC3-5.24-08")
@pytest.mark.parametrize("layout", ERASES, ids=name)
def test_a_protected_unit_is_not_sanitized(
    open_session: OpenSession, target: TestedTarget, layout: Layout
) -> None:
    """A write-protected unit refuses SANITIZE."""
    unit = target.running.target.find_protected()
    assert unit is not None
    session = open_session(lun=unit.lun)
    skip_unless_reported(session, layout)

    result = session.execute(layout())

    expect_sense(result, SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED)


@pytest.mark.requirement("SBC3-5.24-09")
def test_a_reservation_conflicts_with_sanitize(
    small: Medium, open_session: OpenSession
) -> None:
    """SANITIZE conflicts with the reservation of another nexus."""
    layout = cdb.sanitize_block_erase
    skip_unless_reported(small.session, layout)
    other: Session = open_session(
        initiator_name=f"{small.session.options.initiator_name}.holder"
    )
    holder = Nexus(other)
    registered = holder.register_anyway(KEY)
    if not registered.is_good:
        pytest.skip(f"not applicable: the unit cannot be reserved: {registered}")
    before = small.blocks(1, seed=7)
    small.write(0, before)
    expect_good(holder.reserve(ReservationType.WRITE_EXCLUSIVE))

    result = small.session.execute(layout())
    holder.clear()

    expect_conflict(result)
    expect_data(small.read(0, 1), before, what="the block as it was")
