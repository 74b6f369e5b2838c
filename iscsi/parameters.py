# SPDX-License-Identifier: GPL-2.0-only
"""The operational values of a connection and its session, as typed fields."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from iscsi import text
from iscsi.constants import DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
from iscsi.framing import Digests


@dataclass(slots=True)
class Parameters:
    """The agreed values of two ends, or the defaults of chapter 13.

    Lengths are in bytes, times in seconds.
    """

    header_digest: str = "None"
    data_digest: str = "None"
    max_connections: int = 1
    initial_r2t: bool = True
    immediate_data: bool = True
    initiator_max_recv_data_segment_length: int = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
    """The initiator's limit, which bounds Data-In."""
    target_max_recv_data_segment_length: int = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH
    """The target's limit, which bounds Data-Out and immediate data."""
    max_burst_length: int = 262144
    first_burst_length: int = 65536
    default_time2wait: int = 2
    default_time2retain: int = 20
    max_outstanding_r2t: int = 1
    data_pdu_in_order: bool = True
    data_sequence_in_order: bool = True
    error_recovery_level: int = 0
    task_reporting: str = "RFC3720"
    protocol_level: int = 1

    @property
    def digests(self) -> Digests:
        """The digests of full-feature phase."""
        return Digests(
            header=self.header_digest == "CRC32C", data=self.data_digest == "CRC32C"
        )

    @property
    def unsolicited_limit(self) -> int:
        """The maximum of unsolicited data for a command: FirstBurstLength, bounded."""
        return min(self.first_burst_length, self.max_burst_length)

    def update(self, results: Mapping[str, str]) -> None:
        """Set agreed values by key name; other keys are ignored.

        The caller sets MaxRecvDataSegmentLength, which depends on the direction.

        Raises:
            DecodeError: a value is not of its key's type.
        """
        for name, value in results.items():
            attribute = FIELD_OF_KEY.get(name)
            if attribute is not None and value not in text.RESERVED_ANSWERS:
                setattr(self, attribute, _PARSERS[_TYPES[attribute]](value))


FIELD_OF_KEY: dict[str, str] = {
    "HeaderDigest": "header_digest",
    "DataDigest": "data_digest",
    "MaxConnections": "max_connections",
    "InitialR2T": "initial_r2t",
    "ImmediateData": "immediate_data",
    "MaxBurstLength": "max_burst_length",
    "FirstBurstLength": "first_burst_length",
    "DefaultTime2Wait": "default_time2wait",
    "DefaultTime2Retain": "default_time2retain",
    "MaxOutstandingR2T": "max_outstanding_r2t",
    "DataPDUInOrder": "data_pdu_in_order",
    "DataSequenceInOrder": "data_sequence_in_order",
    "ErrorRecoveryLevel": "error_recovery_level",
    "TaskReporting": "task_reporting",
    "iSCSIProtocolLevel": "protocol_level",
}
"""The field of each key that is agreed for both directions."""

_TYPES: dict[str, Any] = {item.name: item.type for item in fields(Parameters)}
_PARSERS: dict[Any, Any] = {
    bool: text.parse_boolean,
    int: text.parse_number,
    str: str,
}
