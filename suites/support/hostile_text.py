# SPDX-License-Identifier: GPL-2.0-only
"""Stimuli of text and of CHAP: data segments of keys in every shape."""

from collections.abc import Iterator, Mapping

from suites.support.stimuli import Segments, Stimulus

_KEYS = (
    b"SendTargets",
    b"InitiatorName",
    b"TargetName",
    b"InitiatorAlias",
    b"SessionType",
    b"AuthMethod",
    b"HeaderDigest",
    b"DataDigest",
    b"MaxConnections",
    b"InitialR2T",
    b"ImmediateData",
    b"MaxRecvDataSegmentLength",
    b"MaxBurstLength",
    b"FirstBurstLength",
    b"DefaultTime2Wait",
    b"DefaultTime2Retain",
    b"MaxOutstandingR2T",
    b"DataPDUInOrder",
    b"DataSequenceInOrder",
    b"ErrorRecoveryLevel",
    b"TargetPortalGroupTag",
    b"TaskReporting",
    b"iSCSIProtocolLevel",
    b"X-com.example.key",
    b"X#NodeArchitecture",
    b"CHAP_A",
    b"CHAP_N",
    b"CHAP_R",
    b"CHAP_I",
    b"CHAP_C",
    b"SRP_U",
    b"KRB_AP_REQ",
)
"""Every key that a target may know (RFC 7143 chapters 12 and 13)."""

_VALUES: Mapping[str, bytes] = {
    "nothing": b"",
    "a comma": b",",
    "only commas": b"," * 300,
    "a list of 300": b",".join([b"CRC32C"] * 300),
    "zero": b"0",
    "minus one": b"-1",
    "two to the 24th": b"16777216",
    "two to the 32nd": b"4294967296",
    "two to the 64th": b"18446744073709551616",
    "500 digits": b"9" * 500,
    "hex without digits": b"0x",
    "hex of an odd length": b"0x123",
    "hex that is none": b"0xzz",
    "2000 digits of hex": b"0x" + b"f" * 2000,
    "base64 without digits": b"0b",
    "base64 cut short": b"0bA",
    "base64 of padding": b"0b====",
    "2000 digits of base64": b"0b" + b"A" * 2000,
    "a range": b"1~2",
    "a range upside down": b"9~1",
    "255 bytes": b"a" * 255,
    "256 bytes": b"a" * 256,
    "5000 bytes": b"a" * 5000,
    "format directives": b"%s%n%x" * 20,
    "bytes that are no text": bytes(range(1, 256)),
    "an equals sign": b"==",
    "Reject": b"Reject",
    "NotUnderstood": b"NotUnderstood",
    "paths": b"../../../../etc/passwd",
}

_WHOLE: Mapping[str, bytes] = {
    "nothing": b"",
    "one null": b"\0",
    "8192 nulls": bytes(8192),
    "no equals sign": b"SendTargets\0",
    "no null at the end": b"SendTargets=All",
    "an equals sign alone": b"=\0",
    "a value without a key": b"=All\0",
    "nulls between pairs": b"\0\0MaxBurstLength=512\0\0\0FirstBurstLength=512\0\0",
    "a key of 63 bytes": b"X-" + b"k" * 61 + b"=1\0",
    "a key of 64 bytes": b"X-" + b"k" * 62 + b"=1\0",
    "a key of 4000 bytes": b"X-" + b"k" * 3998 + b"=1\0",
    "a key of 8191 bytes": b"k" * 8191 + b"\0",
    "a key twice": b"MaxBurstLength=512\0MaxBurstLength=1024\0",
    "a key 500 times": b"MaxBurstLength=512\0" * 400,
    "2000 keys": b"".join(b"X%d=\0" % n for n in range(1200)),
    "keys without end": (b"k" * 15 + b"\0") * 500,
    "ones": b"\xff" * 512,
    "bytes of all values": bytes(range(256)),
    "8192 bytes of a value": b"X-a=" + b"v" * 8187 + b"\0",
    "8193 bytes": b"X-a=" + b"v" * 8188 + b"\0",
    "64 KiB": b"X-a=" + b"v" * 65531 + b"\0",
    "256 KiB": (b"X-a=" + b"v" * 251 + b"\0") * 1024,
}

