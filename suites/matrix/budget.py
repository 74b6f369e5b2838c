# SPDX-License-Identifier: GPL-2.0-only
"""The resources of a host for rows, their order, and an estimate of their time."""

import heapq
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.matrix import folder
from suites.matrix.rows import Row

UNKNOWN_SECONDS = 15 * 60.0
"""The seconds that a row is assumed to take if no row has ever ended."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The resources that rows may use in parallel."""

    cores: int
    memory: int
    """In MiB."""

    def fits(self, row: Row, running: Iterable[Row]) -> bool:
        """Tell whether a row can begin; one that exceeds the budget runs alone."""
        beside = list(running)
        if not beside:
            return True
        return (
            row.cores + sum(one.cores for one in beside) <= self.cores
            and row.memory + sum(one.memory for one in beside) <= self.memory
        )


def of_host() -> Budget:
    """Return the processors and the free memory of this host."""
    return Budget(len(os.sched_getaffinity(0)), _free_memory())


def _free_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) >> 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def longest_first(chosen: Sequence[Row]) -> list[Row]:
    """Return the rows, the longest of the last time first, after those that never ran.

    Raises:
        LabError: a record of one is damaged.
    """

    def seconds(row: Row) -> float:
        took = folder.last_seconds(row.results)
        return float("-inf") if took is None else -took

    return sorted(chosen, key=seconds)


def known(chosen: Iterable[Row]) -> dict[str, float]:
    """Return the seconds of each row when it last ended, for rows that ever have.

    Raises:
        LabError: a record of one is damaged.
    """
    took = {row.name: folder.last_seconds(row.results) for row in chosen}
    return {name: one for name, one in took.items() if one is not None}


def expected(row: Row, took: Mapping[str, float]) -> float:
    """Return how many seconds a row will take.

    One that has never ended takes as long as the mean of the others.

    Args:
        row: the row.
        took: the known seconds, by name.
    """
    mean = sum(took.values()) / len(took) if took else UNKNOWN_SECONDS
    return took.get(row.name, mean)


def predict_end(
    waiting: Sequence[Row],
    seconds: Callable[[Row], float],
    budget: Budget,
    *,
    hosts: int = 1,
    running: Sequence[tuple[Row, float]] = (),
) -> float:
    """Return the seconds until all rows will have ended.

    Args:
        waiting: rows in the order in which they begin.
        seconds: returns how long a row takes.
        budget: the resources of each host.
        hosts: the number of hosts, each of which takes the next row when it is free.
        running: rows that run on the first host, with the seconds that each still
            needs.
    """
    busy: list[list[Row]] = [[] for _ in range(hosts)]
    ends: list[tuple[float, int, int, Row]] = []
    for number, (row, seconds_left) in enumerate(running):
        busy[0].append(row)
        heapq.heappush(ends, (max(seconds_left, 0.0), number, 0, row))
    queue, now, number = list(waiting), 0.0, len(ends)
    while queue or ends:
        for host, beside in enumerate(busy):
            for row in list(queue):
                if budget.fits(row, beside):
                    queue.remove(row)
                    beside.append(row)
                    number += 1
                    heapq.heappush(ends, (now + seconds(row), number, host, row))
        now, _, host, row = heapq.heappop(ends)
        busy[host].remove(row)
    return now
