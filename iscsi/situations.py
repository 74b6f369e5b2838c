# SPDX-License-Identifier: GPL-2.0-only
"""The situations in which a target sends each kind of PDU (RFC 7143 chapter 11).

A field can be right in one of them and wrong in another: a SCSI Response that follows
Data-In is often made by other code than one that follows R2Ts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from iscsi import pdu
from iscsi.constants import RESERVED_TAG, AsyncEvent, Stage
from iscsi.headers.layout import field_bits
from iscsi.scsi.status import SCSIStatus

_TAGS = 4096
"""Tasks that are remembered at once: what was sent for them before their response."""


class History:
    """What a target has sent for each task, by its Initiator Task Tag."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._kinds: dict[int, str] = {}

    def note(self, packet: pdu.PDU) -> str:
        """Note a PDU; return what preceded it in its task."""
        tag = getattr(packet, "initiator_task_tag", None)
        if tag is None:
            return ""
        before = self._kinds.get(tag, "")
        if isinstance(packet, pdu.R2T):
            self._kinds[tag] = "after-r2t"
        elif isinstance(packet, pdu.DataIn) and not packet.status_present:
            self._kinds.setdefault(tag, "after-data-in")
        else:
            # The task has ended, so its tag may be used again.
            self._kinds.pop(tag, None)
        while len(self._kinds) > _TAGS:
            self._kinds.pop(next(iter(self._kinds)))
        return before


def _of_login(packet: pdu.LoginResponse, _before: str) -> str:
    if packet.status_class:
        return "refused"
    if packet.transit and packet.nsg == Stage.FULL_FEATURE:
        return "last"
    return "within-login"


def _of_text(packet: pdu.TextResponse, _before: str) -> str:
    return "last" if packet.final else "continued"


def _of_response(packet: pdu.SCSIResponse, before: str) -> str:
    if packet.status == SCSIStatus.CHECK_CONDITION or packet.response:
        return "check-condition"
    return before or "without-data"


def _of_data_in(packet: pdu.DataIn, _before: str) -> str:
    if packet.status_present:
        return "with-status"
    return "end-of-sequence" if packet.final else "within-sequence"


def _of_r2t(packet: pdu.R2T, _before: str) -> str:
    return "later" if packet.r2t_sn else "first"


def _of_function(packet: pdu.TaskManagementResponse, _before: str) -> str:
    return "not-complete" if packet.response else "complete"


def _of_nop_in(packet: pdu.NOPIn, _before: str) -> str:
    if packet.initiator_task_tag != RESERVED_TAG:
        return "answer"
    return "one-way" if packet.target_transfer_tag == RESERVED_TAG else "ping"


def _of_async_message(packet: pdu.AsyncMessage, _before: str) -> str:
    return _EVENTS.get(packet.async_event, "vendor")


_EVENTS: Mapping[int, str] = {
    AsyncEvent.SCSI: "scsi-event",
    AsyncEvent.LOGOUT_REQUEST: "logout-request",
    AsyncEvent.CONNECTION_DROP: "connection-drop",
    AsyncEvent.SESSION_DROP: "session-drop",
    AsyncEvent.NEGOTIATION_REQUEST: "negotiation-request",
    AsyncEvent.TASK_TERMINATION: "task-termination",
}


def _always(_packet: pdu.PDU, _before: str) -> str:
    return "always"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of PDU that a target sends."""

    layer: type[pdu.PDU]
    situations: tuple[str, ...]
    situation: Callable[..., str]
    """From a PDU, and what preceded it in its task, to one of the situations."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its Basic Header Segment, in order."""
        return tuple(field_bits(self.layer))


KINDS: Mapping[str, Kind] = {
    kind.layer.__name__: kind
    for kind in (
        Kind(pdu.LoginResponse, ("within-login", "last", "refused"), _of_login),
        Kind(pdu.TextResponse, ("last", "continued"), _of_text),
        Kind(pdu.LogoutResponse, ("always",), _always),
        Kind(
            pdu.SCSIResponse,
            ("without-data", "after-data-in", "after-r2t", "check-condition"),
            _of_response,
        ),
        Kind(pdu.TaskManagementResponse, ("complete", "not-complete"), _of_function),
        Kind(
            pdu.DataIn,
            ("with-status", "end-of-sequence", "within-sequence"),
            _of_data_in,
        ),
        Kind(pdu.R2T, ("first", "later"), _of_r2t),
        Kind(pdu.NOPIn, ("answer", "ping", "one-way"), _of_nop_in),
        Kind(pdu.AsyncMessage, tuple(_EVENTS.values()), _of_async_message),
        Kind(pdu.Reject, ("always",), _always),
    )
}
"""The kinds of PDUs that a target sends, with the situations in which it sends them."""


def situated(packets: Iterable[pdu.PDU]) -> list[tuple[str, pdu.PDU]]:
    """Return PDUs of a target with their situations, such as `R2T@first`.

    PDUs of other kinds are left out.

    Args:
        packets: what came, in order; of several sessions those that one ends before the
            next uses its tags.
    """
    history = History()
    situations = []
    for packet in packets:
        before = history.note(packet)
        name = type(packet).__name__
        if name in KINDS:
            situations.append(
                (f"{name}@{KINDS[name].situation(packet, before)}", packet)
            )
    return situations
