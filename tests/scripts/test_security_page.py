# SPDX-License-Identifier: GPL-2.0-only
"""The bounds that docs/security.md names are those of the code."""

from pathlib import Path

import pytest

from initiator import bundle, connection, deadline, session, task, transcript
from initiator.captures import read
from iscsi import names, printable, text
from reports import run
from suites.plugins.limits import CHECK_SECONDS
from suites.plugins.options import WAIT_SECONDS

MIB = 1 << 20
TASK = f"{task.MOST_PDUS}, and one more for each {task.SMALL_SEGMENT} bytes of its data"
TRANSCRIPT = (
    f"{transcript.MOST_ENTRIES:,} entries and {transcript.MOST_BYTES // MIB} MiB; "
    f"the first {transcript.FIRST_KEPT:,} entries and the last ones are kept"
)
PAGE = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.mark.parametrize(
    ("what", "bound"),
    [
        ("wait for a PDU", f"`--peer-timeout`, {connection.DEFAULT_TIMEOUT:g} s"),
        ("an exchange", f"{deadline.WHOLE_EXCHANGE} times as long"),
        ("a check", f"`--check-timeout`, {CHECK_SECONDS:g} s"),
        ("waiting for a target", f"`--wait-for-target`, {WAIT_SECONDS:g} s"),
        ("PDUs of one task", TASK),
        ("Text Responses", f"{session._MAX_TEXT_ROUNDS}"),
        ("a transcript", TRANSCRIPT),
        ("a message of a peer", f"{printable.LONGEST:,} characters"),
        ("a run", f"{run.MOST_BYTES // MIB} MiB"),
        ("a bundle", f"{bundle.MOST_BYTES // MIB} MiB"),
        (
            "a capture",
            f"{read.MOST_BYTES // MIB} MiB; {read.MOST_BLOCK // MIB} MiB a block",
        ),
        (
            "a text value",
            f"{text.MAX_VALUE_LENGTH} bytes, {text.MAX_BINARY_LENGTH:,} bytes",
        ),
        ("the name of a node", f"{names.MAX_NAME_LENGTH} bytes"),
    ],
)
def test_a_bound_on_the_page_is_that_of_the_code(what: str, bound: str) -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]

    (row,) = (line for line in rows if line.startswith(f"| {what}"))

    assert row.split(" | ")[1].removesuffix(" |") == bound
