# SPDX-License-Identifier: GPL-2.0-only
import json
import re
import socket
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator

import pytest

from iscsi_assay.parser import USAGE
from suites.plugins.applicability import left_out, sentence
from suites.probe import NO_TARGET, main
from targets import RunningTarget, parse
from tests.initiator.peer import Peer, listening
from tests.suites.runs import ROOT, complaint, run
from tests.tools import require

NAME = "iqn.2026-11.org.example:t"
LAB_TROUBLE = 3


def test_a_check_is_left_out_by_the_first_feature_that_lacks() -> None:
    demanded = [[], ["chap"], ["erl1", "chap"], ["chap", "erl1"]]

    assert left_out(demanded, frozenset({"chap"})) == {"erl1": 2}


def test_the_sentence_names_the_most_frequent_reasons() -> None:
    reasons = Counter({f"feature{number}": 9 - number for number in range(8)})

    assert sentence(100, reasons) == (
        "44 of 100 checks do not apply, for want of: feature0 9, feature1 8, "
        "feature2 7, feature3 6, feature4 5, feature5 4, 2 other features 5"
    )
    assert sentence(7, Counter()) == "0 of 7 checks do not apply"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
@pytest.mark.parametrize("command", ["probe", "init"])
def test_a_timeout_that_is_none(
    command: str, seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "iscsi://127.0.0.1/iqn.x", f"--peer-timeout={seconds}"])

    assert f"'{seconds}' is not a number of seconds above 0" in capsys.readouterr().err


def test_an_unknown_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "tgtt"]) == USAGE
    assert "unknown target 'tgtt'; did you mean tgt?" in capsys.readouterr().err


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert main(["probe", f"iscsi://127.0.0.1:{port}/{NAME}"]) == NO_TARGET
    error = capsys.readouterr().err
    assert "refuses the connection" in error
    assert error.count("\n") == 1


def test_no_iscsi_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    def script(peer: Peer) -> None:
        peer.socket.sendall(b"220 \x1b[2J mail\r\n" * 20)
        while True:
            peer.receive()

    # The provider's own probe is the first connection.
    with listening(script, connections=2) as portal:
        code = main(["probe", f"iscsi://{portal}/{NAME}", "--peer-timeout", "0.5"])

    error = capsys.readouterr().err
    assert code == NO_TARGET
    assert "is it an iSCSI target?" in error
    assert error.rstrip("\n").isprintable()


_PROGRAMS = {"reference": (), "tgt": ("tgtd", "tgtadm")}


@pytest.fixture(scope="module", params=_PROGRAMS)
def running(request: pytest.FixtureRequest) -> Iterator[RunningTarget]:
    require(*_PROGRAMS[request.param])
    with parse(request.param) as target:
        yield target


def url(running: RunningTarget, lun: int) -> str:
    return f"iscsi://{running.portal}/{running.target.name}/{lun}"


@pytest.mark.integration
def test_json_holds_the_offer_and_nothing_else(
    running: RunningTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", url(running, 1), "--json", "--no-count"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["offer"]["unit"]["capacity"]["block_length"] == 512
    assert "header-digest" in document["features"]
    assert "checks" not in document


@pytest.mark.integration
def test_a_refused_login_is_one_line_without_the_secret(
    running: RunningTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    node = running.chap_target
    assert node is not None
    assert node.chap is not None
    place = f"{node.chap.credentials.name}%not-the-secret@{running.portal}/{node.name}"

    assert main(["probe", f"iscsi://{place}"]) == NO_TARGET

    error = capsys.readouterr().err
    assert "check the CHAP user and secret" in error
    assert "not-the-secret" not in error
    assert error.count("\n") == 1


@pytest.mark.integration
def test_the_file_that_init_writes_describes_the_target(
    running: RunningTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", url(running, 1)]) == 0

    document = tomllib.loads(capsys.readouterr().out)
    assert document["portal"] == [{"address": str(running.portal)}]
    (node,) = document["target"]
    assert node["name"] == running.target.name
    reported = {one["lun"]: one for one in node["unit"]}
    for unit in running.target.logical_units:
        assert reported[unit.lun]["size"] == unit.size
        assert reported[unit.lun]["read_only"] is not unit.writable
        assert reported[unit.lun]["removable"] is unit.removable
        assert reported[unit.lun]["may_be_written"] is False


@pytest.mark.integration
def test_the_file_that_init_writes_holds_no_secret(
    running: RunningTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    node = running.chap_target
    assert node is not None
    assert node.chap is not None
    own = node.chap.credentials
    place = f"{own.name}%{own.password}@{running.portal}/{node.name}"

    code = main(["init", f"iscsi://{place}"])

    printed = capsys.readouterr().out
    assert code == 0
    assert own.password not in printed
    (table,) = tomllib.loads(printed)["target"]
    assert table["chap"] == {"user": own.name, "secret": "put the secret here"}


def test_init_takes_a_url(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "tgt"]) == USAGE
    assert "init takes iscsi://" in capsys.readouterr().err


@pytest.mark.integration
def test_a_missing_unit_ends_the_probe(
    running: RunningTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", url(running, 77)]) == NO_TARGET
    assert "there is no logical unit 77; there are: 0" in capsys.readouterr().err


@pytest.mark.integration
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_missing_unit_ends_a_run(running: RunningTarget, workers: str) -> None:
    process = run(f"--target={url(running, 77)}", "-n", workers)

    assert process.returncode == LAB_TROUBLE
    assert "there is no logical unit 77; there are: 0" in complaint(process)


@pytest.mark.integration
def test_an_unknown_name_ends_a_run(running: RunningTarget) -> None:
    process = run(f"--target=iscsi://{running.portal}/{NAME}")

    assert process.returncode == LAB_TROUBLE
    assert f"check the target's name; this portal offers {running.target.name}" in (
        complaint(process)
    )


@pytest.mark.integration
def test_a_wrong_secret_ends_a_run(running: RunningTarget) -> None:
    node = running.chap_target
    assert node is not None
    assert node.chap is not None
    place = f"{node.chap.credentials.name}%not-the-secret@{running.portal}/{node.name}"

    process = run(f"--target=iscsi://{place}")

    assert process.returncode == LAB_TROUBLE
    assert "check the CHAP user and secret" in complaint(process)


@pytest.mark.integration
def test_the_command_line_and_the_head_of_a_run_count_alike() -> None:
    probe = subprocess.run(
        [sys.executable, "-m", "targets", "probe", "reference", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    document = json.loads(probe.stdout)

    process = run("--target=reference", path="suites/conformance/nop")

    assert process.returncode == 0
    assert document["checks"]["count"] > 1000
    # Discovery needs CHAP only with --discovery-chap.
    lacking = {"discovery-chap", "discovery-chap-mutual"}
    assert set(document["checks"]["not_applicable"]) == lacking
    assert "target offers: digests CRC32C/CRC32C" in process.stdout
    assert "target unit: LUN 0: ASSAY" in process.stdout
    passed = re.search(r"(\d+) passed in", process.stdout)
    assert passed is not None
    assert f"0 of {passed[1]} checks do not apply" in process.stdout
