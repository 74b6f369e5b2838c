# SPDX-License-Identifier: GPL-2.0-only
"""Changes of a PDU before it is sent: of its fields, or of its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from iscsi import headers, text
from iscsi.digest import digest

if TYPE_CHECKING:
    from iscsi.framing import Digests
    from iscsi.parameters import Parameters

    Twisted = tuple[headers.Header, bytes] | None


class Sender(Protocol):
    """The interface of the connection that sends the PDU."""

    @property
    def is_discovery(self) -> bool:
        """Whether the connection is that of a discovery session, or will be."""

    @property
    def parameters(self) -> Parameters:
        """The negotiated values of the connection; the defaults during a login."""


Twist = Callable[[Sender, headers.Header, bytes], "Twisted"]
"""From a PDU's header and data to those that are sent instead; None: no PDU is sent."""


Wording = Callable[[type[headers.Header], text.Pairs], text.Pairs]
"""From the kind of response and its whole text to the text that is sent instead."""


def worded(
    wordings: Iterable[Wording], kind: type[headers.Header], pairs: text.Pairs
) -> text.Pairs:
    """Return a text after several wordings, before it is split into PDUs."""
    for wording in wordings:
        pairs = wording(kind, pairs)
    return pairs


def twisted(
    twists: Iterable[Twist], sender: Sender, header: headers.Header, data: bytes
) -> Twisted:
    """Return a PDU after several twists; None if it is not sent."""
    for twist in twists:
        changed = twist(sender, header, data)
        if changed is None:
            return None
        header, data = changed
    return header, data


@dataclass(frozen=True, slots=True)
class Wire:
    """The parts of a PDU on the wire (RFC 7143 section 11.2)."""

    header: bytes
    """The header segments."""
    data: bytes
    padding: bytes
    digests: Digests
    """The digests of the connection."""
    header_digest: bytes | None = None
    """The bytes to send; None: the right digest, if it is used."""
    data_digest: bytes | None = None
    """The bytes to send; None: the right digest, if it is used."""

    @classmethod
    def of(cls, header: bytes, data: bytes, digests: Digests) -> Wire:
        """Return the right parts of a PDU."""
        return cls(header, data, bytes(-len(data) % 4), digests)

    @property
    def right_header_digest(self) -> bytes:
        """The header digest; empty if it is not used."""
        return digest((self.header,)) if self.digests.header else b""

    @property
    def right_data_digest(self) -> bytes:
        """The data digest; empty if it is not used."""
        if not (self.digests.data and self.data):
            return b""
        return digest((self.data, self.padding))

    def pack(self) -> bytes:
        """Return the bytes."""
        header_digest, data_digest = self.header_digest, self.data_digest
        if header_digest is None:
            header_digest = self.right_header_digest
        if data_digest is None:
            data_digest = self.right_data_digest
        return self.header + header_digest + self.data + self.padding + data_digest


Corruption = Callable[[Wire], Wire]
"""From the parts of a PDU to the bytes that are sent instead."""


def corrupted(
    corruptions: Iterable[Corruption], header: bytes, data: bytes, digests: Digests
) -> bytes:
    """Return the wire bytes of a PDU after several corruptions."""
    wire = Wire.of(header, data, digests)
    for corrupt in corruptions:
        wire = corrupt(wire)
    return wire.pack()
