# SPDX-License-Identifier: GPL-2.0-only
"""The command descriptor blocks of SPC-4 and SBC-3: a table that builds and parses.

cdb.read_10(lba=8, blocks=1) builds; cdb.read_10.parse(data) reads; find(data) says
which command a CDB is of. Places are (byte, highest bit in it, width).
"""

from iscsi.scsi.layout import VARIABLE_LENGTH, Layout, service_action_of

_LBA_32 = (2, 7, 32)
_LBA_64 = (2, 7, 64)
_PROTECT = (1, 7, 3)
_DPO = (1, 4, 1)
_FUA = (1, 3, 1)
_BYTCHK = (1, 2, 2)
_IMMED = (1, 1, 1)
_EXTENT_10 = {"lba": _LBA_32, "group_number": (6, 4, 5), "blocks": (7, 7, 16)}
_EXTENT_12 = {"lba": _LBA_32, "blocks": (6, 7, 32), "group_number": (10, 4, 5)}
_EXTENT_16 = {"lba": _LBA_64, "blocks": (10, 7, 32), "group_number": (14, 4, 5)}
_READ = {"rdprotect": _PROTECT, "dpo": _DPO, "fua": _FUA, "rarc": (1, 2, 1)}
_WRITE = {"wrprotect": _PROTECT, "dpo": _DPO, "fua": _FUA}
_VERIFY = {"vrprotect": _PROTECT, "dpo": _DPO, "bytchk": _BYTCHK}
_WRITE_VERIFY = {"wrprotect": _PROTECT, "dpo": _DPO, "bytchk": _BYTCHK}
_WRITE_SAME = {"wrprotect": _PROTECT, "anchor": (1, 4, 1), "unmap": (1, 3, 1)}
_ALLOCATION_6 = {"allocation_length": (4, 7, 8)}
_ALLOCATION_10 = {"allocation_length": (7, 7, 16)}
_ALLOCATION_12 = {"allocation_length": (6, 7, 32)}
_ALLOCATION_16 = {"allocation_length": (10, 7, 32)}
_LIST_6 = {"parameter_list_length": (4, 7, 8)}
_LIST_10 = {"parameter_list_length": (7, 7, 16)}
_LIST_12 = {"parameter_list_length": (6, 7, 32)}
_LIST_16 = {"parameter_list_length": (10, 7, 32)}
_MODE_PAGE = {"page_control": (2, 7, 2), "page_code": (2, 5, 6)}
_SUBPAGE = {"subpage_code": (3, 7, 8)}
_MODE_SELECT = {"pf": (1, 4, 1), "rtd": (1, 1, 1), "sp": (1, 0, 1)}
_SANITIZE = {"immed": (1, 7, 1), "ause": (1, 5, 1), **_LIST_10}
_RESERVE_6 = {
    "third_party": (1, 4, 1),
    "third_party_device_id": (1, 3, 3),
    "extent": (1, 0, 1),
    "reservation_identification": (2, 7, 8),
}
_RESERVE_10 = {
    "third_party": (1, 4, 1),
    "longid": (1, 1, 1),
    "extent": (1, 0, 1),
    "reservation_identification": (2, 7, 8),
    "third_party_device_id": (3, 7, 8),
    **_LIST_10,
}
_BUFFER = {
    "mode": (1, 4, 5),
    "mode_specific": (1, 7, 3),
    "buffer_id": (2, 7, 8),
    "buffer_offset": (3, 7, 24),
}
_COPY_RESULTS = {"list_identifier": (2, 7, 8), **_ALLOCATION_16}

