# SPDX-License-Identifier: GPL-2.0-only
"""Stimuli of SCSI: CDBs of every opcode, wrong lists, answers cut anywhere.

If the unit may not be overwritten, only opcodes of `READING` are sent, none of which
writes to a medium.
"""

import struct
from collections.abc import Iterator, Mapping

from iscsi.constants import BHS_LENGTH
from suites.support.stimuli import Segments, Stimulus

READING = frozenset(
    {0x00, 0x03, 0x08, 0x12, 0x1A, 0x25, 0x28, 0x2F, 0x34, 0x37, 0x3C, 0x4D, 0x5A, 0x5E}
    | {0x84, 0x88, 0x8C, 0x8F, 0x90, 0x9E, 0xA0, 0xA3, 0xA8, 0xAB, 0xAF, 0xB7}
)
"""Opcodes that change nothing, with all their service actions."""

_STOPS = frozenset({0x1B})
"""START STOP UNIT: it may stop the unit that the other stimuli need."""

_ACTIONS = frozenset({0x5E, 0x5F, 0x83, 0x84, 0x9B, 0x9D, 0x9E, 0x9F, 0xA3, 0xA4, 0x7F})
"""Opcodes that have service actions in byte 1; 0x7F has them in bytes 8 and 9."""

_SIZES: Mapping[int, int] = {0: 6, 1: 10, 2: 10, 3: 32, 4: 16, 5: 12, 6: 16, 7: 16}
"""Bytes of a CDB, by the group of its opcode."""

_CONTROLS = (0x00, 0x04, 0xFF)
"""The control byte: plain, with NACA, with every bit."""

_FILLS = (0x00, 0x01, 0x7F, 0x80, 0xFF)

_READ, _WRITE = 0xC1, 0xA1
"""Byte 1 of a SCSI Command with F and R, or F and W; its attribute is SIMPLE."""


