# SPDX-License-Identifier: GPL-2.0-only
"""The initiator against hostile targets: it ends, and reports why.

Each behaviour is tried in a process of its own. It must be over in time, in one
printable line, and must not have filled the memory.
"""

import multiprocessing
import resource
import select
import socket
import struct
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection as Pipe

import pytest

from initiator.connection import Portal
from initiator.expect import ConformanceFailure, expect_good
from initiator.login import LoginOptions
from initiator.session import Session
from initiator.slips import EVERY_CLAUSE
from iscsi.chap import Credentials
from iscsi.constants import TMFunction
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from tests.hostile.target import KEYS, RESERVED, Script, Wire, served

pytestmark = pytest.mark.integration

PATIENCE = 0.3
"""Seconds that the initiator waits for one answer."""

SECONDS = 60
"""Seconds after which a process counts as hanging."""

MOST_GROWTH = 200 << 10
"""KiB of memory that one behaviour may cost."""

MOST_CHARACTERS = 1100
"""A line that a person reads."""

Act = Callable[[Session], object]
_READ = cdb.read_10(lba=0, blocks=8)


def read(session: Session) -> None:
    expect_good(session.execute(_READ, read=4096))


def write(session: Session) -> None:
    session.execute(cdb.write_10(lba=0, blocks=8), write=bytes(4096))


def write_much(session: Session) -> None:
    much = bytes(8 << 20)
    session.execute(cdb.write_10(lba=0, blocks=1 << 14), write=much)


def ping(session: Session) -> None:
    session.ping(b"x")


def log_out(session: Session) -> None:
    session.logout()


def log_out_and_wait(session: Session) -> None:
    session.logout()
    if not session.connection.wait_closed():
        raise ConformanceFailure("a closed connection", "it is still open")


def ask(session: Session) -> None:
    session.text([("SendTargets", "All")])


def manage(session: Session) -> None:
    session.task_management(TMFunction.ABORT_TASK_SET)


# What a target does once the initiator is in. ------------------------------------


def after_login(act: Script) -> Script:
    def script(wire: Wire) -> None:
        wire.log_in()
        wire.read()
        act(wire)

    return script


def ping_in(wire: Wire, ttt: int) -> bytes:
    return wire.pdu(0x20, itt=RESERVED, word20=ttt, advances=False)


def data_in(wire: Wire, data: bytes, offset: int = 0) -> bytes:
    remainder = struct.pack(">II", 0, offset)
    return wire.pdu(0x25, data, flags=0, rest=remainder, advances=False)


def r2t(wire: Wire, length: int = 512) -> bytes:
    remainder = struct.pack(">III", 0, 0, length)
    return wire.pdu(0x31, word20=7, rest=remainder, advances=False)


def trickle(wire: Wire) -> None:
    wire.send(wire.pdu(0x20, length=0xFFFFFC))
    wire.send_always(lambda: b"\0")


def after_logout_response(wire: Wire) -> None:
    wire.send(wire.pdu(0x26))
    wire.send_always(lambda: ping_in(wire, RESERVED))


def reset(wire: Wire) -> None:
    linger = struct.pack("ii", 1, 0)
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wire.send(b"\x20")


def fall_silent(wire: Wire) -> None:
    wire.read()


def and_then_silence(make: Callable[[Wire], bytes]) -> Script:
    def script(wire: Wire) -> None:
        wire.send(make(wire))
        wire.read()

    return script


def jump(wire: Wire) -> None:
    wire.stat_sn = 77
    wire.send(wire.pdu(0x20))


def text_goes_on(wire: Wire) -> None:
    while True:
        wire.send(wire.pdu(0x24, b"TargetName=x\0", flags=0, word20=7))
        wire.read()


def take_nothing(wire: Wire) -> None:
    wire.send(r2t(wire, 8 << 20))
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    select.select([], [], [wire.socket], 20)


ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202e\r\n"

AFTER_LOGIN: Mapping[str, tuple[Act, Script]] = {
    "pings-without-end": (read, lambda w: w.send_always(lambda: ping_in(w, 5))),
    "nop-ins-without-end": (
        ping,
        lambda w: w.send_always(lambda: ping_in(w, RESERVED)),
    ),
    "async-messages-without-end": (
        read,
        lambda w: w.send_always(lambda: w.pdu(0x32, itt=RESERVED, rest=bytes(12))),
    ),
    "data-in-without-end": (
        read,
        lambda w: w.send_always(lambda: data_in(w, bytes(65536))),
    ),
    "empty-data-in-without-end": (
        read,
        lambda w: w.send_always(lambda: data_in(w, b"")),
    ),
    "data-in-far-beyond": (
        read,
        lambda w: w.send_always(lambda: data_in(w, bytes(8), offset=0xFFFFFFF0)),
    ),
    "r2ts-without-end": (write, lambda w: w.send_always(lambda: r2t(w))),
    "r2t-of-4-gib": (write, lambda w: w.send_always(lambda: r2t(w, RESERVED))),
    "text-without-end": (ask, text_goes_on),
    "text-of-16-mib": (ask, lambda w: w.send(w.pdu(0x24, bytes(0xFFFFFC)))),
    "text-with-escapes": (
        ask,
        lambda w: w.send(w.pdu(0x24, f"A{ESCAPES}".encode() + b"\0")),
    ),
    "reject-without-end": (
        read,
        lambda w: w.send_always(lambda: w.pdu(0x3F, bytes(48), byte2=4, itt=RESERVED)),
    ),
    "logout-is-never-answered": (
        log_out,
        lambda w: w.send_always(lambda: ping_in(w, RESERVED)),
    ),
    "logout-is-no-end": (log_out_and_wait, after_logout_response),
    "a-pdu-byte-by-byte": (ping, trickle),
    "a-pdu-never-whole": (ping, and_then_silence(lambda w: w.pdu(0x20, length=4096))),
    "headers-never-whole": (ping, and_then_silence(lambda w: w.pdu(0x20, ahs=255))),
    "garbage": (ping, lambda w: w.send_always(lambda: b"\xa5" * 48)),
    "reset-amid-a-pdu": (ping, reset),
    "end-amid-a-pdu": (ping, lambda w: w.send(b"\x20\x80")),
    "wrong-tags": (
        read,
        lambda w: w.send_always(lambda: w.pdu(0x21, itt=0x7777, advances=True)),
    ),
    "malformed-sense": (
        read,
        lambda w: w.send(w.pdu(0x21, b"\xff" * 65536, byte3=2)),
    ),
    "stat-sn-jumps": (ping, jump),
    "functions-never-answered": (
        manage,
        lambda w: w.send_always(lambda: ping_in(w, RESERVED)),
    ),
    "nothing-is-taken": (write_much, take_nothing),
    "silence": (read, fall_silent),
}


