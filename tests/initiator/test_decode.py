# SPDX-License-Identifier: GPL-2.0-only
"""Captures read back: our own, those of other programs, and broken ones."""

import gzip
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from initiator.captures import decode
from initiator.captures import read as capture_file
from initiator.captures.read import CaptureError, segments
from initiator.captures.write import to_pcapng
from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.pcap import Capture
from iscsi.pdu import PDU, DataIn, NOPIn, NOPOut, SCSICommand, SCSIResponse
from iscsi.scsi import cdb
from targets import RunningTarget, parse
from tests.tools import require

NEAR, FAR = ("192.0.2.1", 50000), ("192.0.2.2", 3260)


def wire(pdu: PDU) -> bytes:
    return b"".join(pdu.segments())


def marks(path: Path, port: int | None = None) -> list[str]:
    return [one.text for one in decode.lines(path, port=port) if one.is_mark]


def conversation(path: Path, *pdus: PDU, port: int = 3260) -> Path:
    """Write a capture of PDUs; what a target sends goes the other way."""
    capture = Capture()
    capture.open(1, 1.0, NEAR, (FAR[0], port))
    for number, pdu in enumerate(pdus):
        from_near = isinstance(pdu, NOPOut | SCSICommand)
        capture.data(1, 2.0 + number, wire(pdu), from_near=from_near)
    path.write_bytes(capture.take())
    return path


def answer(kind: type[PDU] = SCSIResponse, **fields: int | bytes) -> PDU:
    values = {"initiator_task_tag": 1, "exp_cmd_sn": 1, "max_cmd_sn": 9, "final": 1}
    return kind(**{**values, **fields})


@pytest.mark.parametrize(
    ("pdus", "requirement"),
    [
        ([answer(stat_sn=5), answer(stat_sn=7)], "RFC7143-4.2.2.2-01"),
        ([answer(stat_sn=5, max_cmd_sn=0xFFFFFFF0)], "RFC7143-4.2.2.1-12"),
        (
            [answer(stat_sn=5, exp_cmd_sn=4), answer(stat_sn=6, exp_cmd_sn=3)],
            "RFC7143-11.4.10-i01",
        ),
        (
            [
                SCSICommand(initiator_task_tag=1, cmd_sn=1),
                answer(DataIn, data_sn=1, data=b"1234"),
            ],
            "RFC7143-4.2.2.4-01",
        ),
        ([answer(DataIn, status_present=1, final=0)], "RFC7143-11.7.3-03"),
    ],
)
def test_what_breaks_a_rule_is_marked(
    tmp_path: Path, pdus: list[PDU], requirement: str
) -> None:
    (mark,) = marks(conversation(tmp_path / "c.pcapng", *pdus))

    assert requirement in mark


def test_what_follows_the_rules_is_not(tmp_path: Path) -> None:
    path = conversation(
        tmp_path / "c.pcapng",
        SCSICommand(initiator_task_tag=1, cmd_sn=1),
        answer(DataIn, data_sn=0, data=b"1234"),
        answer(DataIn, data_sn=1, data=b"1234"),
        answer(stat_sn=0xFFFFFFFF, exp_cmd_sn=2),
        NOPOut(initiator_task_tag=2, cmd_sn=2),
        answer(NOPIn, initiator_task_tag=2, stat_sn=0, exp_cmd_sn=3),
    )

    lines = list(decode.lines(path))

    assert not [one for one in lines if one.is_mark]
    assert [line.text.split()[3] for line in lines[1:]] == [
        "SCSICommand",
        "DataIn",
        "DataIn",
        "SCSIResponse",
        "NOPOut",
        "NOPIn",
    ]


def test_another_port_is_found_by_the_contents(tmp_path: Path) -> None:
    path = conversation(tmp_path / "c.pcapng", NOPOut(cmd_sn=2), port=860)

    assert "192.0.2.2:860" in next(decode.lines(path)).text


def packet(sequence: int, data: bytes) -> bytes:
    """Return a TCP segment in IPv4, without any link layer."""
    tcp = struct.pack(">HHIIBBHHH", 50000, 3260, sequence, 0, 0x50, 0x18, 99, 0, 0)
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        *(0x45, 0, 40 + len(data), 0, 0, 64, 6, 0),
        *(bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])),
    )
    return ip + tcp + data


def pcap(*packets: bytes, link: int = 101) -> bytes:
    out = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for number, one in enumerate(packets):
        out += struct.pack("<IIII", number, 0, len(one), len(one)) + one
    return out