def command(
    words: str,
    cdb: bytes,
    *,
    read: int = 0,
    data: bytes | None = None,
    claimed: int | None = None,
) -> Stimulus:
    """Return a SCSI Command with another CDB.

    Args:
        words: its description.
        cdb: the CDB; what is beyond 16 bytes goes into an additional header segment.
        read: the bytes that are expected.
        data: the immediate data of a write; None for a read.
        claimed: the Expected Data Transfer Length, if it differs from the real one.
    """

    def change(true: Segments) -> Segments:
        header, _ = true
        sent = data or b""
        flags = _READ if data is None else _WRITE
        length = claimed if claimed is not None else read if data is None else len(sent)
        extension = cdb[16:]
        ahs = b""
        if extension:
            ahs = (1 + len(extension)).to_bytes(2, "big") + b"\x01\0" + extension
            ahs += bytes(-len(ahs) % 4)
        head = bytes([header[0], flags]) + header[2:4] + bytes([len(ahs) // 4])
        head += len(sent).to_bytes(3, "big") + header[8:20] + struct.pack(">I", length)
        head += header[24:32] + cdb[:16].ljust(16, b"\0")
        assert len(head) == BHS_LENGTH
        return head + ahs, sent + bytes(-len(sent) % 4)

    return Stimulus(words, "Read", change)


def opcodes(first: int, *, may_overwrite: bool) -> Iterator[Stimulus]:
    """Yield CDBs of 16 opcodes: each service action, control byte and filling.

    Args:
        first: the first of the opcodes.
        may_overwrite: whether the unit may be written to.
    """
    for opcode in range(first, first + 16):
        if opcode in _STOPS or not (may_overwrite or opcode in READING):
            continue
        size = _SIZES[opcode >> 5]
        for fill in _FILLS:
            for control in _CONTROLS:
                body = bytearray([opcode]) + bytes([fill]) * (size - 1)
                body[1 if opcode == 0x7F else size - 1] = control
                name = f"opcode {opcode:#04x} of {fill:#04x}, control {control:#04x}"
                yield command(name, bytes(body), read=512)
                if may_overwrite:
                    words = f"{name}, with data"
                    yield command(words, bytes(body), data=bytes([fill]) * 512)
        if opcode in _ACTIONS:
            yield from _service_actions(opcode, size, may_overwrite=may_overwrite)


def _service_actions(
    opcode: int, size: int, *, may_overwrite: bool
) -> Iterator[Stimulus]:
    for action in range(32):
        for fill in (0x00, 0xFF):
            body = bytearray([opcode, action]) + bytes([fill]) * (size - 2)
            if opcode == 0x7F:
                body[8:10] = action.to_bytes(2, "big")
                body[7] = size - 8
            body[-1] = 0
            name = f"opcode {opcode:#04x}, action {action:#04x} of {fill:#04x}"
            yield command(name, bytes(body), read=4096)
            if may_overwrite:
                yield command(f"{name}, with data", bytes(body), data=bytes(64))


_CUTS = (*range(41), 63, 64, 95, 96, 127, 128, 251, 252, 253, 254, 255)
_LONG_CUTS = (256, 511, 512, 4095, 4096, 0x7FFF, 0x8000, 0xFFFF)

_PAGES = (0x00, 0x80, 0x83, 0x84, 0x85, 0x86, 0x8F, 0xB0, 0xB1, 0xB2, 0xB3, 0xFF)
_MODES = (0x00, 0x01, 0x02, 0x08, 0x0A, 0x1A, 0x1C, 0x1D, 0x3E, 0x3F)


Answer = tuple[str, bytes, int, int]
"""A command that returns data: a description, its CDB, and the place of its allocation
length (the first byte, and how many it has)."""


def answers() -> Iterator[Answer]:
    """Yield the commands that return data."""
    yield "REQUEST SENSE", bytes([0x03, 0, 0, 0, 0, 0]), 4, 1
    yield "REQUEST SENSE, descriptors", bytes([0x03, 1, 0, 0, 0, 0]), 4, 1
    yield "INQUIRY", bytes([0x12, 0, 0, 0, 0, 0]), 3, 2
    for page in _PAGES:
        yield f"INQUIRY, page {page:#04x}", bytes([0x12, 1, page, 0, 0, 0]), 3, 2
    for action in range(5):
        reserve_in = bytes([0x5E, action, 0, 0, 0, 0, 0, 0, 0, 0])
        yield f"PERSISTENT RESERVE IN, action {action}", reserve_in, 7, 2
    for page in (0x00, 0x0D, 0x2F, 0x3F):
        log = bytes([0x4D, 0, 0x40 | page, 0, 0, 0, 0, 0, 0, 0])
        yield f"LOG SENSE, page {page:#04x}", log, 7, 2
    for select in (0x00, 0x01, 0x02, 0x10, 0x11, 0x12, 0xFF):
        luns = bytes([0xA0, 0, select]) + bytes(9)
        yield f"REPORT LUNS, select {select:#04x}", luns, 6, 4
    yield from _mode_answers()
    yield from _answers_by_action()


def _mode_answers() -> Iterator[Answer]:
    for page in _MODES:
        for subpage in (0x00, 0x01, 0xFF):
            name = f"page {page:#04x}/{subpage:#04x}"
            yield f"MODE SENSE (6), {name}", bytes([0x1A, 0, page, subpage, 0, 0]), 4, 1
            ten = bytes([0x5A, 0x10, page, subpage, 0, 0, 0, 0, 0, 0])
            yield f"MODE SENSE (10), {name}", ten, 7, 2


def _answers_by_action() -> Iterator[Answer]:
    for action in (0x10, 0x12, 0x13):
        service = bytes([0x9E, action]) + bytes(14)
        yield f"SERVICE ACTION IN (16), action {action:#04x}", service, 10, 4
    for action in (0x05, 0x0A, 0x0B, 0x0C, 0x0D, 0x0F):
        for option in (0x00, 0x01, 0x02, 0x03, 0x80, 0x83, 0xFF):
            report = bytes([0xA3, action, option, 0x12]) + bytes(8)
            name = f"MAINTENANCE IN, action {action:#04x}, option {option:#04x}"
            yield name, report, 6, 4
    for action in range(5):
        copy = bytes([0x84, action]) + bytes(14)
        yield f"RECEIVE COPY RESULTS, action {action:#04x}", copy, 10, 4


def cuts(words: str, cdb: bytes, place: int, size: int) -> Iterator[Stimulus]:
    """Yield a command with its answer cut at every length, and with wrong data lengths.

    Args:
        words: its description.
        cdb: the CDB.
        place: the first byte of the allocation length.
        size: how many bytes it has.
    """
    maximum = (1 << 8 * size) - 1
    lengths = [*_CUTS, *_LONG_CUTS, maximum >> 1, maximum - 1, maximum]
    for length in dict.fromkeys(one for one in lengths if one <= maximum):
        field = length.to_bytes(size, "big")
        body = cdb[:place] + field + cdb[place + size :]
        yield command(f"{words}, {length} bytes", body, read=min(length, 65536))
        if length in (4, 8, 252, maximum):
            for claimed in (0, 1, 3, 5, 0xFFFFFFFF):
                name = f"{words}, {length} bytes, {claimed} expected"
                yield command(name, body, read=length, claimed=claimed)


# Parameter lists -------------------------------------------------------------------

_SHIFTS = (-8, -4, -1, 0, 1, 4, 8, 255)


def lists() -> Mapping[str, tuple[bytes, int, int, bytes]]:
    """Return the commands that take parameter lists, by description.

    Each has its CDB, the place and size of the list's length in it, and a valid list.
    """
    caching = bytes([0x08, 0x12]) + bytes(18)
    control = bytes([0x0A, 0x0A]) + bytes(10)
    key, new = bytes(8), b"\0" * 7 + b"\x01"
    port = b"\x45\0\0\x18" + b"iqn.2026-11.x:y,i,0x1\0\0\0"
    device = b"\x05\0\0\x14" + b"iqn.2026-11.x:y\0\0\0\0\0"
    commands: dict[str, tuple[bytes, int, int, bytes]] = {
        "MODE SELECT (6)": (b"\x15\x10\0\0\0\0", 4, 1, bytes(4) + caching),
        "MODE SELECT (10)": (b"\x55\x10" + bytes(8), 7, 2, bytes(8) + control),
        "UNMAP": (
            b"\x42" + bytes(9),
            7,
            2,
            struct.pack(">HH4xQI4x", 22, 16, 0, 1),
        ),
        "EXTENDED COPY": (
            b"\x83" + bytes(15),
            10,
            4,
            bytes(2) + bytes([0, 32]) + bytes(60),
        ),
        "WRITE SAME (10)": (b"\x41" + bytes(9), 7, 2, bytes(512)),
        "WRITE SAME (16)": (b"\x93" + bytes(15), 10, 4, bytes(512)),
        "SANITIZE": (b"\x48\x01" + bytes(8), 7, 2, bytes([0x01, 0, 0, 4]) + bytes(4)),
        "SET TARGET PORT GROUPS": (b"\xa4\x0a" + bytes(10), 6, 4, bytes(8)),
    }
    for action, name in enumerate(
        (
            "REGISTER",
            "RESERVE",
            "RELEASE",
            "CLEAR",
            "PREEMPT",
            "PREEMPT AND ABORT",
            "REGISTER AND IGNORE EXISTING KEY",
        )
    ):
        cdb = bytes([0x5F, action, 0x01]) + bytes(7)
        commands[name] = cdb, 5, 4, key + new + bytes(8)
    spec_i_pt = key + new + bytes([0, 0, 0, 0, 0x08, 0, 0, 0])
    for name, transport in {"a port": port, "a device": device}.items():
        size = len(transport).to_bytes(4, "big")
        cdb = bytes([0x5F, 0, 0x01]) + bytes(7)
        commands[f"REGISTER for {name}"] = cdb, 5, 4, spec_i_pt + size + transport
        move = key + new + bytes([0, 0, 0, 1]) + size + transport
        cdb = bytes([0x5F, 7, 0x01]) + bytes(7)
        commands[f"REGISTER AND MOVE to {name}"] = cdb, 5, 4, move
    return commands


def altered_lists(words: str) -> Iterator[Stimulus]:
    """Yield a parameter list cut anywhere, made longer, and with each byte changed."""
    cdb, place, size, right = lists()[words]
    for length in range(len(right) + 1):
        if length > 64 and length % 64:
            continue
        body = _with_length(cdb, place, size, length)
        yield command(f"{words}: {length} bytes of a list", body, data=right[:length])
    for shift in _SHIFTS:
        claimed = max(0, len(right) + shift)
        body = _with_length(cdb, place, size, claimed)
        yield command(
            f"{words}: {claimed} bytes said, {len(right)} sent", body, data=right
        )
    body = _with_length(cdb, place, size, len(right))
    for place_of_lie in range(min(len(right), 80)):
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            lie = right[:place_of_lie] + bytes([value]) + right[place_of_lie + 1 :]
            yield command(
                f"{words}: byte {place_of_lie} is {value:#04x}", body, data=lie
            )
    for place_of_lie in range(0, min(len(right), 80) - 1, 2):
        lie = right[:place_of_lie] + b"\xff\xff" + right[place_of_lie + 2 :]
        yield command(f"{words}: bytes from {place_of_lie} are ones", body, data=lie)
    for claimed in (0, 1, len(right) - 1, len(right) + 1, 0xFFFFFFFF):
        name = f"{words}: {claimed} bytes expected"
        yield command(name, body, data=right, claimed=claimed)
    yield command(f"{words}: as a read", body, read=len(right))


def _with_length(cdb: bytes, place: int, size: int, length: int) -> bytes:
    maximum = (1 << 8 * size) - 1
    return (
        cdb[:place] + min(length, maximum).to_bytes(size, "big") + cdb[place + size :]
    )
