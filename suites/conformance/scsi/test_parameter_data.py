# SPDX-License-Identifier: GPL-2.0-only
"""Fields of parameter data and sense data (SPC-4, SBC-3).

docs/field-ledger.md says which check judges each of them.
"""

import pytest

from initiator.expect import check, expect_good
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
)
from iscsi.scsi.persistent_reservations import HEADER, KEY_LENGTH
from iscsi.scsi.sense import AdditionalSense, Sense
from iscsi.scsi.vpd import (
    Association,
    CodeSet,
    Designator,
    DesignatorType,
    VPDPage,
    parse_designators,
)
from suites.support.applicability import skip_if_unknown, skip_without
from suites.support.media import Medium, name
from suites.support.modes import ROOM, SELECTS, SENSES, mode_data, page_alone
from suites.support.operations import is_there
from suites.support.pages import (
    body_of,
    capacity_of,
    limits_of,
    provisioning_of,
    standard_of,
)

ISCSI = 5
SPC_4 = 0x06
ALL_BLOCKS = 0xFFFFFFFF
LARGEST = 48 << 20
"""Bytes that a check moves at most in one command."""

BINARY, TEXT = {CodeSet.BINARY}, {CodeSet.ASCII, CodeSet.UTF_8}
EVERY = set(Association)
DESIGNATORS: dict[int, tuple[set[CodeSet], set[Association], set[int]]] = {
    DesignatorType.T10_VENDOR_ID: (TEXT, EVERY, set(range(8, 256))),
    DesignatorType.EUI_64: (BINARY, EVERY, {8, 12, 16}),
    DesignatorType.NAA: (BINARY, EVERY, {8, 16}),
    DesignatorType.RELATIVE_TARGET_PORT: (BINARY, {Association.TARGET_PORT}, {4}),
    DesignatorType.TARGET_PORT_GROUP: (BINARY, {Association.TARGET_PORT}, {4}),
    DesignatorType.LOGICAL_UNIT_GROUP: (BINARY, {Association.LOGICAL_UNIT}, {4}),
    DesignatorType.MD5_LOGICAL_UNIT: (BINARY, {Association.LOGICAL_UNIT}, {16}),
    DesignatorType.SCSI_NAME_STRING: (
        {CodeSet.UTF_8},
        EVERY,
        set(range(4, 256, 4)),
    ),
}
"""By type: the code sets, associations and lengths that it may have (7.8.6.2 on)."""

LENGTHS = {page: {layout.length - 2} for page, layout in STRUCTURES.items()}
# Editions before SBC-2 and SPC-3 have shorter ones.
LENGTHS[ModePage.CACHING] |= {0x0A}
LENGTHS[ModePage.CONTROL] |= {0x06}

PROVISIONING_TYPES = range(3)
FLAGGED = (
    ModePage.READ_WRITE_ERROR_RECOVERY,
    ModePage.CACHING,
    ModePage.CONTROL,
    ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL,
)
"""The pages whose flags can be turned without harm."""

NOT_ALONE = {"dte", "test"}
"""Flags that are right only beside others: DTE needs PER, TEST needs DEXCPT 0."""

POINTED = {
    "page-code": (cdb.mode_sense_6(page_code=0x3E, allocation_length=ROOM), 2, 5),
    "vpd-page": (cdb.inquiry(evpd=1, page_code=0xFF, allocation_length=ROOM), 2, 7),
    "select-report": (
        cdb.report_luns(select_report=0x7F, allocation_length=ROOM),
        2,
        7,
    ),
}
"""Commands with a field that is refused: where it begins, byte and bit."""


def designators(session: Session) -> list[Designator]:
    """Return the designation descriptors of VPD page 83h; skip without that page.

    What is cut short is for another check.
    """
    body = body_of(session, VPDPage.DEVICE_IDENTIFICATION)
    if body is None:
        pytest.skip("not applicable: the unit has no VPD page 83h")
    try:
        return parse_designators(body)
    except DecodeError as error:
        check(False, "complete designation descriptors", str(error))
        raise AssertionError from error


