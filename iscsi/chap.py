# SPDX-License-Identifier: GPL-2.0-only
"""CHAP for both roles (RFC 7143 section 12.1.3; RFC 1994).

    Initiator                                Target
        | -- CHAP_A=5,7 ---------------------> |
        | <- CHAP_A, CHAP_I, CHAP_C ---------- |
        | -- CHAP_N, CHAP_R [, CHAP_I, _C] --> |
        | <- [CHAP_N, CHAP_R] ---------------- |

Challenges are arguments; nothing here creates random ones.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from iscsi import text
from iscsi.errors import DecodeError, NegotiationError

MAX_BINARY = 1024
"""The maximum length of CHAP_C and CHAP_R, in bytes (section 12.1.3)."""

MIN_CHALLENGE = 1


class Algorithm(IntEnum):
    """PPP authentication algorithms of the IANA registry that hash a secret."""

    MD5 = 5
    SHA1 = 6
    SHA256 = 7
    SHA3_256 = 8


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


_HASHES: dict[Algorithm, Callable[[bytes], bytes]] = {
    Algorithm.MD5: _md5,
    Algorithm.SHA1: _sha1,
    Algorithm.SHA256: lambda data: hashlib.sha256(data).digest(),
    Algorithm.SHA3_256: lambda data: hashlib.sha3_256(data).digest(),
}

RESPONSE_LENGTH = {
    algorithm: len(hash_of(b"")) for algorithm, hash_of in _HASHES.items()
}
"""The length of CHAP_R in bytes, by algorithm."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a secret that both ends share."""

    name: str
    secret: bytes = field(repr=False)
    """The secret; no log, traceback or report may show it."""

    @classmethod
    def of(cls, name: str, password: str) -> Self:
        """Return the credentials of a name and of a secret as text."""
        return cls(name, password.encode())

    @property
    def password(self) -> str:
        """The secret as text, as URLs and configurations contain it."""
        return self.secret.decode()


@dataclass(frozen=True, slots=True)
class Chap:
    """The credentials of both ends of a login."""

    credentials: Credentials
    """The initiator's credentials."""
    mutual: Credentials | None = None
    """The target's credentials, if it authenticates itself, too."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of one end, which the other one answers."""

    algorithm: Algorithm
    identifier: int
    challenge: bytes

    def respond(self, secret: bytes) -> bytes:
        """Return the CHAP_R for a secret (RFC 1994 section 4.1)."""
        return response(self.algorithm, self.identifier, secret, self.challenge)

    def verify(self, secret: bytes, answered: bytes) -> bool:
        """Tell whether an answer is right, in constant time."""
        return hmac.compare_digest(self.respond(secret), answered)


def response(
    algorithm: Algorithm, identifier: int, secret: bytes, challenge: bytes
) -> bytes:
    """Return the hash of identifier, secret and challenge."""
    return _HASHES[algorithm](bytes([identifier & 0xFF]) + secret + challenge)


def choose_algorithm(
    offered: str, supported: tuple[Algorithm, ...] = tuple(Algorithm)
) -> Algorithm | None:
    """Return the first algorithm of a CHAP_A list that is supported, or None.

    Items that are not numbers are ignored like unknown ones (section 6.2.1).
    """
    for item in text.parse_list(offered):
        try:
            number = text.parse_number(item)
        except DecodeError:
            continue
        if number in supported:
            return Algorithm(number)
    return None


def parse_challenge(algorithm: str, identifier: str, challenge: str) -> Challenge:
    """Return the challenge in CHAP_A, CHAP_I and CHAP_C.

    Raises:
        NegotiationError: a value has a wrong form, range or length.
    """
    try:
        number = text.parse_number(algorithm)
        parsed = Algorithm(number)
    except (DecodeError, ValueError):
        raise NegotiationError(
            f"CHAP_A={algorithm} is not a known algorithm",
            key="CHAP_A",
            offered=algorithm,
            # No initiator can have offered this value.
            requirement="RFC7143-12.1.3-i02",
        ) from None
    return Challenge(
        parsed,
        parse_identifier(identifier),
        parse_binary("CHAP_C", challenge, minimum=MIN_CHALLENGE),
    )


def read_challenge(
    algorithm: str, identifier: str, challenge: str
) -> tuple[Challenge, list[NegotiationError]]:
    """Return the challenge in CHAP_A, CHAP_I and CHAP_C, and the errors in it.

    A decimal number beyond 64 bits and a value that is too long can be answered.

    Raises:
        NegotiationError: it cannot be parsed.
    """
    try:
        return parse_challenge(algorithm, identifier, challenge), []
    except NegotiationError as error:
        if error.key != "CHAP_C" or not (value := _read_loosely(challenge)):
            raise
        simple = parse_challenge(algorithm, identifier, "0x00")
        return Challenge(simple.algorithm, simple.identifier, value), [error]


def _read_loosely(value: str) -> bytes:
    """Return the bytes of a value of wrong form; empty if it cannot be decoded."""
    try:
        if value.isascii() and value.isdecimal():
            number = int(value)
            return number.to_bytes(-(-number.bit_length() // 8), "big")
        return text.parse_binary(value)
    except (DecodeError, ValueError):
        return b""


def parse_identifier(value: str) -> int:
    """Return the number in CHAP_I: one octet (RFC 1994 section 4.1).

    Raises:
        NegotiationError: it is not a number from 0 to 255.
    """
    try:
        number = text.parse_number(value)
    except DecodeError as error:
        raise NegotiationError(str(error), key="CHAP_I", offered=value) from error
    if number > 0xFF:
        raise NegotiationError(
            f"CHAP_I={value} is beyond one octet", key="CHAP_I", offered=value
        )
    return number


def parse_binary(key: str, value: str, *, minimum: int = 0) -> bytes:
    """Return the bytes of CHAP_C or CHAP_R.

    Raises:
        NegotiationError: the value is not a binary value, or has a wrong length.
    """
    try:
        decoded = text.parse_binary(value)
    except DecodeError as error:
        raise NegotiationError(
            f"{key}: {error}", key=key, offered=value, requirement=error.requirement
        ) from error
    if len(decoded) > MAX_BINARY:
        raise NegotiationError(
            f"{key} of {len(decoded)} bytes, more than {MAX_BINARY}",
            key=key,
            offered=value,
            requirement="RFC7143-12.1.3-07",
        )
    if len(decoded) < minimum:
        raise NegotiationError(f"{key} is empty", key=key, offered=value)
    return decoded
