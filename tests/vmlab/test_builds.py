# SPDX-License-Identifier: GPL-2.0-only
"""Builds in a machine: a real module, and a kernel's whole way, interrupted."""

import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import console_at_boot
from tests.tools import require
from tests.vmlab.build import standin
from vmlab.guest import Guest

# On one worker, since others would only wait for the toolchain.
pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
MODULE = Path(__file__).parent / "build" / "assay_module"
LOADED = "dmesg | grep 'assay_module: loaded'"
BEGUN = "\tcat /proc/cmdline > $(O)/where\n"
BLOCKS = "\ttest -e $(O)/begun || { touch $(O)/begun; sleep 600; }\n"
BUILD = """
import sys
from vmlab.build import config, kernel
config.ALWAYS = ()
kernel.build(kernel.Order(sys.argv[1], in_vm=True))
"""


@pytest.fixture(scope="module", autouse=True)
def _lab() -> None:
    """Have the toolchain there: a minute or two, once for this cache."""
    for program in (
        *("qemu-system-x86_64", "libvirtd", "busybox", "modprobe", "make", "gcc"),
        *("mmdebstrap", "genext2fs"),
    ):
        require(program)
    for name in ("libvirt", "pexpect"):
        pytest.importorskip(name, reason="make lab installs it")
    from vmlab.build import inside  # noqa: PLC0415  # needs the lab's parts

    with inside.chosen(in_vm=True) as builder:
        assert builder.compiler.startswith("gcc ")


def test_a_module_that_a_machine_has_built_is_loaded() -> None:
    from vmlab import headers, kernel, tool  # noqa: PLC0415
    from vmlab.build import external, inside  # noqa: PLC0415

    plain = kernel.of_debian()
    kdir = headers.of(plain)
    with inside.chosen(in_vm=True) as builder:
        built = external.build(MODULE, kdir, builder)
    guest = Guest("module", ("assay_module",), LOADED, ())
    output = console_at_boot(guest, external.with_modules(plain, built))

    by_host = external.build(MODULE, kdir)
    assert built != by_host
    assert [about(tool.run("modinfo", path)) for path in built] == [
        about(tool.run("modinfo", path)) for path in by_host
    ]
    assert "ASSAY-READY" in output


def about(expected_message: str) -> list[str]:
    return [
        line
        for line in expected_message.splitlines()
        if not line.startswith("filename")
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Give a tree like no other, whose first build blocks; it leaves nothing."""
    from vmlab import cache  # noqa: PLC0415  # needs the lab's parts

    path = standin.tree(tmp_path / "linux")
    makefile = path / "Makefile"
    text = makefile.read_text()
    step = "\techo built >> $(O)/times\n"
    assert step in text
    makefile.write_text(text.replace(step, BEGUN + BLOCKS + step))
    (path / uuid.uuid4().hex).touch()
    yield path
    for key in keys(path):
        shutil.rmtree(cache.folder() / "built" / key, ignore_errors=True)
        (cache.folder() / "logs" / f"kernel-{key}.log").unlink(missing_ok=True)
    for one in prepared(path):
        shutil.rmtree(one)


def prepared(tree: Path) -> list[Path]:
    """Return the tree in the cache that was made of a tree."""
    from vmlab import cache  # noqa: PLC0415  # needs the lab's parts

    (mark,) = (path.name for path in tree.iterdir() if len(path.name) == 32)
    return [path.parent for path in cache.folder().glob(f"kernel-source/*/{mark}")]


def keys(tree: Path) -> list[str]:
    return [
        out.name.removeprefix("out-")
        for one in prepared(tree)
        for out in one.glob("out-*")
    ]


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.2)
    return is_so()


def builders() -> list[str]:
    from vmlab import machine  # noqa: PLC0415  # needs the lab's parts

    with machine.Lab() as lab:
        return [one.name for one in lab.machines() if one.kind == "builder"]


def test_a_build_that_was_killed_leaves_no_machine_and_goes_on(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vmlab import cache  # noqa: PLC0415  # needs the lab's parts
    from vmlab.build import config, kernel  # noqa: PLC0415

    with subprocess.Popen([sys.executable, "-c", BUILD, tree], cwd=ROOT) as child:
        name = f"builder-{child.pid}-"
        has_begun = within(
            200,
            lambda: (
                child.poll() is not None
                or any(list(one.glob("out-*/begun")) for one in prepared(tree))
            ),
        )
        was_up = any(one.startswith(name) for one in builders())
        child.send_signal(signal.SIGKILL)

    assert has_begun
    assert was_up
    assert within(30, lambda: not any(one.startswith(name) for one in builders()))

    monkeypatch.setattr(config, "ALWAYS", ())
    order = kernel.Order(str(tree), in_vm=True)
    built = kernel.build(order)

    assert kernel.build(order) == built
    assert built.in_vm
    assert built.image.read_text() == f"packed\n{standin.MAIN}"
    assert built.kdir is not None
    assert (built.kdir / "times").read_text() == "built\n"
    assert "rdinit=/init" in (built.kdir / "where").read_text(), "not in a machine"
    log = cache.folder() / "logs" / f"kernel-{built.root.name}.log"
    # The configuration was made once, before the first try.
    assert log.read_text().count("CONFIG_NET is not set") == 1
