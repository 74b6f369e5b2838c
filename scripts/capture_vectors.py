# SPDX-License-Identifier: GPL-2.0-only

"""Makes tests/vectors anew: PDUs that libiscsi and QEMU exchange with tgtd and istgt.

`python scripts/capture_vectors.py` starts the targets, puts a recording proxy before
each, runs the clients, cuts what passed into PDUs with a splitter of its own, keeps one
of each shape and stores beside the bytes what tshark says of them. Needs tgt, istgt,
libiscsi-bin, qemu-utils, qemu-block-extra and tshark.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import targets  # noqa: E402
from tests.iscsi.tshark_fields import dissect  # noqa: E402

FOLDER = ROOT / "tests" / "vectors"
SECONDS = 25
MOST_DATA = 600
LIBISCSI_TESTS = (
    "SCSI.Read10.Simple",
    "SCSI.Write10.Simple",
    "SCSI.Write16.Simple",
    "SCSI.Inquiry.Standard",
    "SCSI.ModeSense6.Residuals",
    "iSCSI.iSCSIResiduals.Read10Invalid",
    "iSCSI.iSCSIResiduals.Write10Residuals",
    "iSCSI.iSCSITMF.AbortTaskSimpleAsync",
    "iSCSI.iSCSICmdSN.iSCSICmdSnTooLow",
)


@dataclass
class Stream:
    """What passed one way, and its digests once the login is over."""

    data: bytearray = field(default_factory=bytearray)


@dataclass
class Recording:
    """Both ways of each connection."""

    connections: list[tuple[Stream, Stream]] = field(default_factory=list)


def _pump(source: socket.socket, sink: socket.socket, kept: Stream) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            kept.data += chunk
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(host: str, port: int) -> Iterator[tuple[int, Recording]]:
    """Record what passes to a portal; yield the port to connect to."""
    recording = Recording()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.create_connection((host, port))
                out, back = Stream(), Stream()
                recording.connections.append((out, back))
                for ends in ((near, far, out), (far, near, back)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], recording
    finally:
        listener.close()


def split(
    stream: bytes, *, digests_after_login: tuple[bool, bool]
) -> Iterator[dict[str, object]]:
    """Cut a stream into PDUs, knowing nothing of our own framing."""
    place, in_login = 0, True
    while place + 48 <= len(stream):
        opcode = stream[place] & 0x3F
        if opcode not in (0x03, 0x23):
            in_login = False
        header_digest, data_digest = (False, False) if in_login else digests_after_login
        header = 48 + 4 * stream[place + 4]
        length = int.from_bytes(stream[place + 5 : place + 8], "big")
        size = header + 4 * header_digest + (length + 3) // 4 * 4
        size += 4 * bool(data_digest and length)
        if place + size > len(stream):
            return
        yield {
            "hex": stream[place : place + size].hex(),
            "header_digest": header_digest,
            "data_digest": data_digest,
            "header": header,
            "length": length,
        }
        place += size


def pick(recording: Recording) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the PDUs of both ways, one of each shape."""
    seen: set[tuple[object, ...]] = set()
    for out, back in recording.connections:
        agreed = tuple(
            key in bytes(back.data[:4096])
            for key in (b"HeaderDigest=CRC32C", b"DataDigest=CRC32C")
        )
        for way, stream in (("initiator", out), ("target", back)):
            for pdu in split(
                bytes(stream.data), digests_after_login=(agreed[0], agreed[1])
            ):
                raw = bytes.fromhex(str(pdu["hex"]))
                shape = (way, raw[0], raw[1], raw[2:4], pdu["length"], agreed)
                if int(str(pdu["length"])) > MOST_DATA or shape in seen:
                    continue
                seen.add(shape)
                yield way, pdu


def _run(*command: str) -> None:
    """Run a client; its verdict does not matter, its PDUs do."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603  # fixed programs
            command, capture_output=True, check=False, timeout=SECONDS
        )


def drive(running: targets.RunningTarget, client: str) -> Recording:
    """Run one client against a target and return what passed."""
    node, secret = running.target, running.chap_target
    assert secret is not None
    assert secret.chap is not None
    own = secret.chap.credentials
    lun = node.logical_units[0].lun
    with proxy(running.portal.host, running.portal.port) as (port, recording):
        where = f"127.0.0.1:{port}"
        plain = f"iscsi://{where}/{node.name}/{lun}"
        chap = f"{own.name}%{own.password}@{where}"
        if client == "libiscsi":
            _run("iscsi-inq", plain)
            _run("iscsi-inq", f"iscsi://{chap}/{secret.name}/{lun}")
            if running.kind == "tgt":
                _run("iscsi-ls", f"iscsi://{where}")
            for test in LIBISCSI_TESTS:
                _run("iscsi-test-cu", "--dataloss", f"--test={test}", plain)
        else:
            _qemu(where, node.name, lun, plain)
    return recording


def _qemu(where: str, name: str, lun: int, plain: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.raw"
        image.write_bytes(b"vector" * 100 + bytes(424))
        _run("qemu-img", "info", plain)
        for digest in ("none", "crc32c"):
            options = f"driver=iscsi,transport=tcp,portal={where},target={name}"
            options += f",lun={lun},header-digest={digest}"
            _run(
                "qemu-io",
                "--image-opts",
                "-c",
                "write -P 7 0 512",
                "-c",
                "read 0 512",
                options,
            )


def main() -> None:
    """Write one file for each pair of stacks."""
    FOLDER.mkdir(exist_ok=True)
    for kind in ("tgt", "istgt"):
        for client in ("libiscsi", "qemu"):
            with targets.parse(kind) as running:
                rows = list(pick(drive(running, client)))
                version = running.version
            _write(kind, client, version, rows)


def _write(
    kind: str, client: str, version: str, rows: list[tuple[str, dict[str, object]]]
) -> None:
    bare = [(_without_digests(pdu), way == "initiator") for way, pdu in rows]
    tshark_fields = dissect(bare)
    vectors = [
        {
            "sender": client if way == "initiator" else kind,
            "from_initiator": way == "initiator",
            "header_digest": pdu["header_digest"],
            "data_digest": pdu["data_digest"],
            "hex": pdu["hex"],
            "tshark": fields,
        }
        for (way, pdu), fields in zip(rows, tshark_fields, strict=True)
    ]
    path = FOLDER / f"{client}-{kind}.json"
    content = {"stacks": f"{client} and {kind} {version}", "vectors": vectors}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{path.name}: {len(vectors)} PDUs")  # a command's answer


def _without_digests(pdu: dict[str, object]) -> bytes:
    raw, header = bytes.fromhex(str(pdu["hex"])), int(str(pdu["header"]))
    start = header + 4 * bool(pdu["header_digest"])
    length = int(str(pdu["length"]))
    return raw[:header] + raw[start : start + (length + 3) // 4 * 4]


if __name__ == "__main__":
    main()
