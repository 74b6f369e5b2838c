# SPDX-License-Identifier: GPL-2.0-only
"""Sense data in both formats, built and parsed (SPC-4 section 4.5)."""

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Self

from iscsi.errors import DecodeError
from iscsi.scsi.layout import Structure
from iscsi.scsi.sense_layouts import (
    COMMAND_SPECIFIC,
    DESCRIPTOR,
    DESCRIPTOR_CODES,
    DESCRIPTOR_CURRENT,
    DESCRIPTOR_DEFERRED,
    DESCRIPTOR_HEADER,
    FIELD_POINTER,
    FIXED,
    FIXED_CODES,
    FIXED_CURRENT,
    FIXED_DEFERRED,
    FIXED_MINIMUM,
    INFORMATION,
    PROGRESS,
    SPECIFIC,
)

_CODE_END = 4
"""Bytes of descriptor format up to the end of its additional sense code."""


class SenseKey(IntEnum):
    """The gross kind of a condition (SPC-4 section 4.5.6)."""

    NO_SENSE = 0x0
    RECOVERED_ERROR = 0x1
    NOT_READY = 0x2
    MEDIUM_ERROR = 0x3
    HARDWARE_ERROR = 0x4
    ILLEGAL_REQUEST = 0x5
    UNIT_ATTENTION = 0x6
    DATA_PROTECT = 0x7
    BLANK_CHECK = 0x8
    VENDOR_SPECIFIC = 0x9
    COPY_ABORTED = 0xA
    ABORTED_COMMAND = 0xB
    VOLUME_OVERFLOW = 0xD
    MISCOMPARE = 0xE
    COMPLETED = 0xF