# SPC-4 chapter 6.
test_unit_ready = Layout("TEST UNIT READY", 0x00, 6)
request_sense = Layout("REQUEST SENSE", 0x03, 6, desc=(1, 0, 1), **_ALLOCATION_6)
inquiry = Layout(
    "INQUIRY",
    0x12,
    6,
    cmddt=(1, 1, 1),
    evpd=(1, 0, 1),
    page_code=(2, 7, 8),
    allocation_length=(3, 7, 16),
)
mode_select_6 = Layout("MODE SELECT (6)", 0x15, 6, **_MODE_SELECT, **_LIST_6)
mode_select_10 = Layout("MODE SELECT (10)", 0x55, 10, **_MODE_SELECT, **_LIST_10)
mode_sense_6 = Layout(
    "MODE SENSE (6)", 0x1A, 6, dbd=(1, 3, 1), **_MODE_PAGE, **_SUBPAGE, **_ALLOCATION_6
)
mode_sense_10 = Layout(
    "MODE SENSE (10)",
    0x5A,
    10,
    llbaa=(1, 4, 1),
    dbd=(1, 3, 1),
    **_MODE_PAGE,
    **_SUBPAGE,
    **_ALLOCATION_10,
)
reserve_6 = Layout("RESERVE (6)", 0x16, 6, **_RESERVE_6)
release_6 = Layout("RELEASE (6)", 0x17, 6, **_RESERVE_6)
reserve_10 = Layout("RESERVE (10)", 0x56, 10, **_RESERVE_10)
release_10 = Layout("RELEASE (10)", 0x57, 10, **_RESERVE_10)
send_diagnostic = Layout(
    "SEND DIAGNOSTIC",
    0x1D,
    6,
    self_test_code=(1, 7, 3),
    pf=(1, 4, 1),
    selftest=(1, 2, 1),
    devoffl=(1, 1, 1),
    unitoffl=(1, 0, 1),
    parameter_list_length=(3, 7, 16),
)
log_sense = Layout(
    "LOG SENSE",
    0x4D,
    10,
    ppc=(1, 1, 1),
    sp=(1, 0, 1),
    page_control=(2, 7, 2),
    page_code=(2, 5, 6),
    subpage_code=(3, 7, 8),
    parameter_pointer=(5, 7, 16),
    **_ALLOCATION_10,
)
# SPC-4 tables 209 and 211: one row a service action.


def _persistent_reserve_in(name: str, service_action: int) -> Layout:
    return Layout(
        f"PERSISTENT RESERVE IN ({name})", (0x5E, service_action), 10, **_ALLOCATION_10
    )


def _persistent_reserve_out(name: str, service_action: int) -> Layout:
    return Layout(
        f"PERSISTENT RESERVE OUT ({name})",
        (0x5F, service_action),
        10,
        scope=(2, 7, 4),
        type=(2, 3, 4),
        parameter_list_length=(5, 7, 32),
    )


persistent_reserve_in_read_keys = _persistent_reserve_in("READ KEYS", 0)
persistent_reserve_in_read_reservation = _persistent_reserve_in("READ RESERVATION", 1)
persistent_reserve_in_report_capabilities = _persistent_reserve_in(
    "REPORT CAPABILITIES", 2
)
persistent_reserve_in_read_full_status = _persistent_reserve_in("READ FULL STATUS", 3)
persistent_reserve_out_register = _persistent_reserve_out("REGISTER", 0)
persistent_reserve_out_reserve = _persistent_reserve_out("RESERVE", 1)
persistent_reserve_out_release = _persistent_reserve_out("RELEASE", 2)
persistent_reserve_out_clear = _persistent_reserve_out("CLEAR", 3)
persistent_reserve_out_preempt = _persistent_reserve_out("PREEMPT", 4)
persistent_reserve_out_preempt_and_abort = _persistent_reserve_out(
    "PREEMPT AND ABORT", 5
)
persistent_reserve_out_register_and_ignore_existing_key = _persistent_reserve_out(
    "REGISTER AND IGNORE EXISTING KEY", 6
)
persistent_reserve_out_register_and_move = _persistent_reserve_out(
    "REGISTER AND MOVE", 7
)

read_buffer = Layout(
    "READ BUFFER (10)", 0x3C, 10, **_BUFFER, allocation_length=(6, 7, 24)
)
write_buffer = Layout(
    "WRITE BUFFER", 0x3B, 10, **_BUFFER, parameter_list_length=(6, 7, 24)
)
extended_copy = Layout("EXTENDED COPY (LID1)", (0x83, 0x00), 16, **_LIST_16)
report_luns = Layout("REPORT LUNS", 0xA0, 12, select_report=(2, 7, 8), **_ALLOCATION_12)
report_target_port_groups = Layout(
    "REPORT TARGET PORT GROUPS",
    (0xA3, 0x0A),
    12,
    parameter_data_format=(1, 7, 3),
    **_ALLOCATION_12,
)
set_target_port_groups = Layout("SET TARGET PORT GROUPS", (0xA4, 0x0A), 12, **_LIST_12)
report_supported_operation_codes = Layout(
    "REPORT SUPPORTED OPERATION CODES",
    (0xA3, 0x0C),
    12,
    rctd=(2, 7, 1),
    reporting_options=(2, 2, 3),
    requested_operation_code=(3, 7, 8),
    requested_service_action=(4, 7, 16),
    **_ALLOCATION_12,
)
report_supported_task_management_functions = Layout(
    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    (0xA3, 0x0D),
    12,
    repd=(2, 7, 1),
    **_ALLOCATION_12,
)

