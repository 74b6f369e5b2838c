# SPDX-License-Identifier: GPL-2.0-only
"""Prints now and then the progress of a run, and the remaining time.

The lines are printed by pytest's terminal reporter, which would overwrite a bar of the
rich package; and the log of a CI run cannot show a bar.
"""

import time

import pytest

INTERVAL = 10.0
"""Seconds between two lines; a shorter run prints none."""

_SOON = 1.0


class Progress:
    """Counts the finished checks, on the controller of a parallel run."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._total = 0
        self._done = 0
        self._begun = self._printed_at = time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the number of checks."""
        self._total = self._total or len(session.items)
        self._begun = self._printed_at = time.monotonic()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Record it when workers have collected the checks."""
        self._total = len(ids)
        self._begun = self._printed_at = time.monotonic()

    def pytest_runtest_logfinish(self) -> None:
        """Count a check, and print the progress if the interval has passed."""
        self._done += 1
        now = time.monotonic()
        if now - self._printed_at < INTERVAL or self._done >= self._total:
            return
        self._printed_at = now
        line = describe(self._done, self._total, now - self._begun)
        self._reporter.write(f"\n{line}\n")


def describe(done: int, total: int, elapsed: float) -> str:
    """Return the progress of a run as text.

    Args:
        done: the number of finished checks; at least one.
        total: all checks.
        elapsed: seconds since the first began.
    """
    seconds_left = elapsed / done * (total - done)
    minutes, seconds = divmod(round(seconds_left), 60)
    words = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    if seconds_left < _SOON:
        words = "a moment"
    return f"{done} of {total} checks ({done * 100 // total} %), about {words} left"


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Print progress unless the run is quiet."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    is_worker = hasattr(config, "workerinput")
    if reporter is not None and not is_worker and config.option.verbose >= 0:
        config.pluginmanager.register(Progress(reporter))
