# SPDX-License-Identifier: GPL-2.0-only
"""What may happen to a PDU on its way out: to its fields, or to its bytes."""

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
    """What a twist can ask of the connection that sends the PDU."""

    @property
    def is_discovery(self) -> bool:
        """Whether the connection is that of a discovery session, or will be."""

    @property
    def parameters(self) -> Parameters:
        """What the connection has negotiated; the defaults during a login."""


Twist = Callable[[Sender, headers.Header, bytes], "Twisted"]
"""From a PDU's header and data to what is sent instead; None: nothing."""


Wording = Callable[[type[headers.Header], text.Pairs], text.Pairs]
"""From the kind of response and its whole text to what is said instead."""


def worded(
    wordings: Iterable[Wording], kind: type[headers.Header], pairs: text.Pairs
) -> text.Pairs:
    """Return what is left of a text after several wordings, before it is cut."""
    for wording in wordings:
        pairs = wording(kind, pairs)
    return pairs


def twisted(
    twists: Iterable[Twist], sender: Sender, header: headers.Header, data: bytes
) -> Twisted:
    """Return what is left of a PDU after several twists; None: it is not sent."""
    for twist in twists:
        changed = twist(sender, header, data)
        if changed is None:
            return None
        header, data = changed
    return header, data


@dataclass(frozen=True, slots=True)
class Wire:
    """The parts of a PDU as they go over the wire (RFC 7143 section 11.2)."""

    header: bytes
    """The header segments."""
    data: bytes
    padding: bytes
    digests: Digests
    """Which digests the connection uses."""
    header_digest: bytes | None = None
    """None: the right one, if it is used."""
    data_digest: bytes | None = None
    """None: the right one, if it is used."""

    @classmethod
    def of(cls, header: bytes, data: bytes, digests: Digests) -> Wire:
        """Return the parts of a PDU as they should be."""
        return cls(header, data, bytes(-len(data) % 4), digests)

    @property
    def right_header_digest(self) -> bytes:
        """The header digest, or nothing where it is not used."""
        return digest((self.header,)) if self.digests.header else b""

    @property
    def right_data_digest(self) -> bytes:
        """The data digest, or nothing where it is not used."""
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
"""From the parts of a PDU to what goes over the wire instead."""


def corrupted(
    corruptions: Iterable[Corruption], header: bytes, data: bytes, digests: Digests
) -> bytes:
    """Return the wire bytes of a PDU after several corruptions."""
    wire = Wire.of(header, data, digests)
    for corrupt in corruptions:
        wire = corrupt(wire)
    return wire.pack()
