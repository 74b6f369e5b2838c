# SPDX-License-Identifier: GPL-2.0-only
"""An initiator's end of a connection in memory, for tests of the sans-I/O core.

It speaks Scapy layers, so that the target's struct headers meet an independent reading.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from iscsi import framing, pdu, text
from iscsi.address import Portal
from iscsi.chap import Credentials
from iscsi.constants import RESERVED_TAG, Stage
from iscsi.scsi import cdb
from reftarget.config import OWN_VALUES, Access, Config, Limits, TargetConfig
from reftarget.connection import Connection
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.session import Session
from reftarget.target import ReferenceTarget

NAME = "iqn.2001-04.com.example:disk"
INITIATOR = "iqn.2001-04.com.example:host"
ISID = b"\x80\x00\x01\x02\x03\x04"
PORTAL = Portal("192.0.2.1", 3260, 1)
BLOCK = 512
SIZE = 1 << 20


def config(**changes: Any) -> Config:
    """Return the configuration of one target with two small disks in memory."""
    units = (LogicalUnitConfig(0, size=SIZE), LogicalUnitConfig(1, size=SIZE))
    base = Config(portals=(PORTAL,), targets=(TargetConfig(NAME, units=units),))
    return replace(base, **changes)


def make_target(
    *,
    keys: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    faults: tuple[str, ...] = (),
    habits: tuple[str, ...] = (),
    **target_changes: Any,
) -> ReferenceTarget:
    """Return a target, with some of its own values changed."""
    base = config(faults=faults, habits=habits)
    return ReferenceTarget(
        replace(
            base,
            targets=(replace(base.targets[0], **target_changes),),
            keys=MappingProxyType({**OWN_VALUES, **(keys or {})}),
            limits=limits or Limits(),
        ),
        random=lambda count: bytes(range(7, 7 + count)),
    )


CHAP_ACCESS = Access(
    users=(Credentials("user", b"first-way-secret"),),
    mutual=Credentials("target", b"other-way-secret"),
)


class Peer:
    """One connection to a target, and what an initiator keeps of it."""

    def __init__(
        self, target: ReferenceTarget, *, portal: Portal = PORTAL, cid: int = 0
    ) -> None:
        self.target = target
        self.connection: Connection = target.connect(portal, "test", target.now)
        self.decoder = framing.Decoder()
        self.digests = framing.NO_DIGESTS
        self.cid = cid
        self.isid = ISID
        self.tsih = 0
        self.itt = 0x10 + 0x1000 * cid
        self.cmd_sn = 100
        self.exp_stat_sn = 0
        self.exp_cmd_sn = 0
        self.max_cmd_sn = 0

    @property
    def session(self) -> Session:
        """The session that it has logged in to, while the target has it."""
        return self.target.sessions[self.tsih]

    def next_itt(self) -> int:
        """Return a fresh Initiator Task Tag."""
        self.itt += 1
        return self.itt

    def fill(self, request: pdu.PDU) -> pdu.PDU:
        """Give a request the tag and numbers that it was not given."""
        names = {item.name for item in request.fields_desc}
        values = request.fields
        if "initiator_task_tag" in names and "initiator_task_tag" not in values:
            request.initiator_task_tag = self.next_itt()
        if "cmd_sn" in names and "cmd_sn" not in values:
            request.cmd_sn = self.cmd_sn
            if not request.immediate:
                self.cmd_sn = self.cmd_sn + 1 & 0xFFFFFFFF
        if "exp_stat_sn" in names and "exp_stat_sn" not in values:
            request.exp_stat_sn = self.exp_stat_sn
        return request

    def send(self, *requests: pdu.PDU, now: float = 0.0) -> list[pdu.PDU]:
        """Send PDUs; return what comes back on this connection."""
        for request in requests:
            header, data = self.fill(request).segments()
            wire = framing.encode(
                header,
                data,
                header_digest=self.digests.header,
                data_digest=self.digests.data,
            )
            self.send_bytes(wire, now=now)
        return self.receive()

    def send_bytes(self, wire: bytes, *, now: float = 0.0) -> None:
        """Send bytes as they are."""
        self.target.now = now
        self.connection.receive(wire, now)

    def receive(self) -> list[pdu.PDU]:
        """Return what the target has said."""
        self.decoder.digests = self.digests
        self.decoder.feed(b"".join(map(bytes, self.connection.take_output())))
        self.connection.is_scheduled = False
        received = []
        for frame in self.decoder:
            assert frame.is_header_digest_right
            assert frame.is_data_digest_right
            received.append(self._note(pdu.decode(frame.header, frame.data)))
        assert not self.decoder.pending
        return received

    def _note(self, answer: pdu.PDU) -> pdu.PDU:
        names = {item.name for item in answer.fields_desc}
        if "max_cmd_sn" in names and getattr(answer, "status_class", 0) == 0:
            self.exp_cmd_sn, self.max_cmd_sn = answer.exp_cmd_sn, answer.max_cmd_sn
        if _advances(answer):
            self.exp_stat_sn = answer.stat_sn + 1 & 0xFFFFFFFF
        return answer

    def login_request(self, pairs: text.Pairs, **fields: Any) -> pdu.LoginRequest:
        """Return a Login Request from the operational stage to the end."""
        values: dict[str, Any] = {
            "transit": 1,
            "csg": int(Stage.OPERATIONAL),
            "nsg": int(Stage.FULL_FEATURE),
            "isid": self.isid,
            "tsih": self.tsih,
            "cid": self.cid,
            "initiator_task_tag": self.itt,
            "data": text.encode(pairs),
        }
        return pdu.LoginRequest(**{**values, **fields})

    def login(
        self, *, fields: Mapping[str, Any] | None = None, **keys: Any
    ) -> pdu.LoginResponse:
        """Log in with one request; return the last response."""
        pairs = [*names(), *keys.items()]
        answers = self.send(self.login_request(pairs, **(fields or {})))
        response = answers[-1]
        assert isinstance(response, pdu.LoginResponse)
        if response.status == 0 and response.transit:
            self.tsih = response.tsih
            self.digests = self.connection.digests
        return response

    def logged_in(self, **keys: Any) -> "Peer":
        """Log in and clear the first unit attention; return the peer."""
        response = self.login(**keys)
        assert response.status == 0, hex(response.status)
        self.clear_attentions()
        return self

    def clear_attentions(self) -> None:
        """Hear the unit attentions of both disks."""
        for lun in (0, 1):
            while self.execute(cdb.test_unit_ready(), lun=lun)[-1].status:
                pass

    def execute(self, command: bytes, **fields: Any) -> list[pdu.PDU]:
        """Send a command; return what comes back."""
        return self.send(scsi(command, **fields))


def scsi(command: bytes, *, lun: int = 0, **fields: Any) -> pdu.SCSICommand:
    """Return a SCSI Command."""
    return pdu.SCSICommand(cdb=command.ljust(16, b"\0"), lun=lun << 48, **fields)


def read(lba: int, blocks: int, **fields: Any) -> pdu.SCSICommand:
    """Return a READ (10)."""
    fields.setdefault("expected_data_transfer_length", blocks * BLOCK)
    return scsi(cdb.read_10(lba=lba, blocks=blocks), read=1, **fields)


def write(lba: int, blocks: int, **fields: Any) -> pdu.SCSICommand:
    """Return a WRITE (10)."""
    fields.setdefault("expected_data_transfer_length", blocks * BLOCK)
    return scsi(cdb.write_10(lba=lba, blocks=blocks), write=1, **fields)


def data_out(
    r2t: pdu.PDU, data: bytes, *, start: int = 0, **fields: Any
) -> pdu.DataOut:
    """Return Data-Out that answers an R2T, from a place within it."""
    values: dict[str, Any] = {
        "lun": r2t.lun,
        "initiator_task_tag": r2t.initiator_task_tag,
        "target_transfer_tag": r2t.target_transfer_tag,
        "buffer_offset": r2t.buffer_offset + start,
        "data": data,
    }
    return pdu.DataOut(**{**values, **fields})


def names(**changes: str) -> text.Pairs:
    """Return the keys that open a normal login."""
    return list({"InitiatorName": INITIATOR, "TargetName": NAME, **changes}.items())


def sense_of(response: pdu.PDU) -> tuple[int, int, int]:
    """Return sense key, ASC and ASCQ of a CHECK CONDITION."""
    assert isinstance(response, pdu.SCSIResponse)
    assert response.status == 2
    sense = response.sense
    return sense[2] & 0x0F, sense[12], sense[13]


def pairs_of(answer: pdu.PDU) -> dict[str, str]:
    """Return the keys of a Login or Text Response."""
    return dict(text.decode(bytes(answer.data)))


def _advances(answer: pdu.PDU) -> bool:
    """Tell whether a PDU uses a StatSN up (RFC 7143 section 4.2.2.2)."""
    if isinstance(answer, pdu.R2T):
        return False
    if isinstance(answer, pdu.DataIn):
        return bool(answer.status_present)
    if isinstance(answer, pdu.NOPIn):
        return bool(answer.initiator_task_tag != RESERVED_TAG)
    return True
