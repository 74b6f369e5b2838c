# SPDX-License-Identifier: GPL-2.0-only
"""Failures recorded, kept as a file and sent again, to the same target and another."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from initiator import bundle, minimise
from initiator.bundle import Bundle, BundleError
from initiator.connection import Portal
from initiator.expect import ConformanceFailure
from initiator.login import LoginOptions
from initiator.replay import replay
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.address import TargetURL
from iscsi.errors import ISCSIError
from iscsi.pdu import NOPOut
from iscsi.scsi import cdb
from targets import RunningTarget, parse

ROOT = Path(__file__).parents[2]
FAULTS = [
    "login-response-changes-isid",
    "initial-r2t-always-no",
    "markers-not-understood",
    "login-no-portal-group-tag",
    "unknown-key-unanswered",
    "max-burst-above-offer",
    "time2wait-below-offer",
    "nop-in-without-echo",
    "nop-in-answer-with-tag",
    "nop-out-unanswered",
    "scsi-response-not-final",
    "residual-left-out",
    "residual-count-wrong",
    "both-residual-bits",
    "sense-left-out",
    "data-in-data-sn-from-one",
    "data-in-status-not-final",
    "data-in-offset-wrong",
    "r2t-sn-from-one",
    "r2t-stat-sn-wrong",
    "exp-cmd-sn-late",
    "logout-response-with-data",
]
KEYS = {
    "HeaderDigest": "CRC32C",
    "DataDigest": "CRC32C",
    "ImmediateData": "No",
    "MaxBurstLength": "8192",
    "FirstBurstLength": "512",
    "DefaultTime2Wait": "5",
    "MaxRecvDataSegmentLength": "512",
    "InitialR2T": "Yes",
    "IFMarker": "No",
    "X-com.example.odd": "1",
}


def url_of(running: RunningTarget) -> TargetURL:
    portal = Portal(running.portal.host, running.portal.port)
    return TargetURL(portal, running.target.name, running.target.logical_units[0].lun)


def record(running: RunningTarget, *, pings: int = 1) -> Bundle:
    """Return a conversation that touches most PDUs, as far as it gets."""
    transcript, target = Transcript(), url_of(running)
    options = LoginOptions(target_name=target.name, keys=KEYS)
    with suppress(ISCSIError, ConformanceFailure):
        session = Session(
            target.portal,
            options,
            transcript=transcript,
            timeout=0.5,
            lun=target.lun or 0,
        )
        session.judges_stat_sn = False
        block = bytes(range(256)) * 2
        steps: list[Callable[[], object]] = [
            lambda: session.execute(cdb.test_unit_ready()),
            lambda: session.execute(cdb.test_unit_ready()),
            lambda: session.execute(cdb.write_10(lba=3, blocks=1), write=block),
            lambda: session.execute(cdb.read_10(lba=3, blocks=2), read=1536),
            lambda: session.execute(cdb.read_10(lba=1 << 30, blocks=1), read=512),
            *[lambda: session.ping(b"ping")] * pings,
            session.logout,
        ]
        for step in steps:
            with suppress(ISCSIError, ConformanceFailure):
                step()
        session.close()
    return bundle.of_transcript(
        transcript, target_name=target.name, lun=target.lun or 0, actual="odd"
    )


@pytest.fixture(scope="module")
def clean() -> object:
    with parse("reference") as running:
        yield running


@pytest.mark.integration
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_on_its_target_and_not_on_a_clean_one(
    clean: RunningTarget, fault: str
) -> None:
    with parse("reference", {"fault": [fault]}) as faulty:
        recorded = record(faulty)
        same = replay(recorded, url_of(faulty), seconds=1)
    other = replay(recorded, url_of(clean), seconds=1)

    assert not same.differences, "\n".join(map(str, same.differences))
    assert other.differences


@pytest.mark.integration
def test_what_was_right_is_answered_alike(clean: RunningTarget) -> None:
    recorded = record(clean)

    differences = replay(recorded, url_of(clean), seconds=1)

    assert not differences.differences
    assert minimise.count(recorded.events) == 9
    sent = [entry.wire for entry in differences.transcript.entries if entry.wire]
    assert len(sent) == sum(event.is_pdu for event in recorded.events)


@pytest.mark.integration
def test_a_shorter_bundle_shows_the_same(clean: RunningTarget) -> None:
    with parse("reference", {"fault": ["nop-in-without-echo"]}) as faulty:
        transcript, target = Transcript(), url_of(faulty)
        with Session(
            target.portal,
            LoginOptions(target_name=target.name),
            transcript=transcript,
            lun=target.lun or 0,
        ) as session:
            for _ in range(12):
                session.execute(cdb.test_unit_ready())
            ping = session.send(NOPOut(immediate=1, data=b"echo"))
            session.receive()
        recorded = bundle.of_transcript(transcript, target_name=target.name)
        expected = replay(recorded, url_of(clean), seconds=1).differences
        assert expected

        def shows(shorter: Bundle) -> bool:
            differences = replay(shorter, url_of(clean), seconds=1).differences
            return [(d.what, d.now) for d in differences] == [
                (d.what, d.now) for d in expected
            ]

        shorter = minimise.minimise(recorded, shows)
        still = replay(shorter, url_of(faulty), seconds=1)

    assert not still.differences
    assert minimise.count(recorded.events) == 15
    assert minimise.count(shorter.events) <= 3
    tags = {
        event.pdu.fields.get("initiator_task_tag")
        for event in shorter.events
        if event.is_pdu
    }
    assert ping.initiator_task_tag in tags


@pytest.mark.integration
def test_chap_is_answered_anew(clean: RunningTarget) -> None:
    from iscsi import chap  # noqa: PLC0415  # this test alone needs it

    node = clean.chap_target
    assert node is not None
    assert node.chap is not None
    own = node.chap.credentials
    transcript = Transcript()
    portal = url_of(clean).portal
    options = LoginOptions(
        target_name=node.name,
        credentials=own,
    )
    with Session(portal, options, transcript=transcript) as session:
        session.ping(b"x")
    recorded = bundle.of_transcript(transcript, target_name=node.name)

    with_secret = TargetURL(portal, node.name, 0, chap.Chap(own))
    right = replay(recorded, with_secret, seconds=1)
    without = replay(recorded, TargetURL(portal, node.name), seconds=1)

    assert not right.differences
    assert "status_class" in {one.what for one in without.differences}
    proof = next(
        value
        for pdu in transcript.sent()
        if b"CHAP_R=" in bytes(getattr(pdu, "data", b""))
        for name, _, value in [bytes(pdu.data).partition(b"CHAP_R=")]
    )
    assert proof[:20] not in recorded.encode()


def test_a_bundle_comes_back_as_it_went(tmp_path: Path) -> None:
    recording = Bundle(
        (bundle.Event(bundle.OPENED, 1), bundle.Event(bundle.RAW, 1, raw="00ff")),
        check="nop/x",
        expected=("a", "b"),
        requirements=({"id": "RFC7143-11.19-02"},),
    )
    recording.write(tmp_path / "deep" / "b.json")

    assert bundle.read(tmp_path / "deep" / "b.json") == recording
    packed = tmp_path / "b.json.gz"
    packed.write_bytes(gzip.compress(recording.encode()))
    assert bundle.read(packed) == recording
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(BundleError, match="damaged"):
        bundle.read(packed)


def bundle_of(event: dict[str, object], **facts: object) -> str:
    return json.dumps({"format": bundle.FORMAT, "events": [event], **facts})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("{", "not a bundle"),
        ("[]", "not a bundle"),
        (json.dumps({"format": bundle.FORMAT}), "damaged"),
        (
            json.dumps(
                {
                    "format": bundle.FORMAT,
                    "events": [{"kind": "sent", "connection": 1, "header": "zz"}],
                }
            ),
            "damaged",
        ),
        (bundle_of({"kind": "sent", "connection": "one"}), "Expected `int`"),
        (bundle_of({"kind": "sung", "connection": 1}), "unknown kind"),
        (bundle_of({"kind": "raw", "connection": 1, "raw": "0"}), "damaged"),
        (bundle_of({"kind": "raw", "connection": 1, "raw": []}), "Expected `str`"),
        (bundle_of({"kind": "opened", "connection": 1}, lun="\x1b[2J"), "damaged"),
        ("[" * 100_000, "not a bundle"),
        (json.dumps({"format": ["\x1b]0;owned\x07"]}), "not a bundle"),
    ],
)
def test_a_file_that_is_no_bundle_is_reported_in_one_line(
    tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "b.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(BundleError, match=words) as caught:
        bundle.read(path)

    assert str(caught.value).isprintable()


def test_a_bundle_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 1 << 20)
    path = tmp_path / "b.json.gz"
    path.write_bytes(gzip.compress(bytes(4 << 20)))

    with pytest.raises(BundleError, match="holds more than 1 MiB"):
        bundle.read(path)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["replay", "none.json", "--target", "iscsi://h/iqn.x"], "No such file"),
        (["replay", "b.json", "--target", "http://h/iqn.x"], "iscsi://[user%secret@]"),
        (["replay", "b.json", "--target", "iscsi://h"], "no target name"),
        (["replay", "b.json", "--target", "iscsi://h/iqn.x/one"], "is not a number"),
        (["replay", "b.json", "--target", "iscsi://u@h/iqn.x"], "no %secret"),
        (["replay", "b.json", "--target", "iscsi://127.0.0.1:1/iqn.x"], "cannot conn"),
        (["replay", "b.json", "--target", "iscsi://h:0/iqn.x"], "from 1 to 65535"),
        (["replay", "b.json", "--target", "iscsi://h/iqn.x/99999"], "0 to 16383"),
        (["replay", "b.json", "--target", "iscsi://h/iqn.x%zz"], "hexadecimal digits"),
        (["replay", "b.json", "--target", "iscsi://h/iqn.x?lun=1"], "unknown key"),
        (["shell", "iscsi://h/disk"], "must begin with one of"),
        (["decode", "none.pcap"], "No such file"),
        (["decode", "b.json"], "not a pcap"),
        (["shell", "iscsi://127.0.0.1:1/iqn.x"], "cannot connect"),
    ],
)
def test_trouble_is_one_line(tmp_path: Path, words: list[str], complaint: str) -> None:
    opened = bundle.Event(bundle.OPENED, 1)
    Bundle((opened,)).write(tmp_path / "b.json")

    process = subprocess.run(
        [sys.executable, "-m", "initiator", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert process.returncode == 2, process.stderr
    assert complaint in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
