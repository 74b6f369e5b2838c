# SPDX-License-Identifier: GPL-2.0-only
"""A hostile initiator of sockets and struct alone, and a target process to attack.

Nothing of the PDU code of the toolkit is used here: what that code cannot say, or would
say only right, must reach the target, too.
"""

import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 20.0
"""Seconds for any single answer, on a busy machine: a target that hangs takes hours."""

NAME = b"iqn.2001-04.com.example:assay.target"
RESERVED_TAG = 0xFFFFFFFF


class Target:
    """A reference target in a process of its own, its log kept."""

    def __init__(self, *options: str, descriptors: int | None = None) -> None:
        def bound() -> None:
            if descriptors is not None:
                both = (descriptors, descriptors)
                resource.setrlimit(resource.RLIMIT_NOFILE, both)

        command = [sys.executable, "-m", "reftarget", "--portal", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, "--exit-with-stdin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=bound,  # noqa: PLW1509 - before any thread of ours is started
            cwd=Path(__file__).parents[2],
            text=True,
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words[0] == "ready"
        self.port = int(words[1].rpartition(":")[2])
        self.log: list[str] = []
        self._logged = threading.Condition()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._logged:
                self.log.append(line)
                self._logged.notify_all()

    def wait_for(self, text: str) -> None:
        """Wait until a line of the log holds a text."""
        with self._logged:
            assert self._logged.wait_for(
                lambda: any(text in line for line in self.log), PATIENCE
            )

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Have pings answered until something is so; fail after a while."""
        end = time.monotonic() + PATIENCE
        with Attacker(self.port, 0xBEEE) as somebody:
            somebody.log_in()
            while not is_so():
                assert time.monotonic() < end
                somebody.ping()

    @property
    def memory(self) -> int:
        """Return the bytes of memory that are resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) << 10

    @property
    def cpu_ticks(self) -> int:
        """Return how long its processor has worked for it, in ticks of the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        user, system = fields.split()[11:13]
        return int(user) + int(system)

    def wait_until_idle(self) -> None:
        """Wait for half a second in which the target uses no processor; fail late."""
        end = time.monotonic() + PATIENCE
        while True:
            before = self.cpu_ticks
            time.sleep(0.5)
            if self.cpu_ticks == before:
                return
            assert time.monotonic() < end, "the target never rests"

    @property
    def descriptors(self) -> int:
        """Return how many files are open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def close(self) -> str:
        """End the target; return all of its log."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return "".join(self.log)

    def attack(self, isid: int = 1, **keys: object) -> "Attacker":
        """Return a connection that has logged in and has heard the unit attentions."""
        with ExitStack() as stack:
            attacker = stack.enter_context(Attacker(self.port, isid))
            attacker.log_in(**keys)
            attacker.clear_attentions()
            stack.pop_all()
        return attacker

    def assert_serves(self) -> None:
        """Log in and read a block, as somebody who has nothing to do with it all."""
        with Attacker(self.port, 0xBEEF) as somebody:
            somebody.log_in()
            somebody.ping()


@contextmanager
def running(*options: str, descriptors: int | None = None) -> Iterator[Target]:
    """Have a target run; it must end in good order and without a traceback."""
    target = Target(*options, descriptors=descriptors)
    try:
        yield target
    finally:
        log = target.close()
    assert "Traceback" not in log, log[-4000:]
    assert "no arrow of chapter 8" not in log, log[-4000:]
    assert target.process.returncode == 0


class Attacker:
    """One TCP connection, and the few numbers that an initiator has to keep."""

    def __init__(self, port: int, isid: int = 1, cid: int = 0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.isid = b"\x80\0\0" + isid.to_bytes(3, "big")
        self.cid = cid
        self.tsih = 0
        self.cmd_sn = 1
        self.exp_stat_sn = 0
        self.itt = 1 + 0x10000 * cid
        self._gathered: bytearray | None = None

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.socket.close()

    def send(self, header: bytes, data: bytes = b"") -> None:
        """Send a header of 48 bytes, with the data's length filled in, and the data."""
        length = len(data).to_bytes(3, "big")
        pdu = header[:5] + length + header[8:] + data + bytes(-len(data) % 4)
        if self._gathered is None:
            self.socket.sendall(pdu)
        else:
            self._gathered += pdu

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Send what is to be sent meanwhile in one piece."""
        self._gathered = bytearray()
        yield
        gathered, self._gathered = self._gathered, None
        self.socket.sendall(gathered)

    def receive(self) -> tuple[bytes, bytes]:
        """Return the header and the data of the next PDU that comes."""
        header = self._read(48)
        length = int.from_bytes(header[5:8], "big")
        data = self._read(length + -length % 4)[:length]
        self._note(header)
        return header, data

    def _note(self, header: bytes) -> None:
        opcode = header[0] & 0x3F
        is_status = opcode not in (0x31, 0x25, 0x20) or (
            opcode == 0x25 and header[1] & 1
        )
        if opcode == 0x20 and header[16:20] != b"\xff" * 4:
            is_status = True
        if is_status:
            (stat_sn,) = struct.unpack_from(">I", header, 24)
            self.exp_stat_sn = stat_sn + 1 & 0xFFFFFFFF

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise ConnectionResetError("the target has closed the connection")
            parts += part
        return bytes(parts)

    def receive_until(self, opcode: int) -> tuple[bytes, bytes]:
        """Return the next PDU of an opcode; others are dropped."""
        while True:
            header, data = self.receive()
            if header[0] & 0x3F == opcode:
                return header, data

    def is_closed(self) -> bool:
        """Read until the target closes the connection; tell whether it does so."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True

    def next_tag(self) -> int:
        """Return a fresh Initiator Task Tag."""
        self.itt += 1
        return self.itt

    def login_request(
        self,
        text: bytes,
        *,
        flags: int = 0x87,
        cid: int | None = None,
    ) -> None:
        """Send a Login Request."""
        self.send(
            struct.pack(
                ">BBBBI6sHIHHII16x",
                0x43,
                flags,
                0,
                0,
                0,
                self.isid,
                self.tsih,
                0,
                self.cid if cid is None else cid,
                0,
                self.cmd_sn,
                self.exp_stat_sn,
            ),
            text,
        )

    def log_in(self, **keys: object) -> bytes:
        """Log in with one request; return the header of the response."""
        pairs = {
            "InitiatorName": "iqn.2001-04.com.example:attacker",
            "TargetName": NAME.decode(),
            "ErrorRecoveryLevel": 2,
            "MaxConnections": 4,
            "InitialR2T": "No",
            "DataPDUInOrder": "No",
            "DataSequenceInOrder": "No",
            "MaxOutstandingR2T": 8,
            **keys,
        }
        text = b"".join(f"{key}={value}\0".encode() for key, value in pairs.items())
        self.login_request(text)
        header, _ = self.receive()
        assert header[0] == 0x23
        assert header[36:38] == b"\0\0", header[36:38].hex()
        self.tsih = int.from_bytes(header[14:16], "big")
        return header

    def ping(self, data: bytes = b"") -> None:
        """Send an immediate NOP-Out and wait for its answer."""
        tag = self.next_tag()
        self.send(self.request(0x40, 0x80, tag=tag, word=RESERVED_TAG), data)
        while True:
            header, _ = self.receive()
            if header[0] == 0x20 and header[16:20] == tag.to_bytes(4, "big"):
                return

    def join(self, other: "Attacker") -> None:
        """Log in as one more connection of another's session."""
        self.tsih = other.tsih
        self.cmd_sn = other.cmd_sn
        self.login_request(
            b"InitiatorName=iqn.2001-04.com.example:attacker\0TargetName="
            + NAME
            + b"\0"
        )
        header, _ = self.receive()
        assert header[36:38] == b"\0\0", header[36:38].hex()

    def clear_attentions(self) -> None:
        """Send TEST UNIT READY until the answer is GOOD, for a while at the longest.

        The unit is busy for a moment where a function of an earlier test still ends
        tasks; noise may have left it reserved or in ACA for good.
        """
        end = time.monotonic() + PATIENCE
        status = 2
        while status:
            assert time.monotonic() < end, f"the unit answers status {status:#04x}"
            self.command(bytes(6), 0x80, 0)
            status = self.receive_until(0x21)[0][3]

    def request(
        self,
        opcode: int,
        flags: int,
        *,
        tag: int,
        word: int = 0,
        lun: int = 0,
        cmd_sn: int | None = None,
        rest: bytes = bytes(16),
    ) -> bytes:
        """Return a header with the fields that all requests share."""
        number = self.cmd_sn if cmd_sn is None else cmd_sn
        return struct.pack(
            ">BB6xQIIII16s",
            opcode,
            flags,
            lun << 48,
            tag,
            word,
            number,
            self.exp_stat_sn,
            rest,
        )

    def command(
        self,
        cdb: bytes,
        flags: int,
        length: int,
        data: bytes = b"",
        *,
        cmd_sn: int | None = None,
        immediate: bool = False,
    ) -> int:
        """Send a SCSI Command; return its tag."""
        tag = self.next_tag()
        opcode = 0x41 if immediate else 0x01
        header = self.request(
            opcode,
            flags,
            tag=tag,
            word=length,
            cmd_sn=cmd_sn,
            rest=cdb.ljust(16, b"\0"),
        )
        self.send(header, data)
        if cmd_sn is None and not immediate:
            self.cmd_sn = self.cmd_sn + 1 & 0xFFFFFFFF
        return tag

    def function(self, code: int, *, cmd_sn: int | None = None, lun: int = 0) -> int:
        """Send an immediate Task Management Function Request; return its tag."""
        tag = self.next_tag()
        header = self.request(
            0x42, 0x80 | code, tag=tag, word=RESERVED_TAG, cmd_sn=cmd_sn, lun=lun
        )
        self.send(header)
        return tag

    def data_out(self, r2t: bytes, offset: int, data: bytes, *, number: int) -> bytes:
        """Return a Data-Out PDU that answers an R2T, its F bit not set."""
        header = struct.pack(
            ">BB3x3s8s4s4s4xI4xIII",
            0x05,
            0,
            len(data).to_bytes(3, "big"),
            r2t[8:16],
            r2t[16:20],
            r2t[20:24],
            self.exp_stat_sn,
            number,
            offset,
            0,
        )
        return header + data + bytes(-len(data) % 4)


def write_10(blocks: int) -> bytes:
    """Return the CDB of WRITE (10) at the first block."""
    return struct.pack(">BBIBHB", 0x2A, 0, 0, 0, blocks, 0)


def read_10(blocks: int) -> bytes:
    """Return the CDB of READ (10) at the first block."""
    return struct.pack(">BBIBHB", 0x28, 0, 0, 0, blocks, 0)
