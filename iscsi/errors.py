# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong on an iSCSI connection, with the blame in the type.

Sending something illegal is no error here: breaking the protocol is a tester's trade.
"""

from iscsi.printable import line


class ISCSIError(Exception):
    """The root of every error that this package and the initiator raise.

    Attributes:
        requirement: the ID of the clause in the catalogue that the error shows to be
            broken, or an empty string where it shows none by itself.
    """

    requirement: str = ""

    def __init__(self, message: str = "") -> None:
        """Keep a message; text of the peer in it is made a printable line."""
        super().__init__(line(message))


class DecodeError(ISCSIError):
    """Bytes that are not what they claim to be.

    Attributes:
        offset: where in the data the fault lies, in bytes.
        field: the field's name, as the standard spells it.
        data: the bytes that were being read.
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
    """A text negotiation that cannot be brought to a result.

    Attributes:
        key: the key concerned.
        offered: the value offered, or None where there was none.
        answered: the value answered, or None where there was none.
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
        pdu: the PDU that broke it, where there is one.
        field: the field or text key that is wrong, if it is a single one.
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
    """A PDU that has no place in the exchange."""


class NumberingError(PeerError):
    """A sequence number other than the one due."""


class DigestError(PeerError):
    """A header or data digest that does not match its bytes."""


class IllegalTransition(ISCSIError):
    """An event that a state of chapter 8 does not have.

    Attributes:
        state: the state that the connection or session was in.
        event: what happened in it.
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
        waited: how long, in seconds.
        part: how many bytes of a PDU came that never became whole.
    """

    def __init__(self, message: str, *, waited: float, part: int = 0) -> None:
        super().__init__(message)
        self.waited = waited
        self.part = part
