# SPDX-License-Identifier: GPL-2.0-only
"""CDBs: vectors by hand from SPC-4 and SBC-3, and the table's own consistency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout

LAYOUTS = list(cdb.LAYOUTS.values())


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (cdb.test_unit_ready(), "000000000000"),
        (cdb.request_sense(desc=1, allocation_length=252), "03010000fc00"),
        (cdb.inquiry(evpd=1, page_code=0x83, allocation_length=0x1234), "120183123400"),
        (cdb.read_6(lba=0x1F2233, blocks=5), "081f22330500"),
        (
            cdb.read_10(lba=0x01020304, blocks=0x0506, dpo=1, fua=1, rdprotect=5),
            "28b80102030400050600",
        ),
        (
            cdb.write_16(lba=0x0102030405060708, blocks=0x090A0B0C, fua=1),
            "8a0801020304050607 08090a0b0c0000",
        ),
        (
            cdb.read_12(lba=1, blocks=2, group_number=31, control=4),
            "a80000000001000000021f04",
        ),
        (cdb.verify_10(lba=1, blocks=1, bytchk=1), "2f020000000100000100"),
        (
            cdb.xdwriteread_32(lba=0x0102030405060708, blocks=9, fua=1, group_number=1),
            "7f 00 0000000001 18 0007 08 00 0102030405060708 0000000000000000 00000009",
        ),
        (cdb.write_same_16(blocks=1, unmap=1, ndob=1), "9309" + "00" * 11 + "010000"),
        (cdb.compare_and_write(lba=2, blocks=1), "8900" + "00" * 7 + "020000000100 00"),
        (cdb.unmap(parameter_list_length=24), "42000000000000001800"),
        (
            cdb.get_lba_status(lba=1, allocation_length=24),
            "9e12" + "00" * 7 + "01000000180000",
        ),
        (cdb.read_capacity_16(allocation_length=32), "9e10" + "00" * 11 + "200000"),
        (
            cdb.mode_sense_6(page_control=2, page_code=0x0A, allocation_length=255),
            "1a008a00ff00",
        ),
        (cdb.mode_select_6(pf=1, sp=1, parameter_list_length=24), "151100001800"),
        (
            cdb.report_luns(select_report=2, allocation_length=16),
            "a00002000000000000100000",
        ),
        (
            cdb.report_supported_operation_codes(
                rctd=1,
                reporting_options=2,
                requested_operation_code=0x9E,
                requested_service_action=0x10,
                allocation_length=64,
            ),
            "a30c829e0010000000400000",
        ),
        (
            cdb.persistent_reserve_out_preempt(
                scope=0, type=5, parameter_list_length=24
            ),
            "5f040500000000001800",
        ),
        (cdb.start_stop_unit(immed=1, loej=1, start=1), "1b0100000300"),
        (
            cdb.sanitize_overwrite(immed=1, parameter_list_length=8),
            "48810000000000000800",
        ),
        (
            cdb.log_sense(page_control=1, page_code=0x2F, allocation_length=4),
            "4d006f00000000000400",
        ),
    ],
)
def test_command_is_laid_out_as_the_standard_says(built: bytes, expected: str) -> None:
    assert built == bytes.fromhex(expected)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_fields_of_a_command_do_not_overlap(layout: Layout) -> None:
    collected = 0
    for name in layout.structure.fields:
        mask = layout.structure.mask(name)
        assert mask
        assert not collected & mask, name
        collected |= mask


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_length_of_a_command_is_its_group_s(layout: Layout) -> None:
    groups = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}
    reported = 8 + layout()[7] if layout.is_variable_length else None

    assert layout.length == (reported or groups[layout.opcode >> 5])


@given(st.sampled_from(LAYOUTS), st.data())
def test_fields_come_back(layout: Layout, data: st.DataObject) -> None:
    values = {
        name: data.draw(st.integers(0, 2**field.width - 1), label=name)
        for name, field in layout.structure.fields.items()
        if name not in ("operation_code", "service_action")
    }

    built = layout(**values)

    assert layout.parse(built).items() >= values.items()
    assert cdb.find(built) is layout
    names = tuple(values)
    assert layout.structure.reader(*names)(built) == tuple(values.values())


def test_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="blocksize"):
        cdb.read_10(blocksize=1)


def test_value_too_large_for_its_field_is_refused() -> None:
    with pytest.raises(ValueError, match="lba=4294967296"):
        cdb.read_10(lba=2**32)


def test_another_command_is_not_parsed() -> None:
    with pytest.raises(DecodeError, match="READ \\(10\\)"):
        cdb.read_10.parse(cdb.write_10())
    with pytest.raises(DecodeError):
        cdb.read_16.parse(b"\x88")


def test_unknown_command_is_not_found() -> None:
    assert cdb.find(b"\xff" + bytes(15)) is None
    assert cdb.find(b"\x9e\x1e" + bytes(14)) is None
    assert cdb.find(b"\x00") is None
