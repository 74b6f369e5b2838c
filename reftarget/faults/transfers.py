# SPDX-License-Identifier: GPL-2.0-only
"""The faults of data on its way, both ways."""

from enum import StrEnum
from typing import Final

from reftarget.faults.row import Fault


class TransferBend(StrEnum):
    """The decisions about data that can be overridden."""

    OTHER_CONNECTION = "status-comes-on-another-connection"
    ASKS_AGAIN = "r2t-asks-again"
    TAKES_EXCESS = "excess-data-is-taken"
    ANSWERS_EARLY = "failure-does-not-wait-for-data"
    TAKES_UNEXPECTED = "unexpected-data-is-taken"
    REFUSES_IMMEDIATE = "immediate-data-is-refused"
    ODD_SEGMENTS = "data-in-is-cut-oddly"
    REFUSES_EMPTY = "empty-data-out-is-refused"
    NEVER_CONCLUDES = "spoilt-write-is-never-concluded"
    MINDS_PRIORITY = "priority-is-minded-at-every-level"
    CRC_ERROR_AT_ONCE = "crc-error-is-told-at-once"
    COUNTS_WRONG = "exp-data-sn-of-reads-wrong"
    R2TS_BACKWARDS = "r2ts-go-backwards"
    IGNORES_DATA_SN = "data-out-data-sn-is-ignored"
    IGNORES_HEADER_DIGEST = "header-digest-is-not-checked"


TRANSFERS: Final = (
    Fault(
        name=TransferBend.OTHER_CONNECTION,
        breaks=(
            "RFC7143-4.2.5.1-01",
            "RFC7143-4.2.5.1-02",
            "RFC7143-4.2.5.1-04",
            "RFC7143-4.2.5.1-07",
        ),
        says="Sends data and status on another connection of the session.",
    ),
    Fault(
        name=TransferBend.ASKS_AGAIN,
        breaks=("RFC7143-4.2.5.2-07", "RFC7143-11.8-01", "RFC7143-13.10-i02"),
        says="Asks by R2T for data that has come.",
    ),
    Fault(
        name=TransferBend.TAKES_EXCESS,
        breaks=("RFC7143-4.2.5.2-09", "RFC7143-11.4.7.2-i02"),
        says="Takes Data-Out beyond what was asked for.",
    ),
    Fault(
        name=TransferBend.ANSWERS_EARLY,
        breaks=("RFC7143-11.4.2-01",),
        says="Reports an error while data is still on its way.",
    ),
    Fault(
        name=TransferBend.TAKES_UNEXPECTED,
        breaks=("RFC7143-13.11-02",),
        says="Takes unsolicited data where it was excluded.",
    ),
    Fault(
        name=TransferBend.REFUSES_IMMEDIATE,
        breaks=("RFC7143-13.11-i02",),
        says="Refuses immediate data that was agreed on.",
        also="writes bring their data with them in many checks",
    ),
    Fault(
        name=TransferBend.ODD_SEGMENTS,
        breaks=("RFC7143-11.7.7-02",),
        says="Cuts Data-In at odd bytes.",
    ),
    Fault(
        name=TransferBend.REFUSES_EMPTY,
        breaks=("RFC7143-11.7.7-01",),
        says="Refuses Data-Out without data.",
    ),
    Fault(
        name=TransferBend.NEVER_CONCLUDES,
        breaks=("RFC7143-7.3-i01", "RFC7143-11.17.1-03"),
        says="Never responds to a write of which it has rejected data.",
    ),
    Fault(
        name=TransferBend.MINDS_PRIORITY,
        breaks=("RFC7144-5.1.1-02",),
        says="Refuses commands with a priority where none was agreed on.",
    ),
    Fault(
        name=TransferBend.CRC_ERROR_AT_ONCE,
        breaks=("RFC7143-7.8-05", "RFC7143-11.17.1-04"),
        says="Reports a CRC error while data is still on its way.",
    ),
    Fault(
        name=TransferBend.COUNTS_WRONG,
        breaks=("RFC7143-11.4.8-i01",),
        says="Counts one Data-In too many in ExpDataSN.",
        also="the status of reads comes by itself then",
    ),
    Fault(
        name=TransferBend.R2TS_BACKWARDS,
        breaks=("RFC7143-11.8-09", "RFC7143-13.19-01"),
        says="Asks for the last part of the data first.",
    ),
    Fault(
        name=TransferBend.IGNORES_DATA_SN,
        breaks=("RFC7143-7.9-02",),
        says="Ignores the DataSN of Data-Out.",
    ),
    Fault(
        name=TransferBend.IGNORES_HEADER_DIGEST,
        breaks=("RFC7143-7.8-01",),
        says="Takes PDUs whose header digest does not match.",
    ),
)