@pytest.mark.requirement("SPC4-7.8-04")
def test_pages_are_of_the_same_device(session: Session) -> None:
    """Each VPD page has the qualifier and device type of standard INQUIRY data."""
    first = session.execute(cdb.inquiry(allocation_length=36), read=36).data[:1]
    listed = body_of(session, VPDPage.SUPPORTED_VPD_PAGES) or b""

    wrong = {}
    for code in listed:
        command = cdb.inquiry(evpd=1, page_code=code, allocation_length=ROOM)
        first_byte = session.execute(command, read=ROOM).data[:1]
        if first_byte and first_byte != first:
            wrong[f"{code:02x}h"] = first_byte.hex()

    check(not wrong, f"byte 0 as {first.hex()} in each page", wrong)


@pytest.mark.requirement("SPC4-6.6.2-03")
def test_claimed_features_exist(session: Session) -> None:
    """TPGS, 3PC and CMDQUE match what the unit supports."""
    inquiry = standard_of(session)

    if inquiry.tpgs:
        is_supported = is_there(session, cdb.report_target_port_groups)
        expected = f"REPORT TARGET PORT GROUPS, as TPGS is {inquiry.tpgs:02b}b"
        check(is_supported, expected, "it is not supported", field="TPGS")
    copies = is_there(session, cdb.extended_copy)
    is_right = inquiry.third_party_copy or not copies
    check(is_right, "3PC 1, as there is EXTENDED COPY", "3PC 0", field="3PC")
    is_right = inquiry.cmdque or inquiry.version < SPC_4
    check(is_right, "CMDQUE 1", "CMDQUE 0", field="CMDQUE")


@pytest.mark.requirement("SPC4-7.8.6-01")
def test_designators_have_their_form(session: Session) -> None:
    """A designator has the code set, association and length of its type."""
    for one in designators(session):
        if one.type not in DESIGNATORS:
            continue
        sets, associations, lengths = DESIGNATORS[one.type]
        check(one.code_set in sets, f"CODE SET {sorted(sets)}", one)
        expected = sorted(associations)
        check(one.association in associations, f"ASSOCIATION {expected}", one)
        check(len(one.designator) in lengths, "a length of its type", one)
        # If PIV is 0, the protocol identifier is invalid.
        if one.association == Association.TARGET_PORT and one.protocol is not None:
            check(one.protocol == ISCSI, "PROTOCOL IDENTIFIER 5", one)


@pytest.mark.requirement("SPC4-7.8.17-01")
def test_the_serial_number_is_text(session: Session) -> None:
    """The serial number of VPD page 80h is of printable ASCII characters."""
    body = body_of(session, VPDPage.UNIT_SERIAL_NUMBER)
    if body is None:
        pytest.skip("not applicable: the unit has no VPD page 80h")

    is_ascii = all(0x20 <= byte <= 0x7E for byte in body)
    check(is_ascii, "printable ASCII characters", body)


@pytest.mark.requirement("SPC4-6.15.2-03")
def test_the_list_of_keys_has_its_length(session: Session) -> None:
    """ADDITIONAL LENGTH of READ KEYS is that of the keys that follow."""
    layout = cdb.persistent_reserve_in_read_keys
    result = session.execute(layout(allocation_length=ROOM), read=ROOM)
    skip_if_unknown(result, layout)
    expect_good(result)

    data = result.data
    length = int.from_bytes(data[4:8], "big")
    is_whole = length % KEY_LENGTH == 0
    expected = "ADDITIONAL LENGTH of whole keys"
    check(is_whole, expected, data.hex(" "), field="ADDITIONAL LENGTH")
    listed = min(length, ROOM - HEADER.length)
    is_right = len(data) == HEADER.length + listed
    expected = f"{listed} bytes after the header"
    check(is_right, expected, data.hex(" "), field="ADDITIONAL LENGTH")


@pytest.mark.requirement("SPC4-7.5-01")
@pytest.mark.parametrize("size", SENSES)
def test_mode_pages_have_their_length(session: Session, size: int) -> None:
    """PAGE LENGTH of a mode page is that of its layout."""
    wrong = [
        page
        for page in mode_data(session, size).pages
        if page.subpage is None
        and page.code in LENGTHS
        and len(page.body) not in LENGTHS[ModePage(page.code)]
    ]

    check(not wrong, "the length of its layout", wrong, field="PAGE LENGTH")


