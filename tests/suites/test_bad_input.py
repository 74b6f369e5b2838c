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
    done = run("--target=tgtt")

    assert done.returncode == USAGE
    assert "unknown target 'tgtt'; did you mean tgt?" in complaint(done)


def test_scst_without_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCST_SOURCE", raising=False)

    done = run("--target=scst")

    assert done.returncode == USAGE
    assert "SCST-project/scst" in complaint(done)


def test_a_profile_for_a_target_of_our_own() -> None:
    done = run("--target=tgt", "--profile=scst")

    assert done.returncode == USAGE
    assert "--profile is for iscsi:// targets alone" in complaint(done)


def test_a_profile_that_nobody_knows() -> None:
    done = run("--target=iscsi://localhost/iqn.2001-04.com.example:x", "--profile=esos")

    assert done.returncode == USAGE
    assert "unknown profile 'esos'; valid: reference, " in complaint(done)


def test_a_fault_of_a_target_that_has_none() -> None:
    done = run("--target=tgt", "--fault=any")

    assert done.returncode == USAGE
    assert "--fault is for --target=reference" in complaint(done)


def test_the_list_of_targets() -> None:
    done = run("--target=help")

    assert done.returncode == 0
    assert all(
        name in done.stdout for name in ("reference", "tgt", "istgt", "iscsi://")
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_refused_connection(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    done = run(f"--target=iscsi://127.0.0.1:{port}/{NAME}", "-n", workers)

    assert done.returncode == LAB_TROUBLE
    assert "refuses the connection; check that" in complaint(done)


def test_a_target_that_is_not_ours_meets_one_worker_alone(
    running: RunningTarget,
) -> None:
    url = f"iscsi://{running.portal}/{running.target.name}"

    done = run(f"--target={url}", "-n", "2")

    assert done.returncode == 0, done.stdout
    assert "1/1 worker" in done.stdout
    assert "one worker runs all checks, since the target is not ours" in done.stdout


def test_a_profile_brings_habits_and_deviations(running: RunningTarget) -> None:
    done = run(
        f"--target=iscsi://{running.portal}/{running.target.name}",
        "--profile=lio",
        "-k",
        "test_target_name_is_a_part_of_one",
        path="suites/conformance/login",
    )

    # The reference target has none of LIO's deviations, which is noticed.
    assert done.returncode == 1
    assert "one-login-at-a-time" in done.stdout
    printed = " ".join(done.stdout.split())
    assert "gone RFC7143-11.13.5-i01:" in printed
    assert "remove the entry from suites/deviations/lio.toml" in printed


def test_an_unknown_name(running: RunningTarget) -> None:
    done = run(f"--target=iscsi://{running.portal}/{NAME}")

    assert done.returncode == LAB_TROUBLE
    line = complaint(done)
    assert "0x0203 (not found); check the target's name" in line
    assert running.target.name in line


def test_a_wrong_secret(running: RunningTarget) -> None:
    node = running.chap_target
    assert node is not None
    assert node.chap is not None
    where = f"{node.chap.credentials.name}%not-the-secret@{running.portal}/{node.name}"

    done = run(f"--target=iscsi://{where}")

    assert done.returncode == LAB_TROUBLE
    line = complaint(done)
    assert "0x0201 (authentication failure); check the CHAP user and secret" in line
    assert "not-the-secret" not in line


def test_a_missing_secret(running: RunningTarget) -> None:
    node = running.chap_target
    assert node is not None

    done = run(f"--target=iscsi://{running.portal}/{node.name}")

    assert done.returncode == LAB_TROUBLE
    assert "check the CHAP user and secret" in complaint(done)


def silent(peer: Peer) -> None:
    while True:
        peer.receive()


def garbage(peer: Peer) -> None:
    peer.socket.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
    silent(peer)


def half(peer: Peer) -> None:
    peer.receive()
    peer.socket.sendall(bytes(20))


def whole_and_wrong(peer: Peer) -> None:
    peer.receive()
    peer.socket.sendall(b"\xff" * 4 + bytes(44))
    silent(peer)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (silent, "accepts TCP there but does not answer"),
        (garbage, "b'SSH-2.0-'"),
        (half, "closed the connection (FIN) in the middle of a PDU"),
        (whole_and_wrong, "where a Login Response was due"),
    ],
)
def test_a_listener_that_is_no_target(script: object, words: str) -> None:
    # The provider's own probe is the first connection, the login the second.
    with listening(script, connections=2) as portal:  # type: ignore[arg-type]
        done = run(f"--target=iscsi://{portal}/{NAME}", "--peer-timeout=0.5")

    assert done.returncode == LAB_TROUBLE
    assert words in complaint(done)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        portal = Portal(*taken.getsockname())
        done = run(f"--target=reference:{portal.port}")

    assert done.returncode == LAB_TROUBLE
    assert str(portal.port) in complaint(done)


def test_a_missing_tgtd() -> None:
    plugin = ("-p", "tests.suites.without_programs")
    done = run("--target=tgt", *plugin, PATH="/nonexistent")

    assert done.returncode == LAB_TROUBLE
    assert "tgtd is not installed; apt-get install tgt" in complaint(done)


def test_an_unknown_requirement() -> None:
    done = run("--target=reference", "--requirement=RFC7143-11.19-2")

    assert done.returncode == USAGE
    assert "did you mean RFC7143-11.19-02" in complaint(done)


@pytest.mark.parametrize("option", ["--verdicts=/proc/run.json", "--alluredir=/proc/x"])
def test_a_place_where_nothing_can_be_written(option: str) -> None:
    done = run("--target=reference", option)

    assert done.returncode == USAGE
    assert "/proc/" in complaint(done)


def test_a_file_that_can_no_longer_be_written_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "full"
    file.symlink_to("/dev/full")

    done = run(f"--verdicts={file}", "--target=reference", "-k", "test_ping")

    assert done.returncode == LAB_TROUBLE
    assert f"the run is not kept: {file}: No space left on device" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unknown_area() -> None:
    done = run("--target=reference", "--area=nopp")

    assert done.returncode == USAGE
    assert "did you mean nop?" in complaint(done)


@pytest.mark.parametrize("kind", ["tgt", "istgt"])
def test_a_real_target_passes_through(kind: str) -> None:
    require({"tgt": "tgtd", "istgt": "istgt"}[kind])

    done = run(f"--target={kind}", "-k", "test_ping_data_is_returned", "-q")

    assert done.returncode == 0, done.stdout
    assert "requirements exercised" in done.stdout


def test_a_target_whose_logins_lead_nowhere_is_tested_all_the_same() -> None:
    done = run(
        "--target=reference",
        "--fault=login-response-has-a-digest",
        "--offer=HeaderDigest=CRC32C,None",
        "--requirement=RFC7143-6.1-01",
        path="suites/conformance/negotiation",
    )

    assert done.returncode == 1, done.stdout
    assert "its first login breaks a rule: " in done.stdout
    assert "no target to test" not in done.stdout