def test_repeated_and_late_segments_are_put_right(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(
        pcap(
            packet(100, b"abcd"),
            packet(108, b"ijkl"),
            packet(100, b"abcd"),
            packet(102, b"cdefgh"),
        )
    )

    assert b"".join(one.data for one in segments(path)) == b"abcdefghijkl"


def test_a_serial_number_may_wrap(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap(packet(0xFFFFFFFE, b"abcd"), packet(2, b"efgh")))

    assert b"".join(one.data for one in segments(path)) == b"abcdefgh"


def test_a_compressed_capture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap.gz"
    path.write_bytes(gzip.compress(pcap(packet(0, b"abcd"), packet(4, b"efgh"))))

    assert b"".join(one.data for one in segments(path)) == b"abcdefgh"


@pytest.mark.parametrize("cut", [30, 70, 101])
def test_a_capture_that_breaks_off_is_read_as_far(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(pcap(packet(0, wire(NOPOut())), packet(48, wire(NOPOut())))[:-cut])

    texts = [one.text for one in decode.lines(path, port=3260)]

    assert sum("NOPOut" in text for text in texts) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a pcap"),
        (b"hello, world, this is no capture", "not a pcap"),
        (pcap(), "found no iSCSI"),
        (gzip.compress(pcap(), mtime=0)[:8], "damaged gzip"),
        (gzip.compress(b"hello, world", mtime=0), "not a pcap"),
        (pcap(packet(0, b"GET / HTTP/1.1"), link=999), "link type 999"),
    ],
)
def test_a_capture_without_iscsi_is_reported_in_one_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(content)

    with pytest.raises(CaptureError, match=words) as caught:
        list(decode.lines(path))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pcap() + bytes(8) + 8 * b"\xff" + bytes(100),
        b"\x0a\x0d\x0d\x0a\xf0\xff\xff\xff\x4d\x3c\x2b\x1a" + bytes(100),
    ],
)
def test_the_command_says_one_line_of_a_damaged_capture(
    tmp_path: Path, content: bytes
) -> None:
    """Scapy logs its own view of such files."""
    path = tmp_path / "c.pcap"
    path.write_bytes(content)

    process = subprocess.run(
        [sys.executable, "-m", "initiator", "decode", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1, process.stderr


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_capture_of_any_length_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_packed: bool
) -> None:
    monkeypatch.setattr(capture_file, "MOST_BYTES", 1 << 16)
    content = pcap(*(packet(n * 1000, bytes(1000)) for n in range(100)))
    path = tmp_path / "c.pcap"
    path.write_bytes(gzip.compress(content) if is_packed else content)

    with pytest.raises(CaptureError, match="holds more than 0 MiB: cut it first"):
        list(decode.lines(path))


def test_a_packet_that_claims_gigabytes_ends_the_capture(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    claim = struct.pack("<IIII", 0, 0, 0xFFFFFFF0, 0xFFFFFFF0)
    path.write_bytes(gzip.compress(pcap(packet(0, b"abcd")) + claim + bytes(99999)))

    assert [one.data for one in capture_file.segments(path)] == [b"abcd"]


@pytest.fixture(scope="module")
def tgt() -> Iterator[RunningTarget]:
    require("tgtd")
    with parse("tgt") as running:
        yield running


@pytest.mark.integration
def test_our_captures_come_back_without_marks(
    tgt: RunningTarget, tmp_path: Path
) -> None:
    transcript = Transcript()
    options = LoginOptions(
        target_name=tgt.target.name,
        keys={"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"},
    )
    portal = Portal(tgt.portal.host, tgt.portal.port)
    lun = tgt.target.logical_units[0].lun
    with Session(portal, options, transcript=transcript, lun=lun) as session:
        session.execute(cdb.test_unit_ready())
        session.execute(cdb.read_10(lba=0, blocks=64), read=32768)
        session.ping(b"x" * 101)
    path = tmp_path / "c.pcapng"
    path.write_bytes(to_pcapng(transcript))

    lines = [one.text for one in decode.lines(path)]

    count = sum(" -> " in one or " <- " in one for one in lines)
    assert count >= len(list(transcript.pdus()))
    assert not marks(path)


@pytest.mark.integration
def test_a_capture_of_libiscsi_and_tgtd_is_as_tshark_sees_it(
    tgt: RunningTarget, tmp_path: Path
) -> None:
    require("dumpcap", "tshark", "iscsi-perf")
    path, port = tmp_path / "c.pcapng", tgt.portal.port
    lun = tgt.target.logical_units[0].lun
    url = f"iscsi://127.0.0.1:{port}/{tgt.target.name}/{lun}"
    with subprocess.Popen(
        ["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", str(path)],
        stderr=subprocess.PIPE,
    ) as capturing:
        assert capturing.stderr is not None
        while b"File:" not in capturing.stderr.readline():
            assert capturing.poll() is None
        for program in (["iscsi-inq", url], ["iscsi-readcapacity16", url]):
            subprocess.run(program, capture_output=True, timeout=20, check=True)
        # Packets that the kernel has not yet passed to dumpcap are lost with it.
        time.sleep(1)
        capturing.terminate()
    counted = subprocess.run(
        [
            *("tshark", "-r", str(path), "-d", f"tcp.port=={port},iscsi"),
            *("-o", f"iscsi.target_ports:{port}", "-T", "fields", "-e", "iscsi.opcode"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    opcodes = [one for line in counted.split() for one in line.split(",")]

    lines = [one.text for one in decode.lines(path)]

    endings = ("FIN", "RST")
    displayed = [
        one
        for one in lines
        if (" -> " in one or " <- " in one) and not one.endswith(endings)
    ]
    assert len(opcodes) > 20
    assert len(displayed) == len(opcodes)
    assert not marks(path)
