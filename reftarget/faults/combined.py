# SPDX-License-Identifier: GPL-2.0-only
"""The faults that show only with combinations of negotiated values.

Plain sessions have none of these combinations, so the suite notices the faults from
`--strength 2` on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iscsi import headers
from iscsi.constants import BHS_LENGTH, Opcode, TMResponse
from iscsi.digest import DIGEST_LENGTH
from iscsi.scsi.status import SCSIStatus
from reftarget.faults.changes import change_data, set_fields
from reftarget.faults.row import Fault
from reftarget.rules import ConnectionRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from iscsi.parameters import Parameters
    from reftarget.twist import Sender, Twist, Twisted

_SHORT = 8192
"""The length up to which a segment is short, in bytes."""


def _where(when: Callable[[Parameters], bool], twist: Twist) -> Twist:
    """Return a twist for the connections with certain negotiated values."""

    def conditional(sender: Sender, header: headers.Header, data: bytes) -> Twisted:
        if when(sender.parameters):
            return twist(sender, header, data)
        return header, data

    return conditional


def _loses_a_byte(connection: Any) -> None:
    """Drop a byte of a ping whose header digest came in parts."""
    parameters = connection.parameters
    if not connection.digests.header or not parameters.error_recovery_level:
        return
    part = connection.stream.part
    is_ping = bool(part) and part[0] & 0x3F == Opcode.NOP_OUT
    if is_ping and BHS_LENGTH < len(part) < BHS_LENGTH + DIGEST_LENGTH:
        connection.stream.filled(-1)


COMBINED: Final = (
    Fault(
        name="sense-is-lost-under-header-digests-in-short-segments",
        breaks=("RFC7143-11.4.7-02",),
        says="Sends no sense data with header digests and short segments.",
        also="checks read sense data to see why a command has failed",
        needs=("HeaderDigest", "MaxRecvDataSegmentLength"),
        twist=_where(
            lambda agreed: (
                agreed.digests.header
                and agreed.initiator_max_recv_data_segment_length <= _SHORT
            ),
            change_data(
                headers.SCSIResponse,
                lambda _data: b"",
                lambda header: header.status == SCSIStatus.CHECK_CONDITION,
            ),
        ),
    ),
    Fault(
        name="ping-data-is-cut-under-data-digests-without-initial-r2t",
        breaks=("RFC7143-11.19-02",),
        says="Cuts the ping data with data digests and InitialR2T=No.",
        needs=("DataDigest", "InitialR2T"),
        twist=_where(
            lambda agreed: agreed.digests.data and not agreed.initial_r2t,
            change_data(headers.NOPIn, lambda data: data[:-1]),
        ),
    ),
    Fault(
        name="functions-are-rejected-under-data-digests-with-recovery",
        breaks=("RFC7143-11.6.1-i01",),
        says="Says that it rejects functions, with data digests and recovery.",
        also="checks use functions and judge what follows",
        needs=("DataDigest", "ErrorRecoveryLevel"),
        twist=_where(
            lambda agreed: agreed.digests.data and agreed.error_recovery_level > 0,
            set_fields(
                headers.TaskManagementResponse,
                response=int(TMResponse.FUNCTION_REJECTED),
            ),
        ),
    ),
    Fault(
        name="data-in-counts-from-one-under-both-digests",
        breaks=("RFC7143-11.7.5-i01", "RFC7143-4.2.2.4-01"),
        says="Numbers Data-In from 1 where both digests are used.",
        also="data that is sent again is asked for by its number",
        needs=("DataDigest", "HeaderDigest"),
        twist=_where(
            lambda agreed: agreed.digests.header and agreed.digests.data,
            set_fields(headers.DataIn, data_sn=lambda header: header.data_sn + 1),
        ),
    ),
    Fault(
        name="r2ts-count-from-one-under-header-digests-where-several-are-out",
        breaks=("RFC7143-11.8.2-i01", "RFC7143-4.2.2.4-01"),
        says="Numbers R2Ts from 1 with header digests and several R2Ts at once.",
        also="R2Ts that are sent again are asked for by their numbers",
        needs=("HeaderDigest", "MaxOutstandingR2T"),
        twist=_where(
            lambda agreed: agreed.digests.header and agreed.max_outstanding_r2t > 1,
            set_fields(headers.R2T, r2t_sn=lambda header: header.r2t_sn + 1),
        ),
    ),
    Fault(
        name="byte-is-lost-where-tcp-cuts-a-header-digest",
        breaks=("RFC7143-11.18.1-03",),
        says="Loses a byte where TCP cuts the header digest of a ping, with recovery.",
        also="what follows on the connection cannot be read",
        needs=("ErrorRecoveryLevel", "HeaderDigest", "TCP segments"),
        rules=ConnectionRules(on_part=_loses_a_byte),
    ),
)
