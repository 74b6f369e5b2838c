# SPDX-License-Identifier: GPL-2.0-only
"""Exchanges that make a target send each kind of PDU in each situation."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from initiator.expect import ConformanceFailure
from initiator.login import LoginExchange
from initiator.session import Session
from iscsi.constants import TMFunction
from iscsi.errors import ISCSIError
from iscsi.pdu import PDU, AsyncMessage, NOPIn, TaskManagementResponse
from iscsi.scsi import cdb
from iscsi.situations import situated
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern
from suites.support.functions import acknowledge_end, ask_function
from suites.support.login import expect_refusal, log_in_through_all_stages
from suites.support.login import provoke as provoke_login
from suites.support.operator import operator
from suites.support.sessions import stall_write
from suites.support.text import MANY_UNKNOWN
from suites.support.traffic import INQUIRY_LENGTH, provoke_reject

ROUNDS = 2
"""How often an exchange runs: a number that is one too high in one run is one too low
in the next."""

_BURST = 512
_BLOCKS = 4
_UNKNOWN_CDB = b"\xff" + bytes(5)


@dataclass(frozen=True, slots=True)
class Stage:
    """What an exchange may use: the fixtures of a check, by name."""

    request: pytest.FixtureRequest

    def fixture(self, name: str) -> Any:
        """Return a fixture of the check."""
        return self.request.getfixturevalue(name)

    def session(self, keys: Mapping[str, str | None] | None = None) -> Session:
        """Return a new Normal session."""
        open_session: OpenSession = self.fixture("open_session")
        return open_session(keys)

    def operate(self, session: Session, order: str) -> None:
        """Give the target an order of its operator, if it accepts orders."""
        target = self.fixture("target")
        if "operator" not in target.features:
            pytest.skip("not applicable: the target cannot be made to send it")
        operator(target)(session, order)


def _logins(stage: Stage) -> None:
    log_in_through_all_stages(stage.fixture("login"), stage.fixture("first_pairs"))


def _refusal(stage: Stage) -> None:
    login: LoginExchange = stage.fixture("login")
    pairs = [
        (name, "iqn.2026-11.org.iscsi-assay:nobody" if name == "TargetName" else value)
        for name, value in stage.fixture("first_pairs")
    ]
    provoke_login(login, pairs)
    expect_refusal(login)


def _texts(stage: Stage) -> None:
    open_session: OpenSession = stage.fixture("open_session")
    discovery = open_session(is_discovery=True, target_name=None)
    for _round in range(ROUNDS):
        discovery.send_targets()


def _continued_texts(stage: Stage) -> None:
    session = stage.session({"MaxRecvDataSegmentLength": "512"})
    for _round in range(ROUNDS):
        session.text(MANY_UNKNOWN)


def _logout(stage: Stage) -> None:
    stage.session().logout()


def _commands(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        session.execute(cdb.test_unit_ready())


def _failures(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        session.execute(_UNKNOWN_CDB)


def _reads(stage: Stage) -> None:
    disk: Disk = stage.fixture("disk")
    session = stage.session(
        {"MaxRecvDataSegmentLength": "4096", "MaxBurstLength": "8192"}
    )
    length = 16384
    blocks = -(-length // disk.block_size)
    for _round in range(ROUNDS):
        session.execute(
            cdb.read_10(lba=0, blocks=blocks), read=blocks * disk.block_size
        )
        session.execute(
            cdb.inquiry(allocation_length=INQUIRY_LENGTH), read=INQUIRY_LENGTH
        )


def _writes(stage: Stage) -> None:
    disk: Disk = stage.fixture("scratch_disk")
    session = stage.session(
        {
            "ImmediateData": "No",
            "InitialR2T": "Yes",
            "FirstBurstLength": str(_BURST),
            "MaxBurstLength": str(_BURST),
        }
    )
    data = pattern(disk, _BLOCKS * max(disk.block_size, _BURST))
    blocks = len(data) // disk.block_size
    for _round in range(ROUNDS):
        session.execute(cdb.write_10(lba=0, blocks=blocks), write=data)


def _functions(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        ask_function(session, TMFunction.LOGICAL_UNIT_RESET, immediate=0)
        session.execute(cdb.test_unit_ready())


def _unknown_task_functions(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        ask_function(
            session, TMFunction.ABORT_TASK, referenced_task_tag=0x7FFFFFFF, immediate=0
        )


def _pings(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        session.ping(b"odd", immediate=0)


def _pings_of_the_target(stage: Stage) -> None:
    session = stage.session()
    stage.operate(session, "ping")
    session.expect(NOPIn)
    session.execute(cdb.test_unit_ready())


def _rejects(stage: Stage) -> None:
    session = stage.session()
    for _round in range(ROUNDS):
        provoke_reject(session)


def _message(order: str) -> Callable[[Stage], None]:
    def provoke(stage: Stage) -> None:
        session = stage.session()
        stage.operate(session, order.format(lun=session.lun))
        session.expect(AsyncMessage)

    return provoke


def _terminations(stage: Stage) -> None:
    """Have one session end a task of another session, which is notified."""
    target = stage.fixture("target")
    if "fast-abort" not in target.features:
        pytest.skip("not applicable: the target does not agree to FastAbort")
    disk: Disk = stage.fixture("scratch_disk")
    open_session: OpenSession = stage.fixture("open_session")
    keys = {"ImmediateData": "No", "InitialR2T": "Yes", "TaskReporting": "FastAbort"}
    issuing = open_session(keys)
    name = f"{issuing.options.initiator_name}.third"
    third = open_session(keys, initiator_name=name)
    for _round in range(ROUNDS):
        stall_write(third, disk)
        request = issuing.send_task_management(TMFunction.LOGICAL_UNIT_RESET)
        acknowledge_end(third, third.expect(AsyncMessage))
        issuing.expect(TaskManagementResponse, of=request)
        third.clear_unit_attention()


PROVOCATIONS: Mapping[str, Callable[[Stage], None]] = {
    "LoginResponse@within-login": _logins,
    "LoginResponse@last": _logins,
    "LoginResponse@refused": _refusal,
    "TextResponse@last": _texts,
    "TextResponse@continued": _continued_texts,
    "LogoutResponse@always": _logout,
    "SCSIResponse@without-data": _commands,
    "SCSIResponse@after-data-in": _reads,
    "SCSIResponse@after-r2t": _writes,
    "SCSIResponse@check-condition": _failures,
    "TaskManagementResponse@complete": _functions,
    "TaskManagementResponse@not-complete": _unknown_task_functions,
    "DataIn@with-status": _reads,
    "DataIn@end-of-sequence": _reads,
    "DataIn@within-sequence": _reads,
    "R2T@first": _writes,
    "R2T@later": _writes,
    "NOPIn@answer": _pings,
    "NOPIn@ping": _pings_of_the_target,
    "AsyncMessage@scsi-event": _message("scsi-event lun={lun}"),
    "AsyncMessage@logout-request": _message("logout-request seconds=1"),
    "AsyncMessage@connection-drop": _message("drop-connection"),
    "AsyncMessage@session-drop": _message("drop-session"),
    "AsyncMessage@negotiation-request": _message("negotiation-request"),
    "AsyncMessage@task-termination": _terminations,
    "Reject@always": _rejects,
}
"""How to make a target send each kind of PDU, by situation."""

UNPROVOKED: Mapping[str, str] = {
    "NOPIn@one-way": "a target need not send it: nop/test_own_accord.py awaits one",
}
"""The situations that no exchange here can cause, each with the reason."""


def carry_out(request: pytest.FixtureRequest, situation: str) -> list[tuple[str, PDU]]:
    """Run the exchange of a situation; return all PDUs, with their situations.

    An exchange may fail: other checks judge that.

    Args:
        request: the check's own.
        situation: a key of `PROVOCATIONS`.
    """
    transcript = request.getfixturevalue("transcript")
    with suppress(ConformanceFailure, ISCSIError):
        PROVOCATIONS[situation](Stage(request))
    return situated(transcript.received())


def provoke(request: pytest.FixtureRequest, situation: str) -> list[PDU]:
    """Return the PDUs that a target sends in a situation, in order.

    A target may answer in another way, such as with status in Data-In instead of a SCSI
    Response. If no such PDU came, the check is not applicable.

    Args:
        request: the check's own.
        situation: a key of `PROVOCATIONS`.
    """
    received = carry_out(request, situation)
    matching = [packet for name, packet in received if name == situation]
    if not matching:
        kind = situation.partition("@")[0]
        pytest.skip(f"not applicable: the target sends no {kind} in this situation")
    return matching