_CHAP_STEPS: Mapping[str, bytes] = {
    "nothing": b"",
    "the response alone": b"CHAP_R=0x" + b"0" * 32 + b"\0",
    "the name alone": b"CHAP_N=assay\0",
    "the algorithm again": b"CHAP_A=5\0",
    "another method": b"AuthMethod=None\0",
    "operational keys": b"MaxBurstLength=512\0",
    "a challenge alone": b"CHAP_I=1\0CHAP_C=0x00\0",
}

_RESPONSES: Mapping[str, bytes] = {
    "empty": b"",
    "hex, empty": b"0x",
    "base64, empty": b"0b",
    "one digit": b"0x0",
    "15 bytes": b"0x" + b"00" * 15,
    "16 zeros": b"0x" + b"00" * 16,
    "16 ones": b"0x" + b"ff" * 16,
    "17 bytes": b"0x" + b"00" * 17,
    "31 digits": b"0x" + b"0" * 31,
    "33 digits": b"0x" + b"0" * 33,
    "1024 bytes": b"0x" + b"41" * 1024,
    "1025 bytes": b"0x" + b"41" * 1025,
    "3000 bytes": b"0x" + b"41" * 3000,
    "base64 of 16": b"0bAAAAAAAAAAAAAAAAAAAAAA==",
    "base64 without padding": b"0bAAAAAAAAAAAAAAAAAAAAAA",
    "base64 of 2000": b"0b" + b"QUFB" * 660,
    "a capital prefix": b"0X" + b"00" * 16,
    "two prefixes": b"0x0x" + b"00" * 16,
    "no prefix": b"00" * 16,
    "a decimal": b"340282366920938463463374607431768211455",
    "digits that are none": b"0x" + b"zz" * 16,
    "a null within": b"0x00\x0000",
    "spaces": b" 0x" + b"00" * 16,
    "a list": b"0x" + b"00" * 16 + b",0x" + b"00" * 16,
}

_RIGHT = b"CHAP_N=assay-initiator\0CHAP_R=0x" + b"00" * 16 + b"\0"
"""Keys of a proof with wrong values."""

_NAMES: Mapping[str, bytes] = {
    "nothing": b"",
    "one byte": b"a",
    "255 bytes": b"a" * 255,
    "256 bytes": b"a" * 256,
    "1023 bytes": b"a" * 1023,
    "5000 bytes": b"a" * 5000,
    "format directives": b"%s%n" * 30,
    "hex": b"0x" + b"41" * 64,
    "a path": b"../" * 80,
    "no text": bytes(range(128, 256)),
}

_NUMBERS: Mapping[str, bytes] = {
    "0": b"0",
    "255": b"255",
    "256": b"256",
    "-1": b"-1",
    "hex": b"0xff",
    "hex, two bytes": b"0xffff",
    "base64": b"0b/w==",
    "2 to the 64th": b"18446744073709551616",
    "300 digits": b"1" * 300,
    "nothing": b"",
}


def _data(kind: str, words: str, data: bytes, **fields: int) -> Stimulus:
    """Return a stimulus that is a PDU with other data, and other bits in byte 1."""

    def change(true: Segments) -> Segments:
        header, _ = true
        flags = fields.get("flags", header[1])
        length = len(data).to_bytes(3, "big")
        head = header[:1] + bytes([flags]) + header[2:5] + length + header[8:]
        return head, data + bytes(-len(data) % 4)

    return Stimulus(words, kind, change)


def malformed_texts(kind: str) -> Iterator[Stimulus]:
    """Yield data segments that are not a list of pairs, or far too long."""
    for words, data in _WHOLE.items():
        yield _data(kind, f"text: {words}", data)


