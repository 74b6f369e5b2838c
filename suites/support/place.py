# SPDX-License-Identifier: GPL-2.0-only
"""The positions of the robustness suite, and the correct PDU of each kind in them.

A stimulus is made from a correct PDU (`PDUS`), with the numbers and tags of the current
session.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from initiator.connection import Connection
from initiator.core import Link, lun_field
from initiator.expect import ConformanceFailure
from initiator.login import LoginExchange
from initiator.session import Session
from iscsi import text
from iscsi.constants import SNACKType, Stage, TMFunction
from iscsi.errors import ISCSIError
from iscsi.pdu import (
    PDU,
    R2T,
    SNACK,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    NOPOut,
    Reject,
    SCSICommand,
    TaskManagementRequest,
    TextRequest,
    UnknownPDU,
)
from iscsi.scsi import cdb

_UNASSIGNED = 0x1C
"""An opcode of initiators that no document assigns."""

_LAST_STEPS = 3
"""Requests that try to finish a login after a stimulus."""

_PING_TAG = 0x0FF0_0000
_STIMULUS_TAG = 0x0EE0_0000


@dataclass(slots=True)
class Place:
    """The position of a connection, and a correct PDU there.

    Attributes:
        connection: the connection that the stimuli go out on.
        login: the login, if it is not finished.
        session: the session, once it is in full-feature phase.
        link: the connection of the session.
        r2t: the outstanding R2T, if any.
        block_size: bytes in a block of the unit.
        may_overwrite: whether the unit may be written to.
        is_locked: whether full-feature phase requires a secret that is not used here.
        pings: how many pings have been sent.
    """

    connection: Connection
    login: LoginExchange | None = None
    session: Session | None = None
    link: Link | None = None
    r2t: R2T | None = None
    block_size: int = 512
    may_overwrite: bool = False
    is_locked: bool = False
    pings: int = 0

    @property
    def cmd_sn(self) -> int:
        """The next CmdSN."""
        return 1 if self.session is None else self.session.numbers.cmd_sn

    @property
    def exp_stat_sn(self) -> int:
        """The next StatSN."""
        if self.link is not None:
            return self.link.status.exp_stat_sn
        return 0 if self.login is None else self.login.status.exp_stat_sn

    @property
    def tag(self) -> int:
        """A task tag of its own for each stimulus."""
        return _STIMULUS_TAG + self.pings

    def settle(self, seconds: float) -> bool:
        """Let the target react to a stimulus; return whether it still serves.

        In an open session, a ping behind the stimulus must be answered. A login is then
        over, whatever its result; if it requires a secret, its end is requested.
        """
        with suppress(ISCSIError, ConformanceFailure):
            if self.session is None:
                response = self.connection.receive(seconds)
                if self.is_locked:
                    self._ask_on(response, seconds)
                return False
            return self._ping(self.session, seconds)
        return False

    def _ask_on(self, response: PDU, seconds: float) -> None:
        """Request full-feature phase until a login is refused.

        This shows whether the target took a stimulus for the secret.
        """
        for _ in range(_LAST_STEPS):
            if (
                self.login is None
                or not isinstance(response, LoginResponse)
                or response.status_class
                or (response.transit and response.nsg == Stage.FULL_FEATURE)
            ):
                return
            self.login.status.receive(response.stat_sn)
            stage = response.nsg if response.transit else response.csg
            request = self.login.build([], csg=stage, nsg=Stage.FULL_FEATURE)
            self.connection.send(request)
            response = self.connection.receive(seconds)

    def _ping(self, session: Session, seconds: float) -> bool:
        self.pings += 1
        tag = _PING_TAG + self.pings
        ping = NOPOut(immediate=1, initiator_task_tag=tag, cmd_sn=self.cmd_sn)
        session.send(ping, self.link)
        received = session.receive(self.link, timeout=seconds)
        while not _answers(received, tag):
            received = session.receive(self.link, timeout=seconds)
        # The target decides how the stimulus has changed the numbers.
        session.numbers.cmd_sn = session.numbers.exp_cmd_sn
        return True


def _answers(pdu: PDU, tag: int) -> bool:
    """Tell whether a PDU answers a ping: by a NOP-In, or by a Reject of it.

    A Discovery session permits no ping (RFC 7143 section 4.3).
    """
    if isinstance(pdu, Reject):
        return pdu.rejected_header[16:20] == tag.to_bytes(4, "big")
    return getattr(pdu, "initiator_task_tag", None) == tag


Build = Callable[[Place], PDU]


def _nop_out(place: Place) -> PDU:
    return NOPOut(
        immediate=0,
        initiator_task_tag=place.tag,
        cmd_sn=place.cmd_sn,
        exp_stat_sn=place.exp_stat_sn,
        data=b"ping of a stimulus",
    )


def _command(place: Place, command: bytes, **fields: object) -> PDU:
    lun = 0 if place.session is None else lun_field(place.session.lun)
    return SCSICommand(
        **{
            "lun": lun,
            "attribute": 1,
            "initiator_task_tag": place.tag,
            "cmd_sn": place.cmd_sn,
            "exp_stat_sn": place.exp_stat_sn,
            "cdb": command.ljust(16, b"\0"),
            **fields,
        }
    )


def _read(place: Place) -> PDU:
    return _command(
        place,
        cdb.read_10(lba=0, blocks=1),
        read=1,
        expected_data_transfer_length=place.block_size,
    )


def _write(place: Place) -> PDU:
    data = bytes(place.block_size)
    command = (
        cdb.write_10(lba=0, blocks=1) if place.may_overwrite else cdb.test_unit_ready()
    )
    length = len(data)
    return _command(
        place, command, write=1, expected_data_transfer_length=length, data=data
    )


def _function(place: Place) -> PDU:
    lun = 0 if place.session is None else lun_field(place.session.lun)
    return TaskManagementRequest(
        function=int(TMFunction.ABORT_TASK),
        immediate=1,
        lun=lun,
        initiator_task_tag=place.tag,
        referenced_task_tag=0x1234_5678,
        cmd_sn=place.cmd_sn,
        exp_stat_sn=place.exp_stat_sn,
    )


def _login(place: Place) -> PDU:
    if place.login is not None:
        return place.login.build(_PAIRS, csg=Stage.OPERATIONAL, nsg=Stage.FULL_FEATURE)
    return LoginRequest(
        transit=1,
        csg=Stage.OPERATIONAL,
        nsg=Stage.FULL_FEATURE,
        initiator_task_tag=place.tag,
        isid=bytes.fromhex("80a55a5000ee"),
        cmd_sn=place.cmd_sn,
        exp_stat_sn=place.exp_stat_sn,
        data=text.encode(_PAIRS),
    )


_PAIRS = [("HeaderDigest", "None"), ("MaxRecvDataSegmentLength", "8192")]


def _text(place: Place) -> PDU:
    return TextRequest(
        initiator_task_tag=place.tag,
        cmd_sn=place.cmd_sn,
        exp_stat_sn=place.exp_stat_sn,
        data=text.encode([("SendTargets", "All")]),
    )


def _data_out(place: Place) -> PDU:
    r2t = place.r2t
    if r2t is None:
        return DataOut(
            initiator_task_tag=place.tag,
            exp_stat_sn=place.exp_stat_sn,
            data=bytes(place.block_size),
        )
    return DataOut(
        final=0,
        lun=r2t.lun,
        initiator_task_tag=r2t.initiator_task_tag,
        target_transfer_tag=r2t.target_transfer_tag,
        buffer_offset=r2t.buffer_offset,
        exp_stat_sn=place.exp_stat_sn,
        data=bytes(place.block_size),
    )


def _logout(place: Place) -> PDU:
    return LogoutRequest(
        immediate=1,
        reason=0,
        cid=1,
        initiator_task_tag=place.tag,
        cmd_sn=place.cmd_sn,
        exp_stat_sn=place.exp_stat_sn,
    )


def _snack(place: Place) -> PDU:
    return SNACK(type=int(SNACKType.STATUS), exp_stat_sn=place.exp_stat_sn)


def _unknown(place: Place) -> PDU:
    return UnknownPDU(opcode=_UNASSIGNED, initiator_task_tag=place.tag)


PDUS: Mapping[str, tuple[type[PDU], Build]] = MappingProxyType(
    {
        "NOPOut": (NOPOut, _nop_out),
        "Read": (SCSICommand, _read),
        "Write": (SCSICommand, _write),
        "TaskManagement": (TaskManagementRequest, _function),
        "Login": (LoginRequest, _login),
        "Text": (TextRequest, _text),
        "DataOut": (DataOut, _data_out),
        "Logout": (LogoutRequest, _logout),
        "SNACK": (SNACK, _snack),
        "Unknown": (UnknownPDU, _unknown),
    }
)
"""Every PDU of an initiator, by its name in checks, in its correct form."""
