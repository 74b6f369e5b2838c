# SPDX-License-Identifier: GPL-2.0-only
"""Opens a page in headless Chromium, as its reader would."""

import subprocess
from pathlib import Path

from tests.tools import require


def browse(page: Path, profile: Path, place: str = "", width: int = 1280) -> str:
    """Return a page, or a place in it, as it is when its scripts have run."""
    require("chromium")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    process = subprocess.run(
        [
            *("chromium", *flags.split(), f"--user-data-dir={profile}"),
            *(f"--window-size={width},900", "--virtual-time-budget=10000"),
            *("--dump-dom", page.as_uri() + place),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return process.stdout
