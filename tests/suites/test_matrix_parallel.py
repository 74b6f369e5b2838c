# SPDX-License-Identifier: GPL-2.0-only
"""A matrix by GNU parallel on two hosts, one of which dies in the middle."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from suites.matrix import collected, folder
from tests.suites.hosts import require_hosts, ssh_host
from tests.suites.matrices import (
    ROOT,
    SECONDS,
    begun,
    matrix_file,
    page_of,
    page_of_a_loop,
    rows_of,
    say,
)
from tests.tools import require

pytestmark = pytest.mark.lab


@pytest.fixture
def results() -> Iterator[Path]:
    """A folder below the checkout, as GNU parallel brings it back."""
    path = ROOT / "results" / f"test-{uuid.uuid4().hex[:8]}"
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path)


def test_the_rows_of_a_host_that_dies_run_on_the_other(
    tmp_path: Path, results: Path
) -> None:
    require("parallel", "rsync")
    require_hosts()
    matrix = matrix_file(tmp_path)
    names = ("assay-one", "assay-two")
    disks = {name: tmp_path / name for name in names}
    with ExitStack() as stack:
        hosts = {}
        for name, disk in disks.items():
            disk.mkdir()
            hosts[name] = stack.enter_context(ssh_host(name, tmp_path, {results: disk}))
        (tmp_path / "hosts").write_text("".join(f"1/{name}\n" for name in names))
        config = tmp_path / "config"
        config.write_text(
            "".join((tmp_path / f"{name}.client").read_text() for name in names)
        )
        log = stack.enter_context((tmp_path / "log").open("wb"))
        begun_at = time.monotonic()
        process = subprocess.Popen(
            [
                *("scripts/matrix-parallel", matrix, tmp_path / "hosts"),
                results.relative_to(ROOT),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "PARALLEL_SSH": f"ssh -F {config}",
                "PYTHON": sys.executable,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        stack.callback(process.kill)
        dying = begun(disks["assay-two"])
        hosts["assay-two"].die()
        code = process.wait(SECONDS)
        say("GNU parallel, two hosts, one killed", begun_at)

    records = collected.newest([results])
    all_good = all(one.record.is_good for one in records)
    assert code == int(not all_good), (tmp_path / "log").read_text()
    assert {one.record.row for one in records} == {one.name for one in rows_of(matrix)}
    assert {one.record.row: one.record.host for one in records}[dying] == "assay-one"
    # Files of the dead host remain on its disk, and count for nothing.
    assert folder.read(disks["assay-two"] / dying) is None
    every = collected.newest([results, *disks.values()])
    assert every == records
    assert page_of(results) == page_of_a_loop()