class AdditionalSense(Enum):
    """Additional sense codes and qualifiers by T10's names (SPC-4 annex F.2)."""

    NO_ADDITIONAL_SENSE_INFORMATION = (0x00, 0x00)
    OPERATION_IN_PROGRESS = (0x00, 0x16)
    NO_SEEK_COMPLETE = (0x02, 0x00)
    PERIPHERAL_DEVICE_WRITE_FAULT = (0x03, 0x00)
    LOGICAL_UNIT_NOT_READY_CAUSE_NOT_REPORTABLE = (0x04, 0x00)
    LOGICAL_UNIT_IS_IN_PROCESS_OF_BECOMING_READY = (0x04, 0x01)
    LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED = (0x04, 0x02)
    LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED = (0x04, 0x03)
    LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS = (0x04, 0x04)
    LOGICAL_UNIT_NOT_READY_OPERATION_IN_PROGRESS = (0x04, 0x07)
    LOGICAL_UNIT_NOT_READY_SELF_TEST_IN_PROGRESS = (0x04, 0x09)
    LOGICAL_UNIT_NOT_ACCESSIBLE_ASYMMETRIC_ACCESS_STATE_TRANSITION = (0x04, 0x0A)
    LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_STANDBY_STATE = (0x04, 0x0B)
    LOGICAL_UNIT_NOT_ACCESSIBLE_TARGET_PORT_IN_UNAVAILABLE_STATE = (0x04, 0x0C)
    LOGICAL_UNIT_NOT_READY_OFFLINE = (0x04, 0x12)
    LOGICAL_UNIT_NOT_READY_SPACE_ALLOCATION_IN_PROGRESS = (0x04, 0x14)
    LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS = (0x04, 0x1B)
    LOGICAL_UNIT_DOES_NOT_RESPOND_TO_SELECTION = (0x05, 0x00)
    LOGICAL_UNIT_COMMUNICATION_FAILURE = (0x08, 0x00)
    UNREACHABLE_COPY_TARGET = (0x08, 0x04)
    ERROR_LOG_OVERFLOW = (0x0A, 0x00)
    WRITE_ERROR = (0x0C, 0x00)
    WRITE_ERROR_UNEXPECTED_UNSOLICITED_DATA = (0x0C, 0x0C)
    WRITE_ERROR_NOT_ENOUGH_UNSOLICITED_DATA = (0x0C, 0x0D)
    ERROR_DETECTED_BY_THIRD_PARTY_TEMPORARY_INITIATOR = (0x0D, 0x00)
    THIRD_PARTY_DEVICE_FAILURE = (0x0D, 0x01)
    COPY_TARGET_DEVICE_NOT_REACHABLE = (0x0D, 0x02)
    INCORRECT_COPY_TARGET_DEVICE_TYPE = (0x0D, 0x03)
    COPY_TARGET_DEVICE_DATA_UNDERRUN = (0x0D, 0x04)
    COPY_TARGET_DEVICE_DATA_OVERRUN = (0x0D, 0x05)
    INVALID_INFORMATION_UNIT = (0x0E, 0x00)
    INFORMATION_UNIT_TOO_SHORT = (0x0E, 0x01)
    INFORMATION_UNIT_TOO_LONG = (0x0E, 0x02)
    INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT = (0x0E, 0x03)
    LOGICAL_BLOCK_GUARD_CHECK_FAILED = (0x10, 0x01)
    LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED = (0x10, 0x02)
    LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED = (0x10, 0x03)
    UNRECOVERED_READ_ERROR = (0x11, 0x00)
    PARAMETER_LIST_LENGTH_ERROR = (0x1A, 0x00)
    SYNCHRONOUS_DATA_TRANSFER_ERROR = (0x1B, 0x00)
    DEFECT_LIST_NOT_FOUND = (0x1C, 0x00)
    MISCOMPARE_DURING_VERIFY_OPERATION = (0x1D, 0x00)
    INVALID_COMMAND_OPERATION_CODE = (0x20, 0x00)
    ACCESS_DENIED_NO_ACCESS_RIGHTS = (0x20, 0x02)
    LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE = (0x21, 0x00)
    INVALID_FIELD_IN_CDB = (0x24, 0x00)
    CDB_DECRYPTION_ERROR = (0x24, 0x01)
    SECURITY_AUDIT_VALUE_FROZEN = (0x24, 0x04)
    LOGICAL_UNIT_NOT_SUPPORTED = (0x25, 0x00)
    INVALID_FIELD_IN_PARAMETER_LIST = (0x26, 0x00)
    PARAMETER_NOT_SUPPORTED = (0x26, 0x01)
    PARAMETER_VALUE_INVALID = (0x26, 0x02)
    THRESHOLD_PARAMETERS_NOT_SUPPORTED = (0x26, 0x03)
    INVALID_RELEASE_OF_PERSISTENT_RESERVATION = (0x26, 0x04)
    TOO_MANY_TARGET_DESCRIPTORS = (0x26, 0x06)
    UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE = (0x26, 0x07)
    TOO_MANY_SEGMENT_DESCRIPTORS = (0x26, 0x08)
    UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE = (0x26, 0x09)
    UNEXPECTED_INEXACT_SEGMENT = (0x26, 0x0A)
    INLINE_DATA_LENGTH_EXCEEDED = (0x26, 0x0B)
    INVALID_OPERATION_FOR_COPY_SOURCE_OR_DESTINATION = (0x26, 0x0C)
    COPY_SEGMENT_GRANULARITY_VIOLATION = (0x26, 0x0D)
    WRITE_PROTECTED = (0x27, 0x00)
    HARDWARE_WRITE_PROTECTED = (0x27, 0x01)
    LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED = (0x27, 0x02)
    PERSISTENT_WRITE_PROTECT = (0x27, 0x04)
    PERMANENT_WRITE_PROTECT = (0x27, 0x05)
    SPACE_ALLOCATION_FAILED_WRITE_PROTECT = (0x27, 0x07)
    NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED = (0x28, 0x00)
    POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED = (0x29, 0x00)
    POWER_ON_OCCURRED = (0x29, 0x01)
    SCSI_BUS_RESET_OCCURRED = (0x29, 0x02)
    BUS_DEVICE_RESET_FUNCTION_OCCURRED = (0x29, 0x03)
    DEVICE_INTERNAL_RESET = (0x29, 0x04)
    I_T_NEXUS_LOSS_OCCURRED = (0x29, 0x07)
    PARAMETERS_CHANGED = (0x2A, 0x00)
    MODE_PARAMETERS_CHANGED = (0x2A, 0x01)
    LOG_PARAMETERS_CHANGED = (0x2A, 0x02)
    RESERVATIONS_PREEMPTED = (0x2A, 0x03)
    RESERVATIONS_RELEASED = (0x2A, 0x04)
    REGISTRATIONS_PREEMPTED = (0x2A, 0x05)
    ASYMMETRIC_ACCESS_STATE_CHANGED = (0x2A, 0x06)
    IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED = (0x2A, 0x07)
    CAPACITY_DATA_HAS_CHANGED = (0x2A, 0x09)
    COPY_CANNOT_EXECUTE_SINCE_HOST_CANNOT_DISCONNECT = (0x2B, 0x00)
    COMMAND_SEQUENCE_ERROR = (0x2C, 0x00)
    PREVIOUS_RESERVATION_CONFLICT_STATUS = (0x2C, 0x09)
    COMMANDS_CLEARED_BY_ANOTHER_INITIATOR = (0x2F, 0x00)
    COMMANDS_CLEARED_BY_POWER_LOSS_NOTIFICATION = (0x2F, 0x01)
    COMMANDS_CLEARED_BY_DEVICE_SERVER = (0x2F, 0x02)
    INCOMPATIBLE_MEDIUM_INSTALLED = (0x30, 0x00)
    MEDIUM_FORMAT_CORRUPTED = (0x31, 0x00)
    SANITIZE_COMMAND_FAILED = (0x31, 0x03)
    NO_DEFECT_SPARE_LOCATION_AVAILABLE = (0x32, 0x00)
    ROUNDED_PARAMETER = (0x37, 0x00)
    THIN_PROVISIONING_SOFT_THRESHOLD_REACHED = (0x38, 0x07)
    SAVING_PARAMETERS_NOT_SUPPORTED = (0x39, 0x00)
    MEDIUM_NOT_PRESENT = (0x3A, 0x00)
    MEDIUM_NOT_PRESENT_TRAY_CLOSED = (0x3A, 0x01)
    MEDIUM_NOT_PRESENT_TRAY_OPEN = (0x3A, 0x02)
    INVALID_BITS_IN_IDENTIFY_MESSAGE = (0x3D, 0x00)
    LOGICAL_UNIT_HAS_NOT_SELF_CONFIGURED_YET = (0x3E, 0x00)
    LOGICAL_UNIT_FAILURE = (0x3E, 0x01)
    TARGET_OPERATING_CONDITIONS_HAVE_CHANGED = (0x3F, 0x00)
    MICROCODE_HAS_BEEN_CHANGED = (0x3F, 0x01)
    INQUIRY_DATA_HAS_CHANGED = (0x3F, 0x03)
    REPORTED_LUNS_DATA_HAS_CHANGED = (0x3F, 0x0E)
    ECHO_BUFFER_OVERWRITTEN = (0x3F, 0x0F)
    MESSAGE_ERROR = (0x43, 0x00)
    INTERNAL_TARGET_FAILURE = (0x44, 0x00)
    SELECT_OR_RESELECT_FAILURE = (0x45, 0x00)
    SCSI_PARITY_ERROR = (0x47, 0x00)
    INFORMATION_UNIT_IUCRC_ERROR_DETECTED = (0x47, 0x03)
    PROTOCOL_SERVICE_CRC_ERROR = (0x47, 0x05)
    SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT = (0x47, 0x7F)
    INITIATOR_DETECTED_ERROR_MESSAGE_RECEIVED = (0x48, 0x00)
    INVALID_MESSAGE_ERROR = (0x49, 0x00)
    COMMAND_PHASE_ERROR = (0x4A, 0x00)
    DATA_PHASE_ERROR = (0x4B, 0x00)
    ACK_NAK_TIMEOUT = (0x4B, 0x03)
    INITIATOR_RESPONSE_TIMEOUT = (0x4B, 0x06)
    LOGICAL_UNIT_FAILED_SELF_CONFIGURATION = (0x4C, 0x00)
    OVERLAPPED_COMMANDS_ATTEMPTED = (0x4E, 0x00)
    MEDIA_LOAD_OR_EJECT_FAILED = (0x53, 0x00)
    MEDIUM_REMOVAL_PREVENTED = (0x53, 0x02)
    SYSTEM_RESOURCE_FAILURE = (0x55, 0x00)
    INSUFFICIENT_RESOURCES = (0x55, 0x03)
    INSUFFICIENT_REGISTRATION_RESOURCES = (0x55, 0x04)
    FAILURE_PREDICTION_THRESHOLD_EXCEEDED = (0x5D, 0x00)
    VOLTAGE_FAULT = (0x65, 0x00)
    SET_TARGET_PORT_GROUPS_COMMAND_FAILED = (0x67, 0x0A)

    @property
    def asc(self) -> int:
        """ADDITIONAL SENSE CODE."""
        return self.value[0]

    @property
    def ascq(self) -> int:
        """ADDITIONAL SENSE CODE QUALIFIER."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class FieldPointer:
    """Which field an ILLEGAL REQUEST objects to (SPC-4 section 4.5.2.4.2)."""

    byte: int
    bit: int | None = None
    in_cdb: bool = True
    """False if the field is in the parameter list."""

    def encode(self) -> bytes:
        """Return the three sense key specific bytes."""
        return FIELD_POINTER.build(
            valid=1,
            command_data=self.in_cdb,
            bit_pointer_valid=self.bit is not None,
            bit_pointer=self.bit or 0,
            field_pointer=self.byte & 0xFFFF,
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the three sense key specific bytes."""
        fields = FIELD_POINTER.parse(data)
        bit = fields["bit_pointer"] if fields["bit_pointer_valid"] else None
        return cls(fields["field_pointer"], bit, in_cdb=bool(fields["command_data"]))