# What a target does to a login. ---------------------------------------------------


def each_request(make: Callable[[Wire], bytes]) -> Script:
    def script(wire: Wire) -> None:
        while True:
            wire.read()
            wire.send(make(wire))

    return script


def once(make: Callable[[Wire], bytes]) -> Script:
    def script(wire: Wire) -> None:
        wire.read()
        wire.send(make(wire))
        wire.read()

    return script


def flood(wire: Wire) -> None:
    wire.read()
    wire.send_always(lambda: ping_in(wire, RESERVED))


def challenge(data: bytes) -> Script:
    def script(wire: Wire) -> None:
        wire.read()
        wire.send(wire.login(b"AuthMethod=CHAP\0", flags=0))
        wire.read()
        wire.send(wire.login(data, flags=0))
        wire.read()

    return script


IN_LOGIN: Mapping[str, Script] = {
    "login-never-answered": fall_silent,
    "login-answered-by-pings": flood,
    "login-goes-on-without-end": each_request(lambda w: w.login(b"", flags=0x04)),
    "login-text-without-end": each_request(
        lambda w: w.login(b"TargetAlias=" + b"x" * 8000, flags=0x44)
    ),
    "login-text-of-16-mib": once(lambda w: w.login(b"x" * 0xFFFFFC)),
    "login-with-an-initiators-opcode": once(lambda w: b"\x03" + w.login()[1:]),
    "login-number-of-5000-digits": once(
        lambda w: w.login(KEYS + b"MaxRecvDataSegmentLength=" + b"9" * 5000 + b"\0")
    ),
    "login-with-escapes": once(lambda w: w.login(f"A{ESCAPES}".encode() + b"\0")),
    "login-keys-twice": once(lambda w: w.login(KEYS + KEYS)),
    "login-refused-oddly": once(lambda w: w.login(b"", flags=0, status=0xFFFF)),
    "challenge-of-a-mib": challenge(
        b"CHAP_A=5\0CHAP_I=1\0CHAP_C=0x" + b"ab" * (1 << 19) + b"\0"
    ),
    "challenge-with-a-long-number": challenge(
        b"CHAP_A=" + b"5" * 5000 + b"\0CHAP_I=1\0CHAP_C=0xab\0"
    ),
    "challenge-with-escapes": challenge(
        f"CHAP_A=5\0CHAP_I={ESCAPES}\0CHAP_C=0xab\0".encode()
    ),
}


def attempt(pipe: Pipe, host: str, port: int, act: Act | None, secret: bytes) -> None:
    """Be the victim; send the line that it ends with, and the memory it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    options = LoginOptions(
        target_name="iqn.2026-11.org.example:t",
        credentials=Credentials("user", secret) if secret else None,
    )
    line = "it went well"
    try:
        session = Session(Portal(host, port), options, timeout=PATIENCE)
        try:
            # The reason for which a session continues is printed, too.
            session.transcript.slips.judge(EVERY_CLAUSE)
            if act is not None:
                act(session)
        finally:
            session.end()
    except ConformanceFailure as failure:
        line = failure.actual
    except ISCSIError as error:
        line = str(error)
    except BaseException as error:  # noqa: BLE001  # the parent shows it
        line = f"not an error of the peer: {error!r}\n"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    pipe.send((line, grown))


def run_initiator(script: Script, act: Act | None = None, secret: bytes = b"") -> str:
    """Return the line with which the initiator ends, and judge it."""
    context = multiprocessing.get_context("fork")
    with served(script) as (host, port):
        own, peers = context.Pipe()
        victim = context.Process(target=attempt, args=(peers, host, port, act, secret))
        victim.start()
        try:
            assert own.poll(SECONDS), "it never ends"
            line, grown = own.recv()
        finally:
            victim.kill()
            victim.join()
    assert line.isprintable(), line
    assert 0 < len(line) < MOST_CHARACTERS
    assert grown < MOST_GROWTH, f"{grown >> 10} MiB"
    return str(line)


@pytest.mark.parametrize("name", AFTER_LOGIN)
def test_a_session_comes_to_an_end(name: str) -> None:
    act, script = AFTER_LOGIN[name]

    line = run_initiator(after_login(script), act)

    assert line != "it went well"


@pytest.mark.parametrize("name", IN_LOGIN)
def test_a_login_comes_to_an_end(name: str) -> None:
    secret = b"sixteen-bytes-yes" if "challenge" in name else b""

    line = run_initiator(IN_LOGIN[name], secret=secret)

    assert line != "it went well"
