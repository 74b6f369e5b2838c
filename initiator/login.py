# SPDX-License-Identifier: GPL-2.0-only
"""The initiator's side of a login, with each PDU by hand; and the login options."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from initiator.connection import Connection
from initiator.describe import describe
from iscsi import chap, text
from iscsi.constants import (
    LoginStatus,
    Opcode,
    Stage,
)
from iscsi.errors import ISCSIError, PeerError, UnexpectedPDU
from iscsi.numbering import StatusNumbers
from iscsi.pdu import PDU, LoginRequest, LoginResponse

DEFAULT_INITIATOR_NAME = "iqn.2026-11.org.iscsi-assay:initiator"
DEFAULT_ISID = bytes.fromhex("80a55a500001")

DEFAULT_KEYS: Mapping[str, str] = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "MaxRecvDataSegmentLength": "262144",
}
"""The keys of a plain login, as few as checks need."""


class LoginRefused(ISCSIError):
    """The target answered a login with a Status-Class other than 0.

    Attributes:
        status: Status-Class and Status-Detail as 0xCCDD.
        response: the Login Response.
    """

    def __init__(self, response: LoginResponse) -> None:
        self.status = response.status
        self.response = response
        try:
            name = LoginStatus(response.status).name.replace("_", " ").lower()
        except ValueError:
            name = "unknown status"
        super().__init__(f"login refused with status {response.status:#06x} ({name})")


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """The options of a login."""

    target_name: str | None = None
    initiator_name: str = DEFAULT_INITIATOR_NAME
    isid: bytes = DEFAULT_ISID
    tsih: int = 0
    cid: int = 1
    is_discovery: bool = False
    keys: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_KEYS))
    """Operational keys to offer."""
    credentials: chap.Credentials | None = None
    """The credentials of both sides; None skips the security stage."""
    passes_security: bool = False
    """Whether to pass the security stage by AuthMethod=None if there are no
    credentials."""
    mutual: chap.Credentials | None = None
    """The target's credentials, which it must prove."""
    algorithms: tuple[chap.Algorithm, ...] = (chap.Algorithm.MD5,)
    cmd_sn: int = 1

    def names(self) -> text.Pairs:
        """Return the pairs of the first request of a connection (section 6.3)."""
        pairs = [("InitiatorName", self.initiator_name)]
        if self.is_discovery:
            pairs.append(("SessionType", "Discovery"))
        elif self.tsih == 0:
            pairs.append(("SessionType", "Normal"))
        if self.target_name is not None:
            pairs.append(("TargetName", self.target_name))
        return pairs


class LoginExchange:
    """Login Requests and Responses on one connection; the caller controls each field.

    Attributes:
        tsih: the TSIH of the next request; the target's once the login is complete.
        responses: the received responses, in order.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        isid: bytes = DEFAULT_ISID,
        tsih: int = 0,
        cid: int = 1,
        cmd_sn: int = 1,
        initiator_task_tag: int = 1,
    ) -> None:
        self.connection = connection
        self.isid = isid
        self.tsih = tsih
        self.cid = cid
        self.cmd_sn = cmd_sn
        self.initiator_task_tag = initiator_task_tag
        self.status = StatusNumbers()
        self.responses: list[LoginResponse] = []

    def build(
        self,
        pairs: Iterable[tuple[str, str]] | bytes,
        *,
        csg: int = Stage.OPERATIONAL,
        nsg: int | None = None,
        **fields: Any,
    ) -> LoginRequest:
        """Return a Login Request; T is 1 if `nsg` is given.

        Args:
            pairs: the text, as pairs or as raw bytes.
            csg: the current stage.
            nsg: the requested next stage, or None to stay.
            **fields: fields of the PDU to set.
        """
        data = pairs if isinstance(pairs, bytes) else text.encode(pairs)
        values: dict[str, Any] = {
            "transit": int(nsg is not None),
            "csg": csg,
            "nsg": nsg or 0,
            "isid": self.isid,
            "tsih": self.tsih,
            "initiator_task_tag": self.initiator_task_tag,
            "cid": self.cid,
            "cmd_sn": self.cmd_sn,
            "exp_stat_sn": self.status.exp_stat_sn,
            "data": data,
        }
        return LoginRequest(**{**values, **fields})

    def send(
        self,
        pairs: Iterable[tuple[str, str]] | bytes = (),
        *,
        csg: int = Stage.OPERATIONAL,
        nsg: int | None = None,
        **fields: Any,
    ) -> LoginRequest:
        """Send a Login Request (see `build`) and return it."""
        self.pass_over_unasked()
        request = self.build(pairs, csg=csg, nsg=nsg, **fields)
        self.connection.send(request)
        return request

    def send_other(self, pdu: PDU) -> None:
        """Send a PDU that is not allowed in a login, unchanged."""
        self.pass_over_unasked()
        self.connection.send(pdu)

    def pass_over_unasked(self) -> None:
        """Receive Login Responses that have arrived although no request is open."""
        opcode = Opcode.LOGIN_RESPONSE
        while (response := self.connection.next_arrived(opcode)) is not None:
            self.status.receive(response.stat_sn)
            self.connection.slip(unasked_response(response))

    def receive(self, timeout: float | None = None) -> LoginResponse:
        """Return the next Login Response.

        Raises:
            UnexpectedPDU: another PDU came.
            ConnectionLost, PeerTimeout: none came.
        """
        answer = self.connection.receive(timeout)
        if not isinstance(answer, LoginResponse):
            raise UnexpectedPDU(
                f"{describe(answer)} where a Login Response was expected",
                requirement="RFC7143-4.2.4-04",
                pdu=answer,
            )
        if answer.status_class == 0:
            self.status.receive(answer.stat_sn)
        if answer.transit and answer.nsg == Stage.FULL_FEATURE:
            # Until then every request carries the same TSIH (section 11.12.6).
            self.tsih = answer.tsih
        self.responses.append(answer)
        return answer

    def request(
        self,
        pairs: Iterable[tuple[str, str]] | bytes = (),
        *,
        csg: int = Stage.OPERATIONAL,
        nsg: int | None = None,
        **fields: Any,
    ) -> LoginResponse:
        """Send a Login Request and return the answer."""
        self.send(pairs, csg=csg, nsg=nsg, **fields)
        return self.receive()


def unasked_response(response: PDU) -> PeerError:
    """Return the error about a Login Response without an open request."""
    return PeerError(
        "an unexpected Login Response: no request is open",
        requirement="RFC7143-6.3-01",
        pdu=response,
    )


def handle_of(response: LoginResponse) -> int:
    """Return the TSIH of a final response, by which later logins name the session.

    Raises:
        PeerError: the target gave none, so that no login can name the session.
    """
    if not response.tsih:
        raise PeerError(
            "a new session without a TSIH",
            requirement="RFC7143-11.13.3-01",
            pdu=response,
            field="TSIH",
        )
    return int(response.tsih)
