# SPDX-License-Identifier: GPL-2.0-only
"""What recording costs: the suite with and without Allure's results, in turns.

    python -m benchmarks.recording [--rounds 3] [--target reference] [--cpu] [PATH...]

Each round runs both, the one that begins changes; the median of the ratios is printed.
With `--cpu` the seconds of processors are counted instead of those of the clock: other
work on the machine then matters little.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 900


def run(
    paths: list[str], target: str, results: Path | None, *, counts_cpu: bool
) -> float:
    """Return the seconds that a run takes, recorded if `results` is given."""
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
    return cpu_seconds() - used if counts_cpu else time.perf_counter() - begun


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
    parser.add_argument(
        "--cpu", action="store_true", help="count seconds of processors"
    )
    options = parser.parse_args()
    ratios = []
    for number in range(options.rounds):
        seconds = {}
        with tempfile.TemporaryDirectory() as folder:
            order = [None, Path(folder) / "allure-results"]
            for results in order if number % 2 == 0 else reversed(order):
                seconds[results is None] = run(
                    options.paths, options.target, results, counts_cpu=options.cpu
                )
        ratios.append(seconds[False] / seconds[True])
        say(
            f"without {seconds[True]:.1f} s, with {seconds[False]:.1f} s: "
            f"{(ratios[-1] - 1) * 100:+.1f} %"
        )
    say(f"recording costs {(statistics.median(ratios) - 1) * 100:+.1f} % (median)")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