@pytest.mark.requirement("SPC4-7.5.7-01")
@pytest.mark.parametrize("size", SENSES)
def test_ps_is_zero_if_nothing_can_be_saved(session: Session, size: int) -> None:
    """PS is 0 if the unit refuses saved values with SAVING NOT SUPPORTED."""
    pages = mode_data(session, size).pages
    command = SENSES[size](
        dbd=1,
        page_code=ALL_PAGES,
        page_control=PageControl.SAVED,
        allocation_length=ROOM,
    )
    sense = session.execute(command, read=ROOM).sense
    refusal = AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED
    if sense is None or sense.additional is not refusal:
        pytest.skip("not applicable: values can be saved")

    wrong = [page for page in pages if page.is_savable]
    check(not wrong, "PS 0, as nothing can be saved", wrong, field="PS")


@pytest.mark.requirement("SPC4-6.11-07")
@pytest.mark.parametrize("size", SENSES)
def test_block_descriptors_can_be_left_out(session: Session, size: int) -> None:
    """MODE SENSE with DBD 1 returns no block descriptor."""
    descriptors = mode_data(session, size).block_descriptors

    check(not descriptors, "BLOCK DESCRIPTOR LENGTH 0, as DBD is 1", descriptors)


@pytest.mark.requirement("SBC3-6.5.2-01")
@pytest.mark.parametrize(
    ("size", "llbaa"), [(6, 0), (10, 0), (10, 1)], ids=["6", "10", "10-long"]
)
def test_block_descriptors_report_the_capacity(
    session: Session, size: int, llbaa: int
) -> None:
    """A block descriptor has the number and the length of the blocks."""
    capacity = capacity_of(session)
    fields = {"llbaa": llbaa} if llbaa else {}
    parameters = mode_data(
        session, size, ALL_PAGES, PageControl.CURRENT, dbd=0, **fields
    )
    if not parameters.block_descriptors:
        pytest.skip("not applicable: the unit returns no block descriptor")

    first = parameters.block_descriptors[0]
    length = capacity.block_length
    check(first.block_length == length, f"LOGICAL BLOCK LENGTH {length}", first)
    blocks = capacity.last_lba + 1
    number = blocks if parameters.is_long_lba else min(blocks, ALL_BLOCKS)
    # In SPC-2, 0 means all remaining blocks.
    check(first.blocks in (number, 0), f"NUMBER OF LOGICAL BLOCKS {number}", first)
    is_right = parameters.is_long_lba <= bool(llbaa)
    check(is_right, "LONGLBA 0, as LLBAA is 0", "LONGLBA 1")


@pytest.mark.requirement("SBC3-6.5.1-02")
@pytest.mark.parametrize("size", SENSES)
def test_the_mode_header_is_a_disks(medium: Medium, size: int) -> None:
    """MEDIUM TYPE is 0, and WP is 0 on a writable unit."""
    medium.write(0, medium.blocks(1))

    parameters = mode_data(medium.session, size)

    kind = parameters.medium_type
    check(kind == 0, "MEDIUM TYPE 0", kind, field="MEDIUM TYPE")
    check(not parameters.is_write_protected, "WP 0, as a write ended GOOD", "WP 1")


@pytest.mark.requirement("SPC4-6.11-06")
@pytest.mark.parametrize("code", FLAGGED, ids=lambda code: code.name.lower())
def test_changeable_values_are_accepted(medium: Medium, code: ModePage) -> None:
    """A flag that is reported as changeable can be changed and restored."""
    session = medium.session
    before = page_alone(mode_data(session, page=code), code)
    mask = page_alone(
        mode_data(session, page=code, control=PageControl.CHANGEABLE), code
    ).fields
    skip_without(session, SELECTS[6])
    widths = STRUCTURES[code].fields
    flags = [
        one
        for one in mask
        if mask[one] and widths[one].width == 1 and one not in NOT_ALONE
    ]
    if not flags:
        pytest.skip("not applicable: no flag of the page can be changed")

    refused = {}
    for flag in flags:
        # The page also has fields without a name here.
        bit = STRUCTURES[code].mask(flag).to_bytes(STRUCTURES[code].length, "big")[2:]
        body = bytes(old ^ one for old, one in zip(before.body, bit, strict=True))
        result = chosen(session, Page(code, body))
        if not result.is_good:
            refused[flag.upper()] = str(result)
        chosen(session, Page(before.code, before.body))

    check(not refused, "each flag that can be changed is taken", refused)


