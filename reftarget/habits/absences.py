# SPDX-License-Identifier: GPL-2.0-only
"""The habits of doing without: optional commands, VPD pages and mode pages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from iscsi.scsi import cdb
from iscsi.scsi.mode import ModePage
from iscsi.scsi.vpd import VPDPage
from reftarget.habits.row import Habit

_DISK: Final = "SBC-3 5.1"
_PAGES: Final = "SPC-4 7.8"
_MODES: Final = "SPC-4 6.11"
_PR_IN: Final = tuple(
    layout.name for layout in cdb.LAYOUTS.values() if layout.opcode == 0x5E
)
_PR_OUT: Final = tuple(
    layout.name for layout in cdb.LAYOUTS.values() if layout.opcode == 0x5F
)
_SPC_2: Final = ("RESERVE (6)", "RELEASE (6)", "RESERVE (10)", "RELEASE (10)")
_SANITIZE: Final = tuple(
    layout.name for layout in cdb.LAYOUTS.values() if layout.opcode == 0x48
)
_COPIES: Final = tuple(
    layout.name for layout in cdb.LAYOUTS.values() if layout.opcode in {0x83, 0x84}
)


def _without(
    name: str,
    what: str,
    *commands: str,
    clause: str = _DISK,
    unit: Mapping[str, Any] = MappingProxyType({}),
) -> Habit:
    """Return the habit of doing without commands."""
    return Habit(
        name=f"no-{name}",
        clause=clause,
        says=f"Has no {what}.",
        absent=frozenset(commands),
        unit=unit,
        is_poor=True,
    )


def _each(*commands: str) -> tuple[Habit, ...]:
    """Return a habit for each of some commands that nothing goes with."""
    return tuple(
        _without(
            command.lower().replace(" (", "-").replace(")", "").replace(" ", "-"),
            command,
            command,
        )
        for command in commands
    )


def _without_page(name: str, page: VPDPage) -> Habit:
    return Habit(
        name=f"no-vpd-{name}",
        clause=_PAGES,
        says=f"Has no VPD page {page:02X}h.",
        absent_pages=frozenset({page}),
        is_poor=True,
    )


def _without_mode(name: str, page: ModePage) -> Habit:
    return Habit(
        name=f"no-mode-{name}",
        clause=_MODES,
        says=f"Has no mode page {page:02X}h.",
        absent_mode_pages=frozenset({page}),
        is_poor=True,
    )


ABSENCES: Final = (
    *_each(
        "READ (6)",
        "READ (12)",
        "WRITE (6)",
        "WRITE (12)",
        "VERIFY (10)",
        "VERIFY (12)",
        "VERIFY (16)",
        "PRE-FETCH (10)",
        "PRE-FETCH (16)",
        "SYNCHRONIZE CACHE (10)",
        "SYNCHRONIZE CACHE (16)",
        "WRITE AND VERIFY (10)",
        "WRITE AND VERIFY (12)",
        "WRITE AND VERIFY (16)",
        "WRITE ATOMIC (16)",
        "ORWRITE (16)",
        "XDWRITEREAD (10)",
        "XDWRITEREAD (32)",
        "COMPARE AND WRITE",
        "WRITE SAME (10)",
        "WRITE SAME (16)",
        "GET LBA STATUS",
        "START STOP UNIT",
        "READ DEFECT DATA (10)",
        "READ DEFECT DATA (12)",
        "LOG SENSE",
        "MODE SELECT (6)",
        "MODE SELECT (10)",
        "MODE SENSE (6)",
        "MODE SENSE (10)",
        "PREVENT ALLOW MEDIUM REMOVAL",
        "SANITIZE (EXIT FAILURE MODE)",
        "READ BUFFER (10)",
        "WRITE BUFFER",
        "RECEIVE COPY STATUS (LID1)",
        "RECEIVE COPY DATA (LID1)",
        "RECEIVE COPY FAILURE DETAILS (LID1)",
        "REPORT SUPPORTED OPERATION CODES",
        "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    ),
    _without(
        "12-byte-commands",
        "command of 12 bytes that moves blocks",
        *(
            layout.name
            for layout in cdb.LAYOUTS.values()
            if layout.opcode in {0xA8, 0xAA, 0xAE, 0xAF, 0xB7}
        ),
    ),
    _without(
        "6-byte-commands",
        "command of 6 bytes that moves blocks or modes",
        *("READ (6)", "WRITE (6)", "MODE SENSE (6)", "MODE SELECT (6)"),
        *_SPC_2[:2],
    ),
    _without(
        "write-same",
        "WRITE SAME",
        *("WRITE SAME (10)", "WRITE SAME (16)"),
    ),
    _without(
        "verification",
        "VERIFY and WRITE AND VERIFY",
        *(
            layout.name
            for layout in cdb.LAYOUTS.values()
            if layout.opcode in {0x2E, 0x2F, 0x8E, 0x8F, 0xAE, 0xAF}
        ),
    ),
    _without(
        "modes",
        "MODE SENSE and MODE SELECT",
        *(f"MODE {what} ({size})" for what in ("SENSE", "SELECT") for size in (6, 10)),
    ),
    _without(
        "cache-commands",
        "SYNCHRONIZE CACHE and PRE-FETCH",
        *(
            f"{what} ({size})"
            for what in ("SYNCHRONIZE CACHE", "PRE-FETCH")
            for size in (10, 16)
        ),
    ),
    _without(
        "access-states",
        "target port groups: TPGS is 00b",
        *("REPORT TARGET PORT GROUPS", "SET TARGET PORT GROUPS"),
        clause="SPC-4 6.6.2",
    ),
    _without(
        "explicit-access-states",
        "SET TARGET PORT GROUPS: TPGS is 01b",
        "SET TARGET PORT GROUPS",
        clause="SPC-4 6.6.2",
    ),
    _without("sanitize", "SANITIZE", *_SANITIZE),
    _without(
        "cryptographic-erase",
        "SANITIZE (CRYPTOGRAPHIC ERASE)",
        "SANITIZE (CRYPTOGRAPHIC ERASE)",
    ),
    _without("block-erase", "SANITIZE (BLOCK ERASE)", "SANITIZE (BLOCK ERASE)"),
    _without("overwrite", "SANITIZE (OVERWRITE)", "SANITIZE (OVERWRITE)"),
    _without("extended-copy", "EXTENDED COPY", *_COPIES),
    _without("spc-2-reservations", "RESERVE and RELEASE of SPC-2", *_SPC_2),
    _without("reserve-10", "RESERVE (10) and RELEASE (10)", *_SPC_2[2:]),
    _without("reserve-6", "RESERVE (6) and RELEASE (6)", *_SPC_2[:2]),
    _without(
        "persistent-reservations",
        "persistent reservations",
        *_PR_IN,
        *_PR_OUT,
    ),
    _without(
        "report-capabilities",
        "PERSISTENT RESERVE IN (REPORT CAPABILITIES)",
        "PERSISTENT RESERVE IN (REPORT CAPABILITIES)",
        clause="SPC-4 6.15.4",
    ),
    _without(
        "read-full-status",
        "PERSISTENT RESERVE IN (READ FULL STATUS)",
        "PERSISTENT RESERVE IN (READ FULL STATUS)",
        clause="SPC-4 6.15.5",
    ),
    _without(
        "register-and-move",
        "PERSISTENT RESERVE OUT (REGISTER AND MOVE)",
        "PERSISTENT RESERVE OUT (REGISTER AND MOVE)",
        clause="SPC-4 5.12.8",
    ),
    _without(
        "optional-commands",
        "command that SBC-3 lets a disk do without, such as VERIFY, WRITE SAME, "
        "SYNCHRONIZE CACHE, MODE SENSE and START STOP UNIT",
        *(
            layout.name
            for layout in cdb.LAYOUTS.values()
            if layout.opcode
            not in {
                *(0x00, 0x03, 0x12, 0x1D, 0x25, 0x28, 0x2A, 0x88, 0x8A),
                *(0x5E, 0x5F, 0xA0),
            }
            and layout.name != "READ CAPACITY (16)"
        ),
        # A unit that unmaps nothing is fully provisioned.
        unit={"thin": False},
    ),
    _without_page("serial-number", VPDPage.UNIT_SERIAL_NUMBER),
    _without_page("extended-inquiry", VPDPage.EXTENDED_INQUIRY_DATA),
    _without_page("third-party-copy", VPDPage.THIRD_PARTY_COPY),
    _without_page("block-limits", VPDPage.BLOCK_LIMITS),
    _without_page("characteristics", VPDPage.BLOCK_DEVICE_CHARACTERISTICS),
    _without_mode("error-recovery", ModePage.READ_WRITE_ERROR_RECOVERY),
    _without_mode("caching", ModePage.CACHING),
    _without_mode("control", ModePage.CONTROL),
    _without_mode("exceptions", ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL),
)
"""What a disk may do without, one thing a habit."""
