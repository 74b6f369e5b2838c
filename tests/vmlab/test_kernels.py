# SPDX-License-Identifier: GPL-2.0-only
"""Kernels and modules that are really built, booted and loaded."""

import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi.scsi import cdb
from targets import parse
from targets.lio import MACHINES
from tests.lab import console_at_boot
from tests.tools import missing, require
from vmlab import trace
from vmlab.errors import LabError
from vmlab.guest import Guest
from vmlab.kernel import Kernel

if TYPE_CHECKING:
    from vmlab.running import Running

pytestmark = pytest.mark.lab

HERE = Path(__file__).parent / "build"
ROOT = Path(__file__).parents[2]
MODULE = HERE / "assay_module"
PROVOKE = HERE / "assay_provoke"
PATCH = HERE / "proc-version.patch"
SANITIZERS = ("kasan", "lockdep", "kmemleak", "ubsan")
WRONG = "/sys/module/assay_provoke/parameters/wrong"
HUNG = "/proc/sys/kernel/hung_task_timeout_secs"
PROVOKE_IT = f"""[ {{wrong}} != hang ] || echo 1 > {HUNG}; \
echo {{wrong}} > {WRONG}; echo 0 > {HUNG}"""
REPORT_SECONDS = 300.0
"""kmemleak looks twice, and has others go first."""
# A BUG ends the machine; a KASAN report disables lockdep.
REPORTS = {
    "shift": (r"UBSAN: shift-out-of-bounds in \S*assay_provoke\.c:", "shift_too_far"),
    "warn": (r"WARNING: CPU: \d+ PID: \d+ at \S+ warn\+", "warn"),
    "leak": (r"kmemleak: \d+ new suspected memory leaks", "leak"),
    "hang": (r"INFO: task sh:\d+ blocked for more than", "hang"),
    "lock": (r"WARNING: possible circular locking dependency detected", "take"),
    "use-after-free": (r"BUG: KASAN: \S*use-after-free in use_after_free\+", "look_at"),
    "crash": (r"kernel BUG at \S*assay_provoke\.c:", "crash"),
}
SETUP = """
dmesg | grep 'assay_module: loaded'
"""


@pytest.fixture(autouse=True)
def _lab() -> None:
    for program in (
        "qemu-system-x86_64",
        "libvirtd",
        "busybox",
        "modprobe",
        "make",
        "gcc",
        "ccache",
        "patch",
        "flex",
        "bison",
        "bc",
    ):
        require(program)
    pytest.importorskip("libvirt", reason="make lab installs it")


def test_a_module_built_beside_debians_kernel_is_loaded() -> None:
    from vmlab import headers, kernel  # noqa: PLC0415  # as below
    from vmlab.build import external  # noqa: PLC0415

    plain = kernel.of_debian()
    built = external.build(MODULE, headers.of(plain))
    guest = Guest("module", ("assay_module",), SETUP, ())

    output = console_at_boot(guest, external.with_modules(plain, built))

    assert [path.name for path in built] == ["assay_module.ko"]
    assert "ASSAY-READY" in output


@pytest.fixture(scope="module")
def patched() -> Kernel:
    """Debian's sources with our patch, every sanitizer and our modules.

    Minutes on two idle processors; the lab's cache keeps it for the next run.
    """
    from vmlab.build import kernel, sources  # noqa: PLC0415  # needs the lab's parts

    try:
        sources.find("debian")
    except LabError as error:
        missing(str(error))
    built = kernel.build(
        kernel.Order(
            "debian",
            (PATCH,),
            SANITIZERS,
            modules=(MODULE, PROVOKE),
            base=tuple(map(str, MACHINES[0].fragments)),
        )
    )
    kernel.remember("assay-checked", built)
    return built


