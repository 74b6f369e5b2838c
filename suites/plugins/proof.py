# SPDX-License-Identifier: GPL-2.0-only
"""The proof of a verdict: transcript, capture, bundle and the target's log."""

from pathlib import Path

import pytest

from initiator import bundle
from initiator.captures.narrate import narrate
from initiator.captures.write import to_pcapng
from initiator.expect import ConformanceFailure, failure_of
from initiator.segments import Cut
from initiator.transcript import Transcript
from iscsi.errors import ISCSIError
from reports.combinations import CUT
from reports.evidence import BUNDLE, EVIDENCE, Evidence, bundle_path
from reports.model import Ending
from reports.suites import name_of
from suites.plugins.accounts import account_of
from suites.plugins.requirements import requirements_of
from suites.plugins.sessions import TRANSCRIPT
from suites.plugins.strength import running_row
from suites.plugins.targets import TestedTarget

_MOST_OF_A_TRACE = 40
"""Lines of a crash report that a failure shows; the file has all of them."""

LOG_MARK = pytest.StashKey[int]()
"""The length of the target's log when the check began."""


def shown(ending: Ending) -> str:
    """Return the part of a crash report that a failure shows."""
    lines = ending.report.splitlines()[:_MOST_OF_A_TRACE]
    return "".join(f"\n    {line}" for line in lines)


def steps_of(item: pytest.Item) -> list[str]:
    """Write the exchange of a check as text."""
    transcript = transcript_of(item)
    return [] if transcript is None else narrate(transcript)


def transcript_of(item: pytest.Item) -> Transcript | None:
    """Return the transcript of a check, or None before its first connection."""
    return item.stash.get(TRANSCRIPT, None)


def keep_bundle(
    item: pytest.Function, tested: TestedTarget, failure: ConformanceFailure
) -> None:
    """Keep what is needed to send the same PDUs again."""
    transcript = transcript_of(item)
    if transcript is None or not transcript.entries:
        return
    running = tested.running
    units = running.target.logical_units
    recorded = bundle.of_transcript(
        transcript,
        check=name_of(item.nodeid),
        rule=(item.function.__doc__ or "").strip().partition("\n")[0],
        requirements=tuple(
            {
                "id": entry.id,
                "level": entry.level,
                "document": entry.document,
                "section": entry.section,
                "text": entry.text,
                "url": entry.url,
            }
            for entry in requirements_of(item)
        ),
        expected=tuple(failure.expected),
        actual=failure.actual,
        target=f"{running.kind} {running.version}",
        target_name=running.target.name,
        lun=units[0].lun if units else 0,
        cut=Cut(running_row(item).get(CUT, Cut.WHOLE)),
    )
    evidence = Evidence(BUNDLE, "application/json", recorded.encode())
    item.stash.setdefault(EVIDENCE, []).append(evidence)
    folder = item.config.getoption("allure_report_dir", None)
    if folder:
        account_of(item).bundle = bundle_path(Path(folder), item.nodeid).name
        failure.add_note(
            f"to send it again: iscsi-assay replay "
            f"{bundle_path(Path(folder), item.nodeid)} --target iscsi://..."
        )


def keep_evidence(
    item: pytest.Item, tested: TestedTarget, error: ISCSIError | ConformanceFailure
) -> None:
    """Attach the transcript, and the target's log of that time, to the verdict."""
    evidence = item.stash.setdefault(EVIDENCE, [])
    transcript = transcript_of(item)
    if transcript is not None and transcript.entries:
        evidence.append(
            Evidence("transcript", "text/plain", transcript.render().encode())
        )
        failure = (
            error
            if isinstance(error, ConformanceFailure)
            else failure_of(error, transcript)
        )
        names = [entry.id for entry in requirements_of(item)]
        capture = to_pcapng(
            transcript,
            check=f"{name_of(item.nodeid)}: {', '.join(names)}",
            expected=" or ".join(failure.expected),
            actual=failure.actual,
            offending=failure.offending,
        )
        evidence.append(Evidence("capture", "application/vnd.tcpdump.pcap", capture))
    keep_log(item, tested)


def keep_log(item: pytest.Item, tested: TestedTarget) -> None:
    """Put what the target has logged during a check beside its verdict."""
    log = tested.running.control.log_since(item.stash.get(LOG_MARK, 0))
    if log:
        decoded = tested.running.control.decode(log)
        piece = Evidence("target log", "text/plain", decoded.encode())
        item.stash.setdefault(EVIDENCE, []).append(piece)
