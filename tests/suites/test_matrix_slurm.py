# SPDX-License-Identifier: GPL-2.0-only
"""A matrix by Slurm on two nodes, one of which dies in the middle."""

import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from suites.matrix import collected
from suites.matrix.rows import Row
from tests.suites.hosts import Host, free_port, host, require_hosts
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
from vmlab.poll import poll

pytestmark = pytest.mark.lab

NODES = ("assay-one", "assay-two")

CONFIG = """
ClusterName=assay
SlurmctldHost={controller}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
# Else a job waits for two minutes before it runs again.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n.spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdTimeout=10
JobRequeue=1
MpiDefault=none
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName={name} NodeAddr=127.0.0.1 Port={port} CPUs={cores} RealMemory={memory} "
    "State=IDLE"
)


@contextmanager
def daemon(words: Sequence[str | Path], log: Path) -> Iterator[None]:
    """Have a program run in the foreground of a process of ours."""
    program = shutil.which(str(words[0]), path=f"{os.environ['PATH']}:/usr/sbin")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program or words[0], *words[1:]], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def cluster(place: Path, rows: Sequence[Row]) -> Iterator[Mapping[str, Host]]:
    """Have a controller and two nodes; SLURM_CONF is PLACE/slurm.conf.

    Args:
        place: where their files are.
        rows: a node has room for the largest of these.
    """
    cores, memory = max(one.cores for one in rows), max(one.memory for one in rows)
    ports = {name: free_port() for name in NODES}
    config = place / "slurm.conf"
    config.write_text(
        CONFIG.format(
            controller=platform.node(),
            port=free_port(),
            folder=place,
            nodes="\n".join(
                NODE.format(name=name, port=port, cores=cores, memory=memory)
                for name, port in ports.items()
            ),
        )
    )
    (place / "state").mkdir()
    key = place / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}"]
    munge += [
        f"--{name}-file={place / f'munge.{name}'}" for name in ("log", "pid", "seed")
    ]
    munge.append(f"--socket={place / 'munge.socket'}")
    with ExitStack() as stack:
        stack.enter_context(daemon(munge, place / "munged.log"))
        await_path(place / "munge.socket")
        controller = ["slurmctld", "-D", "-c", "-f", str(config)]
        stack.enter_context(daemon(controller, place / "slurmctld.out"))
        slurmd = shutil.which("slurmd", path="/usr/sbin:/sbin") or "slurmd"
        yield {
            name: stack.enter_context(
                host(name, place, {}, slurmd, "-D", "-f", config, "-N", name)
            )
            for name in NODES
        }


def await_path(path: Path) -> None:
    for _ in poll(SECONDS):
        if path.exists():
            return
    pytest.fail(f"there is no {path}")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path: Slurm's Unix sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_rows_of_a_node_that_dies_run_on_the_other(place: Path) -> None:
    require("slurmctld", "slurmd", "sbatch", "munged")
    require_hosts()
    matrix, results = matrix_file(place), place / "results"
    rows = rows_of(matrix)
    results.mkdir()
    with (place / "log").open("wb") as log, ExitStack() as stack:
        nodes = stack.enter_context(cluster(place, rows))
        begun_at = time.monotonic()
        process = subprocess.Popen(
            ["scripts/matrix-slurm", matrix, results],
            cwd=ROOT,
            env={
                **os.environ,
                "SLURM_CONF": str(place / "slurm.conf"),
                "PYTHON": sys.executable,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        stack.callback(process.kill)
        dying, node = begun_on(results, place / "slurm.conf")
        nodes[node].die()
        code = process.wait(SECONDS)
        say("Slurm, two nodes, one killed", begun_at)

    records = collected.newest([results])
    all_good = all(one.record.is_good for one in records)
    assert code == int(not all_good), (place / "log").read_text()
    assert {one.record.row for one in records} == {one.name for one in rows}
    other = next(name for name in NODES if name != node)
    assert {one.record.row: one.record.host for one in records}[dying] == other
    assert page_of(results) == page_of_a_loop()


def begun_on(results: Path, config: Path) -> tuple[str, str]:
    """Return a row that is under way, and its node."""
    row = begun(results)
    names = (results / "rows").read_text().split()
    request = ["squeue", "--noheader", "--states=R", "--format=%K %N"]
    process = subprocess.run(
        request,
        env={**os.environ, "SLURM_CONF": str(config)},
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    nodes = dict(line.split() for line in process.stdout.splitlines())
    return row, nodes[str(names.index(row) + 1)]