@dataclass(frozen=True, slots=True)
class Sense:
    """Sense data, independent of its format."""

    key: SenseKey
    asc: int = 0
    ascq: int = 0
    information: int | None = None
    command_specific: int | None = None
    field_pointer: FieldPointer | None = None
    progress: int | None = None
    """Parts of 65536 done, with NO SENSE and NOT READY."""
    is_deferred: bool = False
    is_descriptor_format: bool = False
    is_code_cut_off: bool = False
    """The data ends before the additional sense code, which reads as zeros."""

    @classmethod
    def of(
        cls,
        key: SenseKey,
        additional: AdditionalSense,
        *,
        information: int | None = None,
        field_pointer: FieldPointer | None = None,
        progress: int | None = None,
    ) -> Self:
        """Return sense data with a named additional sense code."""
        return cls(
            key,
            *additional.value,
            information=information,
            field_pointer=field_pointer,
            progress=progress,
        )

    @property
    def additional(self) -> AdditionalSense | None:
        """The name of the additional sense code, or None if it is not in the table."""
        try:
            return AdditionalSense((self.asc, self.ascq))
        except ValueError:
            return None

    def is_or_is_cut_off(self, *codes: AdditionalSense) -> bool:
        """Tell whether the additional sense code is one of some, or is cut off."""
        return self.is_code_cut_off or self.additional in codes

    def __str__(self) -> str:
        """Return key and additional sense in words, with their codes."""
        named = self.additional
        words = f", {named.name.replace('_', ' ')}" if named else ""
        return (
            f"{self.key.name.replace('_', ' ')}{words} {self.asc:02X}h/{self.ascq:02X}h"
        )

    def _specific(self) -> bytes:
        if self.field_pointer is not None:
            return self.field_pointer.encode()
        if self.progress is not None:
            return PROGRESS.build(valid=1, progress_indication=self.progress)
        return b""

    def build(self, *, descriptor: bool | None = None) -> bytes:
        """Return the bytes; the format is the record's own unless said otherwise."""
        if self.is_descriptor_format if descriptor is None else descriptor:
            return self._build_descriptor()
        return self._build_fixed()

    def _build_fixed(self) -> bytes:
        information = self.information
        # VALID is zero if the value does not fit four bytes (SPC-4 section 4.5.3).
        is_valid = information is not None and information < 2**32
        return FIXED.build(
            valid=is_valid,
            response_code=FIXED_DEFERRED if self.is_deferred else FIXED_CURRENT,
            sense_key=self.key,
            information=information if is_valid and information is not None else 0,
            additional_length=FIXED.length - FIXED_MINIMUM,
            command_specific=(self.command_specific or 0) & 0xFFFFFFFF,
            asc=self.asc,
            ascq=self.ascq,
            specific=int.from_bytes(self._specific(), "big"),
        )

    def _build_descriptor(self) -> bytes:
        descriptors = b""
        if self.information is not None:
            descriptors += _described(
                INFORMATION, 0x00, valid=1, information=self.information
            )
        if self.command_specific is not None:
            descriptors += _described(
                COMMAND_SPECIFIC, 0x01, command_specific=self.command_specific
            )
        if specific := self._specific():
            descriptors += _described(
                SPECIFIC, 0x02, specific=int.from_bytes(specific, "big")
            )
        header = DESCRIPTOR.build(
            response_code=(
                DESCRIPTOR_DEFERRED if self.is_deferred else DESCRIPTOR_CURRENT
            ),
            sense_key=self.key,
            asc=self.asc,
            ascq=self.ascq,
            additional_length=len(descriptors),
        )
        return header + descriptors


