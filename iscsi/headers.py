# SPDX-License-Identifier: GPL-2.0-only
"""Basic Header Segments as slotted classes over struct (RFC 7143 chapter 11).

Twins of the layers in `iscsi.pdu`, under the same field names, for who has no 30 µs to
spend on a PDU. Reserved fields are left out: they go out as zero and are not looked at
(RFC 7143 chapter 11). Each line of a class is a line of the header's table: where the
field stands, and its value unless it is set. The Scapy layers are the truth; the tests
prove that both agree on every field.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from iscsi.constants import BHS_LENGTH, RESERVED_TAG, Opcode, TaskAttribute
from iscsi.digest import Buffer

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8, "6s": 6, "16s": 16}


class _Place(NamedTuple):
    """Where a field stands: a struct unit, and which of its bits (width 0: all)."""

    offset: int
    code: str
    shift: int = 0
    width: int = 0


def _at(offset: int, code: str, default: Any = 0) -> Any:
    return field(default=default, metadata={"place": _Place(offset, code)})


def _bits(offset: int, code: str, shift: int, width: int, default: Any = 0) -> Any:
    place = _Place(offset, code, shift, width)
    return field(default=default, metadata={"place": place})


def _flag(offset: int, mask: int, default: bool = False) -> Any:
    return _bits(offset, "B", mask.bit_length() - 1, 1, default)


@dataclass(slots=True)
class Header:
    """What every header has: an opcode, and the lengths of what follows it."""

    opcode: ClassVar[Opcode]
    total_ahs_length: int = _bits(4, "I", 24, 8)
    data_segment_length: int = _bits(4, "I", 0, 24)

    @classmethod
    def parse(cls, buffer: Buffer, offset: int = 0) -> Self:
        """Return the header in the 48 bytes at `offset`."""
        raise NotImplementedError

    def pack(self) -> bytes:
        """Return the 48 bytes of the header."""
        raise NotImplementedError


_HeaderType = TypeVar("_HeaderType", bound=type[Header])


def _wire(opcode: Opcode) -> Callable[[_HeaderType], _HeaderType]:
    """Return a decorator that writes `parse` and `pack` out of a class's table."""

    def decorate(cls: _HeaderType) -> _HeaderType:
        places = {item.name: item.metadata["place"] for item in fields(cls)}
        units = sorted({(0, "B"), *((p.offset, p.code) for p in places.values())})
        layout = struct.Struct(_layout(units))
        variables = {unit: f"u{number}" for number, unit in enumerate(units)}
        read, written = [], {unit: [] for unit in units}  # type: ignore[var-annotated]
        written[0, "B"].append(str(int(opcode)))
        for name, place in places.items():
            unit = place.offset, place.code
            read.append(_extraction(variables[unit], place))
            written[unit].append(_insertion(name, place))
        source = (
            f"def parse(cls, buffer, offset=0):\n"
            f"    {', '.join(variables.values())} = unpack_from(buffer, offset)\n"
            f"    return cls({', '.join(read)})\n"
            f"def pack(self):\n"
            f"    return pack_all({', '.join(' | '.join(w) for w in written.values())})"
        )
        namespace: dict[str, Any] = {
            "unpack_from": layout.unpack_from,
            "pack_all": layout.pack,
        }
        # As dataclasses do: a loop over the table would cost ten times as much.
        exec(source, namespace)  # noqa: S102 - the source is made of the table above
        cls.opcode = opcode
        cls.parse = classmethod(namespace["parse"])  # type: ignore[assignment]
        cls.pack = namespace["pack"]  # type: ignore[method-assign]
        return cls

    return decorate


def _layout(units: list[tuple[int, str]]) -> str:
    """Return the struct format of the units, with what is reserved left out."""
    layout, end = ">", 0
    for offset, code in units:
        layout += f"{offset - end}x{code}"
        end = offset + _SIZES[code]
    return f"{layout}{BHS_LENGTH - end}x"


def _extraction(variable: str, place: _Place) -> str:
    if not place.width:
        return variable
    if place.width == 1:
        return f"{variable} & {1 << place.shift} != 0"
    return f"{variable} >> {place.shift} & {(1 << place.width) - 1}"


def _insertion(name: str, place: _Place) -> str:
    if not place.width:
        return f"self.{name}"
    return f"(self.{name} & {(1 << place.width) - 1}) << {place.shift}"


