# SPDX-License-Identifier: GPL-2.0-only
"""The faults of a disk's less common commands: flags, limits, modes, what it tells.

A row is: the requirement that it breaks, what the target then does in a sentence.
"""

from enum import StrEnum
from typing import Final


class DeviceBend(StrEnum):
    """The decisions of these commands that can be overridden."""

    REFUSES_DPO = "dpo-is-refused-by-others"
    OTHERS_REFUSE_NOTHING = "other-writes-of-nothing-are-an-error"
    PRE_FETCH_FAILS = "pre-fetch-fails"
    COMPARES_ONE = "verify-of-one-block-compares-the-first"
    REFUSES_BYTCHK = "write-and-verify-refuses-bytchk"
    FORMAT_IS_OLD = "inquiry-has-an-older-format"
    CLAIMS_NOTHING = "no-version-descriptors"
    NO_LONG_CAPACITY = "read-capacity-16-is-missing"
    LIMITS_DISAGREE = "optimal-length-is-beyond-the-maximum"
    UNMAP_IS_UNTOLD = "unmap-is-not-told"
    ZEROS_ARE_UNTOLD = "lbprz-is-told-by-one-page-alone"
    CLAIMS_PROTECTION = "protection-is-enabled-without-support"
    TIMEOUTS_UNASKED = "timeouts-come-unasked"
    ACTIONS_UNTOLD = "service-actions-are-not-told"
    PAGE_IS_ANOTHER = "mode-sense-returns-another-page"
    SAVED_IS_UNKNOWN = "saved-mode-values-are-an-invalid-field"
    MODES_UNTOLD = "mode-changes-are-not-told"
    UNCHANGEABLE_IS_GOOD = "unchangeable-mode-values-are-passed-over"
    NO_MODE_LIST_IS_AN_ERROR = "empty-mode-list-is-an-error"
    CUT_MODE_LIST_IS_GOOD = "cut-mode-list-is-taken"
    IGNORES_D_SENSE = "d-sense-is-ignored"
    IGNORES_SWP = "swp-is-ignored"
    SAME_OF_NOTHING = "write-same-without-number-does-nothing"
    IGNORES_ANCHOR = "anchor-is-ignored"
    NDOB_IS_ONES = "ndob-writes-ones"
    SAME_IS_UNLIMITED = "write-same-limit-is-not-kept"
    SAME_REFUSES_UNMAP = "write-same-refuses-unmap"
    UNMAP_IS_UNLIMITED = "unmap-limits-are-not-kept"
    SHORT_LIST_IS_GOOD = "short-unmap-list-is-taken"
    CUT_DESCRIPTOR_COUNTS = "cut-unmap-descriptor-counts"
    NO_EXTENT_IS_AN_ERROR = "unmap-of-no-blocks-is-an-error"
    UNMAP_IGNORES_ANCHOR = "unmap-ignores-anchor"
    ALL_IS_KNOWN = "list-of-all-units-has-well-known-ones-alone"
    IGNORES_DESC = "request-sense-ignores-desc"
    MAPPED_IS_NOT_TOLD = "written-blocks-are-told-as-unmapped"


