# SPDX-License-Identifier: GPL-2.0-only
"""Shells complete commands, options, suites, targets and files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from iscsi_assay.completion import SHELLS, script
from tests.tools import require

DRIVER = """
source {script}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}}
COMPREPLY=()
_shtab_iscsi_assay
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(tmp_path: Path, words: str) -> set[str]:
    """Return what bash offers for words, of which the last is being typed."""
    path = tmp_path / "script"
    path.write_text(script("bash"))
    process = subprocess.run(
        ["bash", "-c", DRIVER.format(script=path, words=words)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=60,
    )
    return {word.strip() for word in process.stdout.split()}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("iscsi-assay re", {"report", "replay", "reftarget"}),
        ("iscsi-assay report st", {"statement"}),
        ("iscsi-assay lab matrix ", {"list", "run", "collect"}),
        ("iscsi-assay run rob", {"robustness"}),
        ("iscsi-assay run --allow-w", {"--allow-writes"}),
        ("iscsi-assay run --target ist", {"istgt"}),
        ("iscsi-assay decode capt", {"capture.pcap"}),
    ],
)
def test_bash_completes(tmp_path: Path, words: str, offered: set[str]) -> None:
    (tmp_path / "capture.pcap").touch()
    last = words.rpartition(" ")[2]
    typed = words if last else f"{words}''"

    assert offered <= complete(tmp_path, typed)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_its_script(tmp_path: Path, shell: str) -> None:
    if shell != "bash":
        require(shell)
    path = tmp_path / "script"
    path.write_text(script(shell))

    process = subprocess.run(
        [shutil.which(shell) or shell, "-n", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (process.returncode, process.stderr) == (0, "")
