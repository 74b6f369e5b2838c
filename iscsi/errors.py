# SPDX-License-Identifier: GPL-2.0-only
"""The errors of an iSCSI connection; the type says which side is to blame.

It is not an error to send an illegal PDU, since tests do that on purpose.
"""

from iscsi.printable import line


class ISCSIError(Exception):
    """The root of every error that this package and the initiator raise.

    Attributes:
        requirement: the ID of the broken clause in the catalogue, or an empty string if
            the error alone does not show one.
    """

    requirement: str = ""

    def __init__(self, message: str = "") -> None:
        """Store a message; text of the peer in it is made a printable line."""
        super().__init__(line(message))


class DecodeError(ISCSIError):
    """Bytes that do not have the required format.

    Attributes:
        offset: the offset of the error in the data, in bytes.
        field: the field's name, as the standard spells it.
        data: the bytes that were decoded.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int = 0,
        field: str = "",
        data: bytes = b"",
        requirement: str = "",
    ) -> None:
        super().__init__(message)
        self.requirement = requirement
        self.offset = offset
        self.field = field
        self.data = data


class NegotiationError(ISCSIError):
    """A text negotiation without a result.

    Attributes:
        key: the key.
        offered: the offered value, or None if there was none.
        answered: the answered value, or None if there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str = "",
        offered: str | None = None,
        answered: str | None = None,
        requirement: str = "",
    ) -> None:
        super().__init__(message)
        self.requirement = requirement
        self.key = key
        self.offered = offered
        self.answered = answered


class PeerError(ISCSIError):
    """The peer broke a rule of the protocol.

    Attributes:
        pdu: the PDU that broke it, or None.
        field: the wrong field or text key, if it is a single one.
    """

    def __init__(
        self,
        message: str,
        *,
        requirement: str = "",
        pdu: object = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.requirement = requirement
        self.pdu = pdu
        self.field = field


class UnexpectedPDU(PeerError):
    """A PDU that is not allowed at this point of the exchange."""


class NumberingError(PeerError):
    """A sequence number other than the expected one."""


class DigestError(PeerError):
    """A header or data digest that does not match its bytes."""


class IllegalTransition(ISCSIError):
    """An event that is not possible in a state of chapter 8.

    Attributes:
        state: the state that the connection or session was in.
        event: the event.
    """

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"in state {state}: {event}")
        self.state = state
        self.event = event


class ConnectionLost(ISCSIError):
    """The TCP connection ended.

    Attributes:
        reset: True if it ended with RST, False if with FIN.
    """

    def __init__(self, message: str, *, reset: bool = False) -> None:
        super().__init__(message)
        self.reset = reset


class NotConnected(ConnectionLost):
    """The connection failed: the port is closed or the address is unknown."""


class PeerTimeout(ISCSIError):
    """The peer did not answer in time.

    Attributes:
        waited: the time of the wait, in seconds.
        part: how many bytes of an incomplete PDU came.
    """

    def __init__(self, message: str, *, waited: float, part: int = 0) -> None:
        super().__init__(message)
        self.waited = waited
        self.part = part
