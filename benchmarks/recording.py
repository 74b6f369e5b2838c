# SPDX-License-Identifier: GPL-2.0-only
"""What recording costs: the suite with and without Allure's results, in turns.

    python -m benchmarks.recording [--rounds 3] [--target reference] [PATH...]

Each round runs both, the one that begins changes. The fastest run of each kind counts:
other work on the machine can only make a run slower. The seconds of processors are
printed too, which other work changes least.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SECONDS = 900


class Cost(NamedTuple):
    """What a run takes."""

    clock: float
    """Seconds from its start to its end."""
    processors: float
    """Seconds that its processes have computed, those of its target among them."""


def run(paths: list[str], target: str, results: Path | None) -> Cost:
    """Return what a run takes, recorded if `results` is given."""
    command = [sys.executable, "-m", "pytest", *paths, f"--target={target}", "-q"]
    command += ["-p", "no:cacheprovider", "-n", "2"]
    if results is not None:
        command.append(f"--alluredir={results}")
    used, begun = cpu_seconds(), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode:
        sys.exit(f"the suite does not pass: {done.stdout.strip().splitlines()[-1]}")
    return Cost(time.perf_counter() - begun, cpu_seconds() - used)


def cpu_seconds() -> float:
    """Return what all processes that have ended below this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", default=["suites/conformance"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--target", default="reference")
    options = parser.parse_args()
    plain: list[Cost] = []
    recorded: list[Cost] = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            order = [None, Path(folder) / "allure-results"]
            for results in order if number % 2 == 0 else reversed(order):
                cost = run(options.paths, options.target, results)
                (plain if results is None else recorded).append(cost)
        say(f"without {shown(plain[-1])}; with {shown(recorded[-1])}")
    fastest, fastest_recorded = least(plain), least(recorded)
    say(f"fastest: without {shown(fastest)}; with {shown(fastest_recorded)}")
    by_clock = fastest_recorded.clock / fastest.clock - 1
    by_processors = fastest_recorded.processors / fastest.processors - 1
    say(
        f"recording costs {by_clock * 100:+.1f} % by the clock, "
        f"{by_processors * 100:+.1f} % of the processors"
    )


def least(costs: list[Cost]) -> Cost:
    """Return the least that any run took, by each measure."""
    return Cost(min(one.clock for one in costs), min(one.processors for one in costs))


def shown(cost: Cost) -> str:
    """Return a cost as text."""
    return f"{cost.clock:.1f} s ({cost.processors:.1f} s of processors)"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