@_wire(Opcode.SCSI_COMMAND)
@dataclass(slots=True)
class SCSICommand(Header):
    """SCSI Command (section 11.3)."""

    immediate: bool = _flag(0, 0x40)
    final: bool = _flag(1, 0x80, default=True)
    read: bool = _flag(1, 0x40)
    write: bool = _flag(1, 0x20)
    attribute: int = _bits(1, "B", 0, 3, TaskAttribute.SIMPLE)
    priority: int = _bits(2, "B", 4, 4)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    expected_data_transfer_length: int = _at(20, "I")
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")
    cdb: bytes = _at(32, "16s", b"")


@_wire(Opcode.SCSI_RESPONSE)
@dataclass(slots=True)
class SCSIResponse(Header):
    """SCSI Response (section 11.4)."""

    final: bool = _flag(1, 0x80, default=True)
    bidirectional_overflow: bool = _flag(1, 0x10)
    bidirectional_underflow: bool = _flag(1, 0x08)
    overflow: bool = _flag(1, 0x04)
    underflow: bool = _flag(1, 0x02)
    response: int = _at(2, "B")
    status: int = _at(3, "B")
    status_qualifier: int = _at(8, "H")
    initiator_task_tag: int = _at(16, "I")
    snack_tag: int = _at(20, "I")
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    exp_data_sn: int = _at(36, "I")
    bidirectional_read_residual_count: int = _at(40, "I")
    residual_count: int = _at(44, "I")


@_wire(Opcode.TASK_MANAGEMENT_REQUEST)
@dataclass(slots=True)
class TaskManagementRequest(Header):
    """Task Management Function Request (section 11.5)."""

    immediate: bool = _flag(0, 0x40, default=True)
    final: bool = _flag(1, 0x80, default=True)
    function: int = _bits(1, "B", 0, 7)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    referenced_task_tag: int = _at(20, "I", RESERVED_TAG)
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")
    ref_cmd_sn: int = _at(32, "I")
    exp_data_sn: int = _at(36, "I")


@_wire(Opcode.TASK_MANAGEMENT_RESPONSE)
@dataclass(slots=True)
class TaskManagementResponse(Header):
    """Task Management Function Response (section 11.6; RFC 7144 section 6.4)."""

    final: bool = _flag(1, 0x80, default=True)
    response: int = _at(2, "B")
    additional_response_information: int = _bits(8, "I", 8, 24)
    initiator_task_tag: int = _at(16, "I")
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")


@_wire(Opcode.DATA_OUT)
@dataclass(slots=True)
class DataOut(Header):
    """SCSI Data-Out (section 11.7)."""

    final: bool = _flag(1, 0x80, default=True)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    exp_stat_sn: int = _at(28, "I")
    data_sn: int = _at(36, "I")
    buffer_offset: int = _at(40, "I")


@_wire(Opcode.DATA_IN)
@dataclass(slots=True)
class DataIn(Header):
    """SCSI Data-In (section 11.7)."""

    final: bool = _flag(1, 0x80, default=True)
    acknowledge: bool = _flag(1, 0x40)
    overflow: bool = _flag(1, 0x04)
    underflow: bool = _flag(1, 0x02)
    status_present: bool = _flag(1, 0x01)
    status: int = _at(3, "B")
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    data_sn: int = _at(36, "I")
    buffer_offset: int = _at(40, "I")
    residual_count: int = _at(44, "I")


@_wire(Opcode.R2T)
@dataclass(slots=True)
class R2T(Header):
    """Ready To Transfer (section 11.8)."""

    final: bool = _flag(1, 0x80, default=True)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I")
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    r2t_sn: int = _at(36, "I")
    buffer_offset: int = _at(40, "I")
    desired_data_transfer_length: int = _at(44, "I")


@_wire(Opcode.ASYNC_MESSAGE)
@dataclass(slots=True)
class AsyncMessage(Header):
    """Asynchronous Message (section 11.9)."""

    final: bool = _flag(1, 0x80, default=True)
    lun: int = _at(8, "Q")
    reserved_task_tag: int = _at(16, "I", RESERVED_TAG)
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    async_event: int = _at(36, "B")
    async_vcode: int = _at(37, "B")
    parameter1: int = _at(38, "H")
    parameter2: int = _at(40, "H")
    parameter3: int = _at(42, "H")


@_wire(Opcode.TEXT_REQUEST)
@dataclass(slots=True)
class TextRequest(Header):
    """Text Request (section 11.10)."""

    immediate: bool = _flag(0, 0x40)
    final: bool = _flag(1, 0x80, default=True)
    continuation: bool = _flag(1, 0x40)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")


