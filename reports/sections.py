# SPDX-License-Identifier: GPL-2.0-only
"""The sections of the documents, by which a statement counts requirements."""

from collections.abc import Mapping, Sequence

from reports.standing import Row
from spec.catalogue import section_key

_TITLES: Mapping[tuple[str, str], str] = {
    ("RFC 7143", "4.2"): "iSCSI Concepts and Functional Overview",
    ("RFC 7143", "4.4"): "SCSI-to-iSCSI Concepts Mapping Model",
    ("RFC 7143", "4.6"): "Request/Response Summary",
    ("RFC 7143", "7.1"): "Overview of Error Handling",
    ("RFC 7143", "7.2"): "Retry and Reassign in Recovery",
    ("RFC 7143", "7.4"): "Error Recovery Considerations for Discovery Sessions",
    ("RFC 7143", "8.1"): "Standard Connection State Diagrams",
    ("RFC 7143", "8.3"): "Session State Diagrams",
    ("RFC 7143", "9.3"): "IPsec",
    ("RFC 7143", "10.1"): "Multiple Network Adapters",
    ("RFC 7143", "11.3"): "SCSI Command",
    ("RFC 7143", "11.5"): "Task Management Function Request",
    ("RFC 7143", "11.7"): "SCSI Data-Out and SCSI Data-In",
    ("RFC 7143", "11.10"): "Text Request",
    ("RFC 7143", "11.11"): "Text Response",
    ("RFC 7143", "11.12"): "Login Request",
    ("RFC 7143", "11.18"): "NOP-Out",
    ("RFC 7143", "13.26"): "X#NodeArchitecture",
    ("RFC 7144", "5.1"): "SCSI Command Additions",
    ("RFC 7144", "5.2"): "SCSI Response Additions",
    ("RFC 7144", "6.4"): "Task Management Function Responses",
    ("RFC 7144", "7.1"): "New Operational Text Keys",
    ("SAM-5", "5.3"): "Status",
    ("SAM-5", "5.10"): "Auto contingent allegiance",
    ("SPC-4", "4.5"): "Sense data",
    ("SPC-4", "5.12"): "Reservations",
    ("SPC-4", "5.15"): "Target port group access states",
    ("SPC-4", "6.6"): "INQUIRY",
    ("SPC-4", "6.15"): "PERSISTENT RESERVE IN",
    ("SPC-4", "7.5"): "Mode parameters",
    ("SBC-3", "6.5"): "Mode parameters",
    ("SBC-3", "6.6"): "Vital product data parameters",
}
"""Titles of sections that have requirements in their subsections alone."""


def by_section(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each document and its top-level sections, in order."""
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        entry = row.requirement
        sections.setdefault((entry.document, _top(entry.section)), []).append(row)
    documents = list(dict.fromkeys(document for document, _ in sections))
    return dict(
        sorted(
            sections.items(),
            key=lambda item: (documents.index(item[0][0]), section_key(item[0][1])),
        )
    )


def title(document: str, section: str, members: Sequence[Row]) -> str:
    """Return the title of a top-level section.

    Args:
        document: how the document is cited.
        section: the section's number.
        members: its rows.
    """
    headings = {row.requirement.section: row.requirement.heading for row in members}
    return headings.get(section) or _TITLES.get((document, section), "")


def _top(section: str) -> str:
    return ".".join(section.split(".")[:2])