# RECEIVE COPY RESULTS and its variants (SPC-4 section 6.22).
receive_copy_status = Layout(
    "RECEIVE COPY STATUS (LID1)", (0x84, 0x00), 16, **_COPY_RESULTS
)
receive_copy_data = Layout(
    "RECEIVE COPY DATA (LID1)", (0x84, 0x01), 16, **_COPY_RESULTS
)
receive_copy_operating_parameters = Layout(
    "RECEIVE COPY OPERATING PARAMETERS", (0x84, 0x03), 16, **_COPY_RESULTS
)
receive_copy_failure_details = Layout(
    "RECEIVE COPY FAILURE DETAILS (LID1)", (0x84, 0x04), 16, **_COPY_RESULTS
)

# SBC-3 chapter 5.
read_6 = Layout("READ (6)", 0x08, 6, lba=(1, 4, 21), blocks=(4, 7, 8))
write_6 = Layout("WRITE (6)", 0x0A, 6, lba=(1, 4, 21), blocks=(4, 7, 8))
read_10 = Layout("READ (10)", 0x28, 10, **_READ, **_EXTENT_10)
read_12 = Layout("READ (12)", 0xA8, 12, **_READ, **_EXTENT_12)
read_16 = Layout("READ (16)", 0x88, 16, **_READ, **_EXTENT_16)
write_10 = Layout("WRITE (10)", 0x2A, 10, **_WRITE, **_EXTENT_10)
write_12 = Layout("WRITE (12)", 0xAA, 12, **_WRITE, **_EXTENT_12)
write_16 = Layout("WRITE (16)", 0x8A, 16, **_WRITE, **_EXTENT_16)
write_and_verify_10 = Layout(
    "WRITE AND VERIFY (10)", 0x2E, 10, **_WRITE_VERIFY, **_EXTENT_10
)
write_and_verify_12 = Layout(
    "WRITE AND VERIFY (12)", 0xAE, 12, **_WRITE_VERIFY, **_EXTENT_12
)
write_and_verify_16 = Layout(
    "WRITE AND VERIFY (16)", 0x8E, 16, **_WRITE_VERIFY, **_EXTENT_16
)
verify_10 = Layout("VERIFY (10)", 0x2F, 10, **_VERIFY, **_EXTENT_10)
verify_12 = Layout("VERIFY (12)", 0xAF, 12, **_VERIFY, **_EXTENT_12)
verify_16 = Layout("VERIFY (16)", 0x8F, 16, **_VERIFY, **_EXTENT_16)
pre_fetch_10 = Layout("PRE-FETCH (10)", 0x34, 10, immed=_IMMED, **_EXTENT_10)
pre_fetch_16 = Layout("PRE-FETCH (16)", 0x90, 16, immed=_IMMED, **_EXTENT_16)
synchronize_cache_10 = Layout(
    "SYNCHRONIZE CACHE (10)", 0x35, 10, sync_nv=(1, 2, 1), immed=_IMMED, **_EXTENT_10
)
synchronize_cache_16 = Layout(
    "SYNCHRONIZE CACHE (16)", 0x91, 16, sync_nv=(1, 2, 1), immed=_IMMED, **_EXTENT_16
)
write_same_10 = Layout("WRITE SAME (10)", 0x41, 10, **_WRITE_SAME, **_EXTENT_10)
write_same_16 = Layout(
    "WRITE SAME (16)", 0x93, 16, **_WRITE_SAME, ndob=(1, 0, 1), **_EXTENT_16
)
compare_and_write = Layout(
    "COMPARE AND WRITE",
    0x89,
    16,
    **_WRITE,
    lba=_LBA_64,
    blocks=(13, 7, 8),
    group_number=(14, 4, 5),
)
orwrite = Layout(
    "ORWRITE (16)", 0x8B, 16, orprotect=_PROTECT, dpo=_DPO, fua=_FUA, **_EXTENT_16
)
xdwriteread_10 = Layout(
    "XDWRITEREAD (10)", 0x53, 10, **_WRITE, disable_write=(1, 2, 1), **_EXTENT_10
)
xdwriteread_32 = Layout(
    "XDWRITEREAD (32)",
    (VARIABLE_LENGTH, 0x0007),
    32,
    group_number=(6, 4, 5),
    wrprotect=(10, 7, 3),
    dpo=(10, 4, 1),
    fua=(10, 3, 1),
    disable_write=(10, 2, 1),
    lba=(12, 7, 64),
    blocks=(28, 7, 32),
)
write_atomic_16 = Layout(
    "WRITE ATOMIC (16)",
    0x9C,
    16,
    **_WRITE,
    lba=_LBA_64,
    atomic_boundary=(10, 7, 16),
    blocks=(12, 7, 16),
    group_number=(14, 4, 5),
)
unmap = Layout("UNMAP", 0x42, 10, anchor=(1, 0, 1), group_number=(6, 4, 5), **_LIST_10)
read_capacity_10 = Layout("READ CAPACITY (10)", 0x25, 10, lba=_LBA_32, pmi=(8, 0, 1))
read_capacity_16 = Layout(
    "READ CAPACITY (16)",
    (0x9E, 0x10),
    16,
    lba=_LBA_64,
    **_ALLOCATION_16,
    pmi=(14, 0, 1),
)
get_lba_status = Layout(
    "GET LBA STATUS", (0x9E, 0x12), 16, lba=_LBA_64, **_ALLOCATION_16
)
read_defect_data_10 = Layout(
    "READ DEFECT DATA (10)",
    0x37,
    10,
    req_plist=(2, 4, 1),
    req_glist=(2, 3, 1),
    defect_list_format=(2, 2, 3),
    **_ALLOCATION_10,
)
read_defect_data_12 = Layout(
    "READ DEFECT DATA (12)",
    0xB7,
    12,
    req_plist=(1, 4, 1),
    req_glist=(1, 3, 1),
    defect_list_format=(1, 2, 3),
    address_descriptor_index=(2, 7, 32),
    **_ALLOCATION_12,
)
start_stop_unit = Layout(
    "START STOP UNIT",
    0x1B,
    6,
    immed=(1, 0, 1),
    power_condition_modifier=(3, 3, 4),
    power_condition=(4, 7, 4),
    no_flush=(4, 2, 1),
    loej=(4, 1, 1),
    start=(4, 0, 1),
)
prevent_allow_medium_removal = Layout(
    "PREVENT ALLOW MEDIUM REMOVAL", 0x1E, 6, prevent=(4, 1, 2)
)
sanitize_overwrite = Layout("SANITIZE (OVERWRITE)", (0x48, 0x01), 10, **_SANITIZE)
sanitize_block_erase = Layout("SANITIZE (BLOCK ERASE)", (0x48, 0x02), 10, **_SANITIZE)
sanitize_cryptographic_erase = Layout(
    "SANITIZE (CRYPTOGRAPHIC ERASE)", (0x48, 0x03), 10, **_SANITIZE
)
sanitize_exit_failure_mode = Layout(
    "SANITIZE (EXIT FAILURE MODE)", (0x48, 0x1F), 10, **_SANITIZE
)

LAYOUTS = {
    (layout.opcode, layout.service_action): layout
    for layout in tuple(globals().values())
    if isinstance(layout, Layout)
}
"""Every command of this module by its opcode and service action."""

SERVICE_ACTION_OPCODES = frozenset(
    opcode for opcode, service_action in LAYOUTS if service_action is not None
)


def find(cdb: bytes | memoryview) -> Layout | None:
    """Return the layout of the command that a CDB is of, or None if it is unknown."""
    if len(cdb) < 2:
        return None
    opcode = cdb[0]
    if opcode not in SERVICE_ACTION_OPCODES:
        return LAYOUTS.get((opcode, None))
    if opcode == VARIABLE_LENGTH and len(cdb) < 10:
        return None
    return LAYOUTS.get((opcode, service_action_of(cdb)))
