# SPDX-License-Identifier: GPL-2.0-only
"""Sense data besides its key: causes, lengths and descriptors (SPC-4)."""

from collections.abc import Iterator

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from initiator.task import Result
from iscsi.constants import TMFunction
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from iscsi.scsi.sense import parse as parse_sense
from iscsi.scsi.sense_layouts import (
    COMMAND_SPECIFIC,
    DESCRIPTOR,
    DESCRIPTOR_CODES,
    DESCRIPTOR_HEADER,
    FIXED_MINIMUM,
    INFORMATION,
    SPECIFIC,
)
from suites.plugins.sessions import OpenSession
from suites.support.applicability import skip_if_refused
from suites.support.data import reaching
from suites.support.functions import ask_function
from suites.support.media import Medium
from suites.support.modes import ROOM, Setting

RESETS = [
    AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,
    AdditionalSense.POWER_ON_OCCURRED,
    AdditionalSense.SCSI_BUS_RESET_OCCURRED,
    AdditionalSense.BUS_DEVICE_RESET_FUNCTION_OCCURRED,
    AdditionalSense.DEVICE_INTERNAL_RESET,
    AdditionalSense.I_T_NEXUS_LOSS_OCCURRED,
]
"""What a reset may be reported as."""
LENGTHS = {0x00: INFORMATION, 0x01: COMMAND_SPECIFIC, 0x02: SPECIFIC}
"""The descriptors that any command may return, by their types."""
MOST = 252
"""Bytes that sense data may have in all."""
ATTENTION = "SAM5-5.14-03"


@pytest.mark.requirement("SPC4-6.39-03", ATTENTION)
@pytest.mark.parametrize("desc", [0, 1], ids=["fixed", "descriptor"])
def test_an_attention_that_is_asked_for_names_its_cause(
    open_session: OpenSession, session: Session, desc: int
) -> None:
    """REQUEST SENSE returns the code of a reset, and a correct length."""
    other = open_session(initiator_name=f"{session.options.initiator_name}.other")
    ask_function(session, TMFunction.LOGICAL_UNIT_RESET)

    command = cdb.request_sense(desc=desc, allocation_length=MOST)
    result = other.execute(command, read=MOST)

    if desc:
        skip_if_refused(result, "DESC")
    check(result.is_good, "GOOD, the attention as data", result, requirement=ATTENTION)
    _expect_length(result.data)
    sense = parse_sense(result.data)
    is_attention = sense.key == SenseKey.UNIT_ATTENTION
    check(is_attention, "UNIT ATTENTION", sense, requirement=ATTENTION)
    check(sense.additional in RESETS, "the code of a reset", sense)


def _expect_length(data: bytes) -> None:
    """Expect ADDITIONAL SENSE LENGTH to count no more than what was sent."""
    maximum = len(data) - FIXED_MINIMUM
    check(
        len(data) >= FIXED_MINIMUM and data[7] <= maximum,
        f"ADDITIONAL SENSE LENGTH up to {max(maximum, 0)}, as {len(data)} bytes came",
        data[:FIXED_MINIMUM].hex(" "),
        field="ADDITIONAL SENSE LENGTH",
    )


@pytest.mark.requirement("SPC4-4.5.2.1-01")
def test_descriptors_have_the_length_of_their_type(
    medium: Medium, setting: Setting
) -> None:
    """Each descriptor of sense data has the length of its type."""
    expect_good(setting(d_sense=1))

    for result in _refusals(medium):
        sense = result.sense_bytes
        if sense[:1] not in [bytes([code]) for code in DESCRIPTOR_CODES]:
            continue
        for kind, length in _descriptors(sense):
            if kind not in LENGTHS:
                continue
            expected = LENGTHS[kind].length - DESCRIPTOR_HEADER
            check(
                length == expected,
                f"ADDITIONAL LENGTH {expected} of a descriptor of type {kind:02x}h",
                sense.hex(" "),
                field="ADDITIONAL LENGTH",
            )


def _refusals(medium: Medium) -> Iterator[Result]:
    """Send commands whose refusal may need descriptors; yield the sense data."""
    session = medium.session
    unknown_page = cdb.inquiry(evpd=1, page_code=0xFF, allocation_length=ROOM)
    yield session.execute(unknown_page, read=ROOM)
    layout = reaching(medium.disk, cdb.read_10, cdb.read_16)
    beyond = layout(lba=medium.disk.blocks, blocks=1)
    yield session.execute(beyond, read=medium.disk.block_size)
    data = medium.blocks(1, seed=3)
    medium.write(0, data)
    other = bytes([data[0] ^ 1]) + data[1:]
    yield session.execute(cdb.compare_and_write(lba=0, blocks=1), write=other + data)


def _descriptors(sense: bytes) -> Iterator[tuple[int, int]]:
    """Yield type and ADDITIONAL LENGTH of each descriptor whose header is complete.

    A target may send less sense data than there is.
    """
    end = DESCRIPTOR.length + sense[7] if len(sense) >= DESCRIPTOR.length else 0
    end = min(end, len(sense))
    offset = DESCRIPTOR.length
    while offset + DESCRIPTOR_HEADER <= end:
        kind, length = sense[offset], sense[offset + 1]
        yield kind, length
        offset += DESCRIPTOR_HEADER + length
