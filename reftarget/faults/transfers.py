# SPDX-License-Identifier: GPL-2.0-only
"""The faults of data on its way, both ways."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from reftarget.faults.row import Fault
from reftarget.rules import (
    TransferRules,
    transfers,
)
from reftarget.rules import transfers as right


def _latest_connection(_own: Any, connections: Collection[Any]) -> Any:
    return list(connections)[-1]


def _last_burst(start: int, end: int, maximum: int) -> tuple[int, int]:
    return max(start, end - maximum), end


TRANSFERS: Final = (
    Fault(
        name="data-out-lun-is-not-checked",
        breaks=("RFC7143-4.2.5.3-01",),
        says="Takes Data-Out whose LUN is not the command's.",
        rules=TransferRules(checks_lun=False),
    ),
    Fault(
        name="r2t-asks-beyond-max-burst",
        breaks=("RFC7143-11.8.4-02",),
        says="Asks for all data in one R2T.",
        rules=TransferRules(burst=lambda start, end, _maximum: (start, end)),
    ),
    Fault(
        name="r2t-beyond-max-outstanding",
        breaks=("RFC7143-11.8-i01",),
        says="Sends one R2T more than MaxOutstandingR2T.",
        rules=TransferRules(outstanding=lambda maximum: maximum + 1),
    ),
    Fault(
        name="data-in-beyond-max-recv-data-segment",
        breaks=("RFC7143-11.7.1-02", "RFC7143-13.12-i01"),
        says="Sends Data-In longer than the initiator's MaxRecvDataSegmentLength.",
        also="each read is then malformed",
        rules=TransferRules(segment=lambda maximum: 2 * transfers.segment(maximum)),
    ),
    Fault(
        name="bidirectional-data-is-numbered-by-itself",
        breaks=("RFC7143-4.2.2.4-i01",),
        says="Numbers Data-In from 0 beside the R2Ts of a bidirectional command.",
        rules=TransferRules(first_data_sn=lambda _after_r2ts: 0),
    ),
    Fault(
        name="bidirectional-read-residual-is-left-out",
        breaks=("RFC7143-11.4.6-01",),
        says="Does not report a bidirectional command's read residual.",
        rules=TransferRules(shows_read_residual=False),
    ),
    Fault(
        name="bidirectional-status-rides-on-data",
        breaks=("RFC7143-11.7.3-02",),
        says="Sends the status of a bidirectional command in its last Data-In.",
        rules=TransferRules(may_ride=lambda _is_bidirectional: True),
    ),
    Fault(
        name="status-comes-on-another-connection",
        breaks=(
            "RFC7143-4.2.5.1-01",
            "RFC7143-4.2.5.1-02",
            "RFC7143-4.2.5.1-04",
            "RFC7143-4.2.5.1-07",
        ),
        says="Sends data and status on another connection of the session.",
        rules=TransferRules(answering=_latest_connection),
    ),
    Fault(
        name="r2t-asks-again",
        breaks=("RFC7143-4.2.5.2-07", "RFC7143-11.8-01", "RFC7143-13.10-i02"),
        says="Asks by R2T for data that has come.",
        rules=TransferRules(asked_for=lambda _missing, wanted: [(0, wanted)]),
    ),
    Fault(
        name="excess-data-is-taken",
        breaks=("RFC7143-4.2.5.2-09", "RFC7143-11.4.7.2-i02"),
        says="Accepts Data-Out beyond its R2T.",
        rules=TransferRules(refuses_excess=False),
    ),
    Fault(
        name="data-out-offset-is-not-checked",
        breaks=("RFC7143-4.2.5.3-01",),
        says="Drops Data-Out with a wrong Buffer Offset and writes the rest.",
        also="data out of order is lost for that",
        rules=TransferRules(checks_offset=False),
    ),
    Fault(
        name="failure-does-not-wait-for-data",
        breaks=("RFC7143-11.4.2-01",),
        says="Reports an error while data is still on its way.",
        rules=TransferRules(waits_for_data=False),
    ),
    Fault(
        name="unexpected-data-is-taken",
        breaks=("RFC7143-13.11-02",),
        says="Takes unsolicited data where it was excluded.",
        rules=TransferRules(judges_unsolicited=False),
    ),
    Fault(
        name="immediate-data-is-refused",
        breaks=("RFC7143-13.11-i02",),
        says="Refuses immediate data that was agreed on.",
        also="writes bring their data with them in many checks",
        rules=TransferRules(takes_immediate=lambda _is_agreed: False),
    ),
    Fault(
        name="data-in-is-cut-oddly",
        breaks=("RFC7143-11.7.7-02",),
        says="Cuts Data-In at odd bytes.",
        rules=TransferRules(segment=lambda maximum: right.segment(maximum) - 3),
    ),
    Fault(
        name="empty-data-out-is-refused",
        breaks=("RFC7143-11.7.7-01",),
        says="Refuses Data-Out without data.",
        rules=TransferRules(takes_empty=False),
    ),
    Fault(
        name="corrupted-write-is-never-concluded",
        breaks=("RFC7143-7.3-i01", "RFC7143-11.17.1-03"),
        says="Never responds to a write of which it has rejected data.",
        rules=TransferRules(concludes=lambda is_crc_error: not is_crc_error),
    ),
    Fault(
        name="crc-error-is-reported-at-once",
        breaks=("RFC7143-7.8-05", "RFC7143-11.17.1-04"),
        says="Reports a CRC error while data is still on its way.",
        rules=TransferRules(waits_after_crc_error=False),
    ),
    Fault(
        name="exp-data-sn-of-reads-wrong",
        breaks=("RFC7143-11.4.8-i01",),
        says="Counts one Data-In too many in ExpDataSN.",
        also="the status of reads comes by itself then",
        rules=TransferRules(
            exp_data_sn=lambda count: count + 1,
            may_ride=lambda _is_bidirectional: False,
        ),
    ),
    Fault(
        name="r2ts-go-backwards",
        breaks=("RFC7143-11.8-09", "RFC7143-13.19-01"),
        says="Asks for the last part of the data first.",
        rules=TransferRules(burst=_last_burst),
    ),
    Fault(
        name="data-out-data-sn-is-ignored",
        breaks=("RFC7143-7.9-02",),
        says="Ignores the DataSN of Data-Out.",
        rules=TransferRules(checks_data_sn=False),
    ),
)
