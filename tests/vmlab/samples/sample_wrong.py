# SPDX-License-Identifier: GPL-2.0-only
"""A check in which its target's kernel does wrong, and one that comes after it.

For LIO on a kernel that has KASAN, with the plugin `provoking`.
"""

from contextlib import suppress

import pytest

from initiator.session import Session
from suites.plugins.targets import TestedTarget
from vmlab.console import Console
from vmlab.errors import LabError

MUST = "RFC7143-11.19-02"


@pytest.mark.requirement(MUST)
def test_the_kernel_reads_what_it_has_freed(
    target: TestedTarget, session: Session
) -> None:
    """The target serves on."""
    session.ping()
    name: str = target.running.control.name  # type: ignore[attr-defined]
    with suppress(LabError), Console(name) as console:
        console.run("echo use-after-free > /sys/module/assay_provoke/parameters/wrong")
    session.ping()


@pytest.mark.requirement(MUST)
def test_the_machine_is_there_again(session: Session) -> None:
    """The target serves."""
    session.ping()
