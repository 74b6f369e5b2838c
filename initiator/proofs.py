# SPDX-License-Identifier: GPL-2.0-only
"""Removes CHAP proofs from everything that is written or shown.

A challenge and its right CHAP_R are enough to guess a secret offline. Its bytes are
replaced by zeros, so that lengths and offsets stay.
"""

import re

_PROOF = re.compile(rb"CHAP_R=([^\0]*)")
_IN_PROSE = re.compile(r"(CHAP_R\W{1,8})(?:0[xXbB][0-9A-Za-z+/=]+|\d{8,})")
_LONGEST_NAME = len(b"CHAP_R=")
_LOGINS = frozenset({0x03, 0x23})
LEFT_OUT = "(left out)"


def shown(key: str, value: str) -> str:
    """Return the value of a text key as it may be shown."""
    return LEFT_OUT if key == "CHAP_R" else value


def prose_without_proofs(text: str) -> str:
    """Return text, such as a traceback, without the values of CHAP_R."""
    return _IN_PROSE.sub(lambda match: match[1] + LEFT_OUT, text)


def without_proofs(data: bytes, carried: bytes = b"") -> bytes:
    """Return text with zeros for the values of CHAP_R.

    Args:
        data: text of a login, or bytes that may hold some.
        carried: the end of the text before it, if a pair was split (the C bit).
    """
    joined = carried + data
    cleaned = _PROOF.sub(lambda match: b"CHAP_R=" + b"0" * len(match[1]), joined)
    return cleaned[len(carried) :]


class Cleaner:
    """Removes proofs from the PDUs of one direction of a connection, in order."""

    def __init__(self) -> None:
        self._carried = b""

    def clean(self, header: bytes, data: bytes) -> bytes:
        """Return the data segment of a PDU without proofs.

        Args:
            header: its header: only Login Requests and Responses are touched.
            data: its data segment, padding included.
        """
        if not header or header[0] & 0x3F not in _LOGINS:
            return data
        length = int.from_bytes(header[5:8], "big")
        text, padding = data[:length], data[length:]
        cleaned = without_proofs(text, self._carried)
        continues = len(header) > 1 and bool(header[1] & 0x40)
        # The start of a pair that continues in the next PDU.
        rest = (self._carried + text).rpartition(b"\0")[2]
        self._carried = rest if continues else b""
        return cleaned + padding
