# SPDX-License-Identifier: GPL-2.0-only
"""A short conformance run against tgtd in a virtual machine."""

import os
import time
from collections.abc import Mapping

import pytest

from targets import RunningTarget, parse
from targets.lab import LabProvider
from tests.lab import log_in, read_block, require_lab, write_block
from tests.suites.runs import run

_SECONDS = 600.0
_WATCH_SECONDS = 30.0

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def _lab() -> None:
    require_lab()


def write_everywhere(running: RunningTarget) -> Mapping[int, bytes]:
    blocks = {unit.lun: os.urandom(512) for unit in running.target.logical_units}
    for lun, block in blocks.items():
        with log_in(running, lun) as session:
            write_block(session, block)
    return blocks


def read_everywhere(running: RunningTarget) -> Mapping[int, bytes]:
    matches = {}
    for unit in running.target.logical_units:
        with log_in(running, unit.lun) as session:
            matches[unit.lun] = read_block(session)
    return matches


def test_units_of_every_backing_outlive_a_tgtd_that_died_as_they_should() -> None:
    from vmlab.console import Console  # noqa: PLC0415  # needs the lab's parts

    provider = parse("tgt-vm")
    with provider as running:
        assert isinstance(provider, LabProvider)
        assert provider._instance is not None
        write_result = write_everywhere(running)
        before = read_everywhere(running)
        assert running.control.ending() is None
        with Console(provider._instance.name) as console:
            console.run("kill -9 $(pidof tgtd)")
            deadline = time.monotonic() + _WATCH_SECONDS
            while running.control.is_alive() and time.monotonic() < deadline:
                console.run("true")
        reason = str(running.control.ending())
        running.control.restart()
        is_alive_again = running.control.is_alive()
        after = read_everywhere(running)

    units = running.target.logical_units
    assert {one.backing for one in units} == {"file", "memory", "block"}
    assert before == write_result
    assert reason == "ASSAY-DIED tgtd was killed by SIGKILL"
    assert is_alive_again
    stored = {
        one.lun: write_result[one.lun] if one.persistent else bytes(512)
        for one in units
    }
    assert after == stored


def test_tgt_in_a_machine_does_what_is_known_of_it() -> None:
    # CHAP, several names and several units are set up by the guest's script.
    process = run(
        "suites/conformance/security",
        "--target=tgt-vm",
        path="suites/conformance/nop",
        seconds=_SECONDS,
    )

    assert process.returncode == 0, process.stdout[-4000:] + process.stderr[-2000:]
    assert "in a virtual machine" in process.stdout