@_wire(Opcode.TEXT_RESPONSE)
@dataclass(slots=True)
class TextResponse(Header):
    """Text Response (section 11.11)."""

    final: bool = _flag(1, 0x80, default=True)
    continuation: bool = _flag(1, 0x40)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")


@_wire(Opcode.LOGIN_REQUEST)
@dataclass(slots=True)
class LoginRequest(Header):
    """Login Request (section 11.12)."""

    immediate: bool = _flag(0, 0x40, default=True)
    transit: bool = _flag(1, 0x80)
    continuation: bool = _flag(1, 0x40)
    csg: int = _bits(1, "B", 2, 2)
    nsg: int = _bits(1, "B", 0, 2)
    version_max: int = _at(2, "B")
    version_min: int = _at(3, "B")
    isid: bytes = _at(8, "6s", bytes(6))
    tsih: int = _at(14, "H")
    initiator_task_tag: int = _at(16, "I")
    cid: int = _at(20, "H")
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")


@_wire(Opcode.LOGIN_RESPONSE)
@dataclass(slots=True)
class LoginResponse(Header):
    """Login Response (section 11.13)."""

    transit: bool = _flag(1, 0x80)
    continuation: bool = _flag(1, 0x40)
    csg: int = _bits(1, "B", 2, 2)
    nsg: int = _bits(1, "B", 0, 2)
    version_max: int = _at(2, "B")
    version_active: int = _at(3, "B")
    isid: bytes = _at(8, "6s", bytes(6))
    tsih: int = _at(14, "H")
    initiator_task_tag: int = _at(16, "I")
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    status_class: int = _at(36, "B")
    status_detail: int = _at(37, "B")


@_wire(Opcode.LOGOUT_REQUEST)
@dataclass(slots=True)
class LogoutRequest(Header):
    """Logout Request (section 11.14)."""

    immediate: bool = _flag(0, 0x40, default=True)
    final: bool = _flag(1, 0x80, default=True)
    reason: int = _bits(1, "B", 0, 7)
    initiator_task_tag: int = _at(16, "I")
    cid: int = _at(20, "H")
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")


@_wire(Opcode.LOGOUT_RESPONSE)
@dataclass(slots=True)
class LogoutResponse(Header):
    """Logout Response (section 11.15)."""

    final: bool = _flag(1, 0x80, default=True)
    response: int = _at(2, "B")
    initiator_task_tag: int = _at(16, "I")
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    time2wait: int = _at(40, "H")
    time2retain: int = _at(42, "H")


@_wire(Opcode.SNACK)
@dataclass(slots=True)
class SNACK(Header):
    """SNACK Request (section 11.16)."""

    final: bool = _flag(1, 0x80, default=True)
    type: int = _bits(1, "B", 0, 4)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I", RESERVED_TAG)
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    exp_stat_sn: int = _at(28, "I")
    beg_run: int = _at(40, "I")
    run_length: int = _at(44, "I")


@_wire(Opcode.REJECT)
@dataclass(slots=True)
class Reject(Header):
    """Reject (section 11.17)."""

    final: bool = _flag(1, 0x80, default=True)
    reason: int = _at(2, "B")
    reserved_task_tag: int = _at(16, "I", RESERVED_TAG)
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")
    data_sn: int = _at(36, "I")


@_wire(Opcode.NOP_OUT)
@dataclass(slots=True)
class NOPOut(Header):
    """NOP-Out (section 11.18)."""

    immediate: bool = _flag(0, 0x40)
    final: bool = _flag(1, 0x80, default=True)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I")
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    cmd_sn: int = _at(24, "I")
    exp_stat_sn: int = _at(28, "I")


@_wire(Opcode.NOP_IN)
@dataclass(slots=True)
class NOPIn(Header):
    """NOP-In (section 11.19)."""

    final: bool = _flag(1, 0x80, default=True)
    lun: int = _at(8, "Q")
    initiator_task_tag: int = _at(16, "I", RESERVED_TAG)
    target_transfer_tag: int = _at(20, "I", RESERVED_TAG)
    stat_sn: int = _at(24, "I")
    exp_cmd_sn: int = _at(28, "I")
    max_cmd_sn: int = _at(32, "I")


_CLASSES: tuple[type[Header], ...] = (
    SCSICommand,
    SCSIResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    DataOut,
    DataIn,
    R2T,
    AsyncMessage,
    TextRequest,
    TextResponse,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    SNACK,
    Reject,
    NOPOut,
    NOPIn,
)

BY_OPCODE: dict[int, type[Header]] = {int(cls.opcode): cls for cls in _CLASSES}
"""The header of each opcode."""
