# SPDX-License-Identifier: GPL-2.0-only
"""READ DEFECT DATA (SBC-3 sections 5.17 and 5.18)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.sense import AdditionalSense
from suites.support.applicability import skip_without
from suites.support.media import name

LAYOUTS = [cdb.read_defect_data_10, cdb.read_defect_data_12]
HEADERS = {cdb.read_defect_data_10: 4, cdb.read_defect_data_12: 8}
LISTS = {"primary": {"req_plist": 1}, "grown": {"req_glist": 1}, "none": {}}
BYTES_FROM_INDEX = 0b100
"""A DEFECT LIST FORMAT that has been there since SCSI-2."""
VALID = {"primary": 0x10, "grown": 0x08, "none": 0}
ROOM = 0x2000


def read_defects(session: Session, layout: Layout, room: int, which: str) -> bytes:
    """Return defect data; skip if the unit returns none."""
    skip_without(session, layout)
    fields = {"defect_list_format": BYTES_FROM_INDEX, **LISTS[which]}
    result = session.execute(layout(allocation_length=room, **fields), read=room)
    sense = result.sense
    if sense and sense.additional in (
        AdditionalSense.DEFECT_LIST_NOT_FOUND,
        AdditionalSense.INVALID_FIELD_IN_CDB,
    ):
        pytest.skip("not applicable: the unit has no such list")
    check(result.is_good, "GOOD", result)
    return result.data


@pytest.mark.requirement("SBC3-5.17-01")
@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=name)
def test_defects_are_listed(session: Session, layout: Layout, which: str) -> None:
    """The header of defect data says which lists follow, and their length."""
    data = read_defects(session, layout, ROOM, which)

    size = HEADERS[layout]
    check(len(data) >= size, f"a header of {size} bytes", data.hex())
    # The requested list may be missing, but no other list may be returned.
    unasked = data[1] & 0x18 & ~VALID[which]
    check(not unasked, "no list that was not asked for", f"{data[1]:#04x}")
    list_length = int.from_bytes(data[size // 2 : size], "big")
    length = min(size + list_length, ROOM)
    check(len(data) == length, f"{length} bytes", len(data))


@pytest.mark.requirement("SBC3-5.17-02")
@pytest.mark.parametrize("room", [0, 1, 4])
@pytest.mark.parametrize("layout", LAYOUTS, ids=name)
def test_a_defect_list_is_cut_where_asked(
    session: Session, layout: Layout, room: int
) -> None:
    """ALLOCATION LENGTH cuts defect data and changes none of it."""
    complete_data = read_defects(session, layout, ROOM, "primary")

    data = read_defects(session, layout, room, "primary")

    check(data == complete_data[:room], complete_data[:room].hex(), data.hex())
