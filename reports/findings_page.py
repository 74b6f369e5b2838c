# SPDX-License-Identifier: GPL-2.0-only
"""The findings as one HTML page: the same sections as in Markdown."""

from pathlib import Path

from reports.model import Run
from reports.statement import facts, finding_data, state
from reports.templates import render


def findings_page(run: Run, results: Path | None = None) -> str:
    """Return the page; it needs no network and no other file.

    Args:
        run: the run.
        results: the folder of its Allure results, if there is one.
    """
    stated = state(run, results)
    return render(
        "findings_page.html.j2",
        target=run.name,
        why_incomplete=stated.why_incomplete,
        touched=sum(len(one.checks) for one in stated.new),
        checks=len(run.checks),
        facts=facts(run),
        gone=stated.gone,
        findings=[finding_data(one, stated) for one in stated.new],
        known=[finding_data(one, stated) for one in stated.findings if one.is_known],
    )
