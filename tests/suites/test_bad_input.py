# SPDX-License-Identifier: GPL-2.0-only
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from initiator.connection import Portal
from targets import RunningTarget, parse
from tests.initiator.peer import Peer, listening
from tests.suites.runs import complaint, run
from tests.tools import require

pytestmark = pytest.mark.integration

LAB_TROUBLE, USAGE = 3, 4
NAME = "iqn.2026-11.org.example:t"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningTarget]:
    with parse("reference") as target:
        yield target


def test_an_unknown_target() -> None:
    process = run("--target=tgtt")

    assert process.returncode == USAGE
    assert "unknown target 'tgtt'; did you mean tgt?" in complaint(process)


def test_scst_without_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCST_SOURCE", raising=False)

    process = run("--target=scst")

    assert process.returncode == USAGE
    assert "SCST-project/scst" in complaint(process)


def test_a_profile_for_a_target_of_our_own() -> None:
    process = run("--target=tgt", "--profile=scst")

    assert process.returncode == USAGE
    assert "--profile is only for iscsi:// targets" in complaint(process)


def test_an_unknown_profile() -> None:
    process = run(
        "--target=iscsi://localhost/iqn.2001-04.com.example:x", "--profile=esos"
    )

    assert process.returncode == USAGE
    assert "unknown profile 'esos'; valid: reference, " in complaint(process)


def test_a_fault_of_a_target_that_has_none() -> None:
    process = run("--target=tgt", "--fault=any")

    assert process.returncode == USAGE
    assert "--fault is for --target=reference" in complaint(process)


def test_the_list_of_targets() -> None:
    process = run("--target=help")

    assert process.returncode == 0
    assert all(
        name in process.stdout for name in ("reference", "tgt", "istgt", "iscsi://")
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_refused_connection(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    process = run(f"--target=iscsi://127.0.0.1:{port}/{NAME}", "-n", workers)

    assert process.returncode == LAB_TROUBLE
    assert "refuses the connection; check that" in complaint(process)


def test_a_target_that_is_not_ours_meets_one_worker_alone(
    running: RunningTarget,
) -> None:
    url = f"iscsi://{running.portal}/{running.target.name}"

    process = run(f"--target={url}", "-n", "2")

    assert process.returncode == 0, process.stdout
    assert "1/1 worker" in process.stdout
    assert "one worker runs all checks, since the target is not ours" in process.stdout


def test_a_profile_brings_habits_and_deviations(running: RunningTarget) -> None:
    process = run(
        f"--target=iscsi://{running.portal}/{running.target.name}",
        "--profile=lio",
        "-k",
        "test_target_name_is_a_part_of_one",
        path="suites/conformance/login",
    )

    # The run notices that the reference target has none of LIO's deviations.
    assert process.returncode == 1
    assert "one-login-at-a-time" in process.stdout
    printed = " ".join(process.stdout.split())
    assert "gone RFC7143-11.13.5-i01:" in printed
    assert "remove the entry from suites/deviations/lio.toml" in printed


def test_an_unknown_name(running: RunningTarget) -> None:
    process = run(f"--target=iscsi://{running.portal}/{NAME}")

    assert process.returncode == LAB_TROUBLE
    line = complaint(process)
    assert "0x0203 (not found); check the target's name" in line
    assert running.target.name in line


def test_a_wrong_secret(running: RunningTarget) -> None:
    node = running.chap_target
    assert node is not None
    assert node.chap is not None
    place = f"{node.chap.credentials.name}%not-the-secret@{running.portal}/{node.name}"

    process = run(f"--target=iscsi://{place}")

    assert process.returncode == LAB_TROUBLE
    line = complaint(process)
    assert "0x0201 (authentication failure); check the CHAP user and secret" in line
    assert "not-the-secret" not in line


def test_a_missing_secret(running: RunningTarget) -> None:
    node = running.chap_target
    assert node is not None

    process = run(f"--target=iscsi://{running.portal}/{node.name}")

    assert process.returncode == LAB_TROUBLE
    assert "check the CHAP user and secret" in complaint(process)


def silent(peer: Peer) -> None:
    while True:
        peer.receive()


def garbage(peer: Peer) -> None:
    peer.socket.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
    silent(peer)


def half(peer: Peer) -> None:
    peer.receive()
    peer.socket.sendall(bytes(20))


def complete_and_wrong(peer: Peer) -> None:
    peer.receive()
    peer.socket.sendall(b"\xff" * 4 + bytes(44))
    silent(peer)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (silent, "accepts TCP there but does not answer"),
        (garbage, "b'SSH-2.0-'"),
        (half, "closed the connection (FIN) in the middle of a PDU"),
        (complete_and_wrong, "where a Login Response was expected"),
    ],
)
def test_a_listener_that_is_no_target(script: object, words: str) -> None:
    # The provider's own probe is the first connection, the login the second.
    with listening(script, connections=2) as portal:  # type: ignore[arg-type]
        process = run(f"--target=iscsi://{portal}/{NAME}", "--peer-timeout=0.5")

    assert process.returncode == LAB_TROUBLE
    assert words in complaint(process)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as received:
        portal = Portal(*received.getsockname())
        process = run(f"--target=reference:{portal.port}")

    assert process.returncode == LAB_TROUBLE
    assert str(portal.port) in complaint(process)


def test_a_missing_tgtd() -> None:
    plugin = ("-p", "tests.suites.without_programs")
    process = run("--target=tgt", *plugin, PATH="/nonexistent")

    assert process.returncode == LAB_TROUBLE
    assert "tgtd is not installed; apt-get install tgt" in complaint(process)


def test_an_unknown_requirement() -> None:
    process = run("--target=reference", "--requirement=RFC7143-11.19-2")

    assert process.returncode == USAGE
    assert "did you mean RFC7143-11.19-02" in complaint(process)


@pytest.mark.parametrize("option", ["--verdicts=/proc/run.json", "--alluredir=/proc/x"])
def test_a_place_where_nothing_can_be_written(option: str) -> None:
    process = run("--target=reference", option)

    assert process.returncode == USAGE
    assert "/proc/" in complaint(process)


def test_a_file_that_can_no_longer_be_written_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "full"
    file.symlink_to("/dev/full")

    process = run(f"--verdicts={file}", "--target=reference", "-k", "test_ping")

    assert process.returncode == LAB_TROUBLE
    assert f"the run is not kept: {file}: No space left on device" in process.stdout
    assert "Traceback" not in process.stdout + process.stderr


def test_an_unknown_area() -> None:
    process = run("--target=reference", "--area=nopp")

    assert process.returncode == USAGE
    assert "did you mean nop?" in complaint(process)


@pytest.mark.parametrize("kind", ["tgt", "istgt"])
def test_a_real_target_passes_through(kind: str) -> None:
    require({"tgt": "tgtd", "istgt": "istgt"}[kind])

    process = run(f"--target={kind}", "-k", "test_ping_data_is_returned", "-q")

    assert process.returncode == 0, process.stdout
    assert "requirements exercised" in process.stdout


def test_a_target_whose_logins_lead_nowhere_is_tested_all_the_same() -> None:
    process = run(
        "--target=reference",
        "--fault=login-response-has-a-digest",
        "--offer=HeaderDigest=CRC32C,None",
        "--requirement=RFC7143-6.1-01",
        path="suites/conformance/negotiation",
    )

    assert process.returncode == 1, process.stdout
    assert "its first login breaks a rule: " in process.stdout
    assert "no target to test" not in process.stdout
