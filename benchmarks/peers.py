# SPDX-License-Identifier: GPL-2.0-only
"""The reference target beside tgtd: python -m benchmarks.peers [SECONDS] [ROUNDS].

Both run on loopback in the same minute, in turns, so that a loaded machine slows both;
the same programs load them: iscsi-perf reads, qemu-img bench writes. Before and after,
what was written is read back and compared: iscsi-perf counts a GOOD status without data
as a read. Printed are requests a second (the median of the rounds) and the ratio.
"""

import argparse
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import targets
from targets.errors import LabError

OURS, THEIRS = "reference", "tgt"
_INITIATOR = "iqn.2001-04.com.example:assay.benchmark"
_IMAGE_SIZE = 32 << 20
_SLACK = 30.0
_AVERAGE = re.compile(r"iops average (\d+)")
_ELAPSED = re.compile(r"Run completed in ([0-9.]+) seconds")
_BLOCK = 512


class BenchmarkError(Exception):
    """A measurement that cannot be trusted."""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of work."""

    name: str
    size: int
    depth: int
    measure: Callable[[str, "Load", float], float]


def _run(command: list[str], limit: float) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{command[0]} did not end in {limit} s") from error
    if done.returncode:
        raise BenchmarkError(f"{command[0]}: {done.stderr.strip()[-200:]}")
    return done.stdout


def reads_a_second(url: str, load: Load, seconds: float) -> float:
    """Let iscsi-perf read, sequentially."""
    blocks = load.size // _BLOCK
    output = _run(
        [
            *("iscsi-perf", "-i", _INITIATOR),
            *("-t", f"{seconds:.0f}", "-m", str(load.depth), "-b", str(blocks)),
            url,
        ],
        seconds + _SLACK,
    )
    averages = _AVERAGE.findall(output)
    if not averages:
        raise BenchmarkError(f"iscsi-perf printed no average: {output[-200:]}")
    return float(averages[-1])


def writes_a_second(url: str, load: Load, seconds: float) -> float:
    """Let qemu-img write, for about so many seconds."""
    count = 200
    while True:
        elapsed = _write(url, load, count)
        if elapsed >= seconds / 2:
            return count / elapsed
        count = int(count * max(2.0, seconds / max(elapsed, 0.01) * 0.8))


def _write(url: str, load: Load, count: int) -> float:
    command = ["qemu-img", "bench", "-w", "-f", "raw", "-t", "none", "-c", str(count)]
    command += ["-d", str(load.depth), "-s", str(load.size), url]
    match = _ELAPSED.search(_run(command, 120.0))
    if match is None:
        raise BenchmarkError("qemu-img bench printed no duration")
    return float(match[1])


LOADS = (
    Load("4 KiB reads, queue depth 1", 4 << 10, 1, reads_a_second),
    Load("4 KiB reads, queue depth 32", 4 << 10, 32, reads_a_second),
    Load("256 KiB reads, queue depth 8", 256 << 10, 8, reads_a_second),
    Load("4 KiB writes, queue depth 32", 4 << 10, 32, writes_a_second),
    Load("256 KiB writes, queue depth 8", 256 << 10, 8, writes_a_second),
)


def check_bytes(url: str, directory: Path) -> None:
    """Write an image of random bytes and read it back.

    Raises:
        BenchmarkError: what came back is something else.
    """
    image, back = directory / "image", directory / "back"
    image.write_bytes(os.urandom(_IMAGE_SIZE))
    _run(["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", str(image), url], 60)
    _run(["qemu-img", "convert", "-f", "raw", "-O", "raw", url, str(back)], 60)
    with back.open("rb") as file:
        digest_read = hashlib.sha256(file.read(_IMAGE_SIZE)).digest()
    if digest_read != hashlib.sha256(image.read_bytes()).digest():
        raise BenchmarkError(f"{url}: the data read differs from the data written")
    back.unlink()


def compare(seconds: float, rounds: int) -> dict[str, tuple[float, float]]:
    """Return what both reach, by load: ours, theirs."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {}
        for kind in (OURS, THEIRS):
            running = stack.enter_context(targets.parse(kind))
            unit = running.target.find_scratch()
            assert unit is not None
            urls[kind] = f"iscsi://{running.portal}/{running.target.name}/{unit.lun}"
        for url in urls.values():
            check_bytes(url, directory)
        figures = {load.name: _in_turns(load, urls, seconds, rounds) for load in LOADS}
        for url in urls.values():
            check_bytes(url, directory)
    return figures


def _in_turns(
    load: Load, urls: dict[str, str], seconds: float, rounds: int
) -> tuple[float, float]:
    figures: dict[str, list[float]] = {kind: [] for kind in urls}
    for _ in range(rounds):
        for kind, url in urls.items():
            figures[kind].append(load.measure(url, load, seconds))
    return statistics.median(figures[OURS]), statistics.median(figures[THEIRS])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", nargs="?", type=float, default=3.0)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    options = parser.parse_args()
    try:
        figures = compare(options.seconds, options.rounds)
    except (BenchmarkError, LabError) as error:
        sys.stderr.write(f"benchmark: {error}\n")
        return 1
    rows = [f"{'':32}{'reftarget':>12}{'tgtd':>12}{'ratio':>8}"]
    rows += [
        f"{name:32}{ours:>10.0f}/s{theirs:>10.0f}/s{ours / theirs:>8.2f}"
        for name, (ours, theirs) in figures.items()
    ]
    sys.stdout.write("\n".join([*rows, "The bytes were right.\n"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
