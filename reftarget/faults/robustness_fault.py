# SPDX-License-Identifier: GPL-2.0-only
"""The effects that malformed input can have on a target.

An effect is what the peer and other initiators then observe: the process ends, hangs,
leaks resources, or affects another initiator's session or data. Each effect is bounded,
so that it harms only the target, not the machine.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iscsi import headers
from iscsi.constants import BHS_LENGTH, RESERVED_TAG, Opcode
from reftarget.faults.row import Fault
from reftarget.rules import ConnectionRules

SERVES: Final = "Robustness-1-01"
UNDISTURBED: Final = "Robustness-2-01"
UNTOUCHED: Final = "Robustness-3-01"
UNTOLD: Final = "Robustness-3-02"
WRITTEN: Final = "Robustness-3-03"
SECRET: Final = "Robustness-4-01"  # noqa: S105  # the ID of a requirement
HELD: Final = "Robustness-5-01"


_HANG_SECONDS: Final = 600.0
_CHUNK: Final = 24 << 20
_MOST_CHUNKS: Final = 16
_MOST_FILES: Final = 64
_LOST: Final = 4096

_kept: list[bytearray] = []
_files: list[int] = []
_pinged: dict[int, bytes] = {}
"""The data of each session's last ping, by its TSIH."""


@dataclass(frozen=True, slots=True)
class ReceivedPDU:
    """A received PDU, complete or not.

    Attributes:
        connection: its connection (`reftarget.connection.Connection`).
        header: its header segments.
        data: its data segment; empty if the header is already refused.
        is_bad: whether a digest does not match, or the data segment is too long.
    """

    connection: Any
    header: bytes
    data: bytes
    is_bad: bool

    @property
    def opcode(self) -> int:
        """Its opcode."""
        return self.header[0] & 0x3F

    @property
    def is_login(self) -> bool:
        """Whether it is a Login Request."""
        return self.opcode == Opcode.LOGIN_REQUEST

    @property
    def is_text(self) -> bool:
        """Whether it carries text: a Login Request or a Text Request."""
        return self.opcode in (Opcode.LOGIN_REQUEST, Opcode.TEXT_REQUEST)

    @property
    def session(self) -> Any:
        """The session of the connection; None before it is logged in."""
        return self.connection.session

    def number(self, start: int, size: int) -> int:
        """Return bytes of the header as a number."""
        return int.from_bytes(self.header[start : start + size], "big")

    @property
    def segments(self) -> bytes:
        """The additional header segments."""
        return self.header[BHS_LENGTH:]

    @property
    def cdb(self) -> bytes:
        """The CDB of a SCSI Command; empty for other PDUs."""
        return self.header[32:48] if self.opcode == Opcode.SCSI_COMMAND else b""


When = Callable[[ReceivedPDU], bool]
Effect = Callable[[ReceivedPDU], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustnessFault(Fault):
    """A fault in the handling of malformed input, and the checks that notice it."""

    noticed_by: tuple[str, ...]
    """Checks below `suites/robustness`, each of which must accuse the broken
    requirement; one without parameters means all its parameter sets."""


def reacting_to(when: When, effect: Effect) -> ConnectionRules:
    """Return the rules of a target on which some PDUs have an effect."""

    def on_pdu(connection: Any, header: bytes, data: bytes, is_bad: bool) -> None:
        received = ReceivedPDU(connection, header, data, is_bad)
        if received.opcode == Opcode.NOP_OUT and received.session is not None and data:
            _pinged[received.session.tsih] = data
        if when(received):
            effect(received)

    return ConnectionRules(on_pdu=on_pdu)


def crash(_received: object = None) -> None:
    """End like after a wild pointer."""
    os.kill(os.getpid(), signal.SIGSEGV)


def abort(_received: ReceivedPDU) -> None:
    """End like after a failed assertion."""
    os.kill(os.getpid(), signal.SIGABRT)


def leave(_received: ReceivedPDU) -> None:
    """End by `_exit`."""
    os._exit(1)


def hang(_received: ReceivedPDU) -> None:
    """Hang: no connection is served."""
    time.sleep(_HANG_SECONDS)


def keep_memory(_received: ReceivedPDU) -> None:
    """Allocate memory and never release it."""
    if len(_kept) < _MOST_CHUNKS:
        # Each page is written to, so that it is resident.
        _kept.append(bytearray(b"\x5a") * _CHUNK)


def keep_file(_received: ReceivedPDU) -> None:
    """Open a file and never close it."""
    if len(_files) < _MOST_FILES:
        _files.append(os.open(os.devnull, os.O_RDONLY))


def close_others(received: ReceivedPDU) -> None:
    """Close the sessions of all other initiators."""
    own = received.session
    for session in list(received.connection.target.sessions.values()):
        if session is not own:
            session.close()


def show_others(received: ReceivedPDU) -> None:
    """Send data of another initiator, in an unsolicited NOP-In."""
    own = 0 if received.session is None else received.session.tsih
    data = next((data for tsih, data in _pinged.items() if tsih != own), b"")
    answer = headers.NOPIn(
        initiator_task_tag=RESERVED_TAG, target_transfer_tag=RESERVED_TAG
    )
    received.connection.number(answer, advance=False)
    received.connection.send(answer, data)


def write_elsewhere(received: ReceivedPDU) -> None:
    """Write to the first blocks of every unit that the PDU does not address."""
    node = None if received.session is None else received.session.node
    if node is None:
        return
    addressed = received.number(9, 1)
    for lun, unit in node.device.units.items():
        if lun != addressed and not unit.is_write_protected:
            unit.backing.write(0, b"\xee" * 4096)


def lose_writes(received: ReceivedPDU) -> None:
    """Lose what was written to the first blocks of the unit that the PDU addresses."""
    node = None if received.session is None else received.session.node
    unit = None if node is None else node.device.units.get(received.number(9, 1))
    if unit is not None and not unit.is_write_protected:
        unit.backing.write(0, bytes(_LOST))


_BREAKS: Final[Mapping[Effect, str]] = {
    crash: SERVES,
    abort: SERVES,
    leave: SERVES,
    hang: SERVES,
    close_others: UNDISTURBED,
    write_elsewhere: UNTOUCHED,
    show_others: UNTOLD,
    lose_writes: WRITTEN,
    keep_memory: HELD,
    keep_file: HELD,
}
"""The requirement that each effect breaks."""


def robustness_fault(
    name: str, says: str, when: When, effect: Effect, *checks: str
) -> RobustnessFault:
    """Return a row whose effect some PDUs trigger."""
    return RobustnessFault(
        name=name,
        says=says,
        breaks=(_BREAKS[effect],),
        rules=reacting_to(when, effect),
        noticed_by=checks,
    )


def of(opcode: Opcode, test: When) -> When:
    """Return a condition that holds for PDUs of one opcode, in full-feature phase."""
    return lambda received: (
        received.opcode == opcode and received.session is not None and test(received)
    )
