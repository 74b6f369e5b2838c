# SPDX-License-Identifier: GPL-2.0-only
"""The conflict tables, spelled out once more from the standards' own tables."""

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.persistent_reservations import ReservationType
from iscsi.scsi.reservation_conflicts import PASSES, Access, Role, passes

# SPC-4 tables 58 and 59 have columns for what is not the holder: write exclusive,
# exclusive access, registrants under the shared types, the others under these.
COLUMNS = ("WE", "EA", "registered", "WE others", "EA others")
ROWS = {
    Access.FREE: "+++++",
    Access.READY: "+++++",
    Access.READ: "+-++-",
    Access.WRITE: "--+--",
    Access.RESERVATION: "+++++",
}
SHARED = {
    ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
    ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY,
    ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
    ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS,
}


def column(kind: ReservationType, role: Role) -> str:
    family = "WE" if kind.name.startswith("WRITE") else "EA"
    if kind not in SHARED:
        return family
    return "registered" if role is Role.REGISTRANT else f"{family} others"


@pytest.mark.parametrize("kind", ReservationType)
@pytest.mark.parametrize("access", ROWS)
def test_every_class_passes_as_the_standard_says(
    kind: ReservationType, access: Access
) -> None:
    for role in PASSES[kind]:
        expected = role is Role.HOLDER or (
            ROWS[access][COLUMNS.index(column(kind, role))] == "+"
        )
        assert passes(kind, role, access, bytes(6)) is expected


def test_under_all_registrants_a_registrant_is_a_holder() -> None:
    assert {kind for kind, roles in PASSES.items() if Role.REGISTRANT not in roles} == {
        kind for kind in ReservationType if kind.is_all_registrants
    }


@pytest.mark.parametrize(
    ("access", "command", "wanted"),
    [
        (Access.START_STOP, cdb.start_stop_unit(start=1), Access.FREE),
        (Access.START_STOP, cdb.start_stop_unit(start=0), Access.WRITE),
        (Access.START_STOP, cdb.start_stop_unit(start=1, loej=1), Access.FREE),
        (
            Access.START_STOP,
            cdb.start_stop_unit(start=1, power_condition=1),
            Access.WRITE,
        ),
        (Access.REMOVAL, cdb.prevent_allow_medium_removal(prevent=0), Access.FREE),
        (Access.REMOVAL, cdb.prevent_allow_medium_removal(prevent=1), Access.WRITE),
        (Access.READ, cdb.read_10(), Access.READ),
    ],
)
def test_cdb_decides_where_the_command_does_both(
    access: Access, command: bytes, wanted: Access
) -> None:
    assert access.of(command) is wanted
