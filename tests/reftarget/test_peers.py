# SPDX-License-Identifier: GPL-2.0-only
"""Real initiators against the reference target in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tools

pytestmark = pytest.mark.integration

NAME = "iqn.2001-04.com.example:assay.target"
# WriteSame10.UnmapUntilEnd of iscsi-test-cu 1.19 sends 0xff with UNMAP, expects zeros
# back, where SBC-3 has the data written: skipped without UNMAP in WRITE SAME (10).
TEST_CU_UNIT = f"""
[[target]]
name = "{NAME}"
[[target.lun]]
size = "64M"
lbpws10 = false
"""
CHECKOUT = Path(__file__).parents[2]


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """Run the reference target; give its portal; it must have logged no error."""
    command = [sys.executable, "-m", "reftarget", "--portal", "127.0.0.1:0", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline().split()
            assert ready[:1] == ["ready"], process.communicate(timeout=5)
            yield ready[1]
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=5)
        assert "Traceback" not in log, log[-2000:]
        assert process.returncode == 0


def run(*command: str, limit: float = 60.0) -> str:
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=limit, check=False
    )
    assert process.returncode == 0, process.stdout[-1000:] + process.stderr[-1000:]
    return process.stdout


def test_iscsi_ls_finds_the_unit() -> None:
    tools.require("iscsi-ls")
    with serving("--lun", "8M", "--lun", "4M") as portal:
        output = run("iscsi-ls", "-s", f"iscsi://{portal}")

    assert f"Target:{NAME} Portal:{portal},1" in output
    assert "Lun:1" in output


def test_iscsi_inq_with_mutual_chap() -> None:
    tools.require("iscsi-inq")
    options = ("--chap", "user:first-way-secret", "--mutual", "them:other-way-secret")
    with serving("--lun", "8M", *options) as portal:
        valid = f"iscsi://user%first-way-secret@{portal}/{NAME}/0"
        valid += "?target_user=them&target_password=other-way-secret"
        output = run("iscsi-inq", valid)
        bad = subprocess.run(
            ["iscsi-inq", valid.replace("first", "false")],
            capture_output=True,
            timeout=30,
            check=False,
        )

    assert "DIRECT_ACCESS" in output
    assert bad.returncode != 0


@pytest.mark.parametrize(
    ("digest", "keys"),
    [
        ("none", ()),
        ("crc32c", ()),
        ("crc32c", ("ImmediateData=No", "InitialR2T=Yes")),
        ("none", ("ImmediateData=No", "InitialR2T=No")),
        ("none", ("MaxRecvDataSegmentLength=512", "MaxBurstLength=2048",
                  "FirstBurstLength=1024")),
        ("crc32c", ("MaxRecvDataSegmentLength=16777215",
                    "MaxBurstLength=16777215", "FirstBurstLength=16777215")),
    ],
)  # fmt: skip
def test_qemu_img_copies_both_ways(
    tmp_path: Path, digest: str, keys: tuple[str, ...]
) -> None:
    tools.require("qemu-img")
    image, back = tmp_path / "image", tmp_path / "back"
    image.write_bytes(os.urandom(8 << 20))
    options = [option for key in keys for option in ("--key", key)]
    with serving("--lun", "8M", *options) as portal:
        there = (
            f"driver=raw,file.driver=iscsi,file.transport=tcp,file.portal={portal}"
            f",file.target={NAME},file.lun=0,file.header-digest={digest}"
        )
        here = f"driver=raw,file.filename={image}"
        convert = ("qemu-img", "convert", "--image-opts")
        run(*convert, "--target-image-opts", "-n", here, there)
        run(*convert, "-O", "raw", there, str(back))

    assert back.read_bytes() == image.read_bytes()


def test_several_initiators_write_at_once(tmp_path: Path) -> None:
    tools.require("qemu-img")
    images = [tmp_path / f"image{lun}" for lun in range(4)]
    for image in images:
        image.write_bytes(os.urandom(8 << 20))
    options = [option for _ in images for option in ("--lun", "8M")]
    convert = ("qemu-img", "convert", "-f", "raw", "-O", "raw")
    with serving(*options) as portal:
        urls = [f"iscsi://{portal}/{NAME}/{lun}" for lun in range(len(images))]
        writers = [
            subprocess.Popen([*convert, "-n", str(image), url])
            for image, url in zip(images, urls, strict=True)
        ]
        assert [writer.wait(timeout=60) for writer in writers] == [0] * len(writers)
        for image, url in zip(images, urls, strict=True):
            back = tmp_path / "back"
            run(*convert, url, str(back))
            assert back.read_bytes() == image.read_bytes()


def test_iscsi_test_cu_finds_nothing_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 230 tests run; those that skip themselves say why."""
    tools.require("iscsi-test-cu")
    config = tmp_path / "target.toml"
    config.write_text(TEST_CU_UNIT)
    with serving("--config", str(config), "--quiet") as portal:
        url = f"iscsi://{portal}/{NAME}/0"
        process = subprocess.run(
            ["iscsi-test-cu", "--dataloss", "--test=ALL", url, url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    score = re.search(r"tests +(\d+) +(\d+) +(\d+) +(\d+)", process.stdout)
    assert score is not None, process.stdout[-1000:]
    total, ran, passed, failed = map(int, score.groups())
    skipped = re.findall(r"Test: (.*?) \.\.\. +\[SKIPPED\] *(.*)", process.stdout)
    with capsys.disabled():
        sys.stdout.write(
            f"\niscsi-test-cu: {passed} of {ran} passed, {failed} failed\n"
        )
        sys.stdout.writelines(f"  skipped {name}: {why}\n" for name, why in skipped)
    assert (total, ran, failed) == (230, 230, 0), process.stdout
    assert all(why for _name, why in skipped)


def refused(*options: str) -> str:
    """Return the one line that the target ends with."""
    process = subprocess.run(
        [sys.executable, "-m", "reftarget", *options],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=CHECKOUT,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1, process.stderr
    return process.stderr


def test_port_in_use_is_one_clear_line() -> None:
    with serving() as portal:
        assert "Address already in use" in refused("--portal", portal)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--lun", "/proc/none/disk,1M"), "/proc/none/disk"),
        (("--lun", "/etc/passwd,1M"), "/etc/passwd"),
        (("--lun", "/,1M"), "/"),
        (("--config", "/no/such.toml"), "/no/such.toml"),
        (("--fault", "odd"), "odd"),
        (("--pcap", "/no/such/file"), "/no/such/file"),
        (("--portal", "192.0.2.1:3260"), "192.0.2.1"),
    ],
)
def test_what_cannot_be_opened_is_one_clear_line(
    options: tuple[str, ...], complaint: str
) -> None:
    assert complaint in refused("--portal", "127.0.0.1:0", *options)


def test_it_ends_with_its_standard_input() -> None:
    command = [sys.executable, "-m", "reftarget", "--portal", "127.0.0.1:0"]
    process = subprocess.run(
        [*command, "--exit-with-stdin"],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=CHECKOUT,
    )

    assert process.returncode == 0
    assert process.stdout.startswith("ready 127.0.0.1:")


def test_capture_is_understood_by_tshark(tmp_path: Path) -> None:
    tools.require("iscsi-inq", "tshark")
    capture = tmp_path / "capture.pcap"
    with serving("--lun", "8M", "--pcap", str(capture), "--trace") as portal:
        run("iscsi-inq", f"iscsi://{portal}/{NAME}/0")
        port = portal.rpartition(":")[2]
        preference = ("-o", f"iscsi.target_ports:{port}")
        lines = run("tshark", "-r", str(capture), *preference, "-Y", "iscsi")

    for name in ("Login Command", "Login Response", "SCSI: Data In", "Logout Response"):
        assert name in lines