def _described(layout: Structure, kind: int, **values: int) -> bytes:
    """Return a descriptor of a type."""
    length = layout.length - DESCRIPTOR_HEADER
    return layout.build(type=kind, additional_length=length, **values)


def parse(data: bytes | memoryview) -> Sense:
    """Read sense data of either format.

    Raises:
        DecodeError: the response code is neither format's, or the data is cut short.
    """
    data = bytes(data)
    code = data[0] & 0x7F if data else 0
    if code in FIXED_CODES:
        return _parse_fixed(data)
    if code in DESCRIPTOR_CODES:
        return _parse_descriptor(data)
    raise DecodeError(
        f"response code {code:#04x} is not sense data",
        field="RESPONSE CODE",
        data=data,
    )


def read(data: bytes | memoryview) -> tuple[Sense, DecodeError | None]:
    """Return sense data as far as it is present, and what is wrong with it.

    Data that is cut short still has its sense key, and in descriptor format its
    additional sense code; what is missing counts as zero.

    Raises:
        DecodeError: it has no sense key of either format.
    """
    try:
        return parse(data), None
    except DecodeError as error:
        head = _complete_head(bytes(data))
        if head is None:
            raise
        sense = parse(head)
        has_code = sense.is_descriptor_format and len(data) >= _CODE_END
        return replace(sense, is_code_cut_off=not has_code), error


