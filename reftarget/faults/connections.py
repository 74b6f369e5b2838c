# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the PDUs of a connection."""

from __future__ import annotations

from typing import Final

from iscsi import headers
from iscsi.constants import Opcode
from reftarget.faults.row import Fault
from reftarget.rules import (
    ConnectionRules,
)
from reftarget.rules.commands import Numbering
from reftarget.rules.connections import Responder

_IMMEDIATE: Final = 0x40
_BUSY: Final = 8


def _count_rejected(_connection: Responder, session: Numbering, header: bytes) -> None:
    is_immediate = header[0] & _IMMEDIATE
    if header[0] & 0x3F == Opcode.SCSI_COMMAND and not is_immediate:
        session.window.advance()


def _answer_rejected(connection: Responder, _session: Numbering, header: bytes) -> None:
    if header[0] & 0x3F not in {Opcode.DATA_OUT, Opcode.SNACK}:
        tag = int.from_bytes(header[16:20], "big")
        response = headers.SCSIResponse(initiator_task_tag=tag, status=_BUSY)
        connection.respond(response)


def _end_held(_connection: Responder, session: Numbering, _header: bytes) -> None:
    session.held.clear()


CONNECTIONS: Final = (
    Fault(
        name="discovery-takes-any-request",
        breaks=("RFC7143-4.3-02",),
        says="Answers a NOP-Out on a discovery session.",
        rules=ConnectionRules(
            discovery_opcodes=frozenset(
                {Opcode.NOP_OUT, Opcode.TEXT_REQUEST, Opcode.LOGOUT_REQUEST}
            )
        ),
    ),
    Fault(
        name="data-digest-is-not-checked",
        breaks=("RFC7143-7.8-03", "RFC7143-7.8-02", "RFC7143-7.8-04"),
        says="Uses data whose digest does not match.",
        also="no recovery begins where no error is seen",
        rules=ConnectionRules(checks_data_digest=False),
    ),
    Fault(
        name="untagged-ping-is-answered",
        breaks=("RFC7143-11.19-04",),
        says="Answers a NOP-Out that wants no answer.",
        also="status is acknowledged by an untagged ping",
        rules=ConnectionRules(answers_untagged=True),
    ),
    Fault(
        name="rejected-command-counts",
        breaks=("RFC7143-7.3-02",),
        says="Counts a command that it rejects as received.",
        rules=ConnectionRules(after_reject=_count_rejected),
    ),
    Fault(
        name="rejected-command-is-answered",
        breaks=("RFC7143-7.3-i02",),
        says="Rejects a command and responds to it, too.",
        also="a Reject is then followed by a response",
        rules=ConnectionRules(after_reject=_answer_rejected),
    ),
    Fault(
        name="reject-ends-the-task",
        breaks=("RFC7143-7.3-01",),
        says="Ends a task of which it rejects a PDU.",
        rules=ConnectionRules(after_reject=_end_held),
    ),
    Fault(
        name="header-digest-is-not-checked",
        breaks=("RFC7143-7.8-01",),
        says="Takes PDUs whose header digest does not match.",
        rules=ConnectionRules(checks_header_digest=False),
    ),
)
