# SPDX-License-Identifier: GPL-2.0-only
"""The faults of what a logical unit tells of itself.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class PrimaryBend(StrEnum):
    """The decisions of primary commands that can be overridden."""

    INQUIRY_IS_LONGER = "inquiry-tells-more-than-it-has"
    INQUIRY_TELLS_THE_CUT = "inquiry-length-is-cut"
    PAGE_WITHOUT_EVPD = "page-code-needs-no-evpd"
    UNKNOWN_PAGE_IS_EMPTY = "unknown-vpd-page-is-empty"
    PAGES_UNSORTED = "vpd-pages-are-unsorted"
    PAGE_IS_LONGER = "vpd-page-tells-more-than-it-has"
    UNIT_IS_NAMELESS = "unit-is-not-designated"
    UNITS_LEFT_OUT = "report-luns-leaves-units-out"
    LIST_TELLS_THE_CUT = "report-luns-length-is-cut"
    RESERVED_IS_ALL = "reserved-select-report-is-all"
    SENSE_OF_NOTHING = "request-sense-reports-what-is-not"
    MODE_DATA_IS_LONGER = "mode-data-tells-more-than-it-has"
    MODE_DATA_TELLS_THE_CUT = "mode-data-length-is-cut"
    UNKNOWN_MODE_PAGE_IS_ALL = "unknown-mode-page-is-all"
    ONE_IS_UNKNOWN = "listed-command-is-not-supported"
    UNKNOWN_IS_A_FIELD = "unknown-command-is-an-invalid-field"
    MISSING_IS_READY = "missing-unit-is-ready"
    MISSING_IS_THERE = "missing-unit-is-connected"
    NO_ATTENTION = "reset-is-not-reported"
    INQUIRY_REPORTS = "inquiry-reports-attentions"
    SENSE_LEAVES = "request-sense-leaves-attentions"
    NEVER_READY = "unit-is-never-ready"


PRIMARY: Final[dict[PrimaryBend, tuple[str, str]]] = {
    PrimaryBend.INQUIRY_IS_LONGER: (
        "SPC4-6.6.1-01",
        "Tells of four bytes more than standard INQUIRY data has.",
    ),
    PrimaryBend.INQUIRY_TELLS_THE_CUT: (
        "SPC4-6.6.1-02",
        "Tells of as much INQUIRY data as it returns.",
    ),
    PrimaryBend.PAGE_WITHOUT_EVPD: (
        "SPC4-6.6.1-03",
        "Ignores a PAGE CODE without EVPD.",
    ),
    PrimaryBend.UNKNOWN_PAGE_IS_EMPTY: (
        "SPC4-6.6.1-04",
        "Returns an empty page for VPD pages that it does not have.",
    ),
    PrimaryBend.PAGES_UNSORTED: (
        "SPC4-7.8-01",
        "Lists its VPD pages in descending order.",
    ),
    PrimaryBend.PAGE_IS_LONGER: (
        "SPC4-7.8-02",
        "Tells of one byte more than a VPD page has.",
    ),
    PrimaryBend.UNIT_IS_NAMELESS: (
        "SPC4-7.8-03",
        "Designates target and port in VPD page 83h, and no unit.",
    ),
    PrimaryBend.UNITS_LEFT_OUT: (
        "SPC4-6.33-01",
        "Lists no logical unit.",
    ),
    PrimaryBend.LIST_TELLS_THE_CUT: (
        "SPC4-6.33-02",
        "Tells of as much of the list as it returns.",
    ),
    PrimaryBend.RESERVED_IS_ALL: (
        "SPC4-6.33-03",
        "Takes a reserved SELECT REPORT for 00h.",
    ),
    PrimaryBend.SENSE_OF_NOTHING: (
        "SPC4-6.39-01",
        "Returns ABORTED COMMAND where nothing is to be reported.",
    ),
    PrimaryBend.MODE_DATA_IS_LONGER: (
        "SPC4-6.11-01",
        "Tells of one byte more than mode data has.",
    ),
    PrimaryBend.MODE_DATA_TELLS_THE_CUT: (
        "SPC4-6.11-02",
        "Tells of as much mode data as it returns.",
    ),
    PrimaryBend.UNKNOWN_MODE_PAGE_IS_ALL: (
        "SPC4-6.11-03",
        "Returns all mode pages for one that it does not have.",
    ),
    PrimaryBend.ONE_IS_UNKNOWN: (
        "SPC4-6.35-01",
        "Says of listed commands, asked for one by one, that they are not supported.",
    ),
    PrimaryBend.UNKNOWN_IS_A_FIELD: (
        "SPC4-6.35-02",
        "Refuses unknown commands with INVALID FIELD IN CDB.",
    ),
    PrimaryBend.MISSING_IS_READY: (
        "SAM5-4.7-01",
        "Answers commands to units that are not there with GOOD.",
    ),
    PrimaryBend.MISSING_IS_THERE: (
        "SAM5-4.7-02",
        "Gives PERIPHERAL QUALIFIER 0 for units that are not there.",
    ),
    PrimaryBend.NO_ATTENTION: (
        "SAM5-5.14-01",
        "Reports no unit attention of a reset.",
    ),
    PrimaryBend.INQUIRY_REPORTS: (
        "SAM5-5.14-02",
        "Ends INQUIRY with a pending unit attention.",
    ),
    PrimaryBend.SENSE_LEAVES: (
        "SAM5-5.14-03",
        "Returns a unit attention by REQUEST SENSE and keeps it.",
    ),
    PrimaryBend.NEVER_READY: (
        "SPC4-6.47-01",
        "Answers TEST UNIT READY of a unit that is ready with NOT READY.",
    ),
}