def chosen(session: Session, page: Page) -> Result:
    """Send MODE SELECT of a page."""
    data = ModeParameters(pages=(page,), mode_data_length=0).build_6()
    command = SELECTS[6](pf=1, parameter_list_length=len(data))
    return session.execute(command, write=data)


@pytest.mark.requirement("SPC4-4.5.2.4-01")
@pytest.mark.parametrize("field", POINTED)
def test_sense_points_at_the_field(session: Session, field: str) -> None:
    """A field pointer in sense data points at the wrong field of the CDB."""
    command, byte, bit = POINTED[field]
    result = session.execute(command, read=ROOM)
    sense = result.sense
    is_about = sense and sense.additional is AdditionalSense.INVALID_FIELD_IN_CDB
    if sense is None or not is_about or sense.field_pointer is None:
        pytest.skip("not applicable: the sense data points at no field")

    _expect_pointer(sense, byte, bit)


def _expect_pointer(sense: Sense, byte: int, bit: int) -> None:
    pointer = sense.field_pointer
    assert pointer is not None
    check(pointer.in_cdb, "C/D 1: the field is in the CDB", pointer, field="C/D")
    expected = f"FIELD POINTER {byte}"
    check(pointer.byte == byte, expected, pointer, field="FIELD POINTER")
    if pointer.bit is not None:
        expected = f"BIT POINTER {bit}"
        check(pointer.bit == bit, expected, pointer, field="BIT POINTER")


def _read(medium: Medium, layout: Layout, blocks: int) -> Result:
    length = blocks * medium.disk.block_size
    return medium.session.execute(layout(lba=0, blocks=blocks), read=length)


@pytest.mark.requirement("SBC3-6.6.4-03")
@pytest.mark.parametrize("layout", [cdb.read_10, cdb.read_16], ids=name)
def test_the_longest_transfer_is_as_reported(medium: Medium, layout: Layout) -> None:
    """A read of MAXIMUM TRANSFER LENGTH blocks succeeds, one more block fails."""
    maximum = limits_of(medium.session).maximum_transfer_length
    last_lba = capacity_of(medium.session).last_lba
    size = medium.disk.block_size
    most_asked = 2 ** layout.structure.fields["blocks"].width - 1
    if not 0 < maximum < min(last_lba, most_asked) or maximum * size > LARGEST:
        pytest.skip("not applicable: the limit is more than one READ of 48 MiB")

    expect_good(_read(medium, layout, maximum))
    refused = _read(medium, layout, maximum + 1)

    check(not refused.is_good, f"more than {maximum} blocks are refused", refused)


@pytest.mark.requirement("SBC3-6.6.4-04")
def test_the_longest_comparison_is_as_reported(medium: Medium) -> None:
    """COMPARE AND WRITE beyond MAXIMUM COMPARE AND WRITE LENGTH fails."""
    skip_without(medium.session, cdb.compare_and_write)
    maximum = limits_of(medium.session).maximum_compare_and_write_length
    if not 0 < maximum < 0xFF:
        pytest.skip("not applicable: no CDB can exceed the limit")
    before = medium.blocks(maximum + 1)
    for at in range(0, maximum + 1, 16):
        count = min(16, maximum + 1 - at)
        part = before[at * medium.disk.block_size :][: count * medium.disk.block_size]
        medium.write(at, part)

    command = cdb.compare_and_write(lba=0, blocks=maximum + 1)
    result = medium.session.execute(command, write=before * 2)

    check(not result.is_good, f"more than {maximum} blocks are refused", result)


@pytest.mark.requirement("SBC3-6.6.5-03")
def test_the_provisioning_page_has_its_form(session: Session) -> None:
    """PROVISIONING TYPE is assigned, and DP shows whether a descriptor follows."""
    provisioning = provisioning_of(session)
    body = body_of(session, VPDPage.LOGICAL_BLOCK_PROVISIONING) or b""

    kind = provisioning.provisioning_type
    expected = "a PROVISIONING TYPE of 0 to 2"
    check(kind in PROVISIONING_TYPES, expected, kind, field="PROVISIONING TYPE")
    follows = len(body) > 4
    check(
        bool(provisioning.dp) == follows,
        f"DP {int(follows)}",
        provisioning.dp,
        field="DP",
    )