def values(kind: str) -> Iterator[Stimulus]:
    """Yield each key with values of all shapes."""
    for key in _KEYS:
        for words, value in _VALUES.items():
            yield _data(kind, f"{key.decode()}: {words}", key + b"=" + value + b"\0")


def cut_texts(kind: str, cut: int, last: int) -> Iterator[Stimulus]:
    """Yield texts with C=1: several parts, without end, and without data.

    Args:
        kind: the PDU.
        cut: its byte 1 with the C bit, and without F or T.
        last: its byte 1 without the C bit.
    """
    for number in range(64):
        yield _data(kind, f"part {number} of a text", b"X-a=" + b"v" * 8000, flags=cut)
    for number in range(24):
        yield _data(kind, f"empty part {number}", b"", flags=cut)
    yield _data(kind, "the last part", b"\0", flags=last)
    yield _data(kind, "C with F or T", b"SendTargets=A", flags=cut | 0x80)


def responses() -> Iterator[Stimulus]:
    """Yield wrong answers to a challenge: names, responses, identifiers, challenges."""
    for words, data in _CHAP_STEPS.items():
        yield _data("Login", f"CHAP: {words}", data, flags=0)
        yield _data("Login", f"CHAP, T=1: {words}", data, flags=0x81)
        yield _data("Login", f"CHAP, on to the end: {words}", data, flags=0x83)
        yield _data("Login", f"CHAP, past it: {words}", data, flags=0x87)
    right = b"CHAP_R=0x" + b"00" * 16 + b"\0"
    for words, value in _NAMES.items():
        data = b"CHAP_N=" + value + b"\0" + right
        yield _data("Login", f"CHAP_N: {words}", data, flags=0x81)
    for words, value in _RESPONSES.items():
        data = b"CHAP_N=assay-initiator\0CHAP_R=" + value + b"\0"
        yield _data("Login", f"CHAP_R: {words}", data, flags=0x81)
        proof = b"CHAP_N=assay-initiator\0" + right
        data = proof + b"CHAP_I=1\0CHAP_C=" + value + b"\0"
        yield _data("Login", f"CHAP_C: {words}", data, flags=0x81)
    for words, value in _NUMBERS.items():
        data = b"CHAP_N=assay-initiator\0" + right + b"CHAP_I=" + value
        yield _data(
            "Login", f"CHAP_I: {words}", data + b"\0CHAP_C=0x0011\0", flags=0x81
        )


def logins_without_proof(names: bytes) -> Iterator[Stimulus]:
    """Yield first requests that skip the proof, in every stage and up to its end.

    Args:
        names: the text that says who logs in where.
    """
    for stages, flags in {
        "security, stay": 0x00,
        "security to operational": 0x81,
        "security to the end": 0x83,
        "operational, stay": 0x04,
        "operational to the end": 0x87,
        "the reserved stage to the end": 0x8B,
        "full-feature phase": 0x8F,
    }.items():
        for words, keys in {
            "no method": b"",
            "AuthMethod=None": b"AuthMethod=None\0",
            "AuthMethod=None,CHAP": b"AuthMethod=None,CHAP\0",
            "AuthMethod=nothing": b"AuthMethod=\0",
            "AuthMethod=Reject": b"AuthMethod=Reject\0",
            "an unknown method": b"AuthMethod=X-com.example.none\0",
            "a proof without a challenge": _RIGHT,
        }.items():
            text = f"{words}, {stages}"
            yield _data("Login", text, names + keys, flags=flags)


def algorithms() -> Iterator[Stimulus]:
    """Yield offers of methods and algorithms."""
    for words, value in {**_VALUES, **_NUMBERS}.items():
        method = b"AuthMethod=" + value + b"\0"
        yield _data("Login", f"AuthMethod: {words}", method, flags=0)
        algorithm = b"CHAP_A=" + value + b"\0"
        yield _data("Login", f"CHAP_A: {words}", algorithm, flags=0)
