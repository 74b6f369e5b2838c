# SPDX-License-Identifier: GPL-2.0-only
"""Classifies the target's answer, from the normalised answer of a failure.

`Failure.answer` begins with the kind of the received PDU and its codes, or is one of a
few phrases if there was no PDU (`reports.model`).
"""

from enum import StrEnum

from reports.model import Failure


class Treatment(StrEnum):
    """The reaction of a target to a request, judged by its answer."""

    SILENT = "silent"
    """No answer came, or the connection was dropped."""
    REFUSED = "refused"
    """The request was refused."""
    DONE = "done"
    """Any other answer: the request was carried out, rightly or wrongly."""


LET_IN = "LoginResponse 0000 FULL_FEATURE"
"""The end of a successful login."""

_SILENT = ("no answer", "connection dropped", "no connection")
_REFUSED = (
    "Reject ",
    "SCSIResponse CHECK CONDITION",
    "SCSIResponse service response",
    "SCSIResponse RESERVATION CONFLICT",
    "SCSIResponse BUSY",
    "SCSIResponse TASK SET FULL",
    "SCSIResponse TASK ABORTED",
    "SCSIResponse ACA ACTIVE",
)
_LOGIN, _LOGIN_GOES_ON = "LoginResponse ", "LoginResponse 0000"


def treatment(failure: Failure) -> Treatment:
    """Return the target's reaction to the request."""
    answer = failure.answer
    if answer.startswith(_SILENT):
        return Treatment.SILENT
    if answer.startswith(_REFUSED):
        return Treatment.REFUSED
    if answer.startswith(_LOGIN) and not answer.startswith(_LOGIN_GOES_ON):
        return Treatment.REFUSED
    return Treatment.DONE
