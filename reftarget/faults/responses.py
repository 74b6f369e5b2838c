# SPDX-License-Identifier: GPL-2.0-only
"""Faults of responses to commands, pings and functions: fields and kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi import headers, serial
from iscsi.constants import RESERVED_TAG
from iscsi.scsi.status import SCSIStatus
from reftarget.faults.changes import (
    change_data,
    on,
    one_more,
    set_fields,
)
from reftarget.faults.row import Fault
from reftarget.twist import Twist

if TYPE_CHECKING:
    from typing import Any

_CRC_ERROR: Final = b"\x47\x05"
_UNEXPECTED_DATA: Final = b"\x0c\x0c"


def _is_answer(header: headers.NOPIn) -> bool:
    return header.initiator_task_tag != RESERVED_TAG


def _fails(header: headers.SCSIResponse) -> bool:
    return header.status == SCSIStatus.CHECK_CONDITION


def _cut(sense: bytes) -> bytes:
    return b"\0\4" + sense[2:6]


def _asks(header: headers.DataIn) -> bool:
    return header.acknowledge


def _has_residual(header: Any) -> bool:
    return bool(header.residual_count)


def _has_snack_tag(header: headers.SCSIResponse) -> bool:
    return bool(header.snack_tag)


def _has_none(header: headers.SCSIResponse) -> bool:
    return not header.snack_tag


def _swapped(header: Any) -> int:
    count: int = header.residual_count
    return int.from_bytes(count.to_bytes(4, "big"), "little")


def _without_code(code: bytes) -> Twist:
    """Return a twist that replaces one code in sense data by another."""
    return change_data(
        headers.SCSIResponse,
        lambda data: data.replace(code, b"\x24\x00"),
        _fails,
    )


def _as_data(
    header: headers.SCSIResponse, _data: bytes
) -> tuple[headers.Header, bytes]:
    return (
        headers.DataIn(
            final=True,
            status_present=True,
            status=header.status,
            initiator_task_tag=header.initiator_task_tag,
            target_transfer_tag=RESERVED_TAG,
            stat_sn=header.stat_sn,
            exp_cmd_sn=header.exp_cmd_sn,
            max_cmd_sn=header.max_cmd_sn,
        ),
        b"",
    )


RESPONSES: Final = (
    Fault(
        name="sense-is-cut-short",
        breaks=("RFC7143-11.4.7-i01",),
        says="Sends four bytes of sense data, which say no more than the sense key.",
        also="the additional sense code is missing wherever it counts",
        twist=change_data(headers.SCSIResponse, lambda data: data and _cut(data)),
    ),
    Fault(
        name="service-failure-has-a-residual",
        breaks=("RFC7143-11.4.1-01",),
        says="Reports a target failure with U and a residual count.",
        also="no CHECK CONDITION can be observed",
        twist=set_fields(
            headers.SCSIResponse, _fails, response=1, underflow=True, residual_count=8
        ),
    ),
    Fault(
        name="snack-tag-unasked",
        breaks=("RFC7143-11.4.4-i01",),
        says="Sets SNACK Tag without an R-Data SNACK.",
        also="responses then have a tag without need",
        twist=set_fields(headers.SCSIResponse, _has_none, snack_tag=7),
    ),
    Fault(
        name="snack-tag-left-out",
        breaks=("RFC7143-11.16.5-02", "RFC7143-11.16.3-03", "RFC7143-11.16.3-i01"),
        says="Leaves the SNACK Tag out.",
        twist=set_fields(headers.SCSIResponse, _has_snack_tag, snack_tag=0),
    ),
    Fault(
        name="failure-rides-on-data",
        breaks=("RFC7143-11.7.3-01",),
        says="Sends CHECK CONDITION in a Data-In, without sense data.",
        also="sense data is read wherever it counts",
        twist=on(headers.SCSIResponse, _as_data, _fails),
    ),
    Fault(
        name="residual-count-is-little-endian",
        breaks=("RFC7143-11-i01",),
        says="Sends the residual count in the other byte order.",
        twist=set_fields(
            (headers.SCSIResponse, headers.DataIn),
            _has_residual,
            residual_count=_swapped,
        ),
    ),
    Fault(
        name="crc-error-has-another-code",
        breaks=("RFC7143-11.4.7.2-i03",),
        says="Reports a CRC error as INVALID FIELD IN CDB.",
        twist=_without_code(_CRC_ERROR),
    ),
    Fault(
        name="unexpected-data-has-another-code",
        breaks=(
            "RFC7143-11.4.7.2-i01",
            "RFC7143-13.11-02",
        ),
        says="Reports unexpected unsolicited data as INVALID FIELD IN CDB.",
        twist=_without_code(_UNEXPECTED_DATA),
    ),
    Fault(
        name="refusal-has-other-versions",
        breaks=("RFC7143-11.13.1-01", "RFC7143-11.13.2-01"),
        says="Gives a response that ends a login other versions than those before.",
        twist=set_fields(
            headers.LoginResponse,
            lambda h: h.status_class,
            version_max=1,
            version_active=1,
        ),
    ),
    Fault(
        name="acknowledgement-asked-without-tag",
        breaks=("RFC7143-11.7.4-01",),
        says="Sets A in a Data-In without a Target Transfer Tag.",
        twist=set_fields(headers.DataIn, _asks, target_transfer_tag=RESERVED_TAG),
    ),
    Fault(
        name="exp-cmd-sn-moves-back",
        breaks=("RFC7143-11.4.10-i01", "RFC7143-11.16-03"),
        says="Gives SCSI Responses an ExpCmdSN that has been passed.",
        twist=set_fields(
            headers.SCSIResponse, exp_cmd_sn=lambda h: serial.add(h.exp_cmd_sn, -2)
        ),
    ),
    Fault(
        name="ping-answer-changes-itt",
        breaks=("RFC7143-11.19-01",),
        says="Answers a ping under another Initiator Task Tag.",
        also="a ping is recognised by its tag",
        twist=set_fields(
            headers.NOPIn, _is_answer, initiator_task_tag=one_more("initiator_task_tag")
        ),
    ),
    Fault(
        name="status-qualifier-below-level-2",
        breaks=("RFC7144-5.2.1-01", "RFC7144-4.1-01", "RFC7144-7.1.1-01"),
        says="Sends a Status Qualifier whatever level was agreed.",
        twist=set_fields(headers.SCSIResponse, status_qualifier=1),
    ),
    Fault(
        name="reject-returns-another-data-sn",
        breaks=("RFC7143-11.17.2-i01",),
        says="Gives a wrong DataSN in the Reject of a SNACK.",
        twist=set_fields(headers.Reject, data_sn=one_more("data_sn")),
    ),
)
"""The twists, by the fault's name."""
