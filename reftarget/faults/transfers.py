# SPDX-License-Identifier: GPL-2.0-only
"""The faults of data on its way, both ways.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


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


TRANSFERS: Final[dict[TransferBend, tuple[str, str]]] = {
    TransferBend.OTHER_CONNECTION: (
        "RFC7143-4.2.5.1-01",
        "Sends data and status on another connection of the session.",
    ),
    TransferBend.ASKS_AGAIN: (
        "RFC7143-4.2.5.2-07",
        "Asks by R2T for data that has come.",
    ),
    TransferBend.TAKES_EXCESS: (
        "RFC7143-4.2.5.2-09",
        "Takes Data-Out beyond what was asked for.",
    ),
    TransferBend.ANSWERS_EARLY: (
        "RFC7143-11.4.2-01",
        "Reports an error while data is still on its way.",
    ),
    TransferBend.TAKES_UNEXPECTED: (
        "RFC7143-13.11-02",
        "Takes unsolicited data where it was excluded.",
    ),
    TransferBend.REFUSES_IMMEDIATE: (
        "RFC7143-13.11-i02",
        "Refuses immediate data that was agreed on.",
    ),
    TransferBend.ODD_SEGMENTS: (
        "RFC7143-11.7.7-02",
        "Cuts Data-In at odd bytes.",
    ),
    TransferBend.REFUSES_EMPTY: (
        "RFC7143-11.7.7-01",
        "Refuses Data-Out without data.",
    ),
    TransferBend.NEVER_CONCLUDES: (
        "RFC7143-7.3-i01",
        "Never responds to a write of which it has rejected data.",
    ),
    TransferBend.MINDS_PRIORITY: (
        "RFC7144-5.1.1-02",
        "Refuses commands with a priority where none was agreed on.",
    ),
    TransferBend.CRC_ERROR_AT_ONCE: (
        "RFC7143-7.8-05",
        "Reports a CRC error while data is still on its way.",
    ),
    TransferBend.COUNTS_WRONG: (
        "RFC7143-11.4.8-i01",
        "Counts one Data-In too many in ExpDataSN.",
    ),
    TransferBend.R2TS_BACKWARDS: (
        "RFC7143-11.8-09",
        "Asks for the last part of the data first.",
    ),
    TransferBend.IGNORES_DATA_SN: (
        "RFC7143-7.9-02",
        "Ignores the DataSN of Data-Out.",
    ),
    TransferBend.IGNORES_HEADER_DIGEST: (
        "RFC7143-7.8-01",
        "Takes PDUs whose header digest does not match.",
    ),
}
