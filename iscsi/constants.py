# SPDX-License-Identifier: GPL-2.0-only
"""The code points of RFC 7143 (and RFC 7144) as enums, by clause."""

from enum import IntEnum, StrEnum

RESERVED_TAG = 0xFFFFFFFF
"""The tag that names no task and no transfer (RFC 7143 section 11.2.1.8)."""

BHS_LENGTH = 48
"""The length of a Basic Header Segment, in bytes (RFC 7143 section 11.2.1)."""

MAX_DATA_SEGMENT_LENGTH = 2**24 - 1
"""The greatest value of the 24 bits of DataSegmentLength."""

DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH = 8192
"""The default MaxRecvDataSegmentLength (RFC 7143 section 13.12)."""

ISCSI_PORT = 3260
"""The well-known TCP port (RFC 7143 section 4.2.7.1)."""

ISCSI_VERSION = 0
"""The version of RFC 7143 (section 11.12.4)."""


class Role(StrEnum):
    """The two ends of a session."""

    INITIATOR = "initiator"
    TARGET = "target"


class Opcode(IntEnum):
    """PDU types (RFC 7143 section 11.2.1.2)."""

    NOP_OUT = 0x00
    SCSI_COMMAND = 0x01
    TASK_MANAGEMENT_REQUEST = 0x02
    LOGIN_REQUEST = 0x03
    TEXT_REQUEST = 0x04
    DATA_OUT = 0x05
    LOGOUT_REQUEST = 0x06
    SNACK = 0x10
    NOP_IN = 0x20
    SCSI_RESPONSE = 0x21
    TASK_MANAGEMENT_RESPONSE = 0x22
    LOGIN_RESPONSE = 0x23
    TEXT_RESPONSE = 0x24
    DATA_IN = 0x25
    LOGOUT_RESPONSE = 0x26
    R2T = 0x31
    ASYNC_MESSAGE = 0x32
    REJECT = 0x3F


class AHSType(IntEnum):
    """Additional header segments (RFC 7143 section 11.2.2.1)."""

    EXTENDED_CDB = 1
    BIDIRECTIONAL_READ_LENGTH = 2


class TaskAttribute(IntEnum):
    """The ATTR field of a SCSI Command (RFC 7143 section 11.3.1)."""

    UNTAGGED = 0
    SIMPLE = 1
    ORDERED = 2
    HEAD_OF_QUEUE = 3
    ACA = 4


class SCSIResponseCode(IntEnum):
    """The iSCSI service response of a SCSI Response (RFC 7143 section 11.4.3)."""

    COMPLETED = 0x00
    TARGET_FAILURE = 0x01


class TMFunction(IntEnum):
    """Task management functions (RFC 7143 section 11.5.1; RFC 7144 section 6.3)."""

    ABORT_TASK = 1
    ABORT_TASK_SET = 2
    CLEAR_ACA = 3
    CLEAR_TASK_SET = 4
    LOGICAL_UNIT_RESET = 5
    TARGET_WARM_RESET = 6
    TARGET_COLD_RESET = 7
    TASK_REASSIGN = 8
    QUERY_TASK = 9
    QUERY_TASK_SET = 10
    I_T_NEXUS_RESET = 11
    QUERY_ASYNCHRONOUS_EVENT = 12


class TMResponse(IntEnum):
    """Task management responses (RFC 7143 section 11.6.1; RFC 7144 section 6.4.2)."""

    FUNCTION_COMPLETE = 0
    TASK_DOES_NOT_EXIST = 1
    LUN_DOES_NOT_EXIST = 2
    TASK_STILL_ALLEGIANT = 3
    REASSIGNMENT_NOT_SUPPORTED = 4
    FUNCTION_NOT_SUPPORTED = 5
    AUTHORIZATION_FAILED = 6
    FUNCTION_SUCCEEDED = 7
    FUNCTION_REJECTED = 255


class Stage(IntEnum):
    """Login stages (RFC 7143 section 11.12.3)."""

    SECURITY = 0
    OPERATIONAL = 1
    FULL_FEATURE = 3


class LoginStatus(IntEnum):
    """Status-Class and Status-Detail as 0xCCDD (RFC 7143 section 11.13.5)."""

    SUCCESS = 0x0000
    TARGET_MOVED_TEMPORARILY = 0x0101
    TARGET_MOVED_PERMANENTLY = 0x0102
    INITIATOR_ERROR = 0x0200
    AUTHENTICATION_FAILURE = 0x0201
    AUTHORIZATION_FAILURE = 0x0202
    NOT_FOUND = 0x0203
    TARGET_REMOVED = 0x0204
    UNSUPPORTED_VERSION = 0x0205
    TOO_MANY_CONNECTIONS = 0x0206
    MISSING_PARAMETER = 0x0207
    CANNOT_INCLUDE_IN_SESSION = 0x0208
    SESSION_TYPE_NOT_SUPPORTED = 0x0209
    SESSION_DOES_NOT_EXIST = 0x020A
    INVALID_DURING_LOGIN = 0x020B
    TARGET_ERROR = 0x0300
    SERVICE_UNAVAILABLE = 0x0301
    OUT_OF_RESOURCES = 0x0302


class LogoutReason(IntEnum):
    """Reasons of a Logout Request (RFC 7143 section 11.14.1)."""

    CLOSE_SESSION = 0
    CLOSE_CONNECTION = 1
    REMOVE_FOR_RECOVERY = 2


class LogoutResponseCode(IntEnum):
    """Logout responses (RFC 7143 section 11.15.1)."""

    CLOSED = 0
    CID_NOT_FOUND = 1
    RECOVERY_NOT_SUPPORTED = 2
    CLEANUP_FAILED = 3


class SNACKType(IntEnum):
    """SNACK types (RFC 7143 section 11.16.1)."""

    DATA_R2T = 0
    STATUS = 1
    DATA_ACK = 2
    R_DATA = 3


class AsyncEvent(IntEnum):
    """Asynchronous events (RFC 7143 section 11.9.1)."""

    SCSI = 0
    LOGOUT_REQUEST = 1
    CONNECTION_DROP = 2
    SESSION_DROP = 3
    NEGOTIATION_REQUEST = 4
    TASK_TERMINATION = 5
    VENDOR = 255


class RejectReason(IntEnum):
    """Reject reasons (RFC 7143 section 11.17.1)."""

    DATA_DIGEST_ERROR = 0x02
    SNACK_REJECT = 0x03
    PROTOCOL_ERROR = 0x04
    COMMAND_NOT_SUPPORTED = 0x05
    IMMEDIATE_COMMAND_REJECT = 0x06
    TASK_IN_PROGRESS = 0x07
    INVALID_DATA_ACK = 0x08
    INVALID_PDU_FIELD = 0x09
    LONG_OPERATION_REJECT = 0x0A
    NEGOTIATION_RESET = 0x0B  # deprecated: must not be used
    WAITING_FOR_LOGOUT = 0x0C