def _complete_head(data: bytes) -> bytes | None:
    """Return the first eight bytes without what follows them, or None without a key."""
    code = data[0] & 0x7F if data else 0
    is_fixed = code in (FIXED_CURRENT, FIXED_DEFERRED)
    if not is_fixed and code not in (DESCRIPTOR_CURRENT, DESCRIPTOR_DEFERRED):
        return None
    if len(data) <= (2 if is_fixed else 1):
        return None
    # VALID describes INFORMATION, which is cut off here.
    return bytes([code]) + data[1 : FIXED_MINIMUM - 1].ljust(FIXED_MINIMUM - 1, b"\0")


def _require(data: bytes, length: int) -> None:
    if len(data) < length:
        raise DecodeError(
            f"sense data of {len(data)} bytes where {length} were expected",
            offset=len(data),
            field="ADDITIONAL SENSE LENGTH",
            data=data,
        )


def _specific_fields(
    key: SenseKey, specific: bytes
) -> tuple[FieldPointer | None, int | None]:
    if not FIELD_POINTER.parse_short(specific)["valid"]:
        return None, None
    if key is SenseKey.ILLEGAL_REQUEST or key is SenseKey.COPY_ABORTED:
        return FieldPointer.decode(specific), None
    if key is SenseKey.NO_SENSE or key is SenseKey.NOT_READY:
        return None, PROGRESS.parse(specific)["progress_indication"]
    return None, None


def _parse_fixed(data: bytes) -> Sense:
    _require(data, FIXED_MINIMUM)
    # Bytes that a target leaves off the end count as zero (SPC-4 section 4.5.3).
    length = min(len(data), FIXED_MINIMUM + data[7])
    fields = FIXED.parse_short(data[:length])
    key = _key(data, fields["sense_key"], 2)
    pointer, progress = _specific_fields(key, fields["specific"].to_bytes(3, "big"))
    return Sense(
        key,
        fields["asc"],
        fields["ascq"],
        information=fields["information"] if fields["valid"] else None,
        command_specific=fields["command_specific"] or None,
        field_pointer=pointer,
        progress=progress,
        is_deferred=fields["response_code"] == FIXED_DEFERRED,
    )


def _key(data: bytes, value: int, offset: int) -> SenseKey:
    try:
        return SenseKey(value)
    except ValueError:
        raise DecodeError(
            f"sense key {value:#x} is reserved",
            offset=offset,
            field="SENSE KEY",
            data=data,
        ) from None


def _parse_descriptor(data: bytes) -> Sense:
    _require(data, DESCRIPTOR.length)
    fields = DESCRIPTOR.parse(data)
    end = DESCRIPTOR.length + fields["additional_length"]
    _require(data, end)
    key = _key(data, fields["sense_key"], 1)
    information = command_specific = None
    specific = b""
    offset = DESCRIPTOR.length
    while offset < end:
        _require(data[:end], offset + DESCRIPTOR_HEADER)
        kind, length = data[offset], data[offset + 1] + DESCRIPTOR_HEADER
        _require(data[:end], offset + length)
        body = data[offset : offset + length]
        if kind == 0x00 and length >= INFORMATION.length:
            descriptor = INFORMATION.parse(body)
            if descriptor["valid"]:
                information = descriptor["information"]
        elif kind == 0x01 and length >= COMMAND_SPECIFIC.length:
            command_specific = COMMAND_SPECIFIC.parse(body)["command_specific"]
        elif kind == 0x02 and length >= DESCRIPTOR_HEADER + 5:
            specific = SPECIFIC.parse_short(body)["specific"].to_bytes(3, "big")
        offset += length
    pointer, progress = _specific_fields(key, specific)
    return Sense(
        key,
        fields["asc"],
        fields["ascq"],
        information=information,
        command_specific=command_specific,
        field_pointer=pointer,
        progress=progress,
        is_deferred=fields["response_code"] == DESCRIPTOR_DEFERRED,
        is_descriptor_format=True,
    )