def test_lio_serves_on_a_kernel_that_the_lab_built(patched: Kernel) -> None:
    with parse("lio", {"kernel": "assay-checked"}) as running:
        portal = Portal(running.portal.host, running.portal.port)
        options = LoginOptions(target_name=running.target.name)
        with Session(portal, options, lun=0, timeout=30.0) as session:
            while not session.execute(cdb.test_unit_ready()).is_good:
                pass  # unit attentions; the session's time limit bounds them
            answer = session.execute(cdb.read_10(lba=0, blocks=1), read=512)

    assert answer.is_good
    assert running.kernel == patched.version
    assert running.patches == (PATCH.name,)


def test_a_module_for_another_kernel_is_refused(patched: Kernel) -> None:
    from vmlab import headers, kernel  # noqa: PLC0415  # needs the lab's parts
    from vmlab.build import external  # noqa: PLC0415

    plain = kernel.of_debian()
    built = external.build(MODULE, headers.of(plain))

    with pytest.raises(LabError, match=r"assay_module\.ko was built for kernel"):
        external.with_modules(patched, built)


def test_a_patched_kernel_reports_what_its_module_does_wrong(
    patched: Kernel,
) -> None:
    # One boot for all, since a kernel with checks boots slowly.
    from vmlab import debuginfo, folders, machine  # noqa: PLC0415  # needs the lab's parts
    from vmlab.console import Console  # noqa: PLC0415

    setup = f"{SETUP}\ngrep 'assay: patched' /proc/version\n"
    guest = Guest("wrong", ("assay_module", "assay_provoke"), setup, ())
    files = debuginfo.files(patched.root)
    collected: dict[str, tuple[str, str]] = {}

    with machine.Lab() as lab:
        running = lab.up(
            guest, machine.unique_name("wrong"), kernel=patched, ends_with_us=True
        )
        with Console(running.name, seconds=60) as console:
            for wrong in REPORTS:
                mark = running.mark()
                watch = replace(running, _seen=mark, _crash=None)
                # Kernel messages may appear amid the shell's answer.
                with suppress(LabError):
                    console.attempt(PROVOKE_IT.format(wrong=wrong), seconds=200)
                reason = await_reason(watch)
                collected[wrong] = reason, trace.decode(running.log_since(mark), files)
        running.destroy()
        folders.forget(running.name)

    assert patched.patches == (PATCH.name,)
    for wrong, (reason, function) in REPORTS.items():
        output, report = collected[wrong]
        assert re.search(reason, output), (wrong, report)
        assert re.search(rf"\b{function}\b.*assay_provoke\.c:\d+\)", report), report
        assert "not decoded" not in report
    inlined = r"look_at \(inlined, assay_provoke\.c:18\)\n.*use_after_free\+"
    assert re.search(inlined, collected["use-after-free"][1])


def await_reason(running: "Running") -> str:
    """Return why a machine counts as dead, once it does."""
    deadline = time.monotonic() + REPORT_SECONDS
    while (ending := running.ending()) is None:
        assert time.monotonic() < deadline, running.log_since(0)[-2000:]
        time.sleep(0.1)
    return ending.reason


def test_a_check_that_provokes_a_sanitizer_fails_with_the_decoded_trace(
    patched: Kernel, tmp_path: Path
) -> None:
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0"),
            *("tests/vmlab/samples/sample_wrong.py", "--target=lio"),
            *("--kernel=assay-checked", "--peer-timeout=30", "--full-failures"),
            f"--alluredir={tmp_path}",
            *("-o", "python_files=sample_*.py"),
            *("-p", "tests.vmlab.samples.provoking"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert patched.patches == (PATCH.name,)
    # The check is aborted, or, if it is faster, its teardown finds the machine dead.
    tallies = ("1 failed, 1 passed", "2 passed, 1 error")
    assert any(one in process.stdout for one in tallies), (
        process.stdout + process.stderr
    )
    assert "BUG: KASAN: " in process.stdout
    assert "look_at (inlined, assay_provoke.c:" in process.stdout
    logs = [path.read_text() for path in tmp_path.glob("*-attachment.txt")]
    assert any("look_at (inlined, assay_provoke.c:" in log for log in logs)
