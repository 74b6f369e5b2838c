# SPDX-License-Identifier: GPL-2.0-only
"""What a run leaves is what Wireshark can read."""

import gzip
import subprocess
from pathlib import Path

import pytest

from tests.suites.runs import run
from tests.tools import require

pytestmark = pytest.mark.integration

# tgtd deviates here; none of these checks sends a PDU that tshark calls malformed.
AREA = "suites/conformance/reject"


def test_no_capture_holds_a_malformed_packet(tmp_path: Path) -> None:
    require("tgtd", "tshark")

    run("--target=tgt", f"--alluredir={tmp_path}", path=AREA)

    captures = sorted(tmp_path.glob("*.pcapng*"))
    assert captures
    matches = {path.name: malformed(path, tmp_path / "capture") for path in captures}
    assert not {name: frames for name, frames in matches.items() if frames}


def malformed(path: Path, plain: Path) -> list[str]:
    """Return the numbers of the packets that tshark cannot make sense of."""
    raw = path.read_bytes()
    plain.write_bytes(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    process = subprocess.run(
        [
            *("tshark", "-r", str(plain), "-d", "tcp.port==1-65535,iscsi"),
            *("-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return process.stdout.split()
