# SPDX-License-Identifier: GPL-2.0-only
"""Parameter data: what was built comes back, what is cut short is refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi import log, mode, provisioning, supported_operations, vpd
from iscsi.scsi.capacity import Capacity10, Capacity16
from iscsi.scsi.inquiry import StandardInquiry
from iscsi.scsi.mode import BlockDescriptor, ModePage, ModeParameters
from iscsi.scsi.provisioning import Extent, LBAStatus
from iscsi.scsi.supported_operations import CommandDescriptor, OneCommand


def test_standard_inquiry_comes_back() -> None:
    inquiry = StandardInquiry(
        is_removable=True,
        vendor="VENDOR",
        product="A product",
        revision="1.0",
        version_descriptors=(0x0460, 0x04C0),
    )

    data = inquiry.build()

    assert len(data) == 96
    assert data[4] == 91  # ADDITIONAL LENGTH counts what follows it
    assert StandardInquiry.parse(data) == inquiry
    assert StandardInquiry.parse(data[:36]).version_descriptors == ()


def test_capacity_comes_back() -> None:
    short = Capacity10(0x1FFFF, 512)
    long = Capacity16(2**40, 4096, lbpme=1, lbprz=1, physical_block_exponent=3)

    assert Capacity10.parse(short.build()) == short
    assert Capacity16.parse(long.build()) == long
    assert Capacity10(2**33, 512).build()[:4] == b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    "body",
    [
        vpd.BlockLimits(
            wsnz=1, maximum_unmap_lba_count=7, maximum_write_same_length=9, ugavalid=1
        ),
        vpd.BlockDeviceCharacteristics(medium_rotation_rate=1, vbuls=1),
        vpd.LogicalBlockProvisioning(lbpu=1, lbprz=1, provisioning_type=2),
        vpd.ExtendedInquiry(simpsup=1, luiclr=1),
    ],
    ids=lambda body: type(body).__name__,
)
def test_vpd_body_comes_back(
    body: vpd.BlockLimits
    | vpd.BlockDeviceCharacteristics
    | vpd.LogicalBlockProvisioning
    | vpd.ExtendedInquiry,
) -> None:
    assert type(body).parse(body.build()) == body


def test_vpd_body_of_an_older_edition_has_zeros_for_the_rest() -> None:
    limits = vpd.BlockLimits.parse(bytes(6) + b"\x00\x10" + bytes(4))

    assert limits.maximum_transfer_length == 0x0010
    assert limits.maximum_write_same_length == 0


def test_vpd_page_comes_back() -> None:
    page = vpd.Page(0x80, b"serial")

    assert page.build() == b"\x00\x80\x00\x06serial"
    assert vpd.Page.parse(page.build() + b"more") == page


def test_designators_come_back() -> None:
    designators = [
        vpd.Designator(vpd.DesignatorType.NAA, bytes.fromhex("3000000000000001")),
        vpd.Designator(
            vpd.DesignatorType.SCSI_NAME_STRING,
            b"iqn.2001-04.com.example\0",
            vpd.Association.TARGET_DEVICE,
            vpd.CodeSet.UTF_8,
            5,
        ),
    ]
    body = vpd.build_designators(designators)

    assert vpd.parse_designators(body) == designators
    assert body[12:16] == bytes.fromhex("53a80018")


def test_mode_parameters_come_back() -> None:
    parameters = ModeParameters(
        pages=(
            mode.Page.of(ModePage.CONTROL, swp=1, d_sense=1),
            mode.Page(0x3E, b"\x01\x02\x03", subpage=4),
        ),
        block_descriptors=(BlockDescriptor(1000, 512),),
        is_write_protected=True,
        dpofua=True,
    )
    short = mode.parse_6(parameters.build_6())
    long = mode.parse_10(parameters.build_10())

    assert short.pages == long.pages == parameters.pages
    assert short.block_descriptors == long.block_descriptors
    assert short.pages[0].fields["swp"] == 1
    assert short.mode_data_length == len(parameters.build_6()) - 1
    assert long.mode_data_length == len(parameters.build_10()) - 2


def test_control_page_has_its_bits_where_the_standard_says() -> None:
    page = mode.Page.of(ModePage.CONTROL, swp=1, d_sense=1, busy_timeout_period=2)

    assert page.build() == bytes.fromhex("0a0a04000800000000020000")


@given(
    st.lists(st.builds(Extent, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)))
)
def test_unmap_list_comes_back(extents: list[Extent]) -> None:
    data = provisioning.build_unmap(extents)

    assert provisioning.parse_unmap(data) == extents
    if extents:
        assert provisioning.parse_unmap(data[:-1]) == extents[:-1]


def test_lba_status_comes_back() -> None:
    statuses = [LBAStatus(0, 8, 0), LBAStatus(8, 100, 1)]

    assert (
        provisioning.parse_lba_status(provisioning.build_lba_status(statuses))
        == statuses
    )


@given(st.booleans())
def test_supported_operations_come_back(has_timeouts: bool) -> None:
    every = [
        CommandDescriptor(0x28, None, 10, has_timeouts),
        CommandDescriptor(0x9E, 0x10, 16, has_timeouts),
    ]
    one = OneCommand(3, bytes(10), has_timeouts)

    assert (
        supported_operations.parse_all(supported_operations.build_all(every)) == every
    )
    assert supported_operations.parse_one(supported_operations.build_one(one)) == one


def test_log_page_comes_back() -> None:
    parameter = log.Parameter(1, b"\x00\x19")
    page = log.Page(0x0D, parameter.build())

    assert log.Page.parse(page.build()) == page
    assert page.parameters == [parameter]


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "inquiry": (StandardInquiry.parse, StandardInquiry().build()[:36]),
    "capacity 10": (Capacity10.parse, Capacity10(1, 512).build()),
    "capacity 16": (Capacity16.parse, Capacity16(1, 512).build()),
    "VPD page": (vpd.Page.parse, vpd.Page(0x80, b"serial").build()),
    "designators": (
        vpd.parse_designators,
        vpd.Designator(vpd.DesignatorType.NAA, bytes(8)).build(),
    ),
    "mode 6": (
        mode.parse_6,
        ModeParameters((mode.Page.of(ModePage.CONTROL),)).build_6(),
    ),
    "mode 10": (
        mode.parse_10,
        ModeParameters((mode.Page.of(ModePage.CONTROL),)).build_10(),
    ),
    "operations": (
        supported_operations.parse_all,
        supported_operations.build_all([CommandDescriptor(0, None, 6)]),
    ),
    "operation": (
        supported_operations.parse_one,
        supported_operations.build_one(OneCommand(3, bytes(6))),
    ),
    "log page": (log.Page.parse, log.Page(0, b"\0\1").build()),
}


@pytest.mark.parametrize("name", PARSERS)
def test_data_cut_short_by_a_byte_is_refused(name: str) -> None:
    parse, data = PARSERS[name]
    parse(data)

    with pytest.raises(DecodeError) as refusal:
        parse(data[:-1])
    assert refusal.value.data == data[:-1]


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    parse, _ = PARSERS[name]
    try:
        parse(data)
    except DecodeError as refusal:
        assert refusal.field  # noqa: PT017 (a refusal is one of two right answers)