DEVICES: Final[dict[DeviceBend, tuple[str, str]]] = {
    DeviceBend.REFUSES_DPO: (
        "SBC3-6.5.1-01",
        "Refuses DPO and FUA of commands other than READ and WRITE.",
    ),
    DeviceBend.OTHERS_REFUSE_NOTHING: (
        "SBC3-5.5-02",
        "Refuses ORWRITE and COMPARE AND WRITE of no blocks.",
    ),
    DeviceBend.PRE_FETCH_FAILS: (
        "SBC3-5.7-01",
        "Refuses PRE-FETCH.",
    ),
    DeviceBend.COMPARES_ONE: (
        "SBC3-5.29-04",
        "Compares one block alone by VERIFY with BYTCHK 11b.",
    ),
    DeviceBend.REFUSES_BYTCHK: (
        "SBC3-5.38-01",
        "Refuses WRITE AND VERIFY with BYTCHK 01b.",
    ),
    DeviceBend.FORMAT_IS_OLD: (
        "SPC4-6.6.2-01",
        "Gives RESPONSE DATA FORMAT 1.",
    ),
    DeviceBend.CLAIMS_NOTHING: (
        "SPC4-6.6.2-02",
        "Leaves out the version descriptors.",
    ),
    DeviceBend.NO_LONG_CAPACITY: (
        "SBC3-5.1-01",
        "Does not know READ CAPACITY (16).",
    ),
    DeviceBend.LIMITS_DISAGREE: (
        "SBC3-6.6.4-01",
        "Tells an optimal transfer length beyond the maximum.",
    ),
    DeviceBend.UNMAP_IS_UNTOLD: (
        "SBC3-6.6.4-02",
        "Gives LBPU 0 though there is UNMAP.",
    ),
    DeviceBend.ZEROS_ARE_UNTOLD: (
        "SBC3-6.6.5-01",
        "Gives LBPRZ 0 in VPD page B2h and 1 in READ CAPACITY (16).",
    ),
    DeviceBend.CLAIMS_PROTECTION: (
        "SBC3-5.16-02",
        "Gives PROT_EN 1 and PROTECT 0.",
    ),
    DeviceBend.TIMEOUTS_UNASKED: (
        "SPC4-6.35-03",
        "Returns command timeouts descriptors whatever RCTD is.",
    ),
    DeviceBend.ACTIONS_UNTOLD: (
        "SPC4-6.35-04",
        "Lists every command without its service action.",
    ),
    DeviceBend.PAGE_IS_ANOTHER: (
        "SPC4-6.11-04",
        "Returns the caching page for the control page.",
    ),
    DeviceBend.SAVED_IS_UNKNOWN: (
        "SPC4-6.11-05",
        "Refuses saved values with INVALID FIELD IN CDB.",
    ),
    DeviceBend.MODES_UNTOLD: (
        "SPC4-6.9-01",
        "Tells nobody of changed mode parameters.",
    ),
    DeviceBend.UNCHANGEABLE_IS_GOOD: (
        "SPC4-6.9-02",
        "Passes over values that cannot be changed, and says GOOD.",
    ),
    DeviceBend.NO_MODE_LIST_IS_AN_ERROR: (
        "SPC4-6.9-03",
        "Refuses MODE SELECT without a parameter list.",
    ),
    DeviceBend.CUT_MODE_LIST_IS_GOOD: (
        "SPC4-6.9-04",
        "Answers MODE SELECT of a list that is cut with GOOD.",
    ),
    DeviceBend.IGNORES_D_SENSE: (
        "SPC4-7.5.8-01",
        "Returns sense data in fixed format whatever D_SENSE is.",
    ),
    DeviceBend.IGNORES_SWP: (
        "SPC4-7.5.8-02",
        "Writes though SWP is 1.",
    ),
    DeviceBend.SAME_OF_NOTHING: (
        "SBC3-5.44-03",
        "Writes nothing by WRITE SAME with NUMBER OF LOGICAL BLOCKS 0.",
    ),
    DeviceBend.IGNORES_ANCHOR: (
        "SBC3-5.44-04",
        "Ignores ANCHOR in WRITE SAME.",
    ),
    DeviceBend.NDOB_IS_ONES: (
        "SBC3-5.44-05",
        "Writes ones where NDOB is 1.",
    ),
    DeviceBend.SAME_IS_UNLIMITED: (
        "SBC3-5.44-06",
        "Takes more blocks than MAXIMUM WRITE SAME LENGTH.",
    ),
    DeviceBend.SAME_REFUSES_UNMAP: (
        "SBC3-6.6.5-02",
        "Refuses UNMAP in WRITE SAME though LBPWS and LBPWS10 are 1.",
    ),
    DeviceBend.UNMAP_IS_UNLIMITED: (
        "SBC3-5.28-04",
        "Takes more UNMAP descriptors than it tells.",
    ),
    DeviceBend.SHORT_LIST_IS_GOOD: (
        "SBC3-5.28-05",
        "Answers an UNMAP list shorter than its header with GOOD.",
    ),
    DeviceBend.CUT_DESCRIPTOR_COUNTS: (
        "SBC3-5.28-06",
        "Unmaps what a descriptor cut short names.",
    ),
    DeviceBend.NO_EXTENT_IS_AN_ERROR: (
        "SBC3-5.28-07",
        "Refuses UNMAP descriptors of no blocks.",
    ),
    DeviceBend.UNMAP_IGNORES_ANCHOR: (
        "SBC3-5.28-08",
        "Ignores ANCHOR in UNMAP.",
    ),
    DeviceBend.ALL_IS_KNOWN: (
        "SPC4-6.33-04",
        "Lists well known logical units alone with SELECT REPORT 02h.",
    ),
    DeviceBend.IGNORES_DESC: (
        "SPC4-6.39-02",
        "Returns fixed format whatever DESC is.",
    ),
    DeviceBend.MAPPED_IS_NOT_TOLD: (
        "SBC3-5.4-02",
        "Tells of mapped blocks as deallocated.",
    ),
}
